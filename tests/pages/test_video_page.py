"""Videos and folders on the photos page, driven as a user would."""

import io
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fer_core import EMOTIONS
from fer_core.errors import DatasetError, JobError
from fer_core.images.codec import encode
from fer_core.models import registry
from fer_core.system.jobs import Job, Jobs, State
from fer_core.system.jobs import job as job_module
from fer_core.system.jobs.progress import Progress
from fer_core.system.settings import settings
from pages._upload import downloads, job_progress, start_job, visitor_jobs
from tests.clips import face_picture, make_clip, wall
from tests.conftest import needs_yunet
from tests.page_kit import entry, press, texts


@pytest.fixture(autouse=True)
def no_job_is_left() -> Iterator[None]:
    yield
    for file in store().root.glob("*/job.json"):
        store().kill(file.parent.name)


def store() -> Jobs:
    return Jobs(settings().home / "jobs")


def open_page(way: str | None = "Video", token: str = "") -> AppTest:
    app = entry("upload")
    if token:
        app.query_params["job"] = token
    app.run()
    if way and not token:
        app.segmented_control(key="way").set_value(way).run()
    assert not app.exception
    return app


def start(app: AppTest, path: Path) -> Job:
    next(one for one in app.text_input if "path" in one.label).set_value(str(path)).run()
    press(app, "Start")
    (job,) = store().list()
    return job


def wait(job: Job, state: State) -> Job:
    limit = time.monotonic() + 120
    while time.monotonic() < limit:
        now = store().get(job.name)
        if now.state is state:
            return now
        assert now.state.is_active, (now.state, now.message, now.log())
        time.sleep(0.1)
    raise AssertionError(store().get(job.name))


def test_a_video_from_start_to_deletion(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "my_clip.mp4", 50, sound="aac")
    app = open_page()
    assert "Start" in [button.label for button in app.button if button.disabled]
    assert "24 hours or until you delete them" in texts(app)
    job = start(app, clip)
    assert job.name in app.query_params["job"]
    wait(job, State.FINISHED)
    app.run()
    assert not app.exception
    said = texts(app)
    assert "50 frames (0:01), 1 person, face visible in 100%" in said
    for part in ("appy", "Emotion over time", "Key moments"):
        assert part in said
    shares, timeline = (table.value for table in app.dataframe[:2])
    assert timeline.columns.tolist() == ["Time", *EMOTIONS]
    assert len(timeline) == 50
    assert shares.drop(columns="visible").sum(axis=1).iloc[0] == pytest.approx(100)
    jump = next(button for button in app.button if button.key == "moment-0")
    jump.click().run()
    assert not app.exception
    press(app, "Back to list")
    assert "my\\_clip.mp4" in texts(app)
    assert "is finished" in texts(app)
    press(app, "Open")
    press(app, "Delete now")
    assert store().list() == ()
    assert clip.exists()
    assert not job.folder.exists()
    assert "The analysis of my\\_clip.mp4 is deleted." in texts(app)
    assert app.segmented_control(key="way").value == "Video"


def test_the_way_back_leads_to_the_tab_of_the_job() -> None:
    job = store().create("x.zip", "files", {"source": "upload/x.zip"})
    job_module.set_state(job.folder, State.CANCELLED)
    app = press(open_page(token=job.name), "Back to list")
    assert app.segmented_control(key="way").value == "ZIP or folder"
    press(app, "Open")
    press(app, "Delete now")
    assert app.segmented_control(key="way").value == "ZIP or folder"
    assert "The analysis of x.zip is deleted." in texts(app)


def test_the_example_video_is_one_press_away() -> None:
    app = open_page()
    app.selectbox(key="video_read").set_value("1 frame per second").run()
    app.toggle(key="video_draws").set_value(False).run()
    press(app, "Try the example video")
    (job,) = store().list()
    wait(job, State.FINISHED)
    app.run()
    assert not app.exception
    assert "8 frames (0:07), 1 person" in texts(app)
    assert "appy" in texts(app)  # the face that smiles


@needs_yunet
def test_the_example_photos_are_one_press_away() -> None:
    app = open_page("ZIP or folder")
    press(app, "Try example photos")
    (job,) = store().list()
    wait(job, State.FINISHED)
    app.run()
    assert not app.exception
    said = texts(app)
    assert "5 files" in said
    assert "1 without a face" in said


