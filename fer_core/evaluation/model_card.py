"""Reports on a model: its card in Markdown, and an evaluation with charts in HTML."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fer_core.evaluation import text
from fer_core.evaluation.evaluate import Evaluation
from fer_core.evaluation.exclusions import Exclusions
from fer_core.evaluation.groups import gap
from fer_core.evaluation.robustness import from_dicts
from fer_core.labels import EMOTIONS
from fer_core.models.card import Head, ModelCard
from fer_core.system import reports
from fer_core.system.reports import Figure, Report, Section, Table

USE: Final = (
    "An expression is not a feeling: do not decide about people with it.",
    "Not for people at work or in education: the EU AI Act bans that in Art. 5(1)(f).",
)

NO_GROUPS: Final = (
    "Unknown: the labels name no groups that can be read (FER-2013 has none), so the differences "
    "between ages, skin tones or cameras are not measured."
)


def model_card(
    card: ModelCard,
    name: str,
    measured: Mapping[str, Evaluation] | None = None,
    groups: Mapping[str, Evaluation] | None = None,
    level: int = 1,
) -> str:
    """Return the card of a model as Markdown: what it is, its metrics, its limits.

    Args:
        card: The model.
        name: Its name for a reader.
        measured: Evaluations to add, by their title.
        groups: Evaluations of groups of people, by group.
        level: Of the first heading.
    """
    measurements = [
        Section(
            f"Measured: {title}",
            tables=(text.class_table(evaluation), text.confusion_table(evaluation)),
        )
        for title, evaluation in (measured or {}).items()
    ]
    robustness = tuple(
        text.robustness_table(from_dicts(rows), f"Label set {head}:")
        for head, rows in (card.facts.get("robustness") or {}).items()
    )
    sections = (
        Section("", _facts(card)),
        *(_head(key, head) for key, head in card.heads.items()),
        *([Section("Robustness", tables=robustness)] if robustness else []),
        *measurements,
        _groups(groups or {}, per_group=False)[0],
        Section("Limits", (*card.facts.get("limits", ()), *USE)),
    )
    return reports.markdown(Report(f"Model card: {name}", sections), level)


def evaluation_report(  # noqa: PLR0913, PLR0917
    name: str,
    where: str,
    evaluation: Evaluation,
    exclusions: Exclusions,
    groups: Mapping[str, Evaluation],
    figures: Sequence[Figure],
) -> str:
    """Return an evaluation as one HTML page that loads nothing.

    Args:
        name: The model.
        where: Dataset, split and labels.
        evaluation: The metrics.
        exclusions: The account of the split's files.
        groups: Evaluations of groups of people; empty where there are none.
        figures: Charts.
    """
    metrics = evaluation.metrics
    macro = f"{metrics.macro_f1:.3f} ({evaluation.intervals.macro_f1.text(3)})"
    covered = f"{evaluation.coverage:.1%} of the images are at or above it"
    if evaluation.coverage:
        covered += f", {evaluation.selective_accuracy:.1%} of those are correct"
    summary = (
        f"{where}.",
        *exclusions.lines(),
        *exclusions.notes,
        f"Accuracy {metrics.accuracy:.1%} ({text.percent_range(evaluation)}), macro-F1 {macro}, "
        f"calibration error {metrics.calibration_error:.3f}. Ranges hold the true value in 95 of "
        "100 cases (bootstrap).",
        text.prediction_shift(evaluation),
        f"Predictions below a confidence of {evaluation.threshold:.2f} are shown as uncertain: "
        f"{covered}.",
    )
    return reports.html(
        Report(
            f"Evaluation of {name}",
            (
                Section("", summary),
                Section("Metrics of each emotion", tables=(text.class_table(evaluation),)),
                Section("Charts", figures=tuple(figures)),
                *_groups(groups, per_group=True),
                Section("Use", USE),
            ),
        )
    )


def _facts(card: ModelCard) -> tuple[str, ...]:
    grey = "grey" if card.channels == 1 else "colour"
    lines = [
        f"{card.title}, {card.parameters:,} parameters." if card.parameters else f"{card.title}.",
        f"Input: face crops of {card.input_size}×{card.input_size} pixels, {grey}.",
        f"Classes: {', '.join(EMOTIONS)}.",
    ]
    if card.quality:
        reasons = ", ".join(card.quality.reasons)
        lines.append(f"Uncertain whatever the confidence: {reasons}, or too small.")
    titles = {"created": "Created", "data": "Data", "license": "Licence"}
    lines += [
        f"{title}: {str(card.facts[key]).rstrip('.')}."
        for key, title in titles.items()
        if key in card.facts
    ]
    return tuple(lines)


def _head(name: str, head: Head) -> Section:
    measured = {"fp32": head.figures} | {k: c.figures for k, c in head.calibrations.items()}
    rows = [
        (key.replace("_mirror", ", mirror-averaged"), split, *_stored(figures))
        for key, by_split in measured.items()
        for split, figures in by_split.items()
        if isinstance(figures, Mapping) and "accuracy" in figures
    ]
    columns = ("file", "split", "n", "accuracy", "macro-F1", "calibration error")
    return Section(
        f"Label set {name}: {head.title}",
        (
            f"Temperature {head.temperature:g}; predictions below a confidence of "
            f"{head.abstain_below:g} are shown as uncertain. Photos, video files and evaluation "
            "average each face with its mirror image.",
        ),
        (Table(columns, tuple(rows)),) if rows else (),
    )


def _stored(figures: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        f"{figures.get('n', 0):,}",
        f"{figures['accuracy']:.1%}",
        f"{figures.get('macro_f1', float('nan')):.3f}",
        f"{figures.get('calibration_error', float('nan')):.3f}",
    )


def _groups(groups: Mapping[str, Evaluation], *, per_group: bool) -> tuple[Section, ...]:
    title = "Groups of people"
    if not groups:
        return (Section(title, (NO_GROUPS,)),)
    overview = Section(title, (gap(dict(groups)),), (text.group_table(groups),))
    if not per_group:
        return (overview,)
    return overview, *(
        Section(name, tables=(text.class_table(evaluation),), depth=2)
        for name, evaluation in groups.items()
    )
