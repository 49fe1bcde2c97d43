"""Make temporary folders that do not outlive this program, not even when it is killed.

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

_own_root: list[tuple[Path, FileLock]] = []
_making = threading.Lock()


def folder(kind: str) -> tempfile.TemporaryDirectory[str]:
    """Make a temporary folder, readable by this user alone; ``kind`` is a part of its name.

    It goes with the object; see ``tempfile.TemporaryDirectory``.
    """
    return tempfile.TemporaryDirectory(prefix=f"{kind}-", dir=_root(), ignore_cleanup_errors=True)


def sweep() -> int:
    """Remove the folders of processes that were killed; return their number."""
    folders = Path(tempfile.gettempdir()).glob(f"{PREFIX}*")
    abandoned = [folder for folder in folders if _is_abandoned(folder)]
    for folder in abandoned:
        shutil.rmtree(folder, ignore_errors=True)
    return len(abandoned)


def _root() -> Path:
    """Return this process's folder; it gets its name, and can be swept, once it is locked."""
    with _making:
        if not _own_root:
            new = Path(tempfile.mkdtemp(prefix=f".{PREFIX}"))  # only its owner may enter
            lock = FileLock(new / LOCK)
            lock.acquire()
            root = new.rename(new.with_name(new.name[1:]))
            _own_root.append((root, lock))
            atexit.register(shutil.rmtree, root, ignore_errors=True)
        return _own_root[0][0]


def _is_abandoned(root: Path) -> bool:
    if not (root / LOCK).is_file() or root == (_own_root[0][0] if _own_root else None):
        return False
    try:
        with FileLock(root / LOCK).acquire(timeout=0):
            return True
    except (Timeout, OSError):  # its process lives, or it is another user's
        return False
