"""One job, and the list of all."""

import time

import streamlit as st

from fer_core.errors import FerError
from fer_core.system.jobs import Job, State, duration
from pages._components import notify
from pages._upload import files_view, job_progress, video_view, visitor_jobs


def show_job(job: Job) -> None:
    """The open job: progress while it runs, its results afterwards."""
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.subheader(job.title, anchor=False, width="content")
        st.button("Close", on_click=visitor_jobs.close, icon=":material/close:")
    if job.state.is_active:
        job_progress.show_active(job.name)
    elif job.state is not State.FINISHED:
        job_progress.show_stopped(job)
        _delete_button(job)
    else:
        (video_view if job.kind == "video" else files_view).show(job)
        _delete_button(job)


def show_list() -> None:
    """Every job the visitor may see, newest first."""
    found = visitor_jobs.visible()
    if not found:
        return
    st.subheader("Videos and folders so far", anchor=False)
    if any(job.state.is_active for job in found):
        _show_moving()
    else:
        _show_rows(found)


@st.fragment(run_every=1.0)
def _show_moving() -> None:
    """The rows as they move; the page takes over when all have ended."""
    found = visitor_jobs.visible()
    if not any(job.state.is_active for job in found):
        st.rerun()
    _show_rows(found)


def _show_rows(found: tuple[Job, ...]) -> None:
    for job in found:
        with st.container(horizontal=True, vertical_alignment="center", wrap=False):
            age = duration(max(time.time() - job.created, 0))
            share = f", {job.progress.share:.0%}".replace("%", " %") if job.state.is_active else ""
            st.markdown(
                f"**{_plain(job.title)}** {job_progress.WORDS[job.state]}{share} · {age} ago",
                width="stretch",
            )
            if st.button("Open", key=f"open-{job.name}"):
                visitor_jobs.open_job(job.name)
                st.rerun()


def _plain(text: str) -> str:
    """A file's name without the signs that Markdown would read."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#$:~" else letter for letter in text)


def _delete_button(job: Job) -> None:
    with st.popover("Delete", icon=":material/delete:"):
        st.write("Deletes the upload and all its results. A file that you named by its path stays.")
        st.button("Delete now", type="primary", on_click=_delete, args=(job.name,))


def _delete(token: str) -> None:
    try:
        visitor_jobs.store().delete(token)
        visitor_jobs.forget(token)
    except FerError as error:
        notify.error(str(error))
