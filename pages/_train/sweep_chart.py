"""Parallel coordinates of a sweep."""

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from fer_core.cluster.sweeps.config import Range, SweepConfig
from fer_core.cluster.sweeps.store import Trial
from pages._train.config_form import TITLES

SCALE = [[0, "#E69F00"], [0.5, "#56B4E9"], [1, "#1FA38F"]]
"""Worst to best; told apart by people who see few colours."""


def parallel(config: SweepConfig, trials: Sequence[Trial]) -> go.Figure:
    """Return a figure with an axis for each field that is tried; the last shows the best metric."""
    best = [float(trial.best or 0) for trial in trials]
    axes = [
        _axis(name, choices, [trial.tried[name] for trial in trials])
        for name, choices in config.fields.items()
    ]
    axes.append({"label": config.monitor.removeprefix("val_").replace("_", " "), "values": best,
                 "tickformat": ".3~f"})  # fmt: skip
    is_loss = config.monitor.endswith("loss")
    line = {"color": best, "colorscale": SCALE, "reversescale": is_loss,
            "cmin": min(best), "cmax": max(best) + 1e-9}  # fmt: skip
    figure = go.Figure(go.Parcoords(dimensions=axes, line=line))
    figure.update_layout(height=320, margin={"l": 60, "r": 50, "t": 50, "b": 20})
    return figure


def _axis(name: str, choices: Range | tuple[Any, ...], values: list[Any]) -> dict[str, Any]:
    label = TITLES.get(name.rpartition(".")[2], name)
    if not isinstance(choices, Range):
        places = list(range(len(choices)))
        words = [str(choice).replace("_", " ") for choice in choices]
        return {
            "label": label, "values": [choices.index(value) for value in values],
            "tickvals": places, "ticktext": words, "range": [-0.2, len(choices) - 0.8],
        }  # fmt: skip
    if not choices.log:
        return {"label": label, "values": values, "range": [choices.low, choices.high or 1]}
    low, high = math.log10(choices.low), math.log10(choices.high)
    marks = [low + (high - low) * step / 4 for step in range(5)]
    return {
        "label": label, "values": [math.log10(value) for value in values], "range": [low, high],
        "tickvals": marks, "ticktext": [f"{10**mark:.2g}" for mark in marks],
    }  # fmt: skip
