"""Jobs: real processes that are watched, asked, killed and resumed."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fer_core.errors import JobError
from fer_core.system import settings
from fer_core.system.jobs import CANCEL, PAUSE, Job, Jobs, State, process_lock, warm
from fer_core.system.jobs import job as job_module
from fer_core.system.jobs.store import NICE

COUNTER = """
import sys, time
from pathlib import Path
from fer_core.system.jobs import working
from fer_core.errors import ImageError
from fer_core.system.files import write_bytes
folder, steps, turn, end = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
print("counting to", steps)
with working(folder, turn=turn) as work:
    file = folder / "done"
    done = int(file.read_text()) if file.exists() else 0
    for step in range(done, steps):
        work.report(step, steps, "counting")
        if work.request == "finish early":
            break
        if (folder / "hurry").exists():
            file.write_text(str(steps))
            break
        time.sleep(0.02)
        write_bytes(file, str(step + 1).encode())  # whole, also where it is killed meanwhile
    if end == "error":
        raise ImageError("cat.jpg: not a cat.")
    if end == "bug":
        1 / 0
    work.report(steps, steps)
    work.summary["counted"] = int(file.read_text())
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Jobs]:
    script = tmp_path / "counter.py"
    script.write_text(COUNTER)
    made = Jobs(tmp_path / "jobs", program=(sys.executable, str(script)))
    yield made
    for one in made.list():
        made.kill(one.name)


def count(store: Jobs, steps: int = 5, turn: str = "any", end: str = "well", **more: str) -> Job:
    made = store.create("Counting", "count", **more)
    return store.launch(made.name, [str(made.folder), str(steps), turn, end])


LONG = 3000


def hurry(one: Job) -> None:
    """All that is left to do is done at the next step."""
    (one.folder / "hurry").touch()


def wait(store: Jobs, one: Job, what: Callable[[Job], bool], seconds: float = 120) -> Job:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        now = store.get(one.name)
        if what(now):
            return now
        time.sleep(0.02)
    raise AssertionError(f"still {store.get(one.name)}: {store.get(one.name).log()}")


def wait_end(store: Jobs, one: Job) -> Job:
    return wait(store, one, lambda now: not now.state.is_active)


def wait_moving(store: Jobs, one: Job) -> Job:
    return wait(store, one, lambda now: now.state is State.RUNNING and now.progress.done > 2)


def test_a_job_runs_to_its_end_and_says_so(store: Jobs) -> None:
    one = count(store)
    assert one.state is State.QUEUED
    end = wait_end(store, one)
    assert (end.state, end.summary, end.message) == (State.FINISHED, {"counted": 5}, "")
    assert (end.progress.done, end.progress.total, end.progress.share) == (5, 5, 1.0)
    assert "counting to 5" in end.log()
    assert store.list() == (end,)
    with pytest.raises(JobError, match="finished: there is nothing to resume"):
        store.resume(one.name)


@pytest.mark.skipif(not hasattr(os, "setpriority"), reason="the system knows no such priorities")
def test_a_job_gives_way_to_the_server(store: Jobs) -> None:
    one = wait_moving(store, count(store, LONG))
    number = process_lock.living(one.folder / "owner.json").pid
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, number) == max(ours, NICE)
    session = Path(f"/proc/{number}/autogroup")  # where the kernel shares by session
    if session.exists():
        assert session.read_text().endswith(f"nice {NICE}\n")
    hurry(one)
    wait_end(store, one)


@pytest.mark.parametrize(
    ("end", "message", "in_log"),
    [("error", "cat.jpg: not a cat.", "ImageError"), ("bug", "ZeroDivisionError", "1 / 0")],
)
def test_a_failure_is_told_in_a_sentence(store: Jobs, end: str, message: str, in_log: str) -> None:
    failed = wait_end(store, count(store, end=end))
    assert failed.state is State.FAILED
    assert message in failed.message
    wait(store, failed, lambda now: in_log in now.log())  # Python prints it as its last act


