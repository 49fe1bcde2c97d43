"""The parts of a report, independent of the format."""

from collections.abc import Mapping
from dataclasses import dataclass

from fer_core.labels import COLORS, SPLIT_COLORS

PLAIN_COLOR = "#1F8A7B"


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as they are shown; the first column holds names, the others numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Bars:
    """Horizontal bars, stacked where there are several series; shown in HTML only.

    Attributes:
        title: Caption.
        names: Name of each bar.
        series: Series name to lengths, one for each bar; none below 0.
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
        """Length of each bar, all series together."""
        return tuple(map(sum, zip(*self.series.values(), strict=True)))

    @property
    def full(self) -> float:
        """The length that fills the width."""
        return 1.0 if self.percent else max(self.totals, default=0) or 1.0

    def color(self, series: str, name: str = "") -> str:
        """Return the colour of a series in the bar ``name``."""
        return SPLIT_COLORS.get(series) or COLORS.get(name) or PLAIN_COLOR


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart that draws itself: trusted HTML of the program's own making; in HTML only."""

    caption: str
    html: str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, then sentences as a list, bars, figures and tables.

    Attributes:
        title: The heading; empty for none.
        lines: Sentences.
        tables: Tables.
        bars: Charts of bars.
        figures: Charts that draw themselves.
        depth: 1 for a section, 2 for a part of the section before.
    """

    title: str
    lines: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    bars: tuple[Bars, ...] = ()
    figures: tuple[Figure, ...] = ()
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Report:
    """A title and its sections."""

    title: str
    sections: tuple[Section, ...]
