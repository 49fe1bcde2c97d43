"""The card of a model folder: the network, its heads and its measured metrics."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fer_core.errors import ModelError
from fer_core.labels import EMOTIONS
from fer_core.models.quality import Quality
from fer_core.system.files import digest

FORMAT: Final = 2
"""Number of the format of ``card.json``. Version 0.1 wrote none and other keys, format 1."""

OLD_KEYS: Final = {"readings": "heads", "default_reading": "default_head"}
KERAS_FILE: Final = "model.keras"
LITERT_FILE: Final = "model.tflite"
FP16_FILE: Final = "model_fp16.tflite"
INT8_FILE: Final = "model_int8.tflite"
FORMS: Final = {"fp32": LITERT_FILE, "fp16": FP16_FILE, "int8": INT8_FILE, "keras": KERAS_FILE}
"""The files of a model by the name of their precision. ``fp32`` is what runs everywhere."""

SAME_WEIGHTS: Final = {"keras": "fp32", "fp16": "fp32"}
"""Files with the weights of another, whose temperature and threshold they take.

Rounding to 16 bits moves no probability by more than 0.024 and changes at most 28 labels of the
35,736 images of FER-2013, in both shipped models.
"""


CONTENT: Final[Mapping[str, type | tuple[type, ...]]] = {
    "title": str, "labels": list, "input_size": int, "channels": int, "crop_margin": (int, float),
    "parameters": int, "heads": dict, "default_head": str, "features": str,
}  # fmt: skip
METRICS: Final = ("n", "accuracy", "macro_f1", "calibration_error")
CLASS_METRICS: Final = ("n", "recall", "precision", "f1")
ROBUSTNESS: Final = ("accuracy", "macro_f1", "drop")


@dataclass(frozen=True, slots=True)
class Calibration:
    """Two numbers that make probabilities and a verdict of the logits of one file.

    Attributes:
        temperature: Logits are divided by it before the softmax; above 0.
        abstain_below: A face whose best probability is lower is uncertain; 0..1.
        figures: Split name to measured metrics, as of ``Head`` but without classes.
    """

    temperature: float
    abstain_below: float
    figures: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if not (self.temperature > 0 and 0 <= self.abstain_below <= 1):
            raise ValueError(
                "a head needs temperature > 0 and 0 <= abstain_below <= 1. "
                f"Received: {self.temperature}, {self.abstain_below}"
            )
        splits = self.figures.items() if isinstance(self.figures, Mapping) else ()
        measured = {str(split): f for split, f in splits if _has_numbers(f, METRICS)}
        object.__setattr__(self, "figures", measured)


@dataclass(frozen=True, slots=True)
class Head:
    """One head of a network.

    Attributes:
        title: Its label set, for a user.
        temperature: Of ``model.tflite`` in a single pass; see ``Calibration``.
        abstain_below: The same.
        figures: Split name to measured metrics of that. Metrics that are not numbers are left out
            with their split, so that a card written by hand ends no page.
        calibrations: The same two numbers of every other way to run the network, by
            ``calibration_key``; empty in cards of version 0.1.
    """

    title: str
    temperature: float
    abstain_below: float
    figures: Mapping[str, Any] = field(default_factory=dict)
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Calibration(self.temperature, self.abstain_below)
        object.__setattr__(self, "title", str(self.title))
        object.__setattr__(self, "figures", _measured(self.figures))

    def calibration(self, form: str = "fp32", mirror: bool = False) -> Calibration:
        """Return temperature and threshold of a file, averaged with mirror images or not.

        Where the card has none of its own, those of the same file in a single pass, else those of
        ``model.tflite``.
        """
        form = SAME_WEIGHTS.get(form, form)
        default = Calibration(self.temperature, self.abstain_below)
        single = self.calibrations.get(form, default)
        return self.calibrations.get(calibration_key(form, mirror), single)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The content of a model folder.

    Attributes:
        folder: Its path.
        name: The folder's name.
        title: Its name for a user.
        labels: Always ``EMOTIONS``.
        input_size: Side of the square input in pixels.
        channels: 1 for grey, 3 for RGB.
        crop_margin: Added to the detector's margin (see ``images.crop``).
        parameters: Number of weights.
        heads: Head name to head. The heads' outputs in the files carry these names.
        default_head: The head used unless another is asked for.
        features: Name of the layer whose output is the last feature map.
        quality: When a face is not judged, besides low confidence; None in cards of version 0.1.
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
    quality: Quality | None = None

    @property
    def name(self) -> str:
        """Return the folder's name."""
        return self.folder.name

    def network_digest(self) -> str:
        """Return the SHA-256 of the network that runs everywhere, in hexadecimal."""
        return digest(self.folder / LITERT_FILE)

    def head(self, name: str | None) -> Head:
        """Return the head called ``name``, or the default head.

        Raises:
            ModelError: There is none of that name.
        """
        name = name or self.default_head
        if name not in self.heads:
            raise ModelError(
                f"Model {self.name} has the heads {', '.join(self.heads)}. Received: {name!r}."
            )
        return self.heads[name]


