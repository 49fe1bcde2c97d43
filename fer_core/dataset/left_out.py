"""Files and rows that are not part of a dataset, by the reason, with counts and examples."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

KINDS: Final = {
    "unknown class": "in folders whose names are no emotion and no split",
    "other class": "of a class that is none of the seven emotions",
    "unlabelled": "without a label",
    "outside classes": "outside class folders",
    "two classes": "in folders that name two emotions or two splits",
    "unsupported": "of a type that is no image this app reads",
    "unreadable": "that cannot be read",
    "no face": "in which no face was detected",
    "name": "with a name that is not UTF-8",
    "hidden": "that are hidden or of the system",
    "document": "that are tables or texts beside the images",
    "broken link": "that are broken links",
    "record": "written by this app",
}
"""Reasons, phrased to follow "12 files"."""

MAX_EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Files or rows that one reason keeps out of a dataset.

    Attributes:
        kind: One of ``KINDS``.
        count: How many.
        examples: A few of their names, or of the folders or classes that hold them.
        advice: What to do about it, as a sentence; empty where nothing need be done.
        unit: What is counted, in the plural.
    """

    kind: str
    count: int
    examples: tuple[str, ...] = ()
    advice: str = ""
    unit: str = "files"

    def __str__(self) -> str:
        unit = self.unit if self.count != 1 else self.unit.removesuffix("s")
        reason = KINDS[self.kind]
        if self.count == 1:
            reason = reason.replace("that are ", "that is ").replace("tables or texts", "a table")
        names = ", ".join(self.examples).encode("utf-8", "backslashreplace").decode()
        text = f"{self.count:,} {unit} {reason}"
        return f"{text}: {names}. {self.advice}".strip() if names else f"{text}. {self.advice}"

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "LeftOut":
        """Return what ``dataclasses.asdict`` made a dict of."""
        return cls(**{**values, "examples": tuple(values.get("examples", ()))})


@dataclass(slots=True)
class Tally:
    """Counts what is left out while a dataset is read."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    advice: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, example: str, count: int = 1, advice: str = "") -> None:
        """Count files of one kind; the first few different examples and the advice are kept."""
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}. Received: {kind!r}.")
        self.counts[kind] = self.counts.get(kind, 0) + count
        examples = self.examples.setdefault(kind, [])
        if len(examples) <= MAX_EXAMPLES and example not in examples:
            examples.append(example)
        if advice and advice not in self.advice.get(kind, ""):
            self.advice[kind] = f"{self.advice.get(kind, '')} {advice}".strip()

    def copy(self) -> "Tally":
        """Return an independent copy."""
        examples = {kind: list(names) for kind, names in self.examples.items()}
        return Tally(dict(self.counts), examples, dict(self.advice))

    def left_out(self, unit: str = "files") -> tuple[LeftOut, ...]:
        """Return the counts in the order of ``KINDS``."""
        return tuple(
            LeftOut(kind, self.counts[kind], self._names(kind), self.advice.get(kind, ""), unit)
            for kind in KINDS
            if self.counts.get(kind)
        )

    def _names(self, kind: str) -> tuple[str, ...]:
        names = self.examples[kind]
        return (*names[:MAX_EXAMPLES], *(["…"] if len(names) > MAX_EXAMPLES else []))


def sentences(left_out: Iterable[LeftOut]) -> tuple[str, ...]:
    """Return a sentence for each reason, but for files that this app wrote."""
    return tuple(str(each) for each in left_out if each.kind != "record")
