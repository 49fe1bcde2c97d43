"""The session state of the training page, and names in its lists."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import streamlit as st

from fer_core.system.jobs import Job
from fer_core.training import runs

PART, CHOSEN = "train_part", "train_run"
NEW, WATCH, LIST, SWEEP = "New run", "Current run", "Runs", "Sweep"
TITLES = {SWEEP: "Hyperparameter sweep"}
"""Titles of the parts whose name alone says too little."""


def watch(name: str) -> None:
    """Show that run from now on."""
    st.session_state[PART] = WATCH
    st.session_state[CHOSEN] = name


def watch_next(name: str) -> None:
    """Show that run from the next rerun on; the widgets of this one are drawn already."""
    st.session_state["train_next"] = name


def first_part() -> str:
    """Return the first part of a visit: the run that trains, or else a new one."""
    return WATCH if runs.active() else NEW


def labels(jobs: Iterable[Job]) -> dict[str, str]:
    """Return a label for each job's name: title and start, and the name where two are alike.

    A list whose labels are alike chooses the wrong one.
    """
    plain = {job.name: f"{job.title}, started {date_of(job.created)}" for job in jobs}
    counts = Counter(plain.values())
    return {name: f"{text} ({name})" if counts[text] > 1 else text for name, text in plain.items()}


def date_of(seconds: float) -> str:
    """Return date and time by the server's clock."""
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
