"""What the training page remembers for one visitor, and how its buttons act."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import streamlit as st

from fer_core.system.jobs import Job
from fer_core.training import runs

PART, CHOSEN = "train_part", "train_run"
NEW, WATCH, LIST, SWEEP = "New run", "Watch", "All runs", "Sweep"


def watch(name: str) -> None:
    """Show that run from now on."""
    st.session_state[PART] = WATCH
    st.session_state[CHOSEN] = name


def watch_next(name: str) -> None:
    """As ``watch``, from the next rerun on: for when the widgets of this one are drawn already."""
    st.session_state["train_next"] = name


def first_part() -> str:
    """Where a visit begins: with the run that trains, or else a new one."""
    return WATCH if runs.active() else NEW


def labels(jobs: Iterable[Job]) -> dict[str, str]:
    """Job's name to what a list calls it: title and begin, and the name where two are alike.

    A list whose labels are alike chooses the wrong one.
    """
    plain = {one.name: f"{one.title}, begun {moment(one.created)}" for one in jobs}
    often = Counter(plain.values())
    return {name: f"{text} ({name})" if often[text] > 1 else text for name, text in plain.items()}


def moment(seconds: float) -> str:
    """Date and time of the server's clock."""
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
