"""Buttons that decide about images."""

from collections.abc import Iterable

import streamlit as st

from fer_core.dataset.decisions import Decision
from fer_core.errors import FerError
from pages._dataset.state import Opened


def decide(found: Opened, rows: Iterable[int], action: str, reason: str, label: str = "") -> None:
    """Decide about rows of the dataset as it was scanned; for use as a callback."""
    table = found.index.table
    files, labels = table["file"].to_numpy(), table["label"].to_numpy()
    try:
        found.decisions.add(
            Decision(str(files[row]), str(labels[row]), action, label, reason) for row in rows
        )
    except FerError as error:
        st.session_state["dataset_error"] = str(error)
