"""Start a job: a video or a ZIP, uploaded or by its path on this computer."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fer_core.dataset.store import check_space
from fer_core.errors import FerError, JobError
from fer_core.models import registry
from fer_core.system.jobs import Job
from fer_core.system.paths import typed
from fer_core.system.settings import settings
from fer_core.video import SUFFIXES
from pages._upload import visitor_jobs

READ = {
    "Every picture": [],
    "Every 2nd picture": ["--every", "2"],
    "Every 5th picture": ["--every", "5"],
    "10 a second": ["--rate", "10"],
    "5 a second": ["--rate", "5"],
    "1 a second": ["--rate", "1"],
}
"""Which pictures of a video are read, as options of the command."""
TAKEN = {"video": SUFFIXES, "files": (".zip",)}
"""Uploads of each kind of work."""
SPACE = 3
"""Times the upload: what it takes on the disk with its results, about."""


@dataclass(frozen=True)
class Wish:
    """What is to be started.

    ``path`` is what was typed where nothing was uploaded; ``options`` are the command's.
    """

    kind: str
    chosen: UploadedFile | None
    path: str
    options: list[str]
    draws: bool = False


def video(head: str) -> None:
    """Choose a video and start."""
    chosen = st.file_uploader(
        "Drop or choose a video", [suffix[1:] for suffix in SUFFIXES], key=f"video_file-{_round()}"
    )
    path = _path("/videos/talk.mp4", "A video file.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.selectbox(
            "Read", list(READ), key="video_read", width=200,
            help="Fewer pictures are quicker; boxes then stay until the next one is read.",
        )  # fmt: skip
        draws = st.toggle(
            "Annotated video", value=True, key="video_draws",
            help="Also make a copy of the video with boxes and labels drawn in. Takes longer.",
        )  # fmt: skip
    _button(Wish("video", chosen, path, ["--reading", head, *READ[wanted]], draws))


def files(head: str, is_crop: bool) -> None:
    """Choose a ZIP or a folder and start."""
    chosen = st.file_uploader("Drop or choose a ZIP of photos", ["zip"], key=f"zip_file-{_round()}")
    path = _path("/photos", "A folder, also with folders in it, or a ZIP. Up to 100,000 files.")
    options = ["--crop"] if is_crop else []
    _button(Wish("files", chosen, path, ["--reading", head, *options]))


def _path(example: str, what: str) -> str:
    """Where the file is on the computer that runs this; not asked on public links."""
    if not settings().policy.shows_server:
        return ""
    return st.text_input(
        "Or its path on the computer that runs this", placeholder=example, help=what,
        key=f"path-{example}-{_round()}",
    ).strip()  # fmt: skip


def _round() -> int:
    """Part of the fields' keys: a new round empties them."""
    return int(st.session_state.get("job_round", 0))


def _button(wish: Wish) -> None:
    nothing = not (wish.chosen or wish.path)
    if st.button("Start", type="primary", disabled=nothing, icon=":material/play_arrow:"):
        try:
            name = _begun(wish)
        except FerError as error:
            st.error(visitor_jobs.told(str(error), visitor_jobs.store().root))
            return
        for field in ("video", "zip"):
            st.session_state.pop(f"{field}_file-{_round()}", None)
        st.session_state["job_round"] = _round() + 1
        visitor_jobs.open_job(name)
        st.rerun()
    hours, policy = settings().job_hours, settings().policy
    st.caption(
        f"The work goes on when you close this page. What you start and its results are kept for "
        f"{hours} hours or until you delete them"
        + (
            f", in {visitor_jobs.store().root}."
            if policy.shows_server
            else "; only this page's address leads to them. Keep it if you want to come back. Work "
            f"that takes more than {policy.work_hours} hours is ended."
        )
    )


def _begun(wish: Wish) -> str:
    """The job's name, started once: a second press breaks in at any use of the session's state."""
    begun, now = st.session_state.setdefault("jobs_begun", {}), _round()
    if now not in begun:
        job = _create(wish)
        _launch(job, wish)
        begun[now] = job.name
    return str(begun[now])


def _create(wish: Wish) -> Job:
    """A job with its source: the upload, written to its folder, or the path."""
    chosen = wish.chosen
    if chosen is None:
        source = typed(wish.path, JobError).absolute()
        if not source.exists():
            raise JobError(f"{source}: there is no such file or folder on this computer.")
        if wish.kind == "video" and source.suffix.lower() not in SUFFIXES:
            raise JobError(f"{source}: not one of {', '.join(SUFFIXES)}.")
        return visitor_jobs.store().create(source.name, wish.kind, {"source": str(source)})
    name = Path(chosen.name).name or "upload"
    if Path(name).suffix.lower() not in TAKEN[wish.kind]:  # a list of files would lead elsewhere
        raise JobError(f"{name}: not one of {', '.join(TAKEN[wish.kind])}.")
    visitor_jobs.store().root.mkdir(parents=True, exist_ok=True)
    check_space(visitor_jobs.store().root, SPACE * chosen.size)
    job = visitor_jobs.store().create(name, wish.kind, {"source": f"upload/{name}"})
    target = job.folder / "upload" / name
    try:
        target.parent.mkdir()
        with target.open("wb") as file:
            shutil.copyfileobj(chosen, file)
    except (OSError, ValueError) as error:  # the disk is full, or the name is none for a file
        shutil.rmtree(job.folder, ignore_errors=True)
        raise JobError(
            f"{name[:80]!r} could not be kept ({getattr(error, 'strerror', None) or error}). Give "
            "it a shorter, plain name or free some space, then try again."
        ) from error
    return job


def _launch(job: Job, wish: Wish) -> None:
    folder = job.folder
    source = folder / str(job.details["source"])  # an absolute path stays as it is
    below = source if source.is_dir() else source.parent
    command = ["classify", str(source), "--job", str(folder), "--below", str(below)]
    command += ["--out", str(folder / "results.parquet"), "--out", str(folder / "results.csv")]
    command += ["--model", registry.default_model(), *wish.options]
    if wish.draws:
        command += ["--annotated", str(folder / "annotated")]
    try:
        visitor_jobs.store().launch(job.name, command)
    except (FerError, OSError):
        shutil.rmtree(folder, ignore_errors=True)  # it would count as waiting
        raise
