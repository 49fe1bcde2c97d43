"""Evaluate: what a model gets wrong, before you trust it."""

import streamlit as st

from fer_core.errors import FerError
from fer_core.system.text import markdown
from pages._components import dataset_bar
from pages._components.background import finish_or_show
from pages._components.open_dataset import OpenDataset, current_dataset
from pages._components.steps import show_steps
from pages._evaluate import (
    compare_view,
    errors_view,
    metrics_view,
    report_view,
    robustness_view,
    stored_view,
)
from pages._evaluate.extra_labels import add_labels
from pages._evaluate.selection import (
    STORED,
    Choice,
    Selection,
    choose,
    evaluate_selection,
    predictions_for,
    warn_of_demo,
    warn_of_labels,
)

PARTS = {
    "Metrics": metrics_view.show,
    "Errors": errors_view.show,
    "Compare": compare_view.show,
    "Robustness": robustness_view.show,
    "Report": report_view.show,
}


def show_evaluation(part: str, choice: Choice, dataset: OpenDataset) -> None:
    """Show the part that is chosen of a model's evaluation on the open dataset."""
    add_labels(dataset)
    selection = Selection(choice.card, choice.name, choice.form, dataset, choice.split)
    warn_of_demo(dataset, choice.card)
    warn_of_labels(choice.head, choice.source)
    predictions = predictions_for(selection)
    if predictions is not None:
        PARTS[part](evaluate_selection(selection, choice.head, choice.source, predictions))
    elif part == "Compare":
        st.caption("Evaluate this model first; then choose the one to compare it with.")


st.title("Evaluate", anchor=False)
show_steps("Evaluate")
finish_or_show()
part = st.segmented_control(
    "Part", list(PARTS), default="Metrics", required=True, key="evaluate_part",
    persist_state="session", label_visibility="collapsed",
)  # fmt: skip
dataset = current_dataset()
try:
    choice = choose(dataset)
    if choice is None:
        dataset_bar.show()
    elif choice.split == STORED:
        stored_view.show(part, choice)
    elif (opened := dataset_bar.show(needs_crops=True)) is not None:
        show_evaluation(part, choice, opened)
except FerError as error:
    st.error(markdown(str(error)))