@pytest.mark.parametrize(
    ("state", "progress", "text"),
    [
        (State.RUNNING, Progress(214, 472, "", 10, 14), "Frame 214 of 472 · 20 frames/s · about 13 s left"),
        (State.RUNNING, Progress(3, 472, "", 10, 0), "Frame 3 of 472 · 0.3 frames/s · about 26 min left"),
        (State.RUNNING, Progress(3, 472), "Frame 3 of 472"),
        (State.QUEUED, Progress(0, 0, "Waiting"), "Waiting"),
    ],
)  # fmt: skip
def test_progress_is_told_in_frames(state: State, progress: Progress, text: str) -> None:
    job = SimpleNamespace(kind="video", state=state, progress=progress)
    assert job_progress.progress_text(job) == text


def test_an_interrupted_job_goes_on(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", 10)
    app = open_page()
    job = start(app, clip)
    store().kill(job.name)
    limit = time.monotonic() + 30
    while store().get(job.name).state.is_active and time.monotonic() < limit:
        time.sleep(0.05)
    app.run()
    assert "clip.mp4 was interrupted." in texts(app)
    registry.promote("fernet")  # what was begun goes on with the model it began with
    press(app, "Continue")
    wait(job, State.FINISHED)
    app.run()
    assert "10 frames (0:00)" in texts(app)


def test_a_zip_gives_counts_and_errors(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(encode(face_picture(number)))
    (folder / "bad.jpg").write_bytes(b"text")
    archive = Path(shutil.make_archive(str(tmp_path / "photos"), "zip", folder))
    app = open_page("ZIP or folder")
    app.file_uploader[0].set_value([("photos.zip", archive.read_bytes(), "application/zip")]).run()
    press(app, "Start")
    (job,) = store().list()
    wait(job, State.FINISHED)
    app.run()
    assert not app.exception
    assert "4 files, 3 faces, 1 could not be read" in texts(app)
    (errors,) = [f.value for f in app.dataframe if f.value.columns.tolist() == ["source", "error"]]
    assert errors.source.tolist() == ["photos.zip/bad.jpg"]


def test_a_video_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"text")
    app = open_page()
    job = start(app, tmp_path / "bad.mp4")
    wait(job, State.FAILED)
    app.run()
    assert not app.exception
    assert "bad.mp4 failed. bad.mp4: not a video that can be opened" in texts(app)
    assert "or no video at all" in texts(app)
    assert not app.get("download_button")
    press(app, "Back to list")
    assert "**bad.mp4** failed" in texts(app)


def test_a_zip_of_which_nothing_can_be_read_has_failed(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(2):
        (folder / f"{number}.jpg").write_bytes(b"text")
    app = open_page("ZIP or folder")
    job = start(app, folder)
    wait(job, State.FAILED)
    app.run()
    assert "None of the 2 files could be read. The first one: " in texts(app)
    assert [button.label for button in app.get("download_button")] == ["Errors"]
    (folder / "1.jpg").write_bytes(encode(face_picture(1)))
    press(app, "Try again")
    wait(job, State.FINISHED)
    app.run()
    assert "2 files, 1 face, 1 could not be read" in texts(app)


def test_a_video_without_faces_says_so(tmp_path: Path) -> None:
    job = start(open_page(), make_clip(tmp_path / "wall.mp4", 5, picture=wall))
    wait(job, State.FINISHED)
    app = open_page(token=job.name)
    assert "5 frames (0:00)" in texts(app)
    assert "No face was detected in this video." in texts(app)
    assert pd.read_csv(job.folder / "results.csv").x1.isna().tolist() == [True] * 5


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/no/such.mp4", "/no/such.mp4: there is no such file"),
        ("~nobody-of-that-name/x.mp4", "this path cannot be used"),
        ("x" * 5000, "this path cannot be used"),
    ],
)
def test_a_path_that_is_not_there_is_said(path: str, says: str) -> None:
    app = open_page()
    next(one for one in app.text_input if "path" in one.label).set_value(path).run()
    press(app, "Start")
    assert says in app.error[0].value
    assert store().list() == ()


def test_a_job_that_is_gone_is_said() -> None:
    app = open_page(token="0" * 32)
    assert not app.exception
    assert "That job is gone" in app.warning[0].value


def test_what_is_over_its_time_is_deleted_while_nobody_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(visitor_jobs, "TIDY_S", 0.05)
    store().create("old.mp4", "video")
    grow_old(store())
    assert "old.mp4" not in texts(open_page())
    assert store().list() == ()
    store().create("next.mp4", "video")
    store().create("fresh.mp4", "video")
    grow_old(store(), "next.mp4")
    limit = time.monotonic() + 20
    while len(store().list()) > 1 and time.monotonic() < limit:
        time.sleep(0.02)
    assert [job.title for job in store().list()] == ["fresh.mp4"]


