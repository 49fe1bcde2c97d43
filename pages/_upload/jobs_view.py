"""One job, and the list of all."""

import time

import streamlit as st

from fer_core.errors import FerError
from fer_core.system.jobs import Job, State, duration
from fer_core.system.settings import settings
from fer_core.system.text import markdown
from pages._components import notify
from pages._upload import downloads, files_view, job_progress, video_view, visitor_jobs

TABS = {"video": "Video", "files": "ZIP or folder"}
"""Kind of job to the tab of the page on which it is started and listed."""

NEWEST = 3
"""Jobs of the list that are shown without a click."""


def show_job(job: Job) -> None:
    """Show the open job: progress while it runs, its results afterwards."""
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.subheader(markdown(job.title), anchor=False, width="content")
        with st.container(horizontal=True, width="content", vertical_alignment="center"):
            if job.state is State.FINISHED:
                is_video = job.kind == "video"
                downloads.show(job, video_view.annotated_copy(job) if is_video else None)
            elif job.state is State.FAILED:
                downloads.show_errors(job)
            if not job.state.is_active:
                _delete_button(job)
            st.button("Back to list", on_click=_close, args=(job,), icon=":material/arrow_back:")
    if job.state.is_active:
        job_progress.show_active(job.name)
    elif job.state is not State.FINISHED:
        job_progress.show_stopped(job)
    else:
        (video_view if job.kind == "video" else files_view).show(job)


def show_list() -> None:
    """Show every job that the visitor may see, newest first."""
    jobs = visitor_jobs.visible()
    if not jobs:
        return
    with st.container(border=True, gap="xsmall"):
        st.markdown("**Previous analyses**")
        if any(job.state.is_active for job in jobs):
            _show_moving()
        else:
            _show_rows(jobs)


@st.fragment(run_every=1.0)
def _show_moving() -> None:
    """Show the rows as they move; the page takes over when all have ended."""
    jobs = visitor_jobs.visible()
    if not any(job.state.is_active for job in jobs):
        st.rerun()
    _show_rows(jobs)


def _show_rows(jobs: tuple[Job, ...]) -> None:
    for job in jobs[:NEWEST]:
        _show_row(job)
    if older := jobs[NEWEST:]:
        with st.expander(f"Older ({len(older)})"):
            for job in older:
                _show_row(job)


def _show_row(job: Job) -> None:
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        age = duration(max(time.time() - job.created, 0))
        share = f", {job.progress.share:.0%}" if job.state.is_active else ""
        st.markdown(
            f"**{markdown(job.title)}** {job_progress.WORDS[job.state]}{share} · {age} ago",
            width="stretch",
        )
        if st.button("Open", key=f"open-{job.name}"):
            visitor_jobs.open_job(job.name)
            st.rerun()


def _delete_button(job: Job) -> None:
    with st.popover("Delete", icon=":material/delete:"):
        stays = " A file that you named by its path stays." * settings().policy.shows_server
        st.write(f"Deletes the upload and all its results.{stays}")
        st.button("Delete now", type="primary", on_click=_delete, args=(job,))


def _close(job: Job) -> None:
    """Go back to the list, which stands on the tab of this kind of job."""
    visitor_jobs.close()
    st.session_state["way"] = TABS[job.kind]


def _delete(job: Job) -> None:
    try:
        visitor_jobs.store().delete(job.name)
    except FerError as error:
        notify.error(str(error))
        return
    visitor_jobs.forget(job.name)
    st.session_state["way"] = TABS[job.kind]
    notify.success(f"The analysis of {job.title} is deleted.")