def test_a_process_that_dies_before_its_first_word_is_interrupted(tmp_path: Path) -> None:
    store = Jobs(tmp_path / "jobs", program=(sys.executable, "-c", "raise SystemExit(3)"))
    assert wait_end(store, count(store)).state is State.INTERRUPTED


@pytest.mark.parametrize(
    ("word", "state"), [(CANCEL, State.CANCELLED), (PAUSE, State.PAUSED)]
)  # fmt: skip
def test_asked_to_stop_it_stops_and_goes_on_when_resumed(
    store: Jobs, word: str, state: State
) -> None:
    one = wait_moving(store, count(store, steps=LONG))
    store.ask(one.name, word)
    stopped = wait_end(store, one)
    assert stopped.state is state
    before = int((one.folder / "done").read_text())
    assert 2 < before < LONG
    store.resume(one.name)
    again = wait(store, one, lambda now: now.progress.initial >= before)
    assert again.progress.done >= before
    hurry(one)
    assert wait_end(store, one).summary == {"counted": LONG}


def test_a_job_may_know_words_of_its_own(store: Jobs) -> None:
    one = wait_moving(store, count(store, steps=LONG))
    store.ask(one.name, "finish early")
    end = wait_end(store, one)
    assert end.state is State.FINISHED
    assert end.summary["counted"] < LONG


def test_killed_it_counts_as_interrupted_and_can_be_resumed(store: Jobs) -> None:
    one = wait_moving(store, count(store, steps=LONG))
    store.kill(one.name)
    assert wait_end(store, one).state is State.INTERRUPTED
    hurry(one)
    store.resume(one.name)
    assert wait_end(store, one).summary == {"counted": LONG}


def test_sigterm_without_a_request_interrupts(store: Jobs) -> None:
    one = wait_moving(store, count(store, steps=LONG))
    os.kill(process_lock.read(one.folder / "owner.json").pid, 15)
    assert wait_end(store, one).state is State.INTERRUPTED


def test_killed_after_a_request_to_cancel_it_is_cancelled(store: Jobs) -> None:
    one = wait_moving(store, count(store, steps=LONG))
    (one.folder / "request.json").write_text('{"ask": "cancel"}')
    store.kill(one.name)
    assert wait_end(store, one).state is State.CANCELLED


def test_it_outlives_the_process_that_launched_it(store: Jobs, tmp_path: Path) -> None:
    launcher = f"""
from pathlib import Path
from fer_core.system.jobs import Jobs
store = Jobs(Path({str(store.root)!r}), program={store.program!r})
one = store.create("Counting", "count", name="orphan")
store.launch("orphan", [str(one.folder), "{LONG}", "any", "well"])
"""
    subprocess.run([sys.executable, "-c", launcher], check=True)
    assert store.get("orphan").state.is_active
    hurry(store.get("orphan"))
    end = wait_end(store, store.get("orphan"))
    assert (end.state, end.summary) == (State.FINISHED, {"counted": LONG})


def test_created_and_never_launched(store: Jobs) -> None:
    one = store.create("Uploading", "count", {"files": 3})
    assert (one.state, one.details) == (State.QUEUED, {"files": 3})
    (one.folder / "owner.json").unlink()  # whoever created it is gone
    assert store.get(one.name).state is State.INTERRUPTED
    with pytest.raises(JobError, match="nothing to resume"):
        store.resume(one.name)
    store.delete(one.name)
    assert store.list() == ()


def test_of_many_starts_at_once_exactly_one_wins(store: Jobs) -> None:
    alone = Jobs(store.root, exclusive=True, program=store.program)
    names = [alone.create("Counting", "count").name for _ in range(6)]
    results: list[str] = []
    refusals: list[str] = []
    gate = threading.Barrier(6)

    def start(name: str) -> None:
        gate.wait()
        try:
            alone.launch(name, [str(alone.root / name), str(LONG), "refuse", "well"])
            results.append(name)
        except JobError as error:
            refusals.append(str(error))

    threads = [threading.Thread(target=start, args=(name,)) for name in names]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(results) == 1
    assert refusals == ["Another one is running. Wait until it is done, or stop it first."] * 5
    wait_moving(alone, alone.get(results[0]))
    alone.kill(results[0])
    wait_end(alone, alone.get(results[0]))
    other = next(name for name in names if name not in results)
    alone.launch(other, [str(alone.root / other), "1", "refuse", "well"])  # the lock was stale
    assert wait_end(alone, alone.get(other)).state is State.FINISHED


