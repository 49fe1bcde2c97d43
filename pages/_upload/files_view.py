"""Results of a ZIP or a folder: how many faces, which emotions, what went wrong."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fer_core import EMOTIONS
from fer_core.labels import COLORS, UNCERTAIN_COLOR
from fer_core.system.jobs import Job
from pages._components.chart import show_chart

SHOWN = 200


def show(job: Job) -> None:
    said = job.summary
    table = pd.read_parquet(job.folder / "results.parquet")
    parts = [f"{said.get('files', 0):,} files", f"{said.get('faces', 0):,} faces"]
    without = int(table.loc[table["x1"].isna() & table["error"].isna(), "source"].nunique())
    parts += [f"{without:,} without a face"] * bool(without)
    parts += [f"{said['errors']:,} could not be read"] * bool(said.get("errors"))
    st.write(", ".join(parts))
    faces = table[table["emotion"].notna()]
    if len(faces):
        _chart(faces)
    with st.expander("Table"):
        if len(table) > SHOWN:
            st.caption(f"The first {SHOWN} of {len(table):,} rows; the files have them all.")
        st.dataframe(table.head(SHOWN), hide_index=True, alt="Results")
    errors = table.loc[table["error"].notna(), ["source", "error"]]
    if len(errors):
        with st.expander(f"What could not be read ({len(errors):,})", expanded=True):
            st.dataframe(errors.head(SHOWN), hide_index=True, alt="Errors")


def _chart(faces: pd.DataFrame) -> None:
    shown = faces["emotion"].where(~faces["uncertain"].astype(bool), "uncertain")
    counts = shown.value_counts().reindex([*EMOTIONS, "uncertain"], fill_value=0)
    figure = go.Figure(
        go.Bar(
            x=list(counts.index),
            y=counts.to_list(),
            text=[f"{count:,}" for count in counts],
            textposition="outside",
            cliponaxis=False,
            marker={
                "color": [*COLORS.values(), UNCERTAIN_COLOR],
                "line": {"color": "#8A9290", "width": 1},  # the darkest one shows on dark, too
            },
        )
    )
    figure.update_layout(height=260, margin={"l": 0, "r": 0, "t": 24, "b": 0}, yaxis_title="faces")
    words = ", ".join(f"{name} {count}" for name, count in counts.items())
    show_chart(figure, key="files_chart", alt=f"Faces: {words}")
