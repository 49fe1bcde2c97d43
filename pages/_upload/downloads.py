"""Download a job's results."""

from pathlib import Path

import streamlit as st

from fer_core.system.jobs import Job
from fer_core.system.settings import settings

MOST_BYTES = 500_000_000
"""Larger files are not sent through the browser: the server would hold them in memory."""

KINDS = {
    "results.csv": ("CSV", "text/csv"),
    "results.parquet": ("Parquet", "application/vnd.apache.parquet"),
    "results.parquet.errors.csv": ("Errors", "text/csv"),
    "results.errors.csv": ("Errors", "text/csv"),  # of jobs of version 0.1
}


def show(job: Job, video: Path | None = None) -> None:
    """Show a button for each file, and the path of one that is too large."""
    stem = Path(job.title).stem
    for name, (label, mime) in KINDS.items():
        if (job.folder / name).is_file():
            _button(label, job.folder / name, f"{stem}-{name}", mime)
    if video:
        _button("Annotated MP4", video, f"{stem}-annotated.mp4", "video/mp4")


def show_errors(job: Job) -> None:
    """Show the button for the errors of a job in which several files failed."""
    file = job.folder / "results.parquet.errors.csv"
    if job.summary.get("files", 0) > 1 and file.is_file():
        _button("Errors", file, f"{Path(job.title).stem}-{file.name}", "text/csv")


def _button(label: str, file: Path, name: str, mime: str) -> None:
    if file.stat().st_size > MOST_BYTES:
        where = f"; it is {file}" if settings().policy.shows_server else ""
        st.caption(f"{label}: too large to download here{where}")
        return
    st.download_button(
        label, file.read_bytes, name, mime, on_click="ignore", icon=":material/download:"
    )
