"""Plotly figures of the training page.

Two of them are redrawn twice a second, so all are plain mappings: making ``go.Figure`` objects
takes ten times as long.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fer_core.labels import COLORS, EMOTIONS
from fer_core.training import history
from fer_core.training.runs import Run

TRAIN, VALID, MACRO, GREY = "#7A8A87", "#1F8A7B", "#D55E00", "#7A8A87"
"""Seen well on the light and the dark page."""
QUIET = {"displayModeBar": False}
OVERLAY = (VALID, "#D55E00", "#0072B2", "#CC79A7", "#E69F00", "#56B4E9")


def step_loss(progress: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mean training loss within the epoch that runs, by step."""
    curve = progress.get("curve", [])
    line = {
        "type": "scatter", "mode": "lines", "name": "training", "x": [step for step, _ in curve],
        "y": [loss for _, loss in curve], "line": {"color": TRAIN},
        "hovertemplate": "step %{x}: %{y:.3~g}<extra></extra>",
    }  # fmt: skip
    layout = _layout("training loss", 99)
    layout["xaxis"] |= {"title": {"text": f"step of epoch {progress['epoch'] + 1}"},
                        "range": [0, progress["steps"]]}  # fmt: skip
    return {"data": [line], "layout": layout | {"height": 220, "showlegend": False}}


