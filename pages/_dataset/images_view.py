"""Pictures that are no use: blank, off-size, without a face."""

import numpy as np
import pandas as pd
import streamlit as st

from fer_core.audit import image_issues
from fer_core.dataset import DatasetIndex
from fer_core.recognition.detection import choose_detector
from fer_core.system.parallel import Progress
from pages._components.gallery import name, tile
from pages._dataset.decide import decide
from pages._dataset.state import Opened, start

A_PAGE = 24


def show(found: Opened) -> None:
    odd = image_issues.odd(found.index)
    if found.faceless is not None:
        rest = [(row, "No face found.") for row in found.faceless]
        odd = pd.concat([odd, pd.DataFrame(rest, columns=odd.columns)], ignore_index=True)
    settled = set(found.decisions.latest())
    files = found.index.table["file"].to_numpy()
    left = odd[[files[row] not in settled for row in odd["row"]]].drop_duplicates("row")
    st.write(
        f"{len(odd):,} pictures are blank, small, off-size or unreadable"
        f"{'' if found.faceless is None else ' or show no face'}; {len(left):,} are left to decide."
    )
    if found.faceless is None:
        _ask(found)
    if left.empty:
        return
    every = [int(row) for row in left["row"]]
    st.button(f"Exclude all {len(every):,}", on_click=decide, key="exclude_odd",
              args=(found, every, "exclude", "picture"))  # fmt: skip
    pages = -(-len(left) // A_PAGE)
    page = st.pagination(pages, key="odd_page") if pages > 1 else 1
    with st.grid(min_column_width=160, gap="small"):
        for one in left.iloc[(page - 1) * A_PAGE : page * A_PAGE].itertuples():
            with st.container(border=True):
                _one(found, int(one.row), str(one.why))


def _ask(found: Opened) -> None:
    count = int(found.index.is_readable.sum())
    if st.button("Search every picture for a face", icon=":material/face:"):
        index = found.index
        start("Searching for faces", lambda report: _search(index, report),
              lambda rows: _done(found, rows))  # fmt: skip
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


def _done(found: Opened, rows: tuple[int, ...]) -> None:
    found.faceless = rows
    found.found(faceless=len(rows))


def _one(found: Opened, row: int, why: str) -> None:
    if found.index.is_readable[row]:
        st.image(tile(found.index, row), width=96, alt=name(found.index, row))
    st.caption(f"{name(found.index, row)}: {why}")
    with st.container(horizontal=True):
        for text, action in (("Exclude", "exclude"), ("Keep", "keep")):
            st.button(text, key=f"odd-{action}-{row}", on_click=decide,
                      args=(found, [row], action, "picture"))  # fmt: skip
