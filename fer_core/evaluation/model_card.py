"""Figures to take along: a model card in Markdown."""

from collections.abc import Mapping
from typing import Any

from fer_core.evaluation.evaluate import Evaluation
from fer_core.evaluation.groups import gap
from fer_core.evaluation.text import confusion, per_class, table
from fer_core.images.corruptions import STRAINS
from fer_core.labels import EMOTIONS
from fer_core.models.card import ModelCard


def model_card(
    card: ModelCard,
    name: str,
    measured: Mapping[str, Evaluation] | None = None,
    groups: Mapping[str, Evaluation] | None = None,
    level: int = 1,
) -> str:
    """The card of a model: what it is, what it reaches, what it must not be used for.

    Args:
        card: The model.
        name: What to call it.
        measured: Evaluations made now, by what they are of.
        groups: Evaluations of groups of people, by group.
        level: Of the first heading.
    """
    first, second = "#" * level, "#" * (level + 1)
    parts = [f"{first} Model card: {name}", _what(card)]
    for key, head in card.heads.items():
        rows = [
            (split, *_stored(figures)) for split, figures in head.figures.items()
            if isinstance(figures, Mapping) and "accuracy" in figures
        ]  # fmt: skip
        parts.append(f"{second} Reading {key}: {head.title}")
        parts.append(
            f"Temperature {head.temperature:g}; a face is uncertain below a confidence of "
            f"{head.abstain_below:g}."
        )
        if rows:
            parts.append(table(("split", "n", "right", "macro-F1", "calibration error"), rows))
    strained = card.facts.get("robustness")
    if isinstance(strained, Mapping) and strained:
        parts += [f"{second} Robustness", *_strained(strained)]
    for title, one in (measured or {}).items():
        parts += [f"{second} Measured: {title}", per_class(one), confusion(one)]
    parts += [f"{second} Groups of people", _groups(groups)]
    parts += [f"{second} Limits", _list([*card.facts.get("limits", ()), *USE])]
    return "\n\n".join(parts) + "\n"


USE = (
    "An expression is not a feeling: do not decide about people with it.",
    "Not for people at work or in education: the EU AI Act bans that in Art. 5(1)(f).",
)


def _what(card: ModelCard) -> str:
    lines = [
        f"{card.title}, {card.parameters:,} weights." if card.parameters else f"{card.title}.",
        f"Takes face crops of {card.input_size}×{card.input_size} pixels, "
        f"{'grey' if card.channels == 1 else 'colour'}.",
        f"Answers {', '.join(EMOTIONS)}.",
    ]
    words = {"created": "Made", "data": "Data", "license": "Licence"}
    lines += [f"{word}: {card.facts[key]}." for key, word in words.items() if key in card.facts]
    return _list(lines)


def _stored(figures: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        f"{figures.get('n', 0):,}",
        f"{figures['accuracy'] * 100:.1f} %",
        f"{figures.get('macro_f1', float('nan')):.3f}",
        f"{figures.get('calibration_error', float('nan')):.3f}",
    )


def _strained(kept: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    """The card's own table of strains, of each reading: rows as ``robustness.plain`` gives them."""
    parts = []
    for head, rows in kept.items():
        body = []
        for row in rows:
            strain = STRAINS.get(row["strain"])
            what = f"{strain.title}, {row['level']:g} {strain.unit}" if strain else "as they are"
            body.append((what, f"{row['accuracy'] * 100:.1f} %", f"{row['drop'] * 100:+.1f}"))
        parts += [f"Reading {head}:", table(("", "right", "points lost"), body)]
    return parts


def _groups(groups: Mapping[str, Evaluation] | None) -> str:
    if not groups:
        return (
            "Not known: the labels name no groups that can be read (FER-2013 has none), so how the "
            "model differs between ages, skin tones or cameras is unknown."
        )
    rows = [
        (name, f"{one.figures.n:,}", f"{one.figures.accuracy * 100:.1f} %",
         f"{one.intervals.accuracy.low * 100:.1f} to {one.intervals.accuracy.high * 100:.1f} %")
        for name, one in groups.items()
    ]  # fmt: skip
    return f"{gap(dict(groups))}\n\n{table(('group', 'n', 'right', '95 % range'), rows)}"


def _list(lines: list[str]) -> str:
    return "\n".join(f"- {line.rstrip('.')}." for line in lines)
