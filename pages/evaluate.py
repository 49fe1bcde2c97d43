"""Evaluate: what a model gets wrong, and why, before you trust it."""

import streamlit as st

from fer_core.errors import FerError
from pages._components import dataset_bar
from pages._components.background import finish_or_show
from pages._evaluate import (
    compare_view,
    errors_view,
    metrics_view,
    models_view,
    report_view,
    robustness_view,
)
from pages._evaluate.extra_labels import add_labels
from pages._evaluate.selection import answers_to, choose, judge

PARTS = {
    "Figures": metrics_view.show,
    "Mistakes": errors_view.show,
    "Compare": compare_view.show,
    "Robustness": robustness_view.show,
    "Report": report_view.show,
}

st.title("Evaluate", anchor=False)
st.write("Know what a model gets wrong, and why, before you trust it.")
finish_or_show()
part = st.segmented_control(
    "Part", [*PARTS, "Models"], default="Figures", required=True, key="evaluate_part",
    persist_state="session", label_visibility="collapsed",
)  # fmt: skip
if part == "Models":
    models_view.show()
    st.stop()
found = dataset_bar.show()
if found is None:
    st.info("Open the demo to look around, or a dataset of your own.")
    st.stop()
add_labels(found)
try:
    chosen = choose(found)
    if chosen is not None:
        question, head, source = chosen
        answers = answers_to(question)
        if answers is not None:
            PARTS[part](judge(question, head, source, answers))
        elif part == "Compare":
            st.caption("This is model A. When it has been evaluated, B stands below.")
except FerError as error:
    st.error(str(error))
