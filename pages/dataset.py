"""Dataset: see the class imbalance, audit the labels, repair both."""

import streamlit as st

from pages._components import dataset_bar, make_one
from pages._components.background import finish_or_show
from pages._components.open_dataset import OpenDataset
from pages._components.steps import show_steps
from pages._dataset import audit_view, balance_view, make_view, upsample_view

PARTS = {
    "Balance": balance_view.show,
    "Upsample": upsample_view.show,
    "Audit": audit_view.show,
    "Report": audit_view.show_report,
}


def show_parts(dataset: OpenDataset) -> None:
    """Show the part of the page that is chosen."""
    if origin := st.session_state.pop(upsample_view.NEW_VERSION, None):
        upsample_view.show_new_version(dataset, origin)
    part = st.segmented_control(
        "Part", list(PARTS), default="Balance", required=True, key="dataset_part",
        persist_state="session",
        label_visibility="collapsed",
    )  # fmt: skip
    PARTS[part](dataset)


st.title("Dataset", anchor=False)
show_steps("Dataset")
finish_or_show()
if collection := make_one.current():
    make_view.show(collection)
elif (
    dataset := dataset_bar.show(
        "Open the demo to look around, or a dataset of your own.", opens_last=True
    )
) is not None:
    show_parts(dataset)
