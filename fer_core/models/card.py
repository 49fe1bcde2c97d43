"""The card of a model folder: what the network is, its heads and its measured figures."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fer_core.errors import ModelError

OLD_KEYS: Final = {"readings": "heads", "default_reading": "default_head"}
KERAS_FILE: Final = "model.keras"


LITERT_FILE: Final = "model.tflite"


INT8_FILE: Final = "model_int8.tflite"


@dataclass(frozen=True, slots=True)
class Head:
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
        heads: Head name to head. The heads' outputs in the files carry these names.
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
    heads: Mapping[str, Head]
    default_head: str
    features: str
    facts: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def head(self, name: str | None) -> Head:
        """The reading called ``name``, or the default one.

        Raises:
            ModelError: There is none of that name.
        """
        wanted = name or self.default_head
        if wanted not in self.heads:
            raise ModelError(
                f"Model {self.name} has the heads {', '.join(self.heads)}. Received: {wanted!r}."
            )
        return self.heads[wanted]


def head_or_reading(head: str | None, reading: str | None) -> str | None:
    """Return ``head``; ``reading``, its name in version 0.1, is taken with a warning."""
    if reading is None:
        return head
    warnings.warn("reading= is called head= now. Use head=.", DeprecationWarning, stacklevel=3)
    return reading


def renamed(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a ``card.json`` with the keys of version 0.1 under their new names."""
    return {OLD_KEYS.get(key, key): value for key, value in card.items()}


def parse_card(folder: Path, card: dict[str, Any]) -> ModelCard:
    """Return the card of a ``card.json``'s content.

    Cards of version 0.1 name the heads ``readings`` and ``default_reading``.

    Raises:
        KeyError: A field is missing.
        ValueError: A value is out of range.
    """
    card = renamed(card)
    known = {name for name in ModelCard.__dataclass_fields__ if name not in {"folder", "facts"}}
    values: dict[str, Any] = {name: card.pop(name) for name in sorted(known)}
    values["labels"] = tuple(values["labels"])
    values["heads"] = {name: Head(**head) for name, head in values["heads"].items()}
    result = ModelCard(folder=folder, facts=card, **values)
    if result.default_head not in result.heads:
        raise ValueError(f"default_head {result.default_head!r} is not among the heads")
    if result.channels not in (1, 3) or not 16 <= result.input_size <= 1024:
        raise ValueError("channels must be 1 or 3 and input_size 16 to 1024")
    return result