def grow_old(jobs: Jobs, title: str = "") -> None:
    """As if it had ended 25 hours ago."""
    long_ago = time.time() - 25 * 3600
    for job in jobs.list():
        if title in job.title:
            for file in (job.folder / "job.json", job.folder / "state.json"):
                said = json.loads(file.read_text())
                file.write_text(json.dumps(said | {"created": long_ago, "changed": long_ago}))


def test_public_visitors_see_their_own_jobs_only(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = store().create("mine.mp4", "video", {"source": "upload/mine.mp4"})
    store().create("theirs.mp4", "video", {"source": "upload/theirs.mp4"})
    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.cache_clear()
    app = open_page()
    assert not app.text_input
    assert "mp4 is waiting" not in texts(app)
    assert "only this page's address leads to them" in texts(app)
    app = open_page(token=mine.name)
    assert "mine.mp4" in texts(app)
    assert "theirs" not in texts(app)
    press(app, "Back to list")
    assert mine.name in app.query_params["held"]  # a refresh finds it again
    assert "job" not in app.query_params
    again = open_page(way=None)
    again.query_params["held"] = mine.name
    again.segmented_control(key="way").set_value("Video").run()
    assert "mine.mp4" in texts(again)
    assert "theirs" not in texts(again)


@pytest.mark.parametrize(
    ("source", "summary", "label"),
    [
        ("upload/x.mp4", {}, "Continue"),
        ("upload/x.mp4", {"errors": 1, "rows": 1}, ""),
        ("/videos/x.mp4", {"errors": 1, "rows": 1}, "Try again"),
        ("upload/x.mp4", {"errors": 1, "rows": 9}, "Continue"),
    ],
)
def test_what_would_come_out_the_same_is_not_offered(
    source: str, summary: dict, label: str
) -> None:
    job = store().create("x.mp4", "video", {"source": source})
    job_module.change(job.folder, command=["classify"])
    job_module.set_state(job.folder, State.FAILED, "why", summary)
    labels = [button.label for button in open_page(token=job.name).button]
    assert labels == ["Delete now", "Back to list", *filter(None, [label])]


def test_public_pages_show_no_paths_and_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.cache_clear()
    job = store().create("x.zip", "files", {"source": "upload/x.zip"})
    (job.folder / "log.txt").write_text("the log")
    said = f"No pictures and no videos in {job.folder}/upload/x.zip."
    job_module.set_state(job.folder, State.FAILED, said)
    app = open_page(token=job.name)
    assert "No pictures and no videos in x.zip." in texts(app)
    assert not app.code
    assert not app.expander
    said = visitor_jobs.public_message(f"2 MB are free in {store().root}.", store().root)
    assert said == "2 MB are free in the server."
    monkeypatch.setattr(downloads, "MOST_BYTES", 0)
    (job.folder / "results.csv").write_text("x")
    page = AppTest.from_function(offer, args=(str(job.folder),), default_timeout=60).run()
    assert page.caption[0].value == "CSV: too large to download here"


def test_going_on_counts_as_starting_does_on_public_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.cache_clear()
    stopped = store().create("mine.zip", "files", {"source": "upload/mine.zip"})
    job_module.change(stopped.folder, command=["classify"])
    job_module.set_state(stopped.folder, State.CANCELLED)
    for name in ("a", "b"):
        store().create(name, "files")
    app = press(open_page(token=stopped.name), "Continue")
    assert "Files of others are being read" in texts(app)
    assert store().get(stopped.name).state is State.CANCELLED


def offer(folder: str) -> None:
    from pathlib import Path

    from fer_core.system.jobs.job import load
    from pages._upload import downloads

    downloads.show(load(Path(folder)))


def test_a_second_press_starts_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = io.BytesIO(b"x")
    upload.name, upload.size = "a.zip", 1
    monkeypatch.setattr(start_job.st, "session_state", {})
    monkeypatch.setattr(start_job, "_launch", lambda job, request: None)
    request = start_job.Request("files", upload, "", [])
    assert start_job._start_once(request) == start_job._start_once(request)
    assert len(store().list()) == 1
    start_job.st.session_state["job_round"] = 1
    assert start_job._start_once(request) != store().list()[-1].name
    assert len(store().list()) == 2


def test_a_name_that_is_none_for_a_file_takes_no_place() -> None:
    upload = io.BytesIO(b"x")
    upload.name, upload.size = "a\0b.zip", 1
    with pytest.raises(JobError, match="could not be stored"):
        start_job._create(start_job.Request("files", upload, "", []))
    assert store().list() == ()
    upload.name = "list.parquet"
    with pytest.raises(JobError, match=r"not a \.zip"):
        start_job._create(start_job.Request("files", upload, "", []))
    upload.name, upload.size = "a.zip", 10**15
    with pytest.raises(DatasetError, match="disk space"):
        start_job._create(start_job.Request("files", upload, "", []))
