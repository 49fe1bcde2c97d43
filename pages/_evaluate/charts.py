"""Plotly figures of the evaluation page."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from fer_core.evaluation import Evaluation
from fer_core.evaluation.robustness import Robustness
from fer_core.images.corruptions import CORRUPTIONS
from fer_core.labels import COLORS, EMOTIONS

ACCENT, GREY, WRONG = "#1F8A7B", "#8A9A97", "#D55E00"
QUIET = {"displayModeBar": False}


def layout(figure: go.Figure, height: int = 320, **more) -> go.Figure:
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"}
    margin = {"l": 0, "r": 10, "t": 30, "b": 0}
    figure.update_layout(height=height, margin=margin, legend=legend, dragmode=False, **more)
    return figure


def confusion(one: Evaluation, as_share: bool) -> go.Figure:
    """The matrix as a heatmap, under invisible points: those can be clicked, heatmaps cannot.

    The numbers are annotations, which ``contrast.css`` colours by the page's theme: a heatmap's own
    would be dark on the see-through cells of a dark page.
    """
    counts = one.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    numbers = (shares * 100).round(1) if as_share else counts
    figure = go.Figure(
        go.Heatmap(
            z=shares, x=list(EMOTIONS), y=list(EMOTIONS),
            colorscale=[[0, "rgba(31,138,123,0)"], [1, ACCENT]], zmin=0, zmax=1, showscale=False,
            text=numbers, hoverinfo="skip", xgap=2, ygap=2,
        )
    )  # fmt: skip
    pairs = [(true, said) for true in EMOTIONS for said in EMOTIONS]
    figure.add_trace(
        go.Scatter(
            x=[said for _, said in pairs], y=[true for true, _ in pairs], mode="markers",
            marker={"symbol": "square", "size": 34, "opacity": 0},
            customdata=[[int(counts.ravel()[k]), shares.ravel()[k]] for k in range(49)],
            hovertemplate="%{y} called %{x}: %{customdata[0]:,} "
            "(%{customdata[1]:.1%} of all %{y})<extra></extra>",
            unselected={"marker": {"opacity": 0}}, selected={"marker": {"opacity": 0}},
        )
    )  # fmt: skip
    figure.update_xaxes(side="top", title="called", fixedrange=True)
    figure.update_yaxes(autorange="reversed", title="is", fixedrange=True, ticksuffix=" ")
    texts = [
        {"x": said, "y": true, "text": f"{number:,.0f}", "showarrow": False}
        for (true, said), number in zip(pairs, numbers.ravel(), strict=True)
    ]  # fmt: skip
    return layout(figure, 440, showlegend=False, annotations=texts)


def bias(one: Evaluation) -> go.Figure:
    """How often each emotion is true and how often it is named, in percent."""
    total = one.confusion.sum()
    true, said = (one.confusion.sum(axis=axis) / total * 100 for axis in (1, 0))
    figure = go.Figure(
        [
            go.Bar(x=list(EMOTIONS), y=values, name=name, marker_color=color,
                   text=[f"{value:.1f}" for value in values], textposition="outside",
                   cliponaxis=False, hovertemplate="%{y:.1f} % %{x}")
            for name, values, color in (("is", true, GREY), ("is called", said, ACCENT))
        ]
    )  # fmt: skip
    figure.update_layout(barmode="group", yaxis_title="percent of the faces")
    return layout(figure, 440)


def reliability(one: Evaluation) -> go.Figure:
    """Share right by confidence; on the line, confidence means what it says."""
    found = one.reliability
    middles = (np.arange(len(found.count)) + 0.5) / len(found.count)
    figure = go.Figure(
        go.Bar(
            x=middles, y=found.accuracy, width=1 / len(found.count) * 0.92, marker_color=ACCENT,
            name="share right", customdata=found.count,
            hovertemplate="%{customdata:,} answers, %{y:.0%} right<extra></extra>",
        )
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(x=[0, 1], y=[0, 1], mode="lines", name="as sure as right", hoverinfo="skip",
                   line={"color": GREY, "dash": "dash"})
    )  # fmt: skip
    figure.update_xaxes(title="confidence", range=[0, 1])
    figure.update_yaxes(title="share right", range=[0, 1])
    return layout(figure, 300)


def confidence(evaluation: Evaluation) -> go.Figure:
    """Return the number of correct and wrong predictions at each confidence, stacked."""
    bins = evaluation.reliability
    correct = np.rint(np.nan_to_num(bins.accuracy) * bins.count)
    middles = (np.arange(len(bins.count)) + 0.5) / len(bins.count)
    figure = go.Figure(
        [
            go.Bar(x=middles, y=heights, name=name, marker_color=color,
                   hovertemplate="%{y:,} near %{x:.2f}")
            for name, heights, color in (
                ("correct", correct, ACCENT), ("wrong", bins.count - correct, WRONG)
            )
        ]
    )  # fmt: skip
    figure.update_layout(barmode="stack", bargap=0.05)
    figure.update_xaxes(title="Confidence", range=[0, 1])
    figure.update_yaxes(title="Faces")
    return layout(figure, 300)


def coverage(one: Evaluation, threshold: float) -> go.Figure:
    """Accuracy of the answers by the share of faces answered, and where the threshold stands."""
    curve = one.curve
    figure = go.Figure(
        go.Scatter(
            x=curve.coverage, y=curve.accuracy, mode="lines", line={"color": ACCENT, "width": 3},
            customdata=curve.threshold, name="accuracy",
            hovertemplate="threshold %{customdata:.2f}: %{x:.0%} answered, %{y:.1%} right"
            "<extra></extra>",
        )
    )  # fmt: skip
    at = min(round(threshold * 100), len(curve.threshold) - 1)
    figure.add_trace(
        go.Scatter(x=[curve.coverage[at]], y=[curve.accuracy[at]], mode="markers", name="threshold",
                   marker={"color": WRONG, "size": 13}, hoverinfo="skip")
    )  # fmt: skip
    figure.update_xaxes(title="share of faces answered", range=[0, 1.02], tickformat=".0%")
    figure.update_yaxes(title="share right", tickformat=".0%")
    return layout(figure, 300, showlegend=False)


def robustness(rows: Mapping[str, Sequence[Robustness]], strain: str) -> go.Figure:
    """Accuracy by how much of one strain there is, a line for each name."""
    figure = go.Figure()
    known = CORRUPTIONS[strain]
    for (name, found), color in zip(rows.items(), (ACCENT, WRONG, GREY), strict=False):
        clean = next(row for row in found if not row.corruption)
        part = [row for row in found if row.corruption == strain]
        figure.add_trace(
            go.Scatter(
                x=["none", *(f"{row.severity:g}" for row in part)],
                y=[clean.accuracy, *(row.accuracy for row in part)], name=name,
                mode="lines+markers", line={"color": color}, hovertemplate="%{x}: %{y:.1%} right",
            )
        )  # fmt: skip
    figure.update_xaxes(title=known.unit, type="category")
    figure.update_yaxes(tickformat=".0%", range=[0, 1])
    return layout(figure, 240, title={"text": known.title, "x": 0}, showlegend=len(rows) > 1)


def changes(names: Sequence[str], values: Sequence[float], low: Sequence[float],
            high: Sequence[float]) -> go.Figure:  # fmt: skip
    """Differences in points with their intervals; off the middle line is more than chance."""
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
    figure.update_xaxes(title="B minus A, points", zeroline=False)
    figure.update_yaxes(autorange="reversed", ticksuffix=" ")
    return layout(figure, 330)
