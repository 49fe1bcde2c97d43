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
    """An axis for each field that is tried, and the last for the best figure of each trial."""
    best = [float(one.best or 0) for one in trials]
    axes = [
        _axis(name, way, [one.tried[name] for one in trials]) for name, way in config.fields.items()
    ]
    axes.append({"label": config.monitor.removeprefix("val_").replace("_", " "), "values": best,
                 "tickformat": ".3~f"})  # fmt: skip
    is_loss = config.monitor.endswith("loss")
    line = {"color": best, "colorscale": SCALE, "reversescale": is_loss,
            "cmin": min(best), "cmax": max(best) + 1e-9}  # fmt: skip
    figure = go.Figure(go.Parcoords(dimensions=axes, line=line))
    figure.update_layout(height=320, margin={"l": 60, "r": 50, "t": 50, "b": 20})
    return figure


def _axis(name: str, way: Range | tuple[Any, ...], values: list[Any]) -> dict[str, Any]:
    label = TITLES.get(name.rpartition(".")[2], name)
    if not isinstance(way, Range):
        places = list(range(len(way)))
        words = [str(one).replace("_", " ") for one in way]
        return {"label": label, "values": [way.index(one) for one in values], "tickvals": places,
                "ticktext": words, "range": [-0.2, len(way) - 0.8]}  # fmt: skip
    if not way.log:
        return {"label": label, "values": values, "range": [way.low, way.high or 1]}
    low, high = math.log10(way.low), math.log10(way.high)
    marks = [low + (high - low) * step / 4 for step in range(5)]
    return {
        "label": label, "values": [math.log10(one) for one in values], "range": [low, high],
        "tickvals": marks, "ticktext": [f"{10**mark:.2g}" for mark in marks],
    }  # fmt: skip
