"""Who works on a job: processes that die, locks they leave, owners on other machines."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fer_core.errors import JobError
from fer_core.system.jobs import CANCEL, Jobs, State, process_lock
from fer_core.system.jobs import job as job_module


def test_a_reused_process_number_is_not_alive(tmp_path: Path) -> None:
    me = process_lock.me()
    assert me.is_alive
    assert not process_lock.Owner(me.pid, "another start").is_alive
    assert not process_lock.Owner.of(2**22 + 1).is_alive
    child = subprocess.Popen([sys.executable, "-c", ""])
    zombie = process_lock.Owner.of(child.pid)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, unasked for its end
    assert not zombie.is_alive
    child.wait()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}', b'{"pid": 1}'])
def test_a_damaged_owner_file_owns_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lock").write_bytes(content)
    assert process_lock.living(tmp_path / "lock") is None
    assert process_lock.hold(tmp_path / "lock", process_lock.me())


def test_a_lock_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        theirs = process_lock.Owner.of(other.pid)
        assert process_lock.hold(lock, theirs)
        assert not process_lock.hold(lock, process_lock.me())
        process_lock.release(lock)  # not mine: nothing happens
        assert process_lock.living(lock) == theirs
        other.kill()
        other.wait()
    assert process_lock.hold(lock, process_lock.me())
    process_lock.release(lock)
    assert not lock.exists()


def test_an_owner_on_another_machine_lives_while_it_touches_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_lock, "BEAT_S", 0.05)
    monkeypatch.setattr(process_lock, "_beating", {})
    store = Jobs(tmp_path / "jobs", exclusive=True)
    store.root.mkdir()
    lock = store.root / ".running"
    assert process_lock.hold(lock, process_lock.me())
    there = process_lock.Owner(process_lock.me().pid, process_lock.me().started, "another/machine")
    job_file = store.create("Elsewhere", "count", name="elsewhere").folder / "owner.json"
    process_lock.write(job_file, there)
    old = time.time() - process_lock.SILENT_S - 1
    os.utime(lock, (old, old))
    os.utime(job_file, (time.time() - process_lock.SILENT_S + 5,) * 2)
    assert process_lock.living(job_file) == there
    assert store.get("elsewhere").state is State.QUEUED
    with pytest.raises(JobError, match="runs already"):
        store.launch("elsewhere", ["count"])
    store.kill("elsewhere")  # a signal would hit a process of that number here
    assert job_module.requested(job_file.parent) == CANCEL
    os.utime(job_file, (old, old))
    assert process_lock.living(job_file) is None
    assert store.get("elsewhere").state is State.CANCELLED
    limit = time.monotonic() + 10
    while time.time() - lock.stat().st_mtime > 5:  # ours is touched without anybody's doing
        assert time.monotonic() < limit
        time.sleep(0.02)
    process_lock.release(lock)
