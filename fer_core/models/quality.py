"""Reasons not to judge a face: what the network's output ``quality`` and the size tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from fer_core.types import Floats

QUALITY: Final = "quality"
"""Name of the network's output: a logit for each reason, linear on the pooled features."""

TOO_SMALL: Final = "too small"

EXPLANATIONS: Final = {
    "covered": "Part of the face is covered, by a mask, a hand or glasses.",
    "too dark": "The face is too dark. More light from the front helps.",
    "blurred": "The face is blurred or has too few pixels.",
    "turned": "The face is not upright.",
    "not a face": "This does not look like a face.",
    TOO_SMALL: "The face is too small. Come closer, or use a larger photo.",
    "": "No emotion stands out enough to name one.",
}
"""A sentence for the user on each reason."""


@dataclass(frozen=True, slots=True)
class Quality:
    """The rule by which a face is uncertain whatever its confidence.

    With ``q = 1 / (1 + exp(-logits))`` of the output ``quality`` a face has the first reason of
    ``reasons`` with ``q >= above``; a face whose box has a longer side below ``min_side`` is too
    small. A face without a reason is uncertain if its confidence is below ``abstain_below`` alone.

    Attributes:
        reasons: A word or two for each logit, such as ``covered``.
        above: Probability from which each is given; 0..1.
        min_side: Pixels of the image, before any enlargement.
    """

    reasons: tuple[str, ...]
    above: tuple[float, ...]
    min_side: float = 0.0

    def __post_init__(self) -> None:
        if len(self.reasons) != len(self.above) or not all(0 < x <= 1 for x in self.above):
            raise ValueError(
                "quality needs a threshold above 0 and up to 1 for each reason. "
                f"Received: {self.reasons}, {self.above}"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Quality":
        """Return the rule that a card holds.

        Raises:
            KeyError: A value is missing.
            ValueError: A value is out of range.
        """
        reasons, above = map(str, values["reasons"]), map(float, values["above"])
        return cls(tuple(reasons), tuple(above), float(values.get("min_side", 0)))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a card."""
        return {"reasons": [*self.reasons], "above": [*self.above], "min_side": self.min_side}

    def reasons_of(self, logits: Floats) -> tuple[str, ...]:
        """Return the reason of each face by its logits, float32 (N, K); empty where none."""
        with np.errstate(over="ignore"):
            exceeded = 1 / (1 + np.exp(-logits)) >= np.array(self.above)
        return tuple(self.reasons[row.argmax()] if row.any() else "" for row in exceeded)

    def is_too_small(self, side: float) -> bool:
        """Return True if the longer side of a box, in pixels of the image, is below the limit."""
        return side < self.min_side
