"""The confusion matrix as a chart."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from fer_core.labels import EMOTIONS

COLOR = "#1F8A7B"


def confusion_figure(counts: Sequence[Sequence[int]], as_share: bool = False) -> go.Figure:
    """Return the matrix as a heatmap, under invisible points: Streamlit reports clicks on points.

    The numbers are annotations, which ``contrast.css`` colours by the page's theme: a heatmap's own
    would be dark on the transparent cells of a dark page.

    Args:
        counts: int (7, 7), rows true, columns predicted.
        as_share: Show percent of each row instead of counts.
    """
    table = np.asarray(counts, np.int64)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    numbers = (shares * 100).round(1) if as_share else table
    names = list(EMOTIONS)
    figure = go.Figure(
        go.Heatmap(
            z=shares, x=names, y=names, text=numbers, hoverinfo="skip", xgap=2, ygap=2,
            colorscale=[[0, "rgba(31,138,123,0)"], [1, COLOR]], zmin=0, zmax=1, showscale=False,
        )
    )  # fmt: skip
    pairs = [(true, predicted) for true in EMOTIONS for predicted in EMOTIONS]
    figure.add_trace(
        go.Scatter(
            x=[predicted for _, predicted in pairs], y=[true for true, _ in pairs], mode="markers",
            marker={"symbol": "square", "size": 34, "opacity": 0},
            customdata=list(zip(table.ravel().tolist(), shares.ravel().tolist(), strict=True)),
            hovertemplate="True %{y}, predicted %{x}: %{customdata[0]:,} "
            "(%{customdata[1]:.1%} of all %{y})<extra></extra>",
            unselected={"marker": {"opacity": 0}}, selected={"marker": {"opacity": 0}},
        )
    )  # fmt: skip
    texts = [
        {"x": predicted, "y": true, "text": f"{number:,.0f}", "showarrow": False}
        for (true, predicted), number in zip(pairs, numbers.ravel(), strict=True)
    ]
    figure.update_xaxes(side="top", title="Predicted", fixedrange=True, showgrid=False)
    figure.update_yaxes(
        autorange="reversed", title="True", fixedrange=True, ticksuffix=" ", showgrid=False
    )
    margin = {"l": 0, "r": 10, "t": 30, "b": 0}
    return figure.update_layout(
        height=440, margin=margin, dragmode=False, showlegend=False, annotations=texts
    )
