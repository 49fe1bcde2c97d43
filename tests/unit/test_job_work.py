"""A job seen from inside: requests that raise, failures that are explained, progress."""

import json
import signal
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import pytest

from fer_core.errors import CancelledError, FerError, JobError
from fer_core.system import jobs
from fer_core.system.jobs import CANCEL, PAUSE, Jobs, State, Work, working
from fer_core.system.jobs import job as job_module
from fer_core.system.jobs import worker as work_module
from fer_core.system.jobs.progress import Progress, ProgressWriter, read
from fer_core.system.settings import settings


def test_a_folder_becomes_a_job_when_worked_in(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "by-hand"
    folder.mkdir(parents=True)
    (folder / "request.json").write_text('{"ask": "cancel"}')  # of a time before
    with working(folder, "By hand", "train", turn="refuse") as work:
        work.report(1, 2)
        assert job_module.load(folder).state is State.RUNNING
        with pytest.raises(JobError, match="Another one"):
            Jobs(tmp_path / "runs", exclusive=True).launch(
                Jobs(tmp_path / "runs").create("x", "train").name, ["train"]
            )
    done = job_module.load(folder)
    assert (done.state, done.title, done.kind) == (State.FINISHED, "By hand", "train")
    assert done.progress.done == 1


def ask_and_check(folder: Path, word: str) -> None:
    with working(folder) as work:
        (folder / "request.json").write_text(json.dumps({"ask": word}))
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            work.check()


def test_inside_a_block_requests_raise(tmp_path: Path) -> None:
    folder = tmp_path / "jobs" / "one"
    folder.mkdir(parents=True)
    for word, error, state in (
        (CANCEL, CancelledError, State.CANCELLED),
        (PAUSE, jobs.PausedError, State.PAUSED),
    ):
        with pytest.raises(error):
            ask_and_check(folder, word)
        assert job_module.load(folder).state is state


def test_on_a_public_link_the_time_is_over_however_often_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.cache_clear()
    made = Jobs(tmp_path / "jobs").create("x", "files")
    for _ in range(2):
        with working(made.folder) as work:
            work.report(1, 2)
        job_module.change(made.folder, created=time.time() - 3 * 3600)
        with pytest.raises(JobError, match="2 hours"), working(made.folder) as work:
            work.report(1, 2)
        job_module.change(made.folder, created=time.time())
    with pytest.raises(KeyError), working(made.folder):
        raise KeyError("/srv/secret")
    assert "secret" not in job_module.load(made.folder).message


class Finalized:
    """Presses Ctrl-C where Python drops what is raised."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def interrupt_and_report(work: Work) -> None:
    Finalized()
    work.report(1, 2)


def test_ctrl_c_that_a_finalizer_dropped_ends_the_work(
    tmp_path: Path, ctrl_c: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: dropped.append(told.exc_type))
    with pytest.raises(KeyboardInterrupt), working(tmp_path / "one") as work:
        interrupt_and_report(work)
    assert dropped == [KeyboardInterrupt]
    assert job_module.load(tmp_path / "one").state is State.INTERRUPTED


def test_work_in_the_background_ignores_ctrl_c(tmp_path: Path, ctrl_c: None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with working(tmp_path / "one") as work:
        signal.raise_signal(signal.SIGINT)
        work.report(1, 2)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert job_module.load(tmp_path / "one").state is State.FINISHED


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FerError("Told."), "Told."),
        (OSError(28, "No space left on device"), "The disk is full"),
        (MemoryError(), "not enough memory"),
        (KeyError("x"), "unexpected went wrong (KeyError"),
    ],
)
def test_failures_are_explained(tmp_path: Path, error: Exception, message: str) -> None:
    folder = tmp_path / "jobs" / "one"
    folder.mkdir(parents=True)
    with pytest.raises(type(error)), working(folder):
        raise error
    assert message in job_module.load(folder).message


def test_progress_is_written_a_few_times_a_second(tmp_path: Path) -> None:
    now = [0.0]
    writer = ProgressWriter(tmp_path, lambda: now[0])
    assert read(tmp_path) == Progress()
    seen = set()
    for step in range(101):
        now[0] = step / 50
        writer.report(40 + step, 240, "reading")
        seen.add(read(tmp_path).done)
    assert len(seen) == 8
    writer.flush()
    last = read(tmp_path)
    assert last == Progress(140, 240, "reading", 2.0, 40)
    assert last.per_second == pytest.approx(50)
    assert last.seconds_left == pytest.approx(2)


def test_waiting_for_a_turn_is_not_part_of_the_pace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_module, "_is_preceded", Mock(side_effect=[True, False]))
    folder = tmp_path / "jobs" / "one"
    folder.mkdir(parents=True)
    with working(folder, turn="wait") as work:
        assert read(folder).note == "Waiting for another job"
        work.report(40, 240)
        assert read(folder).initial == 40
        assert read(folder).seconds < work_module.WAIT_S


@pytest.mark.parametrize(
    ("progress", "share", "left"),
    [
        (Progress(), 0, None),
        (Progress(5, 0, "", 10), 0, None),
        (Progress(5, 10, "", 0.5), 0.5, None),
        (Progress(5, 10, "", 5, 5), 0.5, None),
        (Progress(12, 10, "", 5), 1, 0),
    ],
)
def test_time_left_is_told_only_when_known(
    progress: Progress, share: float, left: float | None
) -> None:
    assert (progress.share, progress.seconds_left) == (share, left)


def test_progress_on_a_full_disk_does_not_stop_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fer_core.system.jobs.progress.write_json", full)
    ProgressWriter(tmp_path).report(1, 2)
    (tmp_path / "progress.json").write_text("{half")
    assert read(tmp_path) == Progress()
