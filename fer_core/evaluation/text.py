"""Figures as text for a terminal: the evaluations side by side, then each emotion."""

from collections.abc import Mapping, Sequence
from typing import Any

from fer_core.evaluation.evaluate import Evaluation
from fer_core.evaluation.robustness import Robustness
from fer_core.images.corruptions import STRAINS
from fer_core.labels import EMOTIONS


def overview(found: Mapping[str, Evaluation]) -> str:
    """A line for each evaluation by its name."""
    head = ("", "n", "accuracy", "macro-F1", "cal. error", "worst recall", "bias", "answered",
            "right of those")  # fmt: skip
    return table(head, [(name, *_headline(one)) for name, one in found.items()])


def per_class(one: Evaluation) -> str:
    """A line for each emotion: rates with intervals, and how often it is said and true."""
    head = ("", "n", "recall", "precision", "F1", "bias ratio")
    rows = []
    for name in EMOTIONS:
        figures, intervals = one.figures.per_class[name], one.intervals.per_class[name]
        rates = [
            f"{getattr(figures, rate):.3f} [{reach.text()}]" for rate, reach in intervals.items()
        ]
        rows.append((name, f"{figures.n:,}", *rates))
    return table(head, rows)


def confusion(one: Evaluation) -> str:
    """Counts: a line for each true emotion, a column for each answer."""
    rows = [(name, *map(str, one.confusion[i])) for i, name in enumerate(EMOTIONS)]
    return table(("true \\ said", *EMOTIONS), rows)


def robustness(rows: Sequence[Robustness]) -> str:
    """A line for each strain and level."""
    body = []
    for row in rows:
        strain = STRAINS.get(row.strain)
        what = f"{strain.title}, {row.level:g} {strain.unit}" if strain else "as they are"
        body.append((what, f"{row.accuracy:.3f}", f"{row.macro_f1:.3f}", f"{row.drop:+.3f}"))
    return table(("", "accuracy", "macro-F1", "lost"), body)


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns as wide as they need, the first to the left, the others to the right; Markdown."""
    lines = [list(map(str, row)) for row in (head, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    lines.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    return "\n".join(
        "| " + " | ".join([line[0].ljust(widths[0]), *_right(line[1:], widths[1:])]) + " |"
        for line in lines
    )


def _right(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]


def _headline(one: Evaluation) -> tuple[str, ...]:
    figures, reach = one.figures, one.intervals
    present = {name: part for name, part in figures.per_class.items() if part.n}
    worst = min(present, key=lambda name: present[name].recall)
    bias = [part.bias_ratio for part in present.values()]
    return (
        f"{figures.n:,}",
        f"{figures.accuracy:.4f} [{reach.accuracy.low:.3f}, {reach.accuracy.high:.3f}]",
        f"{figures.macro_f1:.4f} [{reach.macro_f1.low:.3f}, {reach.macro_f1.high:.3f}]",
        f"{figures.calibration_error:.4f}",
        f"{worst} {present[worst].recall:.2f}",
        f"{min(bias):.2f} to {max(bias):.2f}",
        f"{one.answered:.3f}",
        f"{one.accuracy_of_answered:.3f}",
    )
