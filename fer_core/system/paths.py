"""Find the program's own files, and check paths that a person typed."""

from contextlib import suppress
from pathlib import Path, PurePath
from typing import Final

from fer_core.errors import FerError

PACKAGES: Final = Path(__file__).resolve().parents[2]
"""The folder that holds ``fer_core``: a checkout, or the ``site-packages`` of an environment."""

_INSTALLED: Final = PACKAGES / "fer_studio"
APP: Final = _INSTALLED if _INSTALLED.is_dir() else PACKAGES
"""The folder with ``streamlit_app.py``, ``pages`` and ``models``; see ``pyproject.toml``."""

SYSTEM: Final = frozenset(
    {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "#recycle",
     "$recycle.bin", "system volume information", "lost+found", "__pycache__"}
)  # fmt: skip
"""Files and folders that operating systems and disks leave among a user's own, in small letters."""


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden or belongs to an operating system."""
    return name.startswith((".", "~$")) or name.lower() in SYSTEM


def is_hidden_below(path: str | PurePath) -> bool:
    """Return whether a relative path leads to or through something hidden."""
    return any(is_hidden(part) for part in PurePath(path).parts)


def typed(text: str | Path, error: type[FerError]) -> Path:
    """Return the path that was typed, with ``~`` replaced; it need not exist.

    Raises:
        FerError: Of the kind ``error``: no file can be called that, or nobody may look there.
    """
    try:
        path = Path(text).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError):
            path.stat()
    except (OSError, RuntimeError, ValueError) as reason:
        cause = getattr(reason, "strerror", None) or str(reason).rstrip(".")
        name = str(text).encode("utf-8", "backslashreplace").decode()
        name = name if len(name) <= 100 else f"{name[:100]}…"
        raise error(
            f"{name}: this path cannot be used ({cause}). Check what was typed."
        ) from reason
    return path
