"""Jobs that cannot be started, or whose folder cannot be written."""

import sys
from pathlib import Path

import pytest

from fer_core.dataset.source import DatasetSource
from fer_core.errors import JobError
from fer_core.system.jobs import CANCEL, Jobs, State, job, process_lock
from fer_core.system.jobs import store as job_store
from fer_core.training import runs
from fer_core.training.presets import PRESETS

QUICK = PRESETS["Quick look"].config


@pytest.fixture
def store(tmp_path: Path) -> Jobs:
    waits = (sys.executable, "-c", "import time; time.sleep(60)")
    return Jobs(tmp_path / "jobs", exclusive=True, program=waits)


def full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_job_whose_program_is_gone_fails_and_blocks_no_other(tmp_path: Path) -> None:
    store = Jobs(tmp_path / "jobs", exclusive=True, program=(str(tmp_path / "gone"),))
    one = store.create("Mine", "count")
    with pytest.raises(JobError, match=r"Mine cannot be started \(No such file.*gone"):
        store.launch(one.name, ["x"])
    failed = store.get(one.name)
    assert failed.state is State.FAILED
    assert "cannot be started" in failed.message
    repaired = Jobs(store.root, exclusive=True, program=(sys.executable, "-c", "pass"))
    assert repaired.launch(repaired.create("Other", "count").name, []).title == "Other"
    store.delete(one.name)


def test_resuming_where_the_folder_of_the_start_is_gone(store: Jobs, tmp_path: Path) -> None:
    one = store.create("Mine", "count")
    job.change(one.folder, command=["x"], cwd=str(tmp_path / "moved"))
    job.set_state(one.folder, State.PAUSED)
    with pytest.raises(JobError, match=r"No such file or directory: .*moved"):
        store.resume(one.name)
    assert store.get(one.name).state is State.FAILED


def test_a_process_that_cannot_be_noted_is_ended(
    store: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    detach = Jobs._detach
    monkeypatch.setattr(Jobs, "_detach", lambda *a: started.append(detach(*a)) or started[0])
    one = store.create("Mine", "count")
    monkeypatch.setattr(process_lock, "write", full)
    with pytest.raises(JobError, match="No space left on device"):
        store.launch(one.name, ["x"])
    assert started[0].wait(20) == -9


def test_what_cannot_be_written_is_a_job_error(
    store: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = store.create("Mine", "count")
    (one.folder / "request.json").mkdir()
    with pytest.raises(JobError, match=r"cannot be written"):
        store.ask(one.name, CANCEL)
    monkeypatch.setattr(job, "write_json", full)
    with pytest.raises(JobError, match=r"cannot be written \(No space left on device"):
        store.rename(one.name, "Better")


def test_a_run_that_cannot_be_started_blocks_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(job_store.subprocess, "Popen", full)
        with pytest.raises(JobError, match=r"Mine cannot be started \(No space left"):
            runs.start(QUICK, DatasetSource("demo"), "Mine")
    with monkeypatch.context() as broken:
        broken.setattr(runs.RunFolder, "write_source", full)
        with pytest.raises(JobError, match=r"cannot be written \(No space left"):
            runs.start(QUICK, DatasetSource("demo"), "Mine")
    runs.check_may_train()
    assert runs.store().list() == ()
