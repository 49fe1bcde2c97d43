"""A job that has not ended, or ended early: how far it is, and what can be done about it."""

import streamlit as st

from fer_core.errors import FerError
from fer_core.system.jobs import CANCEL, Job, State, duration
from fer_core.system.settings import settings
from pages._upload import visitor_jobs

WORDS = {
    State.QUEUED: "waits",
    State.RUNNING: "is running",
    State.PAUSED: "is paused",
    State.FAILED: "stopped with an error",
    State.CANCELLED: "was cancelled",
    State.INTERRUPTED: "was interrupted",
    State.FINISHED: "is done",
}


@st.fragment(run_every=0.5)
def show_active(token: str) -> None:
    """Progress, time left and a button to cancel; the page goes on by itself at the end."""
    try:
        job = visitor_jobs.store().get(token)
    except FerError:
        st.rerun()
    if not job.state.is_active:
        st.rerun()
    progress = job.progress
    left = progress.seconds_left
    parts = [progress.note or "Starting"]
    if progress.total and job.state is State.RUNNING:
        parts = [f"{progress.done:,.0f} of {progress.total:,.0f} pictures"]
        parts += [f"{progress.per_second:,.0f} a second"] * bool(progress.per_second)
        parts += [] if left is None else [f"about {duration(left)} left"]
    st.progress(progress.share, ", ".join(parts))
    if visitor_jobs.asked(job):
        st.button("Stopping", disabled=True, icon=":material/hourglass_top:")
    elif st.button("Cancel", icon=":material/stop_circle:", key="cancel_job"):
        try:
            visitor_jobs.store().ask(token, CANCEL)
        except FerError as error:
            st.error(visitor_jobs.told(str(error), job.folder))
            return
        st.rerun()


def show_stopped(job: Job) -> None:
    """Why it ended early, with the way to go on."""
    said = f" {visitor_jobs.told(job.message, job.folder)}" if job.message else ""
    text = f"{job.title} {WORDS[job.state]}.{said}"
    (st.error if job.state is State.FAILED else st.info)(text)
    share = job.progress.share
    done = f" ({share:.0%} are done)".replace("%", " %") if share >= 0.01 else ""
    if job.command and st.button("Go on" + done, type="primary", icon=":material/play_arrow:"):
        try:
            visitor_jobs.store().resume(job.name)
        except FerError as error:
            st.error(visitor_jobs.told(str(error), visitor_jobs.store().root))
            return
        st.rerun()
    if job.state is State.FAILED and job.log() and settings().policy.shows_server:
        with st.expander("Log"):
            st.code(job.log(), language=None)
