"""The test results that a model's card holds; no dataset is needed."""

import streamlit as st

from fer_core.system.text import markdown
from pages._components import dataset_bar
from pages._evaluate import metrics_view, report_view, robustness_view
from pages._evaluate.selection import SPLIT_TITLES, Choice

NEEDS_IMAGES = {
    "Errors": "The most confident errors are images, and the card holds none.",
    "Compare": "Two models are compared on the same images, and the card holds none.",
}


def show(part: str, choice: Choice) -> None:
    """Show a part of the stored results, and the way to evaluate on images of one's own."""
    if part in NEEDS_IMAGES:
        st.info(f"{NEEDS_IMAGES[part]} Open a dataset below, or its demo.")
        dataset_bar.show()
        return
    {"Metrics": _metrics, "Robustness": robustness_view.show_stored,
     "Report": report_view.show_stored}[part](choice)  # fmt: skip
    st.subheader("Evaluate on your own images", anchor=False)
    dataset_bar.show()


def _metrics(choice: Choice) -> None:
    stored = choice.stored()
    if stored is None:
        st.info(
            f"The card of {markdown(choice.name)} holds no test results. Open a dataset to measure "
            "it."
        )
        return
    split, evaluation = stored
    data = str(choice.card.facts.get("data", "its training dataset")).split(",")[0]
    st.write(
        f"Measured once on the {SPLIT_TITLES.get(split, split)} split of {data}: "
        f"**{evaluation.metrics.n:,} faces the model was never trained on.**"
    )
    metrics_view.show_stored(evaluation)
