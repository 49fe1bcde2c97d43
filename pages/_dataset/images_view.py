"""Image issues: blank, of an unusual size, without a face."""

import numpy as np
import pandas as pd
import streamlit as st

from fer_core.audit import image_issues
from fer_core.dataset import DatasetIndex
from fer_core.recognition.detection import choose_detector
from fer_core.system.parallel import Progress
from fer_core.system.text import markdown
from pages._components.background import start
from pages._components.gallery import name, tile
from pages._components.open_dataset import OpenDataset
from pages._components.pagination import page_of

A_PAGE = 24


def show(dataset: OpenDataset) -> None:
    """Show the part."""
    issues = image_issues.find(dataset.index)
    if dataset.faceless is not None:
        faceless = [(row, "No face found.") for row in dataset.faceless]
        issues = pd.concat([issues, pd.DataFrame(faceless, columns=issues.columns)])
    decided = set(dataset.decisions.latest())
    files = dataset.index.table["file"].to_numpy()
    open_issues = issues[[files[row] not in decided for row in issues["row"]]]
    open_issues = open_issues.drop_duplicates("row")
    st.write(
        f"{len(issues):,} images are blank, small, of an unusual size or unreadable"
        f"{'' if dataset.faceless is None else ' or show no face'}; "
        f"{len(open_issues):,} still to decide."
    )
    if dataset.faceless is None:
        _offer_search(dataset)
    if open_issues.empty:
        return
    rows = [int(row) for row in open_issues["row"]]
    st.button(f"Exclude all {len(rows):,}", on_click=dataset.decide, key="exclude_issues",
              args=(dataset.index, rows, "exclude", "image"))  # fmt: skip
    page = page_of(len(open_issues), A_PAGE, "issues_page")
    with st.grid(min_column_width=160, gap="small"):
        for issue in open_issues.iloc[page].itertuples():
            with st.container(border=True):
                _issue(dataset, int(issue.row), str(issue.reason))


def _offer_search(dataset: OpenDataset) -> None:
    count = int(dataset.index.is_readable.sum())
    if st.button("Detect the face in every image", icon=":material/face:"):
        index = dataset.index
        start("Detecting faces", lambda report: _search(index, report),
              lambda rows: _show_faceless(dataset, rows), "images")  # fmt: skip
        st.rerun()
    st.caption(
        f"{count:,} images, about {max(count * 0.005 / 60, 0.1):.1f} minutes. The detector misses "
        "about one face in twenty, so look before you exclude. Drawn faces, as in the demo, are "
        "often not detected."
    )


def _search(index: DatasetIndex, progress: Progress) -> tuple[int, ...]:
    readable = np.flatnonzero(index.is_readable)
    missing = image_issues.without_face(index.readable(), choose_detector().detector, progress)
    return tuple(readable[missing].tolist())


def _show_faceless(dataset: OpenDataset, rows: tuple[int, ...]) -> None:
    dataset.faceless = rows
    dataset.add_findings(faceless=len(rows))


def _issue(dataset: OpenDataset, row: int, reason: str) -> None:
    if dataset.index.is_readable[row]:
        st.image(tile(dataset.index, row), width=96, alt=name(dataset.index, row))
    st.caption(markdown(f"{name(dataset.index, row)}: {reason}"))
    with st.container(horizontal=True):
        for text, action in (("Exclude", "exclude"), ("Keep", "keep")):
            st.button(text, key=f"issue-{action}-{row}", on_click=dataset.decide,
                      args=(dataset.index, [row], action, "image"))  # fmt: skip
