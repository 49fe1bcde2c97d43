"""Votes and groups that come in a table of their own."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import streamlit as st

from fer_core.dataset import ferplus, groups
from fer_core.errors import DatasetError, FerError
from fer_core.system.files import write_bytes
from pages._components import notify
from pages._components.open_dataset import OpenDataset
from pages._evaluate.selection import Question


def groups_of(question: Question) -> pd.Series | None:
    """The group of each image, where the dataset or an added table names any."""
    added: dict[Path, bytes] = st.session_state.setdefault("added_labels", {})
    root = question.found.index.root
    table = question.index.table
    if root in added:
        return groups.from_bytes(added[root], "labels.csv", table)
    return groups.find(root, table)


def add_labels(found: OpenDataset) -> None:
    """Take in a table of votes or groups for the open dataset."""
    with st.expander("Add FER+ votes or groups", icon=":material/table:"):
        st.write(
            "A `labels.csv` with the columns `file` and `group` (age band, skin tone, camera, "
            "site: whatever you know) gives every figure for each group. FER+ votes come in "
            "columns `votes_anger` and so on, or as Microsoft's `fer2013new.csv`. Beside the "
            "images such a file is found without asking."
        )
        file = st.file_uploader("labels.csv or fer2013new.csv", ["csv"], key="labels_file")
        if st.button("Add it", disabled=file is None, key="labels_add"):
            try:
                _attach(found, file)
                st.rerun()
            except FerError as error:
                st.error(f"{file.name}: {error}")


def _attach(found: OpenDataset, file) -> None:
    data, table = file.getvalue(), found.index.table
    counts = ferplus.from_bytes(data, file.name, table)
    named = None if file.name == ferplus.OFFICIAL else groups.from_bytes(data, file.name, table)
    has_votes = counts is not None and counts.to_numpy().any()
    has_groups = named is not None and named.notna().any()
    if not (has_votes or has_groups):
        raise DatasetError("it says nothing of these images: no votes and no groups.")
    if has_votes:
        found.index = replace(found.index, votes=counts)
        found.votes_file = found.decisions.file.with_name(ferplus.KEPT)  # whatever it was called
        try:
            write_bytes(found.votes_file, data)
        except OSError as error:
            raise DatasetError(f"it could not be kept ({error.strerror}).") from error
    if has_groups:
        st.session_state.setdefault("added_labels", {})[found.index.root] = data
    notify.success(f"{file.name} is imported.")
