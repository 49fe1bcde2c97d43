"""What a run gets wrong after its last epoch: confusion, and the surest mistakes."""

from pathlib import Path

import pandas as pd
import streamlit as st

from fer_core.dataset import demo, image_reading, store
from fer_core.errors import FerError
from fer_core.labels import EMOTIONS
from fer_core.training.runs import Run
from pages._components.chart import show_table
from pages._components.gallery import enlarge, show_tiles
from pages._train import charts, plot


def show(run: Run) -> None:
    last = run.epochs[-1]
    with st.expander("What it gets wrong"):  # the same name always, or an epoch would close it
        st.caption(f"On the validation split, after epoch {last['epoch'] + 1}.")
        if "confusion" in last:
            matrix = last["confusion"]
            plot.show(charts.confusion(matrix), f"{run.job.name}-confusion", "Confusion matrix")
            show_table(pd.DataFrame(matrix, EMOTIONS, EMOTIONS).reset_index(names="is"),
                       "Confusion matrix: rows are true, columns what it says")  # fmt: skip
        _mistakes(run, last.get("mistakes", []))


def _mistakes(run: Run, mistakes: list[dict]) -> None:
    data = run.folder.source().get("data", "")
    root = str(store.default_home() / demo.NAME) if data == "demo" else data
    tiles, captions, alts = [], [], []
    for one in mistakes[:12]:
        try:
            tiles.append(enlarge(image_reading.read(Path(root) / one["file"])))
        except FerError:
            continue
        label, answer = EMOTIONS[one["label"]], EMOTIONS[one["predicted"]]
        captions.append(f"{label} → {answer}")
        alts.append(f"{one['file']}: labelled {label}, called {answer}")
    if tiles:
        st.write("Surest mistakes, label → answer:")
        show_tiles(tiles, alts, captions)
