"""Models on disk: a folder each, described by its ``card.json``.

Shipped models are in ``models/`` beside the package, the user's in ``$FER_HOME/models``.
"""

import json
from pathlib import Path
from typing import Final

from fer_core.errors import ModelError
from fer_core.labels import EMOTIONS
from fer_core.models.card import FORMAT, ModelCard, parse_card
from fer_core.system.files import check_format, reading, write_json, writing
from fer_core.system.paths import APP
from fer_core.system.settings import settings

SHIPPED: Final = APP / "models"
FIRST_CHOICE: Final = "mobilenetv2"
DEFAULT_FORMAT: Final = 1


def model_folders() -> tuple[Path, ...]:
    """Return every folder with a card; a user's model hides a shipped one of the same name."""
    folders: dict[str, Path] = {}
    for root in (settings().home / "models", SHIPPED):
        for card in sorted(root.glob("*/card.json")):
            if not card.parent.name.startswith("."):  # being written or deleted
                folders.setdefault(card.parent.name, card.parent)
    return tuple(folders.values())


def default_model() -> str:
    """Return the name of the model used unless another is asked for.

    Raises:
        ModelError: ``$FER_HOME/default.json`` is damaged.
    """
    return _defaults()[-1]


def promote(name: str) -> None:
    """Make ``name`` the default model; the previous one is remembered.

    Raises:
        ModelError: There is no such model, its card cannot be used, it is not one of
            ``model_folders``, or the choice cannot be written.
    """
    load_card(name)
    if name not in {folder.name for folder in model_folders()}:
        raise ModelError(
            f"{name} is a folder elsewhere. Copy it into {settings().home / 'models'}, then "
            "promote it by its name."
        )
    previous = [model for model in _defaults() if model != name]
    _write_defaults([*previous, name])


def roll_back() -> str:
    """Restore the previous default model and return its name.

    Raises:
        ModelError: ``$FER_HOME/default.json`` is damaged or cannot be written.
    """
    name = previous_model() or FIRST_CHOICE
    defaults = _defaults()[:-1]
    _write_defaults(defaults[: defaults.index(name) + 1] if name in defaults else [name])
    return name


def previous_model() -> str | None:
    """Return the model that ``roll_back`` restores; None where the default is the first.

    Raises:
        ModelError: ``$FER_HOME/default.json`` is damaged.
    """
    *previous, current = _defaults()
    folders = {folder.name for folder in model_folders()}
    name = next((name for name in reversed(previous) if name in folders), FIRST_CHOICE)
    return None if name == current else name


def _defaults() -> list[str]:
    """Return the default models in the order they were promoted, the current one last."""
    file = settings().home / "default.json"
    if not file.is_file():
        return [FIRST_CHOICE]
    try:
        content = json.loads(file.read_text("utf-8"))
        check_format(content, DEFAULT_FORMAT, file, ModelError)
        return [*map(str, content.get("before", ())), str(content["model"])]
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise ModelError(f"{file} is damaged. Delete it to go back to {FIRST_CHOICE}.") from error


def _write_defaults(names: list[str]) -> None:
    file = settings().home / "default.json"
    with writing(file, ModelError, "The default stays as it was."):
        write_json(file, {"format": DEFAULT_FORMAT, "model": names[-1], "before": names[:-1][-9:]})


def load_card(model: str | Path | None = None) -> ModelCard:
    """Read the card of a model.

    Args:
        model: A name under one of the ``models`` folders, a path to a model folder, or None for
            the default.

    Raises:
        ModelError: No such folder, no card, a damaged card, one of a newer version, or one with
            other labels.
    """
    folder = find_model(model)
    file = folder / "card.json"
    try:
        with reading(file, ModelError, "Install the model again."):
            card = json.loads(file.read_text("utf-8"))
        check_format(card, FORMAT, file, ModelError)
        if tuple(card["labels"]) != EMOTIONS:
            raise ModelError(
                f"{file}: this program needs the labels {', '.join(EMOTIONS)}, in this order. "
                f"Received: {', '.join(map(str, card['labels']))}."
            )
        return parse_card(folder, card)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{file} is damaged or incomplete ({type(error).__name__}: {error}). "
            "Install the model again."
        ) from error


def find_model(model: str | Path | None = None) -> Path:
    """Return the folder of a model; see ``load_card``."""
    name = str(default_model() if model is None else model)
    by_name = {folder.name: folder for folder in model_folders()}
    if name in by_name:
        return by_name[name]
    if (Path(name) / "card.json").is_file():
        return Path(name)
    raise ModelError(
        f"There is no model {name!r}. Use one of: {', '.join(by_name) or 'none'}; or a folder with "
        "a card.json."
    )
