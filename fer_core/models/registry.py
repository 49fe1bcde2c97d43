"""Models on disk: a folder each, described by its ``card.json``.

Shipped models are in ``models/`` beside the package, the user's in ``$FER_HOME/models``.
"""

import json
from pathlib import Path
from typing import Final

from fer_core.errors import ModelError
from fer_core.labels import EMOTIONS
from fer_core.models.card import ModelCard, parse_card
from fer_core.system.files import reading, write_json, writing
from fer_core.system.paths import APP
from fer_core.system.settings import settings

SHIPPED: Final = APP / "models"
FIRST_CHOICE: Final = "mobilenetv2"


def model_folders() -> tuple[Path, ...]:
    """Every folder that holds a card: the user's first, a shipped one of the same name hidden."""
    folders: dict[str, Path] = {}
    for root in (settings().home / "models", SHIPPED):
        for card in sorted(root.glob("*/card.json")):
            if not card.parent.name.startswith("."):  # being written or deleted
                folders.setdefault(card.parent.name, card.parent)
    return tuple(folders.values())


def default_model() -> str:
    """Name of the model used unless another is asked for.

    Raises:
        ModelError: ``$FER_HOME/default.json`` is damaged.
    """
    return _defaults()[-1]


def promote(name: str) -> None:
    """Make ``name`` the default model; the one before is remembered.

    Raises:
        ModelError: There is no such model, its card cannot be used, it is not one of
            ``model_folders``, or the choice cannot be written.
    """
    load_card(name)
    if name not in {folder.name for folder in model_folders()}:
        raise ModelError(
            f"{name} is a folder of its own. Copy it into {settings().home / 'models'}, then "
            "promote it by its name."
        )
    before = [one for one in _defaults() if one != name]
    _write_defaults([*before, name])


def roll_back() -> str:
    """Go back to the default before this one; the shipped one comes last. Returns its name.

    Raises:
        ModelError: ``$FER_HOME/default.json`` is damaged or cannot be written.
    """
    there = {folder.name for folder in model_folders()}
    kept = [name for name in _defaults()[:-1] if name in there] or [FIRST_CHOICE]
    _write_defaults(kept)
    return kept[-1]


def _defaults() -> list[str]:
    """The defaults in the order they were promoted, the present one last."""
    file = settings().home / "default.json"
    if not file.is_file():
        return [FIRST_CHOICE]
    try:
        content = json.loads(file.read_text("utf-8"))
        return [*map(str, content.get("before", ())), str(content["model"])]
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise ModelError(f"{file} is damaged. Delete it to go back to {FIRST_CHOICE}.") from error


def _write_defaults(names: list[str]) -> None:
    file = settings().home / "default.json"
    with writing(file, ModelError, "The default stays as it was."):
        write_json(file, {"model": names[-1], "before": names[:-1][-9:]})


def load_card(model: str | Path | None = None) -> ModelCard:
    """Read the card of a model.

    Args:
        model: A name under one of the ``models`` folders, a path to a model folder, or None for
            the default.

    Raises:
        ModelError: No such folder, no card, a damaged card, or one with other labels.
    """
    folder = find_model(model)
    file = folder / "card.json"
    try:
        with reading(file, ModelError, "Install the model again."):
            card = json.loads(file.read_text("utf-8"))
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
    """The folder of a model; see ``load_card``."""
    wanted = default_model() if model is None else model
    by_name = {folder.name: folder for folder in model_folders()}
    if str(wanted) in by_name:
        return by_name[str(wanted)]
    if (Path(wanted) / "card.json").is_file():
        return Path(wanted)
    known = ", ".join(by_name) or "none"
    raise ModelError(
        f"There is no model {str(wanted)!r}. Use one of: {known}; or a folder with a card.json."
    )
