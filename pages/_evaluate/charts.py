"""Plotly figures of the evaluation page."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from fer_core.evaluation import Evaluation, Robustness
from fer_core.evaluation.calibration import CoverageCurve, Reliability
from fer_core.images.corruptions import CORRUPTIONS
from fer_core.labels import COLORS, EMOTIONS

ACCENT, GREY, WRONG = "#1F8A7B", "#8A9A97", "#D55E00"


def layout(figure: go.Figure, height: int = 320, **options) -> go.Figure:
    """Return the figure with the page's margins and legend."""
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"}
    margin = {"l": 0, "r": 10, "t": 30, "b": 0}
    return figure.update_layout(
        height=height, margin=margin, legend=legend, dragmode=False, **options
    )


def shares(evaluation: Evaluation) -> go.Figure:
    """Return true and predicted share of each emotion, in percent."""
    total = evaluation.confusion.sum()
    true, predicted = (evaluation.confusion.sum(axis=axis) / total * 100 for axis in (1, 0))
    figure = go.Figure(
        [
            go.Bar(x=list(EMOTIONS), y=values, name=name, marker_color=color,
                   text=[f"{value:.1f}" for value in values], textposition="outside",
                   cliponaxis=False, hovertemplate="%{y:.1f}% %{x}")
            for name, values, color in (("True", true, GREY), ("Predicted", predicted, ACCENT))
        ]
    )  # fmt: skip
    figure.update_layout(barmode="group", yaxis_title="Percent of the faces")
    return layout(figure, 440)


def reliability(bins: Reliability) -> go.Figure:
    """Return the accuracy at each confidence; on the dashed line both are equal."""
    middles = (np.arange(len(bins.count)) + 0.5) / len(bins.count)
    figure = go.Figure(
        go.Bar(
            x=middles, y=bins.accuracy, width=1 / len(bins.count) * 0.92, marker_color=ACCENT,
            name="Accuracy", customdata=bins.count,
            hovertemplate="%{customdata:,} predictions, %{y:.0%} correct<extra></extra>",
        )
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(x=[0, 1], y=[0, 1], mode="lines", name="Perfect calibration", hoverinfo="skip",
                   line={"color": GREY, "dash": "dash"})
    )  # fmt: skip
    figure.update_xaxes(title="Confidence", range=[0, 1])
    figure.update_yaxes(title="Accuracy", range=[0, 1])
    return layout(figure, 300)


def confidence(bins: Reliability) -> go.Figure:
    """Return the number of correct and wrong predictions at each confidence, stacked."""
    correct = np.rint(np.nan_to_num(bins.accuracy) * bins.count)
    middles = (np.arange(len(bins.count)) + 0.5) / len(bins.count)
    figure = go.Figure(
        [
            go.Bar(x=middles, y=heights, name=name, marker_color=color,
                   hovertemplate="%{y:,} near %{x:.2f}")
            for name, heights, color in (
                ("Correct", correct, ACCENT), ("Wrong", bins.count - correct, WRONG)
            )
        ]
    )  # fmt: skip
    figure.update_layout(barmode="stack", bargap=0.05)
    figure.update_xaxes(title="Confidence", range=[0, 1])
    figure.update_yaxes(title="Faces")
    return layout(figure, 300)


def coverage(curve: CoverageCurve, threshold: float) -> go.Figure:
    """Return the accuracy by coverage, and the point of the threshold."""
    figure = go.Figure(
        go.Scatter(
            x=curve.coverage, y=curve.accuracy, mode="lines", line={"color": ACCENT, "width": 3},
            customdata=curve.threshold, name="Accuracy",
            hovertemplate="Threshold %{customdata:.2f}: coverage %{x:.0%}, accuracy %{y:.1%}"
            "<extra></extra>",
        )
    )  # fmt: skip
    covered, accuracy = curve.at(threshold)
    figure.add_trace(
        go.Scatter(x=[covered], y=[accuracy], mode="markers", name="Threshold",
                   marker={"color": WRONG, "size": 13}, hoverinfo="skip")
    )  # fmt: skip
    figure.update_xaxes(
        title="Coverage: share of faces not uncertain", range=[0, 1.02], tickformat=".0%"
    )
    figure.update_yaxes(title="Accuracy", tickformat=".0%")
    return layout(figure, 300, showlegend=False)


def robustness(rows: Mapping[str, Sequence[Robustness]], corruption: str) -> go.Figure:
    """Return the accuracy by severity of one corruption, a line for each name."""
    figure = go.Figure()
    kind = CORRUPTIONS[corruption]
    for (name, measured), color in zip(rows.items(), (ACCENT, WRONG, GREY), strict=False):
        clean = next(row for row in measured if not row.corruption)
        line = [row for row in measured if row.corruption == corruption]
        figure.add_trace(
            go.Scatter(
                x=["none", *(f"{row.severity:g}" for row in line)],
                y=[clean.accuracy, *(row.accuracy for row in line)], name=name,
                mode="lines+markers", line={"color": color}, hovertemplate="%{x}: %{y:.1%}",
            )
        )  # fmt: skip
    figure.update_xaxes(title=kind.unit, type="category")
    figure.update_yaxes(title="Accuracy", tickformat=".0%", range=[0, 1])
    return layout(figure, 240, title={"text": kind.title, "x": 0}, showlegend=len(rows) > 1)


def robustness_bars(rows: Sequence[Robustness]) -> go.Figure:
    """Return the accuracy under each corruption at its standard severity."""
    figure = go.Figure(
        go.Bar(
            x=[100 * row.accuracy for row in rows], y=[str(row) for row in rows],
            orientation="h", marker_color=["#5C6B68", *[ACCENT] * (len(rows) - 1)],
            text=[f"{100 * row.accuracy:.1f}%" for row in rows], textposition="inside",
            insidetextfont={"color": "#FFFFFF"},
            hovertemplate="%{y}: %{x:.1f}%<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(title="Accuracy, percent", range=[0, 100])
    figure.update_yaxes(autorange="reversed", ticksuffix=" ")
    return layout(figure, 60 + 34 * len(rows))


def changes(
    names: Sequence[str], values: Sequence[float], low: Sequence[float], high: Sequence[float]
) -> go.Figure:
    """Return differences in points with their intervals; beyond the line is more than chance."""
    figure = go.Figure(
        go.Scatter(
            x=[100 * v for v in values], y=list(names), mode="markers", orientation="h",
            marker={"size": 11, "color": [COLORS.get(name, ACCENT) for name in names]},
            error_x={
                "type": "data", "symmetric": False, "color": GREY,
                "array": [100 * (h - v) for h, v in zip(high, values, strict=True)],
                "arrayminus": [100 * (v - w) for w, v in zip(low, values, strict=True)],
            },
            hovertemplate="%{y}: %{x:+.1f} points<extra></extra>",
        )
    )  # fmt: skip
    figure.add_vline(x=0, line_color=GREY, line_dash="dash")
    figure.update_xaxes(title="Difference in points", zeroline=False)
    figure.update_yaxes(autorange="reversed", ticksuffix=" ")
    return layout(figure, 330)
