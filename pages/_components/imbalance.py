"""Advice about an imbalanced training split, for the page that trains."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from fer_core.balance import train_counts
from fer_core.balance.class_weights import imbalance
from fer_core.dataset import store
from fer_core.dataset.source import DatasetSource
from fer_core.system.settings import settings
from fer_core.system.text import markdown
from pages._components.open_dataset import OpenDataset, start_opening, stored_datasets

WORTH_A_WORD = 2.0
"""Imbalance ratio from which the advice is shown."""


def show_imbalance(dataset: OpenDataset, use_class_weights: Callable[[], None]) -> None:
    """Say how imbalanced the training split is, and offer both remedies.

    Args:
        dataset: The open dataset.
        use_class_weights: Callback that sets class weights in the form of the page.
    """
    counts = {name: count for name, count in train_counts(dataset.decided()).items() if count}
    ratio = imbalance(counts) if counts else 1.0
    if ratio < WORTH_A_WORD:
        return
    smallest, largest = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    with st.container(border=True, key="imbalance"):
        st.markdown(
            f":material/balance: **This dataset is imbalanced ({ratio:.1f} : 1).** {largest} has "
            f"{counts[largest]:,} training images, {smallest} {counts[smallest]:,}. Without a "
            "remedy the network will rarely predict the small classes."
        )
        with st.container(horizontal=True):
            _offer_balanced_version(dataset)
            st.button("Use class weights", on_click=use_class_weights, key="use_class_weights",
                      icon=":material/scale:")  # fmt: skip


def _offer_balanced_version(dataset: OpenDataset) -> None:
    if settings().public:
        return
    version = _balanced_version(dataset.index.root)
    if version is not None:
        st.button(
            f"Use the balanced version ({markdown(version.name)})",
            type="primary", key="use_balanced",
            icon=":material/folder_open:", on_click=start_opening,
            args=(DatasetSource(str(version)),),
        )  # fmt: skip
    elif st.button("Create a balanced version", icon=":material/add_photo_alternate:",
                   key="create_balanced"):  # fmt: skip
        st.session_state["dataset_part"] = "Upsample"
        st.switch_page("pages/dataset.py")


def _balanced_version(root: Path) -> Path | None:
    """Return the newest version that balancing made of the dataset in ``root``, or None."""
    versions = [saved.folder for saved in stored_datasets() if saved.is_version]
    balanced = [
        folder for folder in versions
        if "target_count" in (about := store.about(folder)) and about["source"] == str(root)
    ]  # fmt: skip
    return max(balanced, key=lambda folder: folder.stat().st_mtime, default=None)
