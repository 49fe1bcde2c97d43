"""FER+ votes and groups of people from a table that is added to the open dataset."""

from dataclasses import replace
from pathlib import Path

import streamlit as st

from fer_core.dataset import ferplus, groups, vote_table
from fer_core.dataset.groups import JoinedGroups
from fer_core.errors import DatasetError, FerError
from fer_core.system.files import write_bytes, writing
from fer_core.system.text import markdown
from pages._components import notify
from pages._components.open_dataset import OpenDataset
from pages._evaluate.selection import Selection


def groups_of(selection: Selection) -> JoinedGroups | None:
    """Return the group of each image, where the dataset or an added table names any.

    Raises:
        DatasetError: The table is damaged.
    """
    added: dict[Path, bytes] = st.session_state.setdefault("added_labels", {})
    full = selection.dataset.index  # a name counts only where it is unique in the whole dataset
    table = added.get(full.root)
    joined = groups.from_bytes(table, "labels.csv", full) if table else groups.find(full)
    if joined is None:
        return None
    names = joined.names.set_axis(full.table["file"].to_numpy())
    return replace(
        joined, names=names.reindex(selection.index.table["file"]).reset_index(drop=True)
    )


def add_labels(dataset: OpenDataset) -> None:
    """Offer to add a table of votes or groups to the open dataset."""
    label = "Add FER+ votes or groups of people"
    with st.popover(label, icon=":material/table:", type="tertiary"):
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
                st.error(markdown(f"{file.name}: {error}"))


def _attach(dataset: OpenDataset, file) -> None:
    data, index = file.getvalue(), dataset.index
    table = vote_table.parse(data, file.name)
    votes = ferplus.join(table, index) if table else None
    people = None if file.name == ferplus.OFFICIAL else groups.from_bytes(data, file.name, index)
    has_groups = people is not None and people.names.notna().any()
    notes = [*(votes.notes if votes else ()), *([people.note] if has_groups else [])]
    if not has_groups and not (votes and votes.has_any):
        raise DatasetError(f"no votes and no groups of these images. {' '.join(notes)}".strip())
    if votes and votes.has_any:
        dataset.index = ferplus.attach_joined(index, votes, file.name)
        dataset.votes_file = dataset.decisions.file.with_name(ferplus.KEPT)
        with writing(dataset.votes_file, DatasetError):
            rows = ferplus.table_bytes(votes.votes, index.table["file"].tolist())
            write_bytes(dataset.votes_file, rows)
    if has_groups:
        st.session_state.setdefault("added_labels", {})[index.root] = data
    notify.success(f"{file.name} is imported. {' '.join(notes)}")
