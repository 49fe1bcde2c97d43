"""Evaluations as tables for a terminal or a report."""

from collections.abc import Mapping, Sequence

from fer_core.evaluation.evaluate import Evaluation
from fer_core.evaluation.robustness import Robustness
from fer_core.labels import EMOTIONS
from fer_core.system.reports import Table, table


def overview(evaluations: Mapping[str, Evaluation]) -> str:
    """Return a line for each evaluation by its name."""
    head = ("", "n", "accuracy", "macro-F1", "cal. error", "lowest recall", "prediction ratio",
            "coverage", "accuracy of covered")  # fmt: skip
    return table(head, [(name, *_headline(values)) for name, values in evaluations.items()])


def class_table(evaluation: Evaluation, title: str = "") -> Table:
    """Return a row for each emotion: rates with intervals."""
    head = ("", "n", "recall", "precision", "F1", "prediction ratio")
    rows = []
    for name in EMOTIONS:
        values, intervals = evaluation.metrics.per_class[name], evaluation.intervals.per_class[name]
        rates = [
            f"{getattr(values, rate):.3f} [{interval.text()}]"
            for rate, interval in intervals.items()
        ]
        rows.append((name, f"{values.n:,}", *rates))
    return Table(head, tuple(rows), title)


def confusion_table(evaluation: Evaluation, title: str = "") -> Table:
    """Return counts: a row for each true emotion, a column for each predicted one."""
    rows = [(name, *map(str, evaluation.confusion[i])) for i, name in enumerate(EMOTIONS)]
    return Table(("true \\ predicted", *EMOTIONS), tuple(rows), title)


def robustness_table(rows: Sequence[Robustness], title: str = "") -> Table:
    """Return a row for each corruption and severity."""
    body = [
        (str(row), f"{row.accuracy:.1%}", f"{row.macro_f1:.3f}", f"{row.drop * 100:.1f}",
         *map(_share, (row.changed, row.coverage, row.selective_accuracy)))
        for row in rows
    ]  # fmt: skip
    head = ("", "accuracy", "macro-F1", "points lost", "changed", "covered", "correct of covered")
    return Table(head, tuple(body), title)


def _share(value: float) -> str:
    return "–" if value != value else f"{value:.1%}"  # noqa: PLR0124  (NaN: not measured)


def group_table(groups: Mapping[str, Evaluation]) -> Table:
    """Return a row for each group of people."""
    rows = [
        (
            name,
            f"{values.metrics.n:,}",
            f"{values.metrics.accuracy:.1%} ({percent_range(values)})",
            f"{values.metrics.macro_f1:.3f} ({values.intervals.macro_f1.text(3)})",
            f"{values.metrics.calibration_error:.3f}",
        )
        for name, values in groups.items()
    ]
    return Table(("group", "n", "accuracy", "macro-F1", "calibration error"), tuple(rows))


def percent_range(evaluation: Evaluation) -> str:
    """Return the interval of the accuracy in percent."""
    interval = evaluation.intervals.accuracy
    return f"{interval.low * 100:.1f} to {interval.high * 100:.1f}%"


def prediction_shift(evaluation: Evaluation) -> str:
    """Return the emotion whose predicted share differs most from its true share, as a sentence."""
    total = evaluation.confusion.sum()
    true, predicted = evaluation.confusion.sum(axis=1) / total, evaluation.confusion.sum(0) / total
    most = int(abs(predicted - true).argmax())
    word = "over" if predicted[most] > true[most] else "under"
    if predicted[most] == true[most]:
        return "Predicted and true shares are equal for every emotion."
    return (
        f"Predicted and true share differ most for {EMOTIONS[most]}: predicted "
        f"{predicted[most]:.1%}, true {true[most]:.1%} ({word}-predicted)."
    )


def _headline(evaluation: Evaluation) -> tuple[str, ...]:
    metrics, intervals = evaluation.metrics, evaluation.intervals
    present = [values for values in metrics.per_class.values() if values.n]
    ratios = [values.prediction_ratio for values in present]
    return (
        f"{metrics.n:,}",
        f"{metrics.accuracy:.4f} [{intervals.accuracy.text(3)}]",
        f"{metrics.macro_f1:.4f} [{intervals.macro_f1.text(3)}]",
        f"{metrics.calibration_error:.4f}",
        f"{metrics.weakest} {metrics.per_class[metrics.weakest].recall:.2f}",
        f"{min(ratios):.2f} to {max(ratios):.2f}",
        f"{evaluation.coverage:.3f}",
        f"{evaluation.selective_accuracy:.3f}",
    )
