"""Paths as a person types them, and as a table or a page can show them."""

from contextlib import suppress
from pathlib import Path

from fer_core.errors import FerError


def typed(text: str | Path, error: type[FerError]) -> Path:
    """The path that was typed, with ``~`` replaced; whether anything is there is not asked.

    Raises:
        FerError: Of the kind ``error``: no file can be called that, or nobody may look there.
    """
    try:
        path = Path(text).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError):
            path.stat()
    except (OSError, RuntimeError, ValueError) as reason:
        said = getattr(reason, "strerror", None) or str(reason).rstrip(".")
        name = shown(str(text))
        name = name if len(name) <= 100 else f"{name[:100]}…"
        raise error(f"{name}: this path cannot be used ({said}). Check what was typed.") from reason
    return path


def shown(name: str) -> str:
    r"""A file's name as text that any table, page or terminal takes.

    Bytes of a name that are not UTF-8, which Python keeps as halves of a surrogate pair, become
    ``\udcff`` and the like, so that different names stay different.
    """
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
