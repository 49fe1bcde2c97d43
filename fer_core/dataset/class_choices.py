"""The emotions that a person gave to class names of a dataset, kept below ``FER_HOME``."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fer_core.dataset.decisions import file_for
from fer_core.dataset.numberings import NOT_ONE_OF_SEVEN
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS
from fer_core.system import files
from fer_core.system.settings import settings

FORMAT: Final = 1


def save(root: Path, classes: Mapping[str, str]) -> None:
    """Keep what was chosen for a dataset; where nothing may be stored, forget it."""
    if settings().policy.may_store:
        with contextlib.suppress(OSError):  # without the file it has to be given again
            files.write_json(_file(root), {"format": FORMAT, "classes": dict(classes)})


def load(root: Path) -> dict[str, str] | None:
    """Return what was chosen last for the dataset in ``root``; None where nothing was.

    Raises:
        DatasetError: A newer version wrote it.
    """
    try:
        content = json.loads(_file(root).read_text("utf-8"))
        files.check_format(content, FORMAT, _file(root), DatasetError)
        classes = {str(name): str(emotion) for name, emotion in content["classes"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # none yet, or damaged
        return None
    is_right = set(classes.values()) <= {*EMOTIONS, NOT_ONE_OF_SEVEN}
    return classes if is_right else None


def note(classes: Mapping[str, str]) -> str:
    """Return the sentence that says which earlier choices were used."""
    pairs = ", ".join(
        f"{name} {'left out' if emotion == NOT_ONE_OF_SEVEN else f'is {emotion}'}"
        for name, emotion in sorted(classes.items())
    )
    return f"Classes as given before: {pairs}. Give others with --classes NAME=EMOTION."


def _file(root: Path) -> Path:
    return file_for(root).with_name("classes.json")
