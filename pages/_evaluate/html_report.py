"""The report as one HTML page that needs nothing else."""

import html
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import plotly.io

from fer_core.evaluation import Evaluation, Robustness
from fer_core.evaluation.groups import gap
from fer_core.images.corruptions import STRAINS
from fer_core.labels import EMOTIONS
from pages._evaluate import charts
from pages._evaluate.formatting import RATES, drift, percent, reach
from pages._evaluate.selection import Subject

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1B2421; max-width: 1000px; margin: 2rem auto;
       padding: 0 1rem; }
table { border-collapse: collapse; } th, td { padding: .25rem .75rem; text-align: right;
       border-bottom: 1px solid #D5DEDB; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
figure { margin: 1rem 0; } figcaption { color: #56635F; } main > div { overflow-x: auto; }
"""


def page(
    subject: Subject,
    where: str,
    robust: Sequence[Robustness] | None,
    groups: Mapping[str, Evaluation],
) -> str:
    """Everything on the figures view, and robustness where it was measured."""
    one = subject.evaluation
    known = subject.truth >= 0
    right = (subject.answered == subject.truth)[known]
    figures = [
        ("Confusion matrix, percent of each row", charts.confusion(one, as_share=True)),
        ("Confusion matrix, counts", charts.confusion(one, as_share=False)),
        ("How often each emotion is true and how often it is named, percent", charts.bias(one)),
        ("Share right by confidence", charts.reliability(one)),
        ("Confidence of right and wrong answers", charts.confidence(
            subject.probabilities[known], right)),
        ("Share right by share answered", charts.coverage(one, one.threshold)),
    ]  # fmt: skip
    if robust:
        figures += [
            (f"Accuracy under {strain.title.lower()}", charts.robustness({"": robust}, name))
            for name, strain in STRAINS.items()
        ]
    title = html.escape(f"{subject.question.name}: {where}")
    body = "\n".join(_figure(text, chart, not k) for k, (text, chart) in enumerate(figures))
    said = html.escape(drift(one).replace("**", ""))
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
        f"<meta name='viewport' content='width=device-width'><style>{STYLE}</style></head>"
        f"<body><main><h1>{html.escape(subject.question.name)}</h1><p>{html.escape(where)}; "
        f"{one.figures.n:,} images.</p><p><strong>{percent(one.figures.accuracy)} right</strong> "
        f"({reach(one.intervals.accuracy)}), macro-F1 {one.figures.macro_f1:.3f}, calibration "
        f"error {one.figures.calibration_error:.3f}. Ranges hold the true value in 95 of 100 "
        f"cases.</p><p>{said}</p><div>{_classes(one)}</div><p>{_answered(one)}</p>{body}"
        f"<h2>Groups of people</h2>{_groups(groups)}"
        "<p>An expression is not a feeling. Do not decide about people with these answers.</p>"
        "</main></body></html>"
    )


def _figure(text: str, chart: go.Figure, with_library: bool) -> str:
    """A chart; the first brings the drawing library along, so that no other file is needed."""
    chart.update_layout(template="plotly_white", font_color="#1B2421")
    drawn = plotly.io.to_html(
        chart, include_plotlyjs="inline" if with_library else False, full_html=False,
        config=charts.QUIET,
    )  # fmt: skip
    return f"<figure>{drawn}<figcaption>{html.escape(text)}</figcaption></figure>"


def _answered(one: Evaluation) -> str:
    right = f", {percent(one.accuracy_of_answered)} of those right" if one.answered else ""
    return (
        f"Below a confidence of {one.threshold:.2f} an answer is called uncertain: "
        f"{percent(one.answered)} of the faces are answered{right}."
    )


def _groups(groups: Mapping[str, Evaluation]) -> str:
    if not groups:
        return (
            "<p>The labels name no groups that can be read: how the model differs between people "
            "is unknown.</p>"
        )
    rows = [
        (name, f"{one.figures.n:,}", f"{percent(one.figures.accuracy)} "
         f"({reach(one.intervals.accuracy)})", f"{one.figures.macro_f1:.3f} "
         f"({one.intervals.macro_f1.text(3)})",
         f"{one.figures.calibration_error:.3f}")
        for name, one in groups.items()
    ]  # fmt: skip
    head = ("", "images", "right", "macro-F1", "calibration error")
    each = "".join(
        f"<h3>{html.escape(name)}</h3><div>{_classes(one)}</div>" for name, one in groups.items()
    )
    return f"<p>{html.escape(gap(dict(groups)))}</p><div>{_table(head, rows)}</div>{each}"


def _classes(one: Evaluation) -> str:
    rows = []
    for emotion in EMOTIONS:
        figures, ranges = one.figures.per_class[emotion], one.intervals.per_class[emotion]
        cells = [f"{getattr(figures, rate):.2f} ({span.text()})" for rate, span in ranges.items()]
        rows.append((emotion, f"{figures.n:,}", *cells))
    return _table(("", "images", *RATES.values()), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["".join(f"<th>{html.escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
