"""Which jobs this visitor holds: their tokens are in the address, so that a refresh finds them."""

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
"""In the address: the job that is open, and on public links the visitor's other ones."""

TIDY_S = 600.0
"""Seconds between two looks at what is over its time."""


def store() -> Jobs:
    root = settings().home / "jobs"
    policy = settings().policy
    return Jobs(root, most_active=policy.active_jobs, most_kept=policy.stored_jobs)


@st.cache_resource(show_spinner=False)
def tidy() -> None:
    """Delete what is over its time: now, and on while the server runs, whoever comes."""
    jobs, hours = store(), settings().job_hours
    jobs.prune(hours)
    threading.Thread(target=_keep_tidy, args=(jobs, hours), name="tidy", daemon=True).start()


def _keep_tidy(jobs: Jobs, hours: float) -> None:
    while True:
        time.sleep(TIDY_S)
        with suppress(OSError):  # deleted by somebody else at the same moment
            jobs.prune(hours)


def tokens() -> list[str]:
    """The jobs held, the one that is open first."""
    known = st.session_state.setdefault("held_jobs", [])
    return list(dict.fromkeys([*_in_address(OPEN), *_in_address(OTHERS), *known]))


def opened() -> Job | None:
    """The job in the address; says so where there is none of that name any more."""
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
    """Show a job, and put it and the others held into the address."""
    for key in [key for key in st.session_state if str(key).startswith(("video_jump", "clicked-"))]:
        del st.session_state[key]
    _hold([token, *(one for one in tokens() if one != token)], token)


def close() -> None:
    """Show no job; those held stay known."""
    _hold(tokens())


def forget(token: str) -> None:
    """Drop a job that is gone."""
    _hold([one for one in tokens() if one != token])


def _hold(held: list[str], token: str | None = None) -> None:
    """Remember the jobs held; where nothing else leads to them, in the address too."""
    st.session_state["held_jobs"] = held
    others = [one for one in held if one != token] if not settings().policy.shows_server else []
    for name, values in ((OPEN, [token] if token else []), (OTHERS, others)):
        if values and values != _in_address(name):
            st.query_params[name] = values
        elif not values:
            st.query_params.pop(name, None)


def _in_address(name: str) -> list[str]:
    return st.query_params.get_all(name)


def asked(job: Job) -> bool:
    """Whether it was asked to stop and has not got to it yet."""
    return bool(job_module.asked(job.folder))


def told(text: str, folder: Path) -> str:
    """A message for the visitor; on public links without the path of ``folder``."""
    if settings().policy.shows_server:
        return text
    for path in (f"{folder / 'upload'}/", f"{folder}/"):
        text = text.replace(path, "")
    return text.replace(str(folder), "the server")


def visible() -> tuple[Job, ...]:
    """The jobs this visitor may see."""
    return store().list(tokens())
