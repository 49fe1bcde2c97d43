"""Start a job: a video or a ZIP, uploaded or by its path on the server."""

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
from fer_core.system.text import markdown
from fer_core.video import is_video
from pages._upload import visitor_jobs
from pages._upload.example_zip import example_zip

EXAMPLE = Path(__file__).parents[2] / "docs" / "images" / "example.mp4"

SAMPLING = {
    "Every frame": [],
    "Every 2nd frame": ["--every", "2"],
    "Every 5th frame": ["--every", "5"],
    "10 frames per second": ["--rate", "10"],
    "5 frames per second": ["--rate", "5"],
    "1 frame per second": ["--rate", "1"],
}
"""Frames of a video to analyse, as options of the command."""

VIDEO_TYPES = ["video", "gif", "webp", "mkv", "mts", "m2ts", "ts", "flv", "vob", "mxf", "ogv"]
"""Types of the upload field: those that browsers know as video, and those that they do not."""

SPACE = 3
"""Disk space that a job takes with its results, in sizes of the upload, about."""


@dataclass(frozen=True)
class Request:
    """A job to be started.

    Attributes:
        kind: ``video`` or ``files``.
        upload: The uploaded file, if any.
        path: The path that was typed where nothing was uploaded.
        options: Options of the command.
        is_annotated: Make an annotated copy of the video.
    """

    kind: str
    upload: UploadedFile | None
    path: str
    options: list[str]
    is_annotated: bool = False


def video(head: str) -> None:
    """Let the visitor choose a video, and start its analysis."""
    upload = st.file_uploader(
        "Drop or choose a video", VIDEO_TYPES, key=f"video_file-{_round()}",
        help="Every format that FFmpeg decodes, animated GIF and WebP included.",
    )  # fmt: skip
    path = _path("/videos/talk.mp4", "A video file.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sampling = st.selectbox(
            "Analyse", list(SAMPLING), key="video_read", width=220,
            help="Fewer frames are faster; boxes then stay until the next analysed frame.",
        )  # fmt: skip
        is_annotated = st.toggle(
            "Annotated video", value=True, key="video_draws",
            help="Also make a copy of the video with boxes and labels. Takes longer.",
        )  # fmt: skip
    options = ["--head", head, *SAMPLING[sampling]]
    with st.container(horizontal=True):
        _start_button(Request("video", upload, path, options, is_annotated))
        if st.button("Try the example video", icon=":material/movie:"):
            _start(Request("video", None, str(EXAMPLE), options, is_annotated))
    _show_retention()


def files(head: str, is_crop: bool) -> None:
    """Let the visitor choose a ZIP or a folder, and start its analysis."""
    upload = st.file_uploader("Drop or choose a ZIP of photos", ["zip"], key=f"zip_file-{_round()}")
    path = _path("/photos", "A folder, also with folders in it, or a ZIP. Up to 100,000 files.")
    options = ["--crop"] if is_crop else []
    with st.container(horizontal=True):
        _start_button(Request("files", upload, path, ["--head", head, *options]))
        if st.button("Try example photos", icon=":material/photo_library:"):
            _start_example(head)
    _show_retention()


def _start_example(head: str) -> None:
    try:
        file = example_zip()
    except FerError as error:
        st.error(markdown(str(error)))
        return
    _start(Request("files", None, str(file), ["--head", head]))


def _path(example: str, text: str) -> str:
    """Return the path of a file on the server; not asked on public links."""
    if not settings().policy.shows_server:
        return ""
    return st.text_input(
        "Or its path on the machine that runs FER Studio",
        placeholder=example,
        help=text,
        key=f"path-{example}-{_round()}",
    ).strip()


def _round() -> int:
    """Return a part of the fields' keys: a new round empties them."""
    return int(st.session_state.get("job_round", 0))


def _start_button(request: Request) -> None:
    is_empty = not (request.upload or request.path)
    if st.button("Start", type="primary", disabled=is_empty, icon=":material/play_arrow:"):
        _start(request)


def _start(request: Request) -> None:
    """Start the job and show it, or show the reason why it cannot start."""
    try:
        name = _start_once(request)
    except FerError as error:
        st.error(markdown(visitor_jobs.public_message(str(error), visitor_jobs.store().root)))
        return
    for field in ("video", "zip"):
        st.session_state.pop(f"{field}_file-{_round()}", None)
    st.session_state["job_round"] = _round() + 1
    visitor_jobs.open_job(name)
    st.rerun()


def _show_retention() -> None:
    """Say how long results are stored, and where."""
    config = settings()
    if config.policy.shows_server:
        location = f", in {visitor_jobs.store().root}."
    else:
        location = (
            "; only this page's address leads to them. Keep it if you want to come back. An "
            f"analysis that takes more than {config.policy.work_hours} hours is ended."
        )
    st.caption(
        "The analysis goes on when you close this page. Uploads and results are stored for "
        f"{config.job_hours} hours or until you delete them{location}"
    )


def _start_once(request: Request) -> str:
    """Return the name of the job, started once: a second press reruns the page at any time."""
    started, number = st.session_state.setdefault("started_jobs", {}), _round()
    if number not in started:
        job = _create(request)
        _launch(job, request)
        started[number] = job.name
    return str(started[number])


def _create(request: Request) -> Job:
    """Return a new job with its source: the upload, written to its folder, or the path."""
    upload, store = request.upload, visitor_jobs.store()
    if upload is None:
        source = typed(request.path, JobError).absolute()
        if not source.exists():
            raise JobError(
                f"{source}: there is no such file or folder on the machine that runs FER Studio."
            )
        if request.kind == "video" and not is_video(source):
            raise JobError(f"{source}: not a video. Use *ZIP or folder* for photos.")
        return store.create(source.name, request.kind, {"source": str(source)})
    name = Path(upload.name).name or "upload"
    if request.kind == "files" and Path(name).suffix.lower() != ".zip":
        raise JobError(f"{name}: not a .zip file.")
    store.root.mkdir(parents=True, exist_ok=True)
    check_space(store.root, SPACE * upload.size)
    job = store.create(name, request.kind, {"source": f"upload/{name}"})
    target = job.folder / "upload" / name
    try:
        target.parent.mkdir()
        with target.open("wb") as file:
            shutil.copyfileobj(upload, file)
        if request.kind == "video" and not is_video(target):  # a list of files would lead elsewhere
            raise JobError(f"{name}: not a video. Choose a video file.")
    except (OSError, ValueError) as error:  # the disk is full, or the name is none for a file
        shutil.rmtree(job.folder, ignore_errors=True)
        raise JobError(
            f"{name[:80]!r} could not be stored ({getattr(error, 'strerror', None) or error}). "
            "Give it a shorter, plain name or free some space, then try again."
        ) from error
    except JobError:
        shutil.rmtree(job.folder, ignore_errors=True)
        raise
    return job


def _launch(job: Job, request: Request) -> None:
    folder = job.folder
    source = folder / str(job.details["source"])  # an absolute path stays as it is
    below = source if source.is_dir() else source.parent
    command = ["classify", str(source), "--job", str(folder), "--below", str(below)]
    command += ["--out", str(folder / "results.parquet"), "--out", str(folder / "results.csv")]
    command += ["--model", registry.default_model(), *request.options]
    if request.is_annotated:
        command += ["--annotated", str(folder / "annotated")]
    try:
        visitor_jobs.store().launch(job.name, command)
    except (FerError, OSError):
        shutil.rmtree(folder, ignore_errors=True)  # it would count as waiting
        raise
