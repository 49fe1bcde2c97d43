"""One piece of background work a visitor: its start, its progress, its result."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from fer_core.errors import CancelledError, FerError
from fer_core.system.background_task import Task
from fer_core.system.jobs import duration
from fer_core.system.parallel import Progress
from fer_core.system.text import markdown
from pages._components import notify
from pages._components.model import freeze_gc_once

KEY = "background_work"
QUICK_S = 1.0
"""Work that ends within this shows no progress bar."""


@dataclass
class Running:
    """Work in the background, and the call that gets its result.

    Attributes:
        task: The work.
        then: Called with its result.
        unit: Name of the things that the progress counts.
        inline: The page draws the progress itself, with ``show_progress``.
        patience_s: Seconds that the first rerun waits for it.
    """

    task: Task
    then: Callable[[Any], None]
    unit: str = ""
    inline: bool = False
    patience_s: float = QUICK_S


def start(
    title: str,
    work: Callable[[Progress], Any],
    then: Callable[[Any], None],
    unit: str = "",
    inline: bool = False,
) -> None:
    """Start ``work`` in the background; ``then`` gets its result in a later rerun.

    Args:
        title: Text beside the progress.
        work: Called with the function that reports (done, total).
        then: Called with what ``work`` returned, unless it failed or was stopped.
        unit: Name of the things that are counted, such as ``images``.
        inline: The page draws progress and messages itself, where the work was started.
    """
    if KEY in st.session_state:
        notify.error("Something is still running. Wait for it, or stop it first.")
        return
    freeze_gc_once("background")  # its progress is refreshed twice a second
    st.session_state[KEY] = Running(Task(title, work), then, unit, inline)


def is_running() -> bool:
    """Return True while work of this visitor runs."""
    return KEY in st.session_state


def is_inline() -> bool:
    """Return True while work runs whose progress the page draws itself."""
    return is_running() and st.session_state[KEY].inline


def finish_or_show() -> None:
    """Hand on the result of finished work, or show its progress; then show all messages.

    Both are drawn at the bottom of the window, which is in sight wherever the page was clicked,
    unless the work was started with ``inline``.
    """
    running: Running | None = st.session_state.get(KEY)
    is_inline = running is not None and running.inline
    if running and running.task.is_done(running.patience_s):
        del st.session_state[KEY]
        try:
            running.then(running.task.result())
        except CancelledError as stopped:
            notify.success(str(stopped))
        except FerError as error:
            notify.error(str(error))
        running = None
    if running:
        running.patience_s = 0.0
    if is_inline:
        return
    with st.bottom:
        notify.show()
        if running:
            show_progress()


@st.fragment(run_every=0.5)
def show_progress() -> None:
    """Draw the progress of the work and a button to stop it; rerun the page at its end."""
    running: Running | None = st.session_state.get(KEY)
    if running is None or running.task.is_done():
        st.rerun()
    task = running.task
    unit = f" {running.unit}" if running.unit else ""
    count = f": {task.done:,} of {task.total:,}{unit}" if task.total else " …"
    seconds = task.seconds_left
    remaining = "" if seconds is None else f", about {duration(seconds)} left"
    st.progress(task.share, f"{markdown(task.title)}{count}{remaining}")
    st.button("Stop", on_click=task.cancel, icon=":material/stop_circle:", key="background_stop")