def calibration_key(form: str, mirror: bool = False) -> str:
    """Return the name of a calibration in the card, such as ``int8`` or ``int8_mirror``."""
    return f"{form}_mirror" if mirror else form


def head_or_reading(head: str | None, reading: str | None) -> str | None:
    """Return ``head``; ``reading``, its name in version 0.1, is taken with a warning."""
    if reading is None:
        return head
    warnings.warn("reading= is called head= now. Use head=.", DeprecationWarning, stacklevel=3)
    return reading


def renamed(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a ``card.json`` with the keys of version 0.1 under their new names."""
    values = {OLD_KEYS.get(key, key): value for key, value in card.items()}
    return {**values, "format": FORMAT}


def parse_card(folder: Path, card: dict[str, Any]) -> ModelCard:
    """Return the card of a ``card.json``'s content.

    Cards of version 0.1 name the heads ``readings`` and ``default_reading``.

    Raises:
        KeyError: A field is missing.
        ValueError: A value is out of range.
    """
    card = renamed(card)
    del card["format"]
    for name, kind in CONTENT.items():
        if not isinstance(card[name], kind):
            raise ValueError(f"{name} cannot be {card[name]!r}")
    names = sorted(set(ModelCard.__dataclass_fields__) - {"folder", "facts", "quality"})
    values: dict[str, Any] = {name: card.pop(name) for name in names}
    values["labels"] = tuple(values["labels"])
    values["heads"] = {str(name): _head(head) for name, head in values["heads"].items()}
    quality = card.pop("quality", None)
    values["quality"] = Quality.from_dict(quality) if quality else None
    result = ModelCard(folder=folder, facts=_readable(card), **values)
    if result.default_head not in result.heads:
        raise ValueError(f"default_head {result.default_head!r} is not among the heads")
    if result.channels not in (1, 3) or not 16 <= result.input_size <= 1024:
        raise ValueError("channels must be 1 or 3 and input_size 16 to 1024")
    return result


def _head(values: Mapping[str, Any]) -> Head:
    calibrations = {
        str(key): Calibration(**calibration)
        for key, calibration in values.get("calibrations", {}).items()
    }
    return Head(**{**values, "calibrations": calibrations})


def _measured(figures: Any) -> dict[str, Any]:
    """Return the splits whose metrics are numbers, of every emotion."""
    splits = figures.items() if isinstance(figures, Mapping) else ()
    return {
        str(split): values
        for split, values in splits
        if _has_numbers(values, METRICS)
        and isinstance(classes := values.get("per_class"), Mapping)
        and all(_has_numbers(classes.get(emotion), CLASS_METRICS) for emotion in EMOTIONS)
    }


def _readable(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts without those that pages could not show."""
    robustness = facts.get("robustness")
    tables = robustness.items() if isinstance(robustness, Mapping) else ()
    readable = {
        "limits": [str(limit) for limit in limits]
        if isinstance(limits := facts.get("limits"), list)
        else [],
        "training": training if isinstance(training := facts.get("training"), Mapping) else {},
        "robustness": {
            str(head): rows
            for head, rows in tables
            if isinstance(rows, list) and all(map(_is_robustness, rows))
        },
    }
    return facts | readable


def _is_robustness(row: Any) -> bool:
    return any(  # version 0.1 had other names
        _has_numbers(row, (*ROBUSTNESS, severity)) and corruption in row
        for corruption, severity in (("corruption", "severity"), ("strain", "level"))
    )


def _has_numbers(values: Any, names: tuple[str, ...]) -> bool:
    numbers = [values.get(name) for name in names] if isinstance(values, Mapping) else [None]
    return all(type(number) in (int, float) for number in numbers)