def test_the_same_job_is_not_started_twice(store: Jobs) -> None:
    one = wait_moving(store, count(store, steps=LONG))
    with pytest.raises(JobError, match="runs already"):
        store.launch(one.name, one.command)
    command = [*store.program, *one.command]
    run = subprocess.run(
        command, check=False, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": "."}
    )
    assert "is being worked on by another process" in run.stderr
    assert store.get(one.name).state is State.RUNNING


def test_jobs_that_wait_take_turns(store: Jobs) -> None:
    first = wait_moving(store, count(store, steps=LONG, turn="wait"))
    second, third = count(store, 3, turn="wait"), count(store, 3, turn="wait")
    wait(store, third, lambda now: now.progress.note == "Waiting for another job")
    store.ask(second.name, CANCEL)
    assert wait_end(store, second).state is State.CANCELLED
    assert store.get(third.name).state is State.QUEUED
    assert store.get(first.name).state is State.RUNNING
    hurry(first)
    assert wait_end(store, third).state is State.FINISHED
    assert store.get(first.name).state is State.FINISHED


def test_a_running_job_is_not_deleted(store: Jobs) -> None:
    one = wait_moving(store, count(store, steps=LONG))
    with pytest.raises(JobError, match="Stop it first"):
        store.delete(one.name)
    store.kill(one.name)
    wait_end(store, one)
    store.delete(one.name)
    with pytest.raises(JobError, match="It was deleted, or its time is over"):
        store.get(one.name)


def test_old_jobs_are_pruned_and_running_ones_stay(store: Jobs) -> None:
    done = wait_end(store, count(store, steps=1))
    fresh = wait_end(store, count(store, steps=1))
    going = wait_moving(store, count(store, steps=LONG))
    for one in (done, going):
        for file in (one.folder / "state.json", one.folder / "job.json"):
            said = json.loads(file.read_text())
            file.write_text(json.dumps(said | {"changed": 0, "created": 0}))
    os.utime(done.folder / "progress.json", (0, 0))
    for name in (".deleted-half", "stray", "new-stray"):
        (store.root / name).mkdir()
    os.utime(store.root / "stray", (0, 0))
    assert store.prune(24) == 1
    assert {one.name for one in store.list()} == {fresh.name, going.name}
    left = {folder.name for folder in store.root.glob("*/")}
    assert left == {fresh.name, going.name, "new-stray"}


