"""A chart, with its values as a table one click away for those who cannot see or read it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def show_chart(
    figure: go.Figure | Mapping[str, Any], place: DeltaGenerator | None = None, **options: Any
) -> Any:
    """``place.plotly_chart`` with the same ``options``, and the table below it."""
    figure = go.Figure(figure)
    with place or st.container(gap=None):
        event = st.plotly_chart(figure, **options)
        show_table(values(figure), options.get("alt", "Values"))
    return event


def show_table(table: pd.DataFrame, alt: str) -> None:
    """A table that opens at a click."""
    with st.popover("Table", icon=":material/table:", type="tertiary"):
        st.dataframe(table, hide_index=True, alt=alt)


def values(figure: go.Figure) -> pd.DataFrame:
    """What a figure shows, a column a trace: bars, lines and points.

    Of a heatmap the cells, in its texts where it has any.
    """
    title = figure.layout.xaxis.title.text or ""
    columns: dict[str, pd.Series] = {}
    for trace in figure.data:
        if trace.type == "heatmap":
            numbers = trace.z if trace.text is None else trace.text
            cells = pd.DataFrame(numbers, index=list(trace.y), columns=list(trace.x))
            return cells.reset_index(names="")
        if trace.x is None or trace.hoverinfo == "skip":  # lines and words that only guide the eye
            continue
        along, across = (trace.x, figure.layout.xaxis), (trace.y, figure.layout.yaxis)
        if trace.orientation == "h":
            along, across = across, along
        title = along[1].title.text or ""
        column = pd.Series(list(across[0]), index=list(along[0]))
        columns[trace.name or across[1].title.text or "value"] = column[~column.index.duplicated()]
    table = pd.DataFrame(columns).reindex(_in_order(columns))
    return table.reset_index(names=title)


def _in_order(columns: dict[str, pd.Series]) -> list[Any]:
    """Every place on the axis once, in the order in which the traces name them."""
    return list(dict.fromkeys(place for column in columns.values() for place in column.index))
