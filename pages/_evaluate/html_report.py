"""The charts of an evaluation for its HTML report."""

from collections.abc import Sequence

import plotly.graph_objects as go
import plotly.io

from fer_core.evaluation import Evaluation, Robustness
from fer_core.images.corruptions import CORRUPTIONS
from fer_core.system.reports import Figure
from pages._components.chart import save_config
from pages._components.confusion_matrix import confusion_figure
from pages._evaluate import charts


def figures(evaluation: Evaluation, robustness: Sequence[Robustness] | None) -> list[Figure]:
    """Return every chart of the metrics view, and robustness where it was measured."""
    confusion = evaluation.confusion.tolist()
    drawn = [
        ("Confusion matrix, percent of each row", confusion_figure(confusion, as_share=True)),
        ("Confusion matrix, counts", confusion_figure(confusion)),
        ("True and predicted share of each emotion", charts.shares(evaluation)),
    ]
    if evaluation.reliability is not None:
        drawn += [
            ("Calibration (reliability diagram)", charts.reliability(evaluation.reliability)),
            (
                "Confidence of correct and wrong predictions",
                charts.confidence(evaluation.reliability),
            ),
        ]
    if evaluation.curve is not None:
        curve = charts.coverage(evaluation.curve, evaluation.threshold)
        drawn.append(("Accuracy by coverage", curve))
    drawn += [
        (f"Accuracy under {kind.title}", charts.robustness({"": robustness}, name))
        for name, kind in (CORRUPTIONS.items() if robustness else ())
    ]
    return [Figure(title, _html(title, chart, not row)) for row, (title, chart) in enumerate(drawn)]


def _html(title: str, chart: go.Figure, with_library: bool) -> str:
    """Return a chart; the first brings Plotly along, so that no other file is needed."""
    chart.update_layout(template="plotly_white", font_color="#1B2421")
    return plotly.io.to_html(
        chart, include_plotlyjs="inline" if with_library else False, full_html=False,
        config=save_config(title, "SVG"),
    )  # fmt: skip
