"""A chart whose values stand in a table one click away, and that can be saved as an image."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

SAVE_FORMATS = ("PNG", "SVG")


def show_chart(
    figure: go.Figure | Mapping[str, Any],
    parent: DeltaGenerator | None = None,
    rows: str = "",
    **options: Any,
) -> Any:
    """Draw a chart with its table and image format below it; return what ``plotly_chart`` returns.

    Args:
        figure: A Plotly figure, or its data and layout.
        parent: Container to draw in; None for the page.
        rows: What a row of the table is, where that is not plain, as a sentence.
        **options: Of ``st.plotly_chart``. ``config`` is this function's own: the camera button
            alone, which saves the chart in the format chosen below it.
    """
    figure = go.Figure(figure)
    alt = options.get("alt", "Values")
    with parent or st.container(gap=None):
        chart = st.container(gap=None)
        with st.popover("Table and image", icon=":material/table:", type="tertiary"):
            table = values(figure)
            st.dataframe(
                table, hide_index=True, alt=alt, width="content",
                column_config=_formats(figure, list(table.columns)),
            )  # fmt: skip
            if rows:
                st.caption(rows)
            image_format = st.segmented_control(
                "The camera button of the chart saves", SAVE_FORMATS, default="PNG", required=True,
                key=f"{options.get('key', alt)}-format",
            )  # fmt: skip
        options["config"] = save_config(alt, image_format)
        return chart.plotly_chart(figure, **options)


def save_config(name: str, image_format: str = "PNG") -> dict[str, Any]:
    """Return a Plotly configuration whose only button saves the chart as an image."""
    return {
        "displayModeBar": True,
        "modeBarButtons": [["toImage"]],
        "displaylogo": False,
        "toImageButtonOptions": {
            "format": image_format.lower(),
            "filename": name.lower().replace(" ", "-"),
            "scale": 3 if image_format == "PNG" else 1,
        },
    }


def show_table(table: pd.DataFrame, alt: str) -> None:
    """Show a table that opens at a click."""
    with st.popover("Table", icon=":material/table:", type="tertiary"):
        st.dataframe(table, hide_index=True, alt=alt)


def values(figure: go.Figure) -> pd.DataFrame:
    """Return what a figure shows, a column a trace: bars, lines and points.

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


def _formats(figure: go.Figure, columns: list[str]) -> dict[str, Any]:
    """Return how columns are shown whose axis has a unit: with it, and as in the chart's hover."""
    along, across = figure.layout.xaxis, figure.layout.yaxis
    if any(getattr(trace, "orientation", None) == "h" for trace in figure.data):
        along, across = across, along
    axes = dict(zip(columns, [along, *[across] * (len(columns) - 1)], strict=True))
    return {
        name: st.column_config.NumberColumn(
            format=f"%{axis.hoverformat or '.1f'}{axis.ticksuffix.replace('%', '%%')}"
        )
        for name, axis in axes.items()
        if (axis.ticksuffix or "").strip()  # a space alone keeps labels off the axis
    }


def _in_order(columns: dict[str, pd.Series]) -> list[Any]:
    """Return every position on the axis once, in the order in which the traces name them."""
    return list(dict.fromkeys(key for column in columns.values() for key in column.index))
