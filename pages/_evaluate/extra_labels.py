"""FER+ votes and groups of people from a table that is added to the open dataset."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import streamlit as st

from fer_core.dataset import ferplus, groups
from fer_core.errors import DatasetError, FerError
from fer_core.system import files
from pages._components import notify
from pages._components.open_dataset import OpenDataset
from pages._evaluate.selection import Selection


def groups_of(selection: Selection) -> pd.Series | None:
    """Return the group of each image, where the dataset or an added table names any."""
    added: dict[Path, bytes] = st.session_state.setdefault("added_labels", {})
    root = selection.dataset.index.root
    table = selection.index.table
    if root in added:
        return groups.from_bytes(added[root], "labels.csv", table)
    return groups.find(root, table)


def add_labels(dataset: OpenDataset) -> None:
    """Offer to add a table of votes or groups to the open dataset."""
    with st.expander("Add FER+ votes or groups of people", icon=":material/table:"):
        st.write(
            "A `labels.csv` with the columns `file` and `group` (age band, skin tone, camera, "
            "site: whatever you know) gives every metric for each group. FER+ votes come in "
            "columns `votes_anger` and so on, or as Microsoft's `fer2013new.csv`. A file beside "
            "the images is found without this."
        )
        file = st.file_uploader("labels.csv or fer2013new.csv", ["csv"], key="labels_file")
        if st.button("Add", disabled=file is None, key="labels_add"):
            try:
                _attach(dataset, file)
                st.rerun()
            except FerError as error:
                st.error(f"{file.name}: {error}")


def _attach(dataset: OpenDataset, file) -> None:
    data, table = file.getvalue(), dataset.index.table
    counts = ferplus.from_bytes(data, file.name, table)
    official = file.name == ferplus.OFFICIAL
    people = None if official else groups.from_bytes(data, file.name, table)
    has_votes = counts is not None and counts.to_numpy().any()
    has_groups = people is not None and people.notna().any()
    if not (has_votes or has_groups):
        raise DatasetError("it has no votes and no groups of these images.")
    if has_votes:
        dataset.index = replace(dataset.index, votes=counts)
        dataset.votes_file = dataset.decisions.file.with_name(ferplus.KEPT)
        with files.writing(dataset.votes_file, DatasetError):
            files.write_bytes(dataset.votes_file, data)
    if has_groups:
        st.session_state.setdefault("added_labels", {})[dataset.index.root] = data
    notify.success(f"{file.name} is added.")
