"""The jobs of a visitor: their tokens are in the address, so that a refresh finds them."""

import threading
import time
from contextlib import suppress
from pathlib import Path

import streamlit as st

from fer_core.errors import FerError
from fer_core.system.jobs import Job, Jobs
from fer_core.system.jobs import job as job_module
from fer_core.system.settings import settings

OPEN, OTHERS = "job", "held"
"""Parameters of the address: the open job, and on public links the visitor's other jobs."""

JOB_BYTES = 400_000_000
"""Memory of a job: most of what was measured, docs/performance.md."""

TIDY_S = 600.0
"""Seconds between two searches for expired jobs."""


def store() -> Jobs:
    """Return the store of the server's jobs."""
    root = settings().home / "jobs"
    policy = settings().policy
    return Jobs(
        root, max_active=policy.active_jobs, max_stored=policy.stored_jobs, needed_bytes=JOB_BYTES
    )


@st.cache_resource(show_spinner=False)
def tidy() -> None:
    """Delete expired jobs: now, and from time to time while the server runs."""
    jobs, hours = store(), settings().job_hours
    jobs.prune(hours)
    threading.Thread(target=_keep_tidy, args=(jobs, hours), name="tidy", daemon=True).start()


def _keep_tidy(jobs: Jobs, hours: float) -> None:
    while True:
        time.sleep(TIDY_S)
        with suppress(OSError):  # deleted by somebody else at the same moment
            jobs.prune(hours)


def tokens() -> list[str]:
    """Return the tokens of the visitor's jobs, the open one first."""
    stored = st.session_state.setdefault("held_jobs", [])
    return list(dict.fromkeys([*_in_address(OPEN), *_in_address(OTHERS), *stored]))


def opened() -> Job | None:
    """Return the job in the address; warn where there is none of that name."""
    token = next(iter(_in_address(OPEN)), None)
    if token is None:
        _hold(tokens())
        return None
    try:
        job = store().get(token)
    except FerError:
        st.warning("That job is gone: it was deleted, or its time is over.")
        forget(token)
        return None
    _hold(tokens(), token)
    return job


def open_job(token: str) -> None:
    """Show a job, and put it and the visitor's others into the address."""
    for key in [key for key in st.session_state if str(key).startswith(("video_jump", "clicked-"))]:
        del st.session_state[key]
    _hold([token, *(other for other in tokens() if other != token)], token)


def close() -> None:
    """Show no job; the visitor's jobs stay listed."""
    _hold(tokens())


def forget(token: str) -> None:
    """Remove a job that was deleted."""
    _hold([other for other in tokens() if other != token])


def _hold(held: list[str], token: str | None = None) -> None:
    """Store the visitor's jobs; where nothing else leads to them, in the address too."""
    st.session_state["held_jobs"] = held
    is_listed = settings().policy.shows_server
    unlisted = [] if is_listed else [other for other in held if other != token]
    for name, values in ((OPEN, [token] if token else []), (OTHERS, unlisted)):
        if values and values != _in_address(name):
            st.query_params[name] = values
        elif not values:
            st.query_params.pop(name, None)


def _in_address(name: str) -> list[str]:
    return st.query_params.get_all(name)


def is_stopping(job: Job) -> bool:
    """Return True if a job was asked to stop and still runs."""
    return bool(job_module.requested(job.folder))


def public_message(text: str, folder: Path) -> str:
    """Return a message for the visitor; on public links without the path of ``folder``."""
    if settings().policy.shows_server:
        return text
    for path in (f"{folder / 'upload'}/", f"{folder}/"):
        text = text.replace(path, "")
    return text.replace(str(folder), "the server")


def visible() -> tuple[Job, ...]:
    """Return the jobs that this visitor may see."""
    return store().list(tokens())
