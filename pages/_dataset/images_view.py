"""Pictures that are no use: blank, off-size, without a face."""

import numpy as np
import pandas as pd
import streamlit as st

from fer_core.audit import image_issues
from fer_core.dataset import DatasetIndex
from fer_core.recognition.detection import choose_detector
from fer_core.system.parallel import Progress
from pages._components.background import start
from pages._components.gallery import name, tile
from pages._components.open_dataset import OpenDataset
from pages._components.pagination import page_of

A_PAGE = 24


def show(dataset: OpenDataset) -> None:
    odd = image_issues.find(dataset.index)
    if dataset.faceless is not None:
        rest = [(row, "No face found.") for row in dataset.faceless]
        odd = pd.concat([odd, pd.DataFrame(rest, columns=odd.columns)], ignore_index=True)
    settled = set(dataset.decisions.latest())
    files = dataset.index.table["file"].to_numpy()
    left = odd[[files[row] not in settled for row in odd["row"]]].drop_duplicates("row")
    st.write(
        f"{len(odd):,} pictures are blank, small, off-size or unreadable"
        f"{'' if dataset.faceless is None else ' or show no face'}; "
        f"{len(left):,} are left to decide."
    )
    if dataset.faceless is None:
        _ask(dataset)
    if left.empty:
        return
    every = [int(row) for row in left["row"]]
    st.button(f"Exclude all {len(every):,}", on_click=dataset.decide, key="exclude_odd",
              args=(dataset.index, every, "exclude", "picture"))  # fmt: skip
    page = page_of(len(left), A_PAGE, "odd_page")
    with st.grid(min_column_width=160, gap="small"):
        for one in left.iloc[page].itertuples():
            with st.container(border=True):
                _one(dataset, int(one.row), str(one.reason))


def _ask(dataset: OpenDataset) -> None:
    count = int(dataset.index.is_readable.sum())
    if st.button("Search every picture for a face", icon=":material/face:"):
        index = dataset.index
        start("Searching for faces", lambda report: _search(index, report),
              lambda rows: _done(dataset, rows))  # fmt: skip
        st.rerun()
    st.caption(
        f"{count:,} pictures, about {max(count * 0.005 / 60, 0.1):.1f} minutes. The detector "
        "misses about one face in twenty, so look before you exclude. Drawn faces, as in the demo, "
        "often count as none."
    )


def _search(index: DatasetIndex, progress: Progress) -> tuple[int, ...]:
    good = np.flatnonzero(index.is_readable)
    missing = image_issues.without_face(index.readable(), choose_detector().detector, progress)
    return tuple(good[missing].tolist())


def _done(dataset: OpenDataset, rows: tuple[int, ...]) -> None:
    dataset.faceless = rows
    dataset.add_findings(faceless=len(rows))


def _one(dataset: OpenDataset, row: int, why: str) -> None:
    if dataset.index.is_readable[row]:
        st.image(tile(dataset.index, row), width=96, alt=name(dataset.index, row))
    st.caption(f"{name(dataset.index, row)}: {why}")
    with st.container(horizontal=True):
        for text, action in (("Exclude", "exclude"), ("Keep", "keep")):
            st.button(text, key=f"odd-{action}-{row}", on_click=dataset.decide,
                      args=(dataset.index, [row], action, "picture"))  # fmt: skip
