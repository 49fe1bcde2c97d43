"""Models on disk: a folder each, described by its ``card.json``.

Shipped models are in ``models/`` beside the package, the user's in ``$FER_HOME/models``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fer_core.errors import ModelError
from fer_core.labels import EMOTIONS
from fer_core.system.files import write_json
from fer_core.system.settings import settings

SHIPPED: Final = Path(__file__).resolve().parent.parent / "models"
FIRST_CHOICE: Final = "mobilenetv2"
KERAS_FILE: Final = "model.keras"
LITERT_FILE: Final = "model.tflite"
INT8_FILE: Final = "model_int8.tflite"


@dataclass(frozen=True, slots=True)
class Reading:
    """One head of a network.

    Attributes:
        title: What it answers, for a user.
        temperature: Logits are divided by it before the softmax; above 0.
        abstain_below: A face whose best probability is lower is called uncertain; 0..1.
        figures: Split name to measured figures.
    """

    title: str
    temperature: float
    abstain_below: float
    figures: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (self.temperature > 0 and 0 <= self.abstain_below <= 1):
            raise ValueError(
                "a reading needs temperature > 0 and 0 <= abstain_below <= 1. "
                f"Received: {self.temperature}, {self.abstain_below}"
            )


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a model folder holds.

    Attributes:
        folder: Where it is.
        name: The folder's name.
        title: Its name for a user.
        labels: Always ``EMOTIONS``.
        input_size: Side of the square input in pixels.
        channels: 1 for grey, 3 for RGB.
        crop_margin: Added to the detector's margin (see ``images.face_crop``).
        parameters: Number of weights.
        readings: Head name to reading. The heads' outputs in the files carry these names.
        default_reading: The one used unless another is asked for.
        features: Name of the layer whose output is the last feature map.
        facts: Everything else in the card: data, date, licence, limits.
    """

    folder: Path
    title: str
    labels: tuple[str, ...]
    input_size: int
    channels: int
    crop_margin: float
    parameters: int
    readings: Mapping[str, Reading]
    default_reading: str
    features: str
    facts: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def reading(self, name: str | None) -> Reading:
        """The reading called ``name``, or the default one.

        Raises:
            ModelError: There is none of that name.
        """
        wanted = name or self.default_reading
        if wanted not in self.readings:
            raise ModelError(
                f"Model {self.name} has the readings {', '.join(self.readings)}. "
                f"Received: {wanted!r}."
            )
        return self.readings[wanted]


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
    try:
        write_json(file, {"model": names[-1], "before": names[:-1][-9:]})
    except OSError as error:
        raise ModelError(
            f"{file} cannot be written ({error.strerror or error}). The default stays as it was."
        ) from error


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
        card = json.loads(file.read_text("utf-8"))
        if tuple(card["labels"]) != EMOTIONS:
            raise ModelError(
                f"{file}: this program needs the labels {', '.join(EMOTIONS)}, in this order. "
                f"Received: {', '.join(map(str, card['labels']))}."
            )
        return _card(folder, card)
    except OSError as error:
        raise ModelError(
            f"{file} cannot be read ({error.strerror}). Install the model again."
        ) from error
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


def _card(folder: Path, card: dict[str, Any]) -> ModelCard:
    known = {name for name in ModelCard.__dataclass_fields__ if name not in {"folder", "facts"}}
    values: dict[str, Any] = {name: card.pop(name) for name in sorted(known)}
    values["labels"] = tuple(values["labels"])
    values["readings"] = {name: Reading(**reading) for name, reading in values["readings"].items()}
    result = ModelCard(folder=folder, facts=card, **values)
    if result.default_reading not in result.readings:
        raise ValueError(f"default_reading {result.default_reading!r} is not among the readings")
    if result.channels not in (1, 3) or not 16 <= result.input_size <= 1024:
        raise ValueError("channels must be 1 or 3 and input_size 16 to 1024")
    return result
