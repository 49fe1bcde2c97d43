"""Errors of a run after its last epoch: confusion matrix and most confident mistakes."""

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
    with st.expander(
        "Confusion matrix and errors"
    ):  # the same name always, or an epoch would close it
        st.caption(f"On the validation split, after epoch {last['epoch'] + 1}.")
        if "confusion" in last:
            matrix = last["confusion"]
            plot.show(charts.confusion(matrix), f"{run.job.name}-confusion", "Confusion matrix")
            show_table(pd.DataFrame(matrix, EMOTIONS, EMOTIONS).reset_index(names="true"),
                       "Confusion matrix: rows are true, columns predicted")  # fmt: skip
        _mistakes(run, last.get("mistakes", []))


def _mistakes(run: Run, mistakes: list[dict]) -> None:
    data = run.folder.source().get("data", "")
    root = str(store.default_home() / demo.NAME) if data == "demo" else data
    tiles, captions, alts = [], [], []
    for mistake in mistakes[:12]:
        try:
            tiles.append(enlarge(image_reading.read(Path(root) / mistake["file"])))
        except FerError:
            continue
        label, predicted = EMOTIONS[mistake["label"]], EMOTIONS[mistake["predicted"]]
        captions.append(f"{label} → {predicted}")
        alts.append(f"{mistake['file']}: labelled {label}, predicted {predicted}")
    if tiles:
        st.write("Most confident mistakes, true → predicted:")
        show_tiles(tiles, alts, captions)
