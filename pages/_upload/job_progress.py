"""A job that is active or ended early: progress, the reason, and the buttons to stop and go on."""

from pathlib import Path

import streamlit as st

from fer_core.errors import FerError
from fer_core.system.jobs import CANCEL, Job, State, duration
from fer_core.system.settings import settings
from fer_core.system.text import markdown
from pages._upload import visitor_jobs

WORDS = {
    State.QUEUED: "is waiting",
    State.RUNNING: "is running",
    State.PAUSED: "is paused",
    State.FAILED: "failed",
    State.CANCELLED: "was cancelled",
    State.INTERRUPTED: "was interrupted",
    State.FINISHED: "is finished",
}


@st.fragment(run_every=0.5)
def show_active(token: str) -> None:
    """Show progress, time left and a button to cancel; the page goes on by itself at the end."""
    try:
        job = visitor_jobs.store().get(token)
    except FerError:
        st.rerun()
    if not job.state.is_active:
        st.rerun()
    st.progress(job.progress.share, progress_text(job))
    if visitor_jobs.is_stopping(job):
        st.button("Stopping", disabled=True, icon=":material/hourglass_top:")
    elif st.button("Cancel", icon=":material/stop_circle:", key="cancel_job"):
        try:
            visitor_jobs.store().ask(token, CANCEL)
        except FerError as error:
            st.error(markdown(visitor_jobs.public_message(str(error), job.folder)))
            return
        st.rerun()


def progress_text(job: Job) -> str:
    """Return progress in words: ``Frame 214 of 472 · 20 frames/s · about 13 s left``."""
    progress = job.progress
    if not progress.total or job.state is not State.RUNNING:
        return progress.note or "Starting"
    unit = "frames" if job.kind == "video" else "images"
    count = f"{progress.done:,.0f} of {progress.total:,.0f}"
    parts = [f"Frame {count}" if job.kind == "video" else f"{count} images"]
    if progress.per_second:
        rate = progress.per_second
        parts.append(f"{rate:,.0f} {unit}/s" if rate >= 2 else f"{rate:.1f} {unit}/s")
    if progress.seconds_left is not None:
        parts.append(f"about {duration(progress.seconds_left)} left")
    return " · ".join(parts)


def show_stopped(job: Job) -> None:
    """Show why it ended early, with the button to continue."""
    reason = f" {visitor_jobs.public_message(job.message, job.folder)}" if job.message else ""
    text = markdown(f"{job.title} {WORDS[job.state]}.{reason}")
    (st.error if job.state is State.FAILED else st.info)(text)
    label = _label_to_continue(job)
    if label and st.button(label, type="primary", icon=":material/play_arrow:"):
        try:
            visitor_jobs.store().resume(job.name)
        except FerError as error:
            st.error(markdown(visitor_jobs.public_message(str(error), visitor_jobs.store().root)))
            return
        st.rerun()
    if job.state is State.FAILED and job.log() and settings().policy.shows_server:
        with st.expander("Log"):
            st.code(job.log(), language=None)


def _label_to_continue(job: Job) -> str:
    """Return the text of the button; empty where the same would come of it."""
    if not job.command:
        return ""
    if job.summary and job.summary.get("errors") == job.summary.get("rows"):  # nothing was read
        is_upload = not Path(str(job.details.get("source", ""))).is_absolute()
        return "" if is_upload else "Try again"
    share = job.progress.share
    return f"Continue ({share:.0%} finished)" if share >= 0.01 else "Continue"
