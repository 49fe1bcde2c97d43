"""How much accuracy is left when faces get harder to read."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from fer_core.evaluation.calibration import Labels
from fer_core.evaluation.metrics import confusion_matrix, rates, rounded
from fer_core.images.corruptions import STRAINS
from fer_core.system.parallel import Progress
from fer_core.types import Pixels, Probabilities

AT_A_TIME: Final = 128
"""Pictures changed and classified before progress is reported."""

AT_ONCE: Final = 2
"""Steps worked on at the same time: one changes pictures while the network reads the other's."""


class Classifies(Protocol):
    """What an ``EmotionClassifier`` can do, or anything else that gives probabilities."""

    def predict(self, crops: list[Pixels], /) -> Probabilities:
        """Float32 (N, 7) for N crops."""


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Face crops, uint8 (H, W) or (H, W, 3) each, and int (N,) what each shows; none -1.

    Raises:
        ValueError: There are none, or the lengths differ.
    """

    crops: Sequence[Pixels]
    truth: Labels

    def __post_init__(self) -> None:
        if len(self.truth) == 0 or len(self.truth) != len(self.crops) or self.truth.min() < 0:
            raise ValueError(
                "need pictures, one truth of 0 or more each. "
                f"Received: {len(self.crops)}, {len(self.truth)}"
            )


@dataclass(frozen=True, slots=True)
class Robustness:
    """Figures at one level of one strain.

    Attributes:
        strain: A name in ``strains.STRAINS``; empty for the pictures as they are.
        level: How much of it, in the strain's unit.
        accuracy: Share right, 0..1.
        macro_f1: Mean F1 over the emotions present.
        drop: Accuracy lost against the pictures as they are.
        bias_ratio: Share predicted over share true, in ``EMOTIONS`` order.
    """

    strain: str
    level: float
    accuracy: float
    macro_f1: float
    drop: float
    bias_ratio: tuple[float, ...]


STANDARD: Final = tuple((name, float(strain.standard)) for name, strain in STRAINS.items())
"""Each strain at the level that model cards report."""

EVERY: Final = tuple(
    (name, float(level)) for name, strain in STRAINS.items() for level in strain.levels
)
"""Every strain at all its levels, for curves."""


def measure_robustness(
    classifier: Classifies,
    pictures: Pictures,
    steps: Sequence[tuple[str, float]] = STANDARD,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Robustness, ...]:
    """Figures of the pictures as they are, then of each step.

    The same seed draws the same sides, places and grains at every level.

    Args:
        classifier: Whose answers are judged; asked from two threads at once.
        pictures: What it is asked about.
        steps: Strains and levels: ``STANDARD``, ``EVERY``, or some of them.
        seed: Of all chance.
        progress: See ``chunks.Progress``; counts pictures, called from those threads in turn.

    Raises:
        CancelledError: ``progress`` asked to stop.
    """
    every = [("", 0.0), *steps]
    report = _counting(progress, len(every) * len(pictures.crops))
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        answers = list(
            pool.map(lambda step: _answers(classifier, pictures, step, seed, report), every)
        )
    finally:
        pool.shutdown(cancel_futures=True)
    clean = float((answers[0] == pictures.truth).mean())
    return tuple(
        _row(step, given, pictures.truth, clean) for step, given in zip(every, answers, strict=True)
    )


def _answers(
    classifier: Classifies,
    pictures: Pictures,
    step: tuple[str, float],
    seed: int,
    report: Callable[[int], None],
) -> Labels:
    """What is said of the pictures under one step; always the same with the same seed."""
    name, level = step
    answers = np.empty(len(pictures.crops), np.int64)
    random = np.random.default_rng(seed)
    for start in range(0, len(answers), AT_A_TIME):
        part = list(pictures.crops[start : start + AT_A_TIME])
        if name:
            part = [STRAINS[name].apply(crop, level, random) for crop in part]
        answers[start : start + len(part)] = classifier.predict(part).argmax(axis=1)
        report(len(part))
    return answers


def _counting(progress: Progress | None, total: int) -> Callable[[int], None]:
    """A function for several threads to say how many more are done."""
    lock, done = threading.Lock(), 0

    def report(more: int) -> None:
        nonlocal done
        with lock:
            done += more
            if progress:
                progress(done, total)

    return report


def plain(rows: Sequence[Robustness]) -> list[dict[str, Any]]:
    """Rows as plain rounded values, for a card or a JSON file."""
    return [
        {
            "strain": row.strain or "none",
            "level": row.level,
            **rounded({"accuracy": row.accuracy, "macro_f1": row.macro_f1, "drop": row.drop}),
        }
        for row in rows
    ]


def _row(step: tuple[str, float], answers: Labels, truth: Labels, clean: float) -> Robustness:
    found = rates(confusion_matrix(truth, answers))
    accuracy, bias = float(found.accuracy), tuple(found.bias_ratio.tolist())
    return Robustness(*step, accuracy, float(found.macro_f1), clean - accuracy, bias)
