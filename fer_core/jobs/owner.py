"""Which process owns something, in a way that a reused process number cannot fool."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock

from fer_core.files import write_json

GUARD = ".guard"


@dataclass(frozen=True, slots=True)
class Owner:
    """A process.

    Attributes:
        pid: Its number.
        started: When it started, in the system's own terms: only good for comparing.
    """

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "Owner":
        """The process that has this number now; one that is not alive if there is none."""
        return cls(pid, _started(pid) or "")

    @property
    def is_alive(self) -> bool:
        """Whether it still runs. A zombie and another process of the same number do not count."""
        return bool(self.started) and _started(self.pid) == self.started


def me() -> Owner:
    """This process."""
    return Owner.of(os.getpid())


def read(file: Path) -> Owner | None:
    """The owner noted in ``file``; None where there is none or the file is damaged."""
    try:
        noted = json.loads(file.read_text("utf-8"))
        return Owner(int(noted["pid"]), str(noted["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def living(file: Path) -> Owner | None:
    """The owner noted in ``file`` if it is alive."""
    owner = read(file)
    return owner if owner and owner.is_alive else None


def write(file: Path, owner: Owner) -> None:
    """Note ``owner`` in ``file``."""
    write_json(file, {"pid": owner.pid, "started": owner.started})


def hold(file: Path, owner: Owner) -> bool:
    """Take the lock ``file`` for ``owner``; False while another living process has it.

    A lock ends with its process: whatever a dead one left is taken over.
    """
    with guard(file.parent):
        now = living(file)
        if now and now != owner:
            return False
        write(file, owner)
        return True


def release(file: Path) -> None:
    """Give the lock ``file`` back if it is this process's."""
    if read(file) == me():
        file.unlink(missing_ok=True)


@contextmanager
def guard(root: Path) -> Iterator[None]:
    """Nobody else changes owners below ``root`` meanwhile. For moments only; may be nested."""
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / GUARD, timeout=30, is_singleton=True):
        yield


def _started(pid: int) -> str | None:
    """Start of a process; None if it does not run.

    Linux counts it in ticks since the boot, so that setting the clock changes nothing; elsewhere
    it is a wall clock time.
    """
    if psutil.LINUX:
        return _started_linux(pid)
    try:
        process = psutil.Process(pid)
        alive = process.status() != psutil.STATUS_ZOMBIE
        return f"{process.create_time():.2f}" if alive else None
    except psutil.Error:
        return None


def _started_linux(pid: int) -> str | None:
    """Fields 3 (state) and 22 (start) of ``/proc/<pid>/stat``; see proc(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    return None if fields[0] in "ZX" else f"{boot}/{fields[19]}"
