"""The store of datasets: folders below ``$FER_HOME/datasets``, written completely or not at all."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from fer_core.errors import DatasetError
from fer_core.system.files import (
    check_format,
    new_folder,
    numbered,
    os_errors,
    reading,
    remove_folder,
    write_json,
)
from fer_core.system.settings import settings

MANIFEST: Final = "manifest.parquet"
ABOUT: Final = "version.json"
FORMAT: Final = 1
"""Number of the format of a manifest and of ``ABOUT`` beside it."""

MADE: Final = "-made-"
"""Stands in the name of an image that balancing made, between that of its origin and a number."""

SAME_NAME: Final = "-same-name-"
"""Stands before a number where balancing brings a second image of a name into a folder."""

SPARE_BYTES: Final = 200_000_000
"""Left free on the disk whatever is written: the rest of the machine needs to go on."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A dataset below the store. ``is_version``: written by balancing, so it may be deleted."""

    folder: Path
    is_version: bool

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name


def default_home() -> Path:
    """Return ``$FER_HOME/datasets``; it is not created here."""
    return settings().home / "datasets"


def stored(home: Path | None = None) -> tuple[Stored, ...]:
    """Return the datasets in the store, by name."""
    home = home or default_home()
    if not home.is_dir():
        return ()
    return tuple(
        Stored(folder, (folder / MANIFEST).is_file())
        for folder in sorted(home.iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
    )


def about(folder: Path) -> Mapping[str, Any]:
    """Return what ``write_about`` wrote of a dataset made of another one here; else nothing.

    Raises:
        DatasetError: A newer version wrote it.
    """
    file = folder / ABOUT
    try:
        content = dict(json.loads(file.read_text("utf-8"))) if (folder / MANIFEST).is_file() else {}
    except (OSError, ValueError, TypeError):  # deleted or edited
        return {}
    check_format(content, FORMAT, file, DatasetError)
    return content


def write_about(folder: Path, values: Mapping[str, Any]) -> None:
    """Write of what and how a dataset was made here."""
    write_json(folder / ABOUT, {"format": FORMAT, **values})


def free_name(requested: str, home: Path | None = None) -> str:
    """Return a name that a folder can have, with a number behind it where it exists."""
    home = home or default_home()
    base = re.sub(r"[^\w. -]+", "-", requested).strip(" .-")[:80] or "dataset"
    return numbered(base, lambda name: (home / name).exists())


@contextmanager
def new_dataset(name: str, need_bytes: int, home: Path | None = None) -> Iterator[Path]:
    """Yield a folder to fill, which becomes the dataset ``name`` if the block raises nothing.

    Until then it has a hidden name, and it is removed if anything goes wrong.

    Args:
        name: The dataset's name; see ``free_name``.
        need_bytes: What is about to be written, checked against the free disk space.
        home: The store; ``default_home()`` if None.

    Raises:
        DatasetError: The name is taken, the disk has too little space or fills up, the folder
            cannot be written, or another dataset is being written at the moment.
    """
    home = home or default_home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / ".lock", timeout=0):
            for left in (*home.glob(".new-*"), *home.glob(".deleted-*")):
                shutil.rmtree(left, ignore_errors=True)  # of a process that was killed
            check_space(home, need_bytes)
            if (home / name).exists():
                raise DatasetError(f"There is a dataset {name!r} already. Choose another name.")
            with new_folder(home / name) as folder:
                yield folder
    except Timeout as error:
        raise DatasetError(
            f"Another dataset is being written in {home}. Wait until it is done and try again."
        ) from error
    except OSError as error:
        raise DatasetError(
            f"{home / name} cannot be written ({error.strerror or error}); about "
            f"{need_bytes / 1e6:,.0f} MB are needed. Nothing was kept. Free some space or choose "
            "another FER_HOME."
        ) from error


def copy(source: Path, target: Path) -> None:
    """Copy an image into a new dataset.

    Raises:
        DatasetError: The source has gone or cannot be read.
        OSError: The target cannot be written.
    """
    with reading(source, DatasetError, "Open the dataset again to see what is there now."):
        source.open("rb").close()
    shutil.copyfile(source, target)


def check_space(folder: Path, need_bytes: int) -> None:
    """Raise ``DatasetError`` unless the disk of ``folder`` has space for ``need_bytes``."""
    free = shutil.disk_usage(folder).free
    if need_bytes + SPARE_BYTES > free:
        raise DatasetError(
            f"Not enough disk space: about {(need_bytes + SPARE_BYTES) / 1e6:,.0f} MB are needed "
            f"and {free / 1e6:,.0f} MB are free in {folder}. Free some space, or take less."
        )


def delete_version(version: Stored) -> None:
    """Remove a dataset that balancing wrote; the dataset it came from is not touched.

    Raises:
        DatasetError: It is no such version, or it cannot be removed.
    """
    if not (version.folder / MANIFEST).is_file():
        raise DatasetError(f"{version.folder} was not written by balancing and is not deleted.")
    with os_errors(f"{version.folder} cannot be removed", DatasetError):
        remove_folder(version.folder)
