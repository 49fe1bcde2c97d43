"""Results of a ZIP or a folder: counts, a chart, errors, and the table."""

import pandas as pd
import streamlit as st

from fer_core.recognition.results import meanings, with_label
from fer_core.system.jobs import Job
from fer_core.system.text import counted
from pages._components.emotion_counts import show_emotion_counts

MAX_ROWS = 200
"""Rows of the table that are sent to the browser."""


def show(job: Job) -> None:
    """Show the results of a finished job."""
    table = with_label(pd.read_parquet(job.folder / "results.parquet"))
    errors = table.loc[table["error"].notna(), ["source", "error"]]
    parts = [counted(job.summary.get(f"{unit}s", 0), unit) for unit in ("file", "face")]
    without = int(table.loc[table["x1"].isna() & table["error"].isna(), "source"].nunique())
    parts += [f"{without:,} without a face"] * bool(without)
    read = set(table.loc[table["detector"].notna(), "source"])
    unread = set(errors["source"]) - read
    parts += [f"{len(unread):,} could not be read"] * bool(unread)
    in_part = set(errors["source"]) & read
    parts += [f"{len(in_part):,} read in part"] * bool(in_part)
    st.write(", ".join(parts))
    if len(errors):
        with st.expander(f"Files that were not read, or in part ({len(errors):,})", expanded=True):
            st.dataframe(errors.head(MAX_ROWS), hide_index=True, alt="Errors")
    faces = table[table["emotion"].notna()]
    if len(faces):
        st.markdown("**Faces by emotion**")
        show_emotion_counts(faces["label"], key="files_chart")
    with st.expander("Table"):
        if len(table) > MAX_ROWS:
            st.caption(f"The first {MAX_ROWS} of {len(table):,} rows; the files have them all.")
        preview = table.head(MAX_ROWS).dropna(axis="columns", how="all")
        st.dataframe(preview, hide_index=True, alt="Results")
        with st.popover("Columns of the files", icon=":material/help:", type="tertiary"):
            st.markdown(meanings())