def loss(run: Run, now: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Loss of training and validation by epoch; ``now`` is the epoch that runs."""
    head = run.config.heads[0]
    train = [history.training_value(line, "loss", head) for line in run.epochs]
    lines = [
        _line("training", run.epochs, train, TRAIN, _running(run, now, "loss")),
        _line("validation", run.epochs, [line.get("val_loss") for line in run.epochs], VALID),
    ]
    return _figure(run, lines, "loss")


def accuracy(run: Run, now: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Accuracy of training and validation, and the macro-F1, by epoch."""
    head = run.config.heads[0]
    train = [history.training_value(line, "accuracy", head) for line in run.epochs]
    lines = [
        _line("training", run.epochs, train, TRAIN, _running(run, now, "accuracy")),
        *(
            _line(name, run.epochs, [line.get(key) for line in run.epochs], color)
            for name, key, color in (
                ("validation", "val_accuracy", VALID),
                ("validation macro-F1", "val_macro_f1", MACRO),
            )
        ),
    ]
    return _figure(run, lines, "accuracy, F1", [0, 1])


def recall(run: Run) -> dict[str, Any]:
    """Share of each class that is found, by epoch."""
    lines = [
        _line(name, run.epochs, [line.get("recall", {}).get(name) for line in run.epochs],
              COLORS[name])
        for name in EMOTIONS
    ]  # fmt: skip
    return _figure(run, lines, "recall", [0, 1])


def learning_rate(run: Run) -> dict[str, Any]:
    """Learning rate at the end of each epoch."""
    lines = [_line("learning rate", run.epochs, [x["learning_rate"] for x in run.epochs], VALID)]
    figure = _figure(run, lines, "learning rate")
    figure["layout"]["yaxis"] |= {"rangemode": "tozero", "tickformat": ".1~e"}
    figure["layout"]["showlegend"] = False
    return figure


def table(run: Run) -> pd.DataFrame:
    """The figures of the charts above, a row an epoch."""
    head = run.config.heads[0]
    rows = [
        {
            "epoch": line["epoch"] + 1,
            "training loss": history.training_value(line, "loss", head),
            "validation loss": line.get("val_loss"),
            "training accuracy": history.training_value(line, "accuracy", head),
            "validation accuracy": line.get("val_accuracy"),
            "validation macro-F1": line.get("val_macro_f1"),
            "learning rate": line["learning_rate"],
            **{f"recall of {name}": line.get("recall", {}).get(name) for name in EMOTIONS},
        }
        for line in run.epochs
    ]
    return pd.DataFrame(rows)


def overlay(runs_by_name: Mapping[str, Run], key: str, title: str) -> dict[str, Any]:
    """One figure of several runs, each by the name its line has."""
    lines = [
        _line(name, run.epochs, [line.get(key) for line in run.epochs],
              OVERLAY[number % len(OVERLAY)])
        for number, (name, run) in enumerate(runs_by_name.items())
    ]  # fmt: skip
    most = max(len(run.epochs) for run in runs_by_name.values())
    return {"data": lines, "layout": _layout(title, most)}


def confusion(matrix: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Return a heatmap of true against predicted, with counts."""
    counts = np.asarray(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cells = {
        "type": "heatmap", "z": shares.tolist(), "x": list(EMOTIONS), "y": list(EMOTIONS),
        "text": counts.tolist(), "texttemplate": "%{text:,}", "zmin": 0, "zmax": 1,
        "colorscale": [[0, "rgba(31,138,123,0)"], [1, VALID]], "showscale": False,
        "hovertemplate": "True %{y}, predicted %{x}: %{text:,} (%{z:.0%})<extra></extra>",
        "xgap": 2, "ygap": 2,
    }  # fmt: skip
    layout = {
        "height": 400, "margin": {"l": 0, "r": 10, "t": 30, "b": 0}, "dragmode": False,
        "xaxis": {"side": "top", "title": {"text": "Predicted", "standoff": 8}, "fixedrange": True},
        "yaxis": {"title": {"text": "True", "standoff": 8}, "autorange": "reversed",
                  "fixedrange": True, "ticksuffix": " ", "showgrid": False},
    }  # fmt: skip
    return {"data": [cells], "layout": layout}


def _running(run: Run, now: Mapping[str, Any] | None, name: str) -> tuple[float, float] | None:
    """Return the position of the current epoch and its metric so far; None before its start."""
    value = history.training_value(now, name, run.config.heads[0]) if now else None
    if now is None or value is None or now["epoch"] < len(run.epochs):
        return None
    return now["epoch"] + now["step"] / now["steps"], value


def _line(
    name: str, epochs: history.Epochs, values: Sequence[float | None], color: str,
    running: tuple[float, float] | None = None,
) -> dict[str, Any]:  # fmt: skip
    x: list[float] = [line["epoch"] + 1 for line in epochs]
    y = list(values)
    if running:
        x, y = [*x, running[0]], [*y, running[1]]
    return {
        "type": "scatter", "mode": "lines+markers", "name": name, "x": x, "y": y,
        "line": {"color": color}, "marker": {"size": 5},
        "hovertemplate": "epoch %{x:.3~g}: %{y:.3~g}<extra>" + name + "</extra>",
    }  # fmt: skip


def _figure(
    run: Run, lines: list[dict[str, Any]], title: str, limits: list[float] | None = None
) -> dict[str, Any]:
    layout = _layout(title, len(run.epochs) + 1, limits)
    top = run.best
    marks = [] if top is None else [(top["epoch"] + 1, "best", "dot", VALID)]
    marks += [(epoch + 0.5, "", "dash", GREY) for epoch in history.resumed_epochs(run.epochs)]
    layout["shapes"] = [
        {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper",
         "line": {"dash": dash, "color": color, "width": 1}}
        for x, _, dash, color in marks
    ]  # fmt: skip
    layout["annotations"] = [
        {"x": x, "y": 0, "yref": "paper", "text": text, "showarrow": False, "yanchor": "bottom",
         "xanchor": "right"}
        for x, text, *_ in marks if text
    ]  # fmt: skip
    return {"data": lines, "layout": layout}


def _layout(title: str, most: int, limits: list[float] | None = None) -> dict[str, Any]:
    return {
        "height": 280, "margin": {"l": 0, "r": 10, "t": 36, "b": 0}, "dragmode": False,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "xaxis": {"title": {"text": "epoch"}, "rangemode": "tozero", "fixedrange": True}
        | ({"tick0": 0, "dtick": 1} if most <= 10 else {}),
        "yaxis": {"title": {"text": title, "standoff": 12}, "fixedrange": True}
        | ({"range": limits} if limits else {}),
        "uirevision": "same",
    }  # fmt: skip
