"""The charts of an evaluation for its HTML report."""

from collections.abc import Sequence

import plotly.graph_objects as go
import plotly.io

from fer_core.evaluation import Evaluation, Robustness
from fer_core.images.corruptions import CORRUPTIONS
from fer_core.reports import Figure
from pages._evaluate import charts


def figures(evaluation: Evaluation, robustness: Sequence[Robustness] | None) -> list[Figure]:
    """Return every chart of the metrics view, and robustness where it was measured."""
    drawn = [
        ("Confusion matrix, percent of each row", charts.confusion(evaluation, as_share=True)),
        ("Confusion matrix, counts", charts.confusion(evaluation, as_share=False)),
        ("True and predicted share of each emotion", charts.bias(evaluation)),
    ]
    if evaluation.reliability is not None:
        drawn += [
            ("Calibration (reliability diagram)", charts.reliability(evaluation)),
            ("Confidence of correct and wrong predictions", charts.confidence(evaluation)),
        ]
    if evaluation.curve is not None:
        drawn.append(("Accuracy by coverage", charts.coverage(evaluation, evaluation.threshold)))
    drawn += [
        (f"Accuracy under {kind.title}", charts.robustness({"": robustness}, name))
        for name, kind in (CORRUPTIONS.items() if robustness else ())
    ]
    return [Figure(title, _html(chart, not row)) for row, (title, chart) in enumerate(drawn)]


def _html(chart: go.Figure, with_library: bool) -> str:
    """Return a chart; the first brings Plotly along, so that no other file is needed."""
    chart.update_layout(template="plotly_white", font_color="#1B2421")
    return plotly.io.to_html(
        chart, include_plotlyjs="inline" if with_library else False, full_html=False,
        config=charts.QUIET,
    )  # fmt: skip
