"""Plotly figures of the dataset page."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from fer_core.dataset import DatasetIndex
from fer_core.labels import COLORS, EMOTIONS, SPLIT_COLORS

NOW, AFTER = "#8A9A97", "#0B6E63"


def _layout(figure: go.Figure, height: int = 320) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 0, "t": 30, "b": 0},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        dragmode=False,
    )
    return figure


def counts(table: pd.DataFrame) -> go.Figure:
    """Return stacked bars: a bar a class, a part a split, labelled with training images of all."""
    figure = go.Figure(
        [
            go.Bar(
                x=list(EMOTIONS), y=table[split], name=split, marker_color=SPLIT_COLORS[split],
                hovertemplate="%{x}<br>%{y:,}<extra>" + split + "</extra>",
            )
            for split in table.columns
        ]
    )  # fmt: skip
    totals = table.sum(axis=1)
    train = table["train"] if "train" in table and len(table.columns) > 1 else None
    labels = [f"{n:,}" for n in totals]
    if train is not None:
        labels = [f"{n:,}<br>of {m:,}" for n, m in zip(train, totals, strict=True)]
    figure.add_trace(
        go.Scatter(
            x=list(EMOTIONS), y=totals, text=labels, mode="text", cliponaxis=False,
            textposition="top center", showlegend=False, hoverinfo="skip",
        )
    )  # fmt: skip
    figure.update_layout(barmode="stack", yaxis_title="images")
    figure.update_yaxes(range=[0, 1.2 * max(int(totals.max()), 1)])  # room for the labels
    return _layout(figure)


def before_after(now: Mapping[str, int], after: Mapping[str, int]) -> go.Figure:
    """Return two bars a class: training images now and after."""
    figure = go.Figure(
        [
            go.Bar(
                x=list(values), y=list(values.values()), name=name, marker_color=color,
                text=[f"{n:,}" for n in values.values()], textposition="outside", cliponaxis=False,
            )
            for name, values, color in (("now", now, NOW), ("after", after, AFTER))
        ]
    )  # fmt: skip
    figure.update_layout(barmode="group", yaxis_title="training images")
    return _layout(figure)


def light(index: DatasetIndex) -> go.Figure:
    """Return histograms of the images' mean brightness and contrast."""
    figure = go.Figure()
    for column, color in (("brightness", NOW), ("contrast", AFTER)):
        values = index.table[column].to_numpy()
        heights, edges = np.histogram(values, bins=64, range=(0, 256))
        figure.add_trace(
            go.Bar(x=(edges[:-1] + edges[1:]) / 2, y=heights, name=column, marker_color=color,
                   opacity=0.75, width=4, hovertemplate="%{y:,} images near %{x:.0f}")
        )  # fmt: skip
    figure.update_layout(barmode="overlay", bargap=0, xaxis_title="grey value, 0 to 255")
    return _layout(figure, 260)


def votes(row: pd.Series) -> go.Figure:
    """Return the FER+ votes of one image."""
    names = [*EMOTIONS, "other"]
    figure = go.Figure(
        go.Bar(
            x=[int(row[name]) for name in names], y=names, orientation="h",
            marker_color=[COLORS.get(name, NOW) for name in names],
            text=[int(row[name]) or "" for name in names], textposition="outside",
        )
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", ticksuffix=" ")
    figure.update_xaxes(visible=False, range=[0, 11])
    return _layout(figure, 220)
