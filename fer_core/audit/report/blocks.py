"""What a report is made of, whatever it is written as."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as they are shown; the first column holds names, the others numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Horizontal bars, stacked where there are several series.

    Attributes:
        title: What the bars show.
        names: One a bar.
        series: Name to lengths, a length a bar; none below 0.
        percent: Lengths are shares 0..1 and a full bar is 1; else the longest bar is full.
    """

    title: str
    names: tuple[str, ...]
    series: Mapping[str, tuple[float, ...]]
    percent: bool = False

    def __post_init__(self) -> None:
        """Raise ``ValueError`` unless every series has a length for every bar."""
        if any(len(lengths) != len(self.names) for lengths in self.series.values()):
            raise ValueError(f"{self.title}: {len(self.names)} bars need as many lengths.")

    @property
    def totals(self) -> tuple[float, ...]:
        """Length of each whole bar."""
        return tuple(map(sum, zip(*self.series.values(), strict=True)))


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what follows: sentences as a list, then a table, then charts.

    Attributes:
        title: The heading.
        lines: Sentences.
        table: A table, if there is one.
        charts: Shown in HTML only.
    """

    title: str
    lines: tuple[str, ...] = ()
    table: Table | None = None
    charts: tuple[Chart, ...] = ()
