"""One piece of background work a visitor: its start, its progress, its result."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from fer_core.errors import CancelledError, FerError
from fer_core.system.background_task import Task
from fer_core.system.jobs import duration
from fer_core.system.parallel import Progress
from pages._components import notify

KEY = "background_work"
QUICK_S = 1.0
"""Work that ends within this shows no progress bar."""


@dataclass
class Running:
    """Work in the background, and the call that gets its result."""

    task: Task
    then: Callable[[Any], None]
    patience_s: float = QUICK_S  # spent at the first look


def start(title: str, work: Callable[[Progress], Any], then: Callable[[Any], None]) -> None:
    """Start ``work`` in the background; ``then`` gets its result in a later rerun.

    Args:
        title: What is shown beside the progress.
        work: Called with the function that reports (done, total).
        then: Called with what ``work`` returned, unless it failed or was stopped.
    """
    if KEY in st.session_state:
        notify.error("Something is still running. Wait for it, or stop it first.")
        return
    st.session_state[KEY] = Running(Task(title, work), then)


def is_running() -> bool:
    """Return True while work of this visitor runs."""
    return KEY in st.session_state


def finish_or_show() -> None:
    """Hand on the result of finished work, or show its progress; then show all messages.

    Both are drawn at the bottom of the window, which is in sight wherever the page was clicked.
    """
    running: Running | None = st.session_state.get(KEY)
    if running and running.task.is_done(running.patience_s):
        del st.session_state[KEY]
        try:
            running.then(running.task.result())
        except CancelledError as stopped:
            notify.success(str(stopped))
        except FerError as error:
            notify.error(str(error))
        running = None
    with st.bottom:
        notify.show()
        if running:
            running.patience_s = 0.0
            _progress()


@st.fragment(run_every=0.5)
def _progress() -> None:
    running: Running | None = st.session_state.get(KEY)
    if running is None or running.task.is_done():
        st.rerun()
    task = running.task
    count = f": {task.done:,} of {task.total:,}" if task.total else ""
    seconds = task.seconds_left
    remaining = "" if seconds is None else f", about {duration(seconds)} left"
    st.progress(task.share, f"{task.title}{count}{remaining}")
    st.button("Stop", on_click=task.cancel, icon=":material/stop_circle:", key="background_stop")
