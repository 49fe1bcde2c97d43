"""What the dataset page remembers for one visitor: the open dataset, findings, running work."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from fer_core.audit.report import Findings
from fer_core.dataset import DatasetIndex, store
from fer_core.dataset.decisions import Decisions, file_for, view
from fer_core.dataset.source import DatasetSource
from fer_core.errors import CancelledError, FerError
from fer_core.system import temp_folders
from fer_core.system.background_task import Task
from fer_core.system.jobs import duration
from fer_core.system.parallel import Progress
from fer_core.system.settings import settings

QUICK_S = 1.0
"""Work that ends within this shows no progress bar."""


@dataclass
class Opened:
    """The open dataset and what was found in it.

    ``votes_file`` and ``classes`` say what its folder alone does not, so that training sees the
    same.
    """

    index: DatasetIndex
    decisions: Decisions
    votes_file: Path | None = None
    classes: Mapping[str, str] | None = None
    findings: Findings = field(default_factory=Findings)
    all_pairs: pd.DataFrame | None = None
    faceless: tuple[int, ...] | None = None
    skipped: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        return self.index.root.name

    def found(self, **changes: Any) -> None:
        """Add to the findings."""
        self.findings = replace(self.findings, **changes)

    def decided(self) -> DatasetIndex:
        """The dataset as decided; kept until the next decision."""
        key = id(self.index), self.decisions.stamp()
        if st.session_state.get("dataset_view", (None,))[0] != key:
            st.session_state["dataset_view"] = key, view(self.index, self.decisions)
        return st.session_state["dataset_view"][1]


@dataclass
class Running:
    """Work in the background, and what to do with its result."""

    task: Task
    then: Callable[[Any], None]
    patience_s: float = QUICK_S  # spent at the first look


def opened() -> Opened | None:
    return st.session_state.get("dataset")


def private_home() -> Path | None:
    """None for the shared store; for public links a folder that goes with the session."""
    if not settings().public:
        return None
    if "dataset_folder" not in st.session_state:
        st.session_state["dataset_folder"] = temp_folders.folder("dataset")
    return Path(st.session_state["dataset_folder"].name)


def open_folder(
    root: Path,
    progress: Progress,
    votes_file: Path | None = None,
    classes: Mapping[str, str] | None = None,
) -> Opened:
    """Scan a folder; runs in the background, so it touches no session."""
    votes = str(votes_file.absolute()) if votes_file else None
    index = DatasetSource(str(root), votes=votes, classes=classes).open(progress)
    found = _opened(index, None)
    found.votes_file, found.classes = votes_file and votes_file.absolute(), classes or None
    return found


def open_by(make: Callable[[Progress], Path], home: Path | None, progress: Progress) -> Opened:
    """Bring a dataset into being, then scan it."""
    return _opened(DatasetSource(str(make(progress))).open(progress), home)


def _opened(index: DatasetIndex, home: Path | None) -> Opened:
    return Opened(index, Decisions(file_for(index.root, home)))


def show_opened(found: Opened) -> None:
    """The new dataset takes the place of the old one."""
    st.session_state["dataset"] = found
    for key in ("dataset_view", "gallery_class"):
        st.session_state.pop(key, None)


def close(root: Path) -> None:
    """Close the open dataset if it is the one in ``root``, which has gone."""
    found = opened()
    if found and found.index.root == root.absolute():
        del st.session_state["dataset"]


def start(title: str, work: Callable[[Progress], Any], then: Callable[[Any], None]) -> None:
    """Begin work in the background; one piece at a time a visitor."""
    if st.session_state.get("dataset_running"):
        st.session_state["dataset_error"] = "Something is still running. Wait or stop it first."
        return
    st.session_state["dataset_running"] = Running(Task(title, work), then)


def finish_or_show() -> None:
    """Take in the result of work that has ended, or show its progress; the page stays usable.

    Both are shown at the bottom of the window, which is in sight wherever the page was clicked.
    """
    running: Running | None = st.session_state.get("dataset_running")
    if running and running.task.is_done(running.patience_s):
        del st.session_state["dataset_running"]
        try:
            running.then(running.task.result())
        except CancelledError as stopped:
            st.session_state["dataset_notice"] = str(stopped)
        except FerError as error:
            st.session_state["dataset_error"] = _told(error)
        _keep_the_open_one_alone()
        running = None
    for key, show in (("dataset_error", st.error), ("dataset_notice", st.success)):
        if text := st.session_state.pop(key, None):
            with st.bottom:
                show(text)
    if running:
        running.patience_s = 0.0
        with st.bottom:
            _progress()


def _told(error: FerError) -> str:
    """The message; on public links without the path of the folder that goes with the session."""
    home, text = private_home(), str(error)
    return text.replace(f"{home}/", "").replace(str(home), "the server") if home else text


def _keep_the_open_one_alone() -> None:
    """On public links no dataset stays but the one that is open; decisions are small."""
    home, now = private_home(), opened()
    for folder in home.iterdir() if home else ():
        is_open = now is not None and folder == now.index.root
        if folder.is_dir() and folder.name != "decisions" and not is_open:
            shutil.rmtree(folder, ignore_errors=True)


@st.fragment(run_every=0.5)
def _progress() -> None:
    running: Running | None = st.session_state.get("dataset_running")
    if running is None or running.task.is_done():
        st.rerun()
    task = running.task
    left = task.seconds_left
    count = f": {task.done:,} of {task.total:,}" if task.total else ""
    more = "" if left is None else f", about {duration(left)} left"
    st.progress(task.share, f"{task.title}{count}{more}")
    st.button("Stop", on_click=task.cancel, icon=":material/stop_circle:", key="dataset_stop")


def versions() -> tuple[store.Stored, ...]:
    """What balancing wrote, and what was imported; nothing on public links."""
    return () if settings().public else store.stored()
