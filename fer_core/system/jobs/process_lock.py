"""Tell which process owns a file, also where process numbers are reused.

Several machines or containers may share the folder. A process of another one cannot be looked at,
so every owner touches its files while it lives, and one that has been silent for long is gone.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import psutil
from filelock import FileLock

from fer_core.system.files import write_json

GUARD = ".guard"
BEAT_S: Final = 5.0
SILENT_S: Final = 60.0
"""An owner elsewhere that has not touched its file for so long is dead. The machines' clocks may
differ by less than this."""


@lru_cache(maxsize=1)
def here() -> str:
    """Return a name of this machine or container: process numbers mean the same within it."""
    words = [socket.gethostname()]
    with suppress(OSError):
        words.append(Path("/etc/machine-id").read_text().strip())
    with suppress(OSError):
        words.append(str(Path("/proc/self/ns/pid").stat().st_ino))
    return "/".join(words)


@dataclass(frozen=True, slots=True)
class Owner:
    """A process.

    Attributes:
        pid: Its number.
        started: When it started, in the system's own terms: only good for comparing.
        host: Where it runs; see ``here``.
    """

    pid: int
    started: str
    host: str = field(default_factory=here)

    @classmethod
    def of(cls, pid: int) -> "Owner":
        """Return the process that has this number now; one that is not alive if there is none."""
        return cls(pid, _started(pid) or "")

    @property
    def is_here(self) -> bool:
        """True where it can be inspected and sent signals."""
        return self.host == here()

    @property
    def is_alive(self) -> bool:
        """True while it runs; zombies and other processes of the same number do not count."""
        return self.is_here and bool(self.started) and _started(self.pid) == self.started


def me() -> Owner:
    """Return this process."""
    return Owner.of(os.getpid())


def read(file: Path) -> Owner | None:
    """Return the owner written in ``file``; None where there is none or the file is damaged."""
    try:
        entry = json.loads(file.read_text("utf-8"))
        return Owner(int(entry["pid"]), str(entry["started"]), str(entry.get("host") or here()))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def living(file: Path) -> Owner | None:
    """Return the owner written in ``file`` if it is alive, as far as can be told from here."""
    owner = read(file)
    if owner is None:
        return None
    is_alive = owner.is_alive if owner.is_here else _silence_s(file) < SILENT_S
    return owner if is_alive else None


def write(file: Path, owner: Owner) -> None:
    """Write ``owner`` into ``file``; this process touches its own files from now on."""
    write_json(file, {"pid": owner.pid, "started": owner.started, "host": owner.host})
    if owner == me():
        _beat_for(file)


def hold(file: Path, owner: Owner) -> bool:
    """Take the lock ``file`` for ``owner``; False while another living process has it.

    A lock ends with its process: the lock of a dead one is free.
    """
    with guard(file.parent):
        now = living(file)
        if now and now != owner:
            return False
        write(file, owner)
        return True


def release(file: Path) -> None:
    """Release the lock ``file`` if this process holds it."""
    if read(file) == me():
        file.unlink(missing_ok=True)


@contextmanager
def guard(root: Path) -> Iterator[None]:
    """Keep other processes from changing owners below ``root``. For moments; may be nested."""
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / GUARD, timeout=30, is_singleton=True):
        yield


_beaten: set[Path] = set()
_beating: dict[int, threading.Thread] = {}
"""Files of this process, and its thread that touches them: a fork has none of its parent's."""


def _beat_for(file: Path) -> None:
    _beaten.add(file.absolute())
    if os.getpid() not in _beating:
        thread = threading.Thread(target=_beat, name="owner", daemon=True)
        _beating[os.getpid()] = thread
        thread.start()


def _beat() -> None:
    while True:
        time.sleep(BEAT_S)
        for file in tuple(_beaten):
            if read(file) != me():
                _beaten.discard(file)
                continue
            with suppress(OSError):
                os.utime(file)


def _silence_s(file: Path) -> float:
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return float("inf")


def _started(pid: int) -> str | None:
    """Return the start of a process; None if it does not run.

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
    """Read fields 3 (state) and 22 (start) of ``/proc/<pid>/stat``; see proc(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    return None if fields[0] in "ZX" else f"{boot}/{fields[19]}"