def test_public_visitors_see_only_what_they_hold(
    store: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, _theirs = (store.create("Photos", "count") for _ in range(2))
    assert len(store.list()) == 2
    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.settings.cache_clear()
    assert store.list() == ()
    assert [one.name for one in store.list({mine.name})] == [mine.name]
    assert len(mine.name) == 32


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden", "-flag", "a" * 101, "ä"])
def test_names_lead_nowhere_else(store: Jobs, name: str) -> None:
    with pytest.raises(JobError):
        store.get(name)


def test_names_are_taken_once_and_titles_change(store: Jobs) -> None:
    store.create("First", "count", name="run-1")
    with pytest.raises(JobError, match="run-1 already"):
        store.create("Second", "count", name="run-1")
    store.rename("run-1", "Better")
    assert store.get("run-1").title == "Better"


def test_a_damaged_job_is_named_and_the_others_listed(store: Jobs) -> None:
    good, bad = store.create("A", "count"), store.create("B", "count")
    (bad.folder / "job.json").write_text("{")
    with pytest.raises(JobError, match="is damaged"):
        store.get(bad.name)
    assert [one.name for one in store.list()] == [good.name]


def test_no_more_run_than_may_however_they_start(store: Jobs) -> None:
    few = Jobs(store.root, program=store.program, max_active=2)
    stopped = count(few, LONG)
    few.kill(stopped.name)
    assert wait_end(store, stopped).state is State.INTERRUPTED
    few.create("waits", "count")
    made: list[Job] = []
    refused: list[JobError] = []

    def go_on_or_create(number: int) -> None:
        try:
            made.append(few.resume(stopped.name) if number % 2 else few.create("more", "count"))
        except JobError as error:
            refused.append(error)

    threads = [threading.Thread(target=go_on_or_create, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (len(made), len(refused)) == (1, 7)


def test_one_that_stopped_makes_room_and_results_do_not(store: Jobs) -> None:
    few = Jobs(store.root, max_stored=2)
    done, stopped = few.create("done", "count"), few.create("stopped", "count")
    job_module.set_state(done.folder, State.FINISHED)
    job_module.set_state(stopped.folder, State.CANCELLED)
    new = few.create("takes its place", "count")
    assert {one.name for one in few.list()} == {done.name, new.name}
    with pytest.raises(JobError, match="no room"):
        few.create("one too many", "count")
    assert len(few.list()) == 2


@pytest.fixture
def prepared(store: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """The same jobs, with a process that waits for the next."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    program = (sys.executable, "-m", "counter")
    made = Jobs(store.root, program=program, exclusive=True, preload="gc:collect")
    made.prepare()
    return made


def waiting() -> subprocess.Popen:
    return warm._waiting["gc:collect"][0]


def test_a_process_that_waits_becomes_the_next_job(
    prepared: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = waiting()
    prepared.prepare()
    assert waiting() is process, "one is enough"
    monkeypatch.setenv("FER_HOME", str(tmp_path / "another"))  # it is asked at the launch
    monkeypatch.chdir(tmp_path)
    one = wait_moving(prepared, count(prepared, LONG))
    owner = process_lock.living(one.folder / "owner.json")
    assert owner == process_lock.living(prepared.root / ".running")
    assert (owner.pid, os.getpgid(owner.pid)) == (process.pid, process.pid)
    assert f"counting to {LONG}" in one.log()
    run = Path(f"/proc/{owner.pid}")
    assert (run / "cwd").readlink() == tmp_path
    assert not warm._waiting
    prepared.kill(one.name)
    assert wait_end(prepared, one).state is State.INTERRUPTED
    hurry(one)
    prepared.resume(one.name)  # by a new process
    assert wait_end(prepared, one).summary == {"counted": LONG}


def test_a_failure_of_one_that_waited_is_told_alike(prepared: Jobs) -> None:
    failed = wait_end(prepared, count(prepared, end="bug"))
    assert "ZeroDivisionError" in failed.message
    assert "1 / 0" in failed.log()


def test_one_that_has_waited_too_long_or_died_is_not_taken(
    prepared: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = waiting()
    with monkeypatch.context() as patch:
        patch.setattr(warm, "IDLE_S", 0.0)
        one = wait_end(prepared, count(prepared))
    assert (one.state, process.wait(20)) == (State.FINISHED, 0)
    prepared.prepare()
    waiting().kill()
    waiting().wait(20)
    assert wait_end(prepared, count(prepared)).state is State.FINISHED


def test_one_that_waits_ends_by_itself_and_with_the_process_that_started_it() -> None:
    early = f"from fer_core.system.jobs import warm; warm.IDLE_S = -9.9; {warm.SERVE}"
    with subprocess.Popen(
        [sys.executable, "-c", early, "gc:collect"], stdin=subprocess.PIPE
    ) as process:
        assert process.wait(20) == 0
    starter = """
import os
from fer_core.system.jobs import warm
print(warm.prepare("gc:collect", os.environ).pid)
"""
    ended = subprocess.run(
        [sys.executable, "-c", starter], check=True, capture_output=True, text=True
    )
    limit = time.monotonic() + 20
    while process_lock.Owner.of(int(ended.stdout)).is_alive:
        assert time.monotonic() < limit
        time.sleep(0.02)
