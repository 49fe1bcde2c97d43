"""The dataset that a visitor has open, and what was found in it."""

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from fer_core.audit.report import Findings
from fer_core.dataset import DatasetIndex, demo, recent, store
from fer_core.dataset.decisions import Decision, Decisions, file_for, view
from fer_core.dataset.source import DatasetSource
from fer_core.errors import FerError
from fer_core.recognition.crop_dataset import PhotoCheck, check_photos
from fer_core.system import temp_folders
from fer_core.system.parallel import Progress
from fer_core.system.settings import settings
from pages._components import background, notify

CHANGE = "dataset_change"
"""Session key: the visitor is choosing another dataset."""


@dataclass
class OpenDataset:
    """The open dataset and what was found in it.

    Attributes:
        index: As it was scanned.
        decisions: Of this visitor and others about its images.
        votes_file: FER+ votes that do not lie in its folder, so that training sees them too.
        classes: Emotions of class folders with other names, for the same reason.
        about: ``version.json`` of a version; else empty.
        photos: Tells photos from face crops.
        findings: What the report says of the audit.
        all_pairs: Duplicates up to the largest difference; None before the search.
        faceless: Rows without a face; None before the search.
        skipped: Files whose label was not decided on.
        is_automatic: A page opened it by itself, so that it does not begin empty.
    """

    index: DatasetIndex
    decisions: Decisions
    votes_file: Path | None = None
    classes: Mapping[str, str] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    photos: PhotoCheck = field(default_factory=PhotoCheck)
    findings: Findings = field(default_factory=Findings)
    all_pairs: pd.DataFrame | None = None
    faceless: tuple[int, ...] | None = None
    skipped: set[str] = field(default_factory=set)
    is_automatic: bool = False

    @property
    def name(self) -> str:
        """Name of its folder."""
        return self.index.root.name

    @property
    def origin(self) -> str:
        """The dataset that this version was made of, ``balanced from faces``; else empty."""
        if "source" not in self.about:
            return ""
        verb = "faces cut from" if "without_face" in self.about else "balanced from"
        return f"{verb} {Path(str(self.about['source'])).name}"

    @property
    def without_face(self) -> tuple[str, ...]:
        """Photos in which no face was detected when the faces were cut out."""
        return tuple(map(str, self.about.get("without_face", ())))

    @property
    def source(self) -> DatasetSource:
        """All that opens it again."""
        votes = str(self.votes_file) if self.votes_file else None
        return DatasetSource(str(self.index.root), votes=votes, classes=self.classes)

    def add_findings(self, **changes: Any) -> None:
        """Replace attributes of ``findings``."""
        self.findings = replace(self.findings, **changes)

    def decided(self) -> DatasetIndex:
        """Return the dataset with its decisions applied; computed again after each decision."""
        key = id(self.index), self.decisions.stamp()
        if st.session_state.get("dataset_view", (None,))[0] != key:
            st.session_state["dataset_view"] = key, view(self.index, self.decisions)
        return st.session_state["dataset_view"][1]

    def decide(
        self, index: DatasetIndex, rows: Iterable[int], action: str, reason: str, label: str = ""
    ) -> None:
        """Decide about rows of ``index``, which is this dataset or a part of it; for callbacks."""
        files, labels = index.table["file"].to_numpy(), index.table["label"].to_numpy()
        try:
            self.decisions.add(
                Decision(str(files[row]), str(labels[row]), action, label, reason) for row in rows
            )
        except FerError as error:
            notify.error(str(error))


def current_dataset() -> OpenDataset | None:
    """Return the dataset that this visitor has open."""
    return st.session_state.get("dataset")


def private_home() -> Path | None:
    """Return None for the shared store; on public links a folder that goes with the session."""
    if settings().policy.may_store:
        return None
    if notify.PRIVATE_FOLDER not in st.session_state:
        st.session_state[notify.PRIVATE_FOLDER] = temp_folders.folder("dataset")
    return Path(st.session_state[notify.PRIVATE_FOLDER].name)


def open_source(source: DatasetSource, progress: Progress, home: Path | None = None) -> OpenDataset:
    """Scan a dataset; runs in the background, so it touches no session.

    Args:
        source: Its folder, with votes and classes.
        progress: Called with the images scanned and their number.
        home: Folder of the decisions; None for the user's.
    """
    index = source.open(progress)
    recent.remember(replace(source, data=str(index.root)))
    return OpenDataset(
        index, Decisions(file_for(index.root, home)), source.votes and Path(source.votes),
        source.classes or None, about=store.about(index.root), photos=check_photos(index),
    )  # fmt: skip


def open_made(
    make: Callable[[Progress], Path], home: Path | None, progress: Progress
) -> OpenDataset:
    """Make or import a dataset, then scan it; runs in the background as ``open_source`` does."""
    return open_source(DatasetSource(str(make(progress))), progress, home)


def start_opening(source: DatasetSource, is_automatic: bool = False) -> None:
    """Open a dataset in the background, with its progress in the dataset bar."""
    title = f"Scanning {Path(source.data).name}"
    _start(title, partial(open_source, source), is_automatic)


def open_demo(is_automatic: bool = False) -> None:
    """Draw the demo where it is not drawn yet, and open it, in the background."""
    home = private_home()

    def make(_: Progress) -> Path:
        return demo.make(home)

    _start("Drawing the demo", partial(open_made, make, home), is_automatic)


def _start(title: str, work: Callable[[Progress], OpenDataset], is_automatic: bool) -> None:
    def then(dataset: OpenDataset) -> None:
        dataset.is_automatic = is_automatic
        show_opened(dataset)

    background.start(title, work, then, "images", inline=True)


def show_opened(dataset: OpenDataset) -> None:
    """Replace the open dataset."""
    st.session_state["dataset"] = dataset
    for key in ("dataset_view", "gallery_class", CHANGE):
        st.session_state.pop(key, None)


def close(root: Path) -> None:
    """Close the open dataset if it is the one in ``root``, which was deleted."""
    dataset = current_dataset()
    if dataset and dataset.index.root == root.absolute():
        del st.session_state["dataset"]


def delete_closed() -> None:
    """On public links delete every dataset of the session but the open one; decisions stay."""
    home, dataset = private_home(), current_dataset()
    if home is None or background.is_running():
        return
    for folder in home.iterdir():
        is_open = dataset is not None and folder == dataset.index.root
        if folder.is_dir() and folder.name != "decisions" and not is_open:
            shutil.rmtree(folder, ignore_errors=True)


def stored_datasets() -> tuple[store.Stored, ...]:
    """Return what was imported and what balancing wrote; nothing on public links."""
    return store.stored() if settings().policy.may_store else ()
