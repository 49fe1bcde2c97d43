"""Temporary folders that do not outlive this program, not even when it is killed.

Each process has a folder of its own in the system's folder for temporary files, and holds a lock
in it as long as it lives. Whoever starts later removes the folders whose locks are free.
"""

import atexit
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

PREFIX: Final = "fer-studio-"
LOCK: Final = ".lock"

_mine: list[tuple[Path, FileLock]] = []
_making = threading.Lock()


def folder(kind: str) -> tempfile.TemporaryDirectory[str]:
    """A new temporary folder, readable by this user alone; ``kind`` is a part of its name.

    It goes with the object; see ``tempfile.TemporaryDirectory``.
    """
    return tempfile.TemporaryDirectory(prefix=f"{kind}-", dir=_root(), ignore_cleanup_errors=True)


def sweep() -> int:
    """Remove what processes that were killed have left; how many they were."""
    left = [one for one in Path(tempfile.gettempdir()).glob(f"{PREFIX}*") if _is_abandoned(one)]
    for one in left:
        shutil.rmtree(one, ignore_errors=True)
    return len(left)


def _root() -> Path:
    """This process's folder; it has its name, and can be swept, once its lock is held."""
    with _making:
        if not _mine:
            new = Path(tempfile.mkdtemp(prefix=f".{PREFIX}"))  # only its owner may enter
            lock = FileLock(new / LOCK)
            lock.acquire()
            root = new.rename(new.with_name(new.name[1:]))
            _mine.append((root, lock))
            atexit.register(shutil.rmtree, root, ignore_errors=True)
        return _mine[0][0]


def _is_abandoned(root: Path) -> bool:
    if not (root / LOCK).is_file() or root == (_mine[0][0] if _mine else None):
        return False
    try:
        with FileLock(root / LOCK).acquire(timeout=0):
            return True
    except (Timeout, OSError):  # its process lives, or it is another user's
        return False
