"""Which jobs this visitor holds: their tokens are in the address, so that a refresh finds them."""

import streamlit as st

from fer_core.errors import FerError
from fer_core.jobs import Job, Jobs
from fer_core.jobs import job as job_module
from fer_core.settings import settings

PARAM = "job"


def store() -> Jobs:
    return Jobs(settings().home / "jobs")


@st.cache_resource(ttl=600, show_spinner=False)
def tidy() -> None:
    """Delete what is over its time; looked at every ten minutes while somebody is here."""
    store().prune(settings().job_hours)


def tokens() -> list[str]:
    """The jobs held, the one that is open first."""
    known = st.session_state.setdefault("held_jobs", [])
    return list(dict.fromkeys([*st.query_params.get_all(PARAM), *known]))


def opened() -> Job | None:
    """The job in the address; says so where there is none of that name any more."""
    token = next(iter(st.query_params.get_all(PARAM)), None)
    if token is None:
        return None
    try:
        return store().get(token)
    except FerError:
        st.warning("That job is gone: it was deleted, or its time is over.")
        forget(token)
        return None


def open_job(token: str) -> None:
    """Show a job, and put it and the others held into the address."""
    for key in [key for key in st.session_state if str(key).startswith(("video_jump", "clicked-"))]:
        del st.session_state[key]
    held = [token, *(one for one in tokens() if one != token)]
    st.session_state["held_jobs"] = held
    st.query_params[PARAM] = held if settings().public else [token]


def close() -> None:
    """Show no job; those held stay known."""
    st.session_state["held_jobs"] = tokens()
    st.query_params.pop(PARAM, None)


def forget(token: str) -> None:
    """Drop a job that is gone."""
    st.session_state["held_jobs"] = [one for one in tokens() if one != token]
    st.query_params.pop(PARAM, None)


def asked(job: Job) -> bool:
    """Whether it was asked to stop and has not got to it yet."""
    return bool(job_module.asked(job.folder))


def visible() -> tuple[Job, ...]:
    """The jobs this visitor may see."""
    return store().list(tokens())
