"""Accuracy under corruptions, and how far predictions move."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from fer_core.evaluation.metrics import confusion_matrix, rates, rounded
from fer_core.images.corruptions import CORRUPTIONS
from fer_core.system.parallel import Progress
from fer_core.types import Labels, Mask, Pixels, Probabilities

CHUNK: Final = 128
"""Images that are corrupted and classified before progress is reported."""

WORKERS: Final = 2
"""Conditions measured at the same time: one corrupts images while the network runs the other's."""


class Classifies(Protocol):
    """Anything that gives probabilities and verdicts, as ``EmotionClassifier`` does."""

    def predict_with_certainty(self, crops: list[Pixels], /) -> tuple[Probabilities, Mask]:
        """Return float32 (N, 7) for N crops, uint8 (H, W) or (H, W, 3), and bool (N,): certain."""


PredictAll = Callable[[list[Pixels]], Mapping[str, tuple[Probabilities, Mask]]]
"""From crops to ``Classifies.predict_with_certainty`` by head."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledCrops:
    """Face crops, uint8 (H, W) or (H, W, 3) each, and their labels, int64 (N,) from 0 on.

    Raises:
        ValueError: There are none, the lengths differ, or a label is below 0.
    """

    crops: Sequence[Pixels]
    y_true: Labels

    def __post_init__(self) -> None:
        if len(self.y_true) == 0 or len(self.y_true) != len(self.crops) or self.y_true.min() < 0:
            raise ValueError(
                "need images, one label of 0 or more each. "
                f"Received: {len(self.crops)}, {len(self.y_true)}"
            )


@dataclass(frozen=True, slots=True)
class Robustness:
    """Metrics under one corruption at one severity.

    Attributes:
        corruption: A key of ``CORRUPTIONS``; empty for the images without one.
        severity: In the corruption's unit.
        accuracy: 0..1.
        macro_f1: Mean F1 over the emotions present.
        drop: Accuracy lost against the images without corruption.
        changed: Share of the images with another emotion than without corruption; NaN where it was
            not measured: version 0.1 did not.
        coverage: Share of the images that are not uncertain; NaN likewise.
        selective_accuracy: Accuracy on those; NaN where there are none.
    """

    corruption: str
    severity: float
    accuracy: float
    macro_f1: float
    drop: float
    changed: float = float("nan")
    coverage: float = float("nan")
    selective_accuracy: float = float("nan")

    def __str__(self) -> str:
        """Return the condition in words."""
        kind = CORRUPTIONS.get(self.corruption)
        return kind.describe(self.severity) if kind else "No corruption"


MEASURED: Final = ("accuracy", "macro_f1", "drop", "changed", "coverage", "selective_accuracy")

STANDARD: Final = tuple((name, float(kind.standard)) for name, kind in CORRUPTIONS.items())
"""Each corruption at the severity that model cards report."""

ALL_SEVERITIES: Final = tuple(
    (name, float(severity)) for name, kind in CORRUPTIONS.items() for severity in kind.severities
)
"""Every corruption at all its severities, for curves."""


def measure_robustness(
    classifier: Classifies,
    labelled: LabelledCrops,
    conditions: Sequence[tuple[str, float]] = STANDARD,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Robustness, ...]:
    """Return the metrics without corruption, then under each condition.

    The same seed draws the same sides, positions and grain at every severity.

    Args:
        classifier: Called from two threads at once.
        labelled: What it classifies.
        conditions: Corruptions and severities: ``STANDARD``, ``ALL_SEVERITIES``, or some of them.
        seed: Of all random numbers.
        progress: Called with (done, total) images, from those threads in turn.

    Raises:
        CancelledError: ``progress`` asked to stop.
    """
    predict: PredictAll = lambda crops: {"": classifier.predict_with_certainty(crops)}  # noqa: E731
    return measure_heads(
        predict, labelled.crops, {"": labelled.y_true}, conditions, seed, progress
    )[""]


def measure_heads(  # noqa: PLR0913, PLR0917
    predict: PredictAll,
    crops: Sequence[Pixels],
    y_true: Mapping[str, Labels],
    conditions: Sequence[tuple[str, float]] = STANDARD,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, tuple[Robustness, ...]]:
    """Return ``measure_robustness`` of several heads by their name, each image predicted once.

    Args:
        predict: Called from two threads at once.
        crops: N face crops, uint8 (H, W) or (H, W, 3).
        y_true: int64 (N,) by head; -1 where an image has no label.
        conditions: See ``measure_robustness``, as ``seed`` and ``progress``.
        seed: Of all random numbers.
        progress: Called with (done, total) images.
    """
    conditions = [("", 0.0), *conditions]
    report = _counter(progress, len(conditions) * len(crops))
    pool = ThreadPoolExecutor(WORKERS)
    try:
        predictions = list(
            pool.map(
                lambda condition: _predict(predict, crops, condition, seed, report),
                conditions,
            )
        )
    finally:
        pool.shutdown(cancel_futures=True)
    result = {}
    for head, labels in y_true.items():
        clean = predictions[0][head][0]
        result[head] = tuple(
            _row(condition, *prediction[head], labels, clean)
            for condition, prediction in zip(conditions, predictions, strict=True)
        )
    return result


def _predict(
    predict: PredictAll,
    crops: Sequence[Pixels],
    condition: tuple[str, float],
    seed: int,
    report: Callable[[int], None],
) -> dict[str, tuple[Labels, Mask]]:
    """Return predictions and which are certain, by head, under one condition."""
    name, severity = condition
    parts: dict[str, list[tuple[Labels, Mask]]] = {}
    random = np.random.default_rng(seed)
    for start in range(0, len(crops), CHUNK):
        chunk = list(crops[start : start + CHUNK])
        if name:
            chunk = [CORRUPTIONS[name].apply(crop, severity, random) for crop in chunk]
        for head, (probabilities, certain) in predict(chunk).items():
            parts.setdefault(head, []).append((probabilities.argmax(axis=1), certain))
        report(len(chunk))
    return {
        head: (np.concatenate([y for y, _ in pairs]), np.concatenate([c for _, c in pairs]))
        for head, pairs in parts.items()
    }


def _counter(progress: Progress | None, total: int) -> Callable[[int], None]:
    """Return a function that several threads call with the number of images they finished."""
    lock, count = threading.Lock(), 0

    def report(more: int) -> None:
        nonlocal count
        with lock:
            count += more
            if progress:
                progress(count, total)

    return report


def to_dicts(rows: Sequence[Robustness]) -> list[dict[str, Any]]:
    """Return plain rounded values, for a card or a JSON file."""
    return [
        {
            "corruption": row.corruption or "none",
            "severity": row.severity,
            **rounded({name: getattr(row, name) for name in MEASURED}),
        }
        for row in rows
    ]


def from_dicts(rows: Sequence[Mapping[str, Any]]) -> tuple[Robustness, ...]:
    """Return the rows of ``to_dicts``; version 0.1 wrote ``strain`` and ``level``.

    Raises:
        KeyError: A value is missing.
    """
    result = []
    for row in rows:
        name = row["corruption"] if "corruption" in row else row["strain"]
        severity = row["severity"] if "severity" in row else row["level"]
        result.append(
            Robustness(
                "" if name == "none" else str(name),
                float(severity),
                float(row["accuracy"]),
                float(row["macro_f1"]),
                float(row["drop"]),
                *(_number(row.get(name)) for name in MEASURED[3:]),
            )
        )
    return tuple(result)


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _row(
    condition: tuple[str, float], y_pred: Labels, certain: Mask, y_true: Labels, clean: Labels
) -> Robustness:
    rows = y_true >= 0
    y_pred, y_true, clean = (part[rows] for part in (y_pred, y_true, clean))
    certain = certain[rows]
    values = rates(confusion_matrix(y_true, y_pred))
    accuracy = float(values.accuracy)
    return Robustness(
        *condition,
        accuracy,
        float(values.macro_f1),
        float((clean == y_true).mean()) - accuracy,
        float((y_pred != clean).mean()),
        float(certain.mean()),
        float((y_pred == y_true)[certain].mean()) if certain.any() else float("nan"),
    )
