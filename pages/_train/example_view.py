"""A finished run to look at, where training is not possible."""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from fer_core.labels import EMOTIONS
from fer_core.system.jobs import Job, State, duration
from fer_core.training.config import TrainConfig
from fer_core.training.run_folder import RunFolder
from fer_core.training.runs import Run
from pages._components.chart import show_chart, show_table
from pages._train import charts
from pages._train.new_run_view import NETWORKS

FOLDER = Path(__file__).with_name("example_run")
"""``config.yaml``, ``metrics.jsonl`` and ``environment.json`` of a run on the demo."""


def show() -> None:
    """Show the curves of the run, as the page of a run shows them."""
    run, machine = _load()
    top = run.best
    st.subheader("A finished run", anchor=False)
    st.caption(
        f"{NETWORKS[run.config.architecture]} from {run.config.start} on the demo's drawn faces: "
        f"{len(run.epochs)} epochs in {duration(run.seconds)} on {machine}."
    )
    with st.container(horizontal=True):
        st.metric("Epochs", f"{len(run.epochs)} of {run.config.epochs}", width="content")
        if top is not None:
            st.metric("Best accuracy", f"{top['val_accuracy']:.1%}", width="content",
                      help=f"On the validation split, after epoch {top['epoch'] + 1}.")  # fmt: skip
            st.metric("Macro-F1", f"{top['val_macro_f1']:.3f}", width="content")
    columns = st.columns(2, gap="medium") + st.columns(2, gap="medium")
    figures: dict[str, dict[str, Any]] = {
        "Loss by epoch": charts.loss(run), "Accuracy by epoch": charts.accuracy(run),
        "Recall of each class by epoch": charts.recall(run),
        "Learning rate by epoch": charts.learning_rate(run),
    }  # fmt: skip
    for column, (title, figure) in zip(columns, figures.items(), strict=True):
        with column:
            show_chart(figure, key=f"example-{title}", alt=title)
    with st.expander("Confusion matrix of the last epoch"):
        matrix = pd.DataFrame(run.epochs[-1]["confusion"], EMOTIONS, EMOTIONS)
        show_chart(charts.confusion(matrix.to_numpy().tolist()), key="example-confusion",
                   alt="Confusion matrix")  # fmt: skip
        show_table(matrix.reset_index(names="true"),
                   "Confusion matrix: rows are true, columns predicted")  # fmt: skip


def _load() -> tuple[Run, str]:
    """Return the run, and the machine that trained it in a few words."""
    folder = RunFolder(FOLDER)
    job = Job(FOLDER, "A finished run", "train", (), "", {}, 0.0, State.FINISHED, 0.0)
    cores = folder.sessions()[-1]["cores"]
    return Run(job, TrainConfig.load(folder.config), folder.epochs()), f"{cores} cores"
