"""Manage models: list, copy, rename, delete, pack.

Shipped models are never changed: what a user changes of one becomes a copy of the user's own, which
hides the shipped one until it is deleted.
"""

import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fer_core.errors import ModelError, SettingsError
from fer_core.models import registry
from fer_core.models.card import FORMS, ModelCard, renamed
from fer_core.system.files import (
    new_folder,
    numbered,
    os_errors,
    remove_folder,
    write_json,
    writing,
)
from fer_core.system.settings import settings

FILES = ("card.json", *FORMS.values(), "figures.json")


@dataclass(frozen=True, slots=True)
class Entry:
    """A model folder. ``kind`` is ``shipped``, ``own`` or ``run``; ``name`` is unique."""

    folder: Path
    name: str
    kind: str
    is_default: bool

    @property
    def size(self) -> int:
        """Return the bytes of the model's files; 0 once they are deleted."""
        files = (self.folder / name for name in FILES)
        return sum(file.stat().st_size for file in files if file.is_file())


def own_home() -> Path:
    """Return the folder of the user's models; it is not created here."""
    return settings().home / "models"


def entries() -> tuple[Entry, ...]:
    """Return every model: the user's and the shipped ones, then those of finished training runs.

    On public links not those of runs: visitors would see what the host trains.
    """
    try:
        default = registry.default_model()
    except ModelError:
        default = ""
    result = [
        Entry(folder, folder.name, "own" if folder.parent == own_home() else "shipped",
              folder.name == default)
        for folder in registry.model_folders()
    ]  # fmt: skip
    if not settings().policy.shows_server:
        return tuple(result)
    runs = sorted((settings().home / "runs").glob("*/model/card.json"))
    result += [
        Entry(card.parent, name_of_run(card.parent.parent.name), "run", is_default=False)
        for card in runs
    ]
    return tuple(result)


def name_of_run(run: str) -> str:
    """Return the name of a training run's model among ``entries``."""
    return f"run {run}"


def check_may_change() -> None:
    """Raise ``SettingsError`` on public links."""
    if not settings().policy.may_change_models:
        raise SettingsError("This is a public link: models can be viewed but not changed.")


def free_name(name: str) -> str:
    """Return ``name`` as a valid folder name, with a number where it is in use."""
    in_use = {folder.name for folder in registry.model_folders()}
    return numbered(_fit(name), in_use.__contains__)


def _fit(name: str) -> str:
    """Return ``name`` as a folder name, which leads nowhere else and is not hidden."""
    return re.sub(r"[^\w.-]+", "-", name).strip(".-")[:60] or "model"


@contextmanager
def new_model(name: str) -> Iterator[Path]:
    """Yield a folder that becomes the user's model ``name`` when the block ends without an error.

    Raises:
        ModelError: The name is taken or not fit for a folder, or the folder cannot be written.
        SettingsError: This is a public link.
    """
    check_may_change()
    if _fit(name) != name:
        raise ModelError(
            f"{name!r} holds characters that folder names cannot. Try {free_name(name)!r}."
        )
    home = own_home()
    if (home / name).exists():
        raise ModelError(f"There is a model {name!r} already. Choose another name.")
    with writing(home / name, ModelError):
        home.mkdir(parents=True, exist_ok=True)
        with new_folder(home / name) as folder:
            yield folder


def keep(entry: Entry, name: str) -> Path:
    """Copy a model, such as a run's best, to the user's models under ``name``."""
    with new_model(name) as folder:
        for file in FILES:
            if (entry.folder / file).is_file():
                shutil.copy2(entry.folder / file, folder / file)
    return own_home() / name


def rename(entry: Entry, name: str) -> str:
    """Give one of the user's models another name; it stays the default if it was.

    Raises:
        ModelError: It is not the user's, the name is taken or not fit for a folder, or the folder
            cannot be renamed.
        SettingsError: This is a public link.
    """
    check_may_change()
    _check_own(entry)
    if free_name(name) != name:
        raise ModelError(
            f"{name!r} is in use or holds characters that folder names cannot. Try "
            f"{free_name(name)!r}."
        )
    with os_errors(f"{entry.folder} cannot be renamed", ModelError):
        entry.folder.rename(own_home() / name)
    if entry.is_default:
        registry.promote(name)
    return name


def delete(entry: Entry) -> None:
    """Delete one of the user's models. A deleted default gives way to the previous one.

    Raises:
        ModelError: It is not the user's, or it cannot be removed.
        SettingsError: This is a public link.
    """
    check_may_change()
    _check_own(entry)
    with os_errors(f"{entry.folder} cannot be removed", ModelError):
        remove_folder(entry.folder)
    if entry.is_default and entry.name not in {f.name for f in registry.model_folders()}:
        registry.roll_back()


def save_threshold(card: ModelCard, head: str, threshold: float) -> Path:
    """Write the confidence below which predictions are uncertain into the card.

    A shipped model is copied first, under the same name.

    Returns:
        The folder changed.

    Raises:
        ModelError: There is no such head, or the card cannot be written.
        SettingsError: This is a public link.
        ValueError: ``threshold`` is not 0 to 1.
    """
    check_may_change()
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must be 0 to 1. Received: {threshold}")
    card.head(head)
    folder = card.folder
    if folder.parent == registry.SHIPPED:
        folder = keep(Entry(folder, card.name, "shipped", is_default=False), card.name)
    file = folder / "card.json"
    with writing(file, ModelError):
        content = renamed(json.loads(file.read_text("utf-8")))
        values = content["heads"][head]
        for calibration in (values, *values.get("calibrations", {}).values()):
            calibration["abstain_below"] = round(threshold, 2)
        write_json(file, content)
    return folder


def pack(entry: Entry) -> bytes:
    """Return the model's folder as a ZIP."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in FILES:
            if (entry.folder / name).is_file():
                archive.write(entry.folder / name, f"{entry.name.replace(' ', '-')}/{name}")
    return buffer.getvalue()


def _check_own(entry: Entry) -> None:
    if entry.kind != "own":
        raise ModelError(
            f"{entry.name} is {'shipped with the program' if entry.kind == 'shipped' else 'a run'}"
            " and stays as it is."
        )
