"""Copies of the same photo, within and across splits."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from fer_core.audit import duplicates
from pages._components.gallery import name, show_tiles, tile
from pages._dataset.decide import decide
from pages._dataset.state import Opened, start

A_PAGE = 12
FILTERS = {
    "All": lambda pairs: pairs["difference"] >= 0,
    "Across splits": lambda pairs: pairs["crosses"],
    "Two labels": lambda pairs: pairs["disagrees"],
    "Not exact": lambda pairs: pairs["kind"] != "exact",
}


def show(found: Opened) -> None:
    st.write(
        "The same photo twice teaches twice as much as it should, and a photo that is in training "
        "and in test makes the test figures too good."
    )
    if found.all_pairs is None:
        if st.button("Look for copies", type="primary", icon=":material/search:"):
            index = found.index
            start("Comparing pictures", lambda report: duplicates.find(index, report),
                  partial(_done, found))  # fmt: skip
            st.rerun()
        return
    most = st.slider(
        "Largest difference", 0.0, duplicates.MOST_DIFFERENCE, duplicates.DEFAULT_DIFFERENCE, 0.005,
        format="%.3f",
        key="copies_most", persist_state="session",
        help="0 is equal pixels. Up to 0.045 practically every pair is the same photo; beyond 0.06 "
        "every third is two photos that look alike.",
    )  # fmt: skip
    pairs = found.all_pairs[found.all_pairs["difference"] <= most]
    found.found(pairs=pairs)
    open_pairs = _undecided(found, pairs)
    _leaks(found, open_pairs)
    _summary(found, pairs, open_pairs)
    _gallery(found, open_pairs)


def _done(found: Opened, pairs: pd.DataFrame) -> None:
    found.all_pairs = pairs


def _undecided(found: Opened, pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs of which neither image is excluded nor both are kept."""
    made = found.decisions.latest()
    files = found.index.table["file"]
    actions = {"exclude": 2, "keep": 1}
    weight = {file: actions.get(one.action, 0) for file, one in made.items()}
    if not weight or pairs.empty:
        return pairs
    per_row = files.map(weight).fillna(0).to_numpy()
    a, b = per_row[pairs["a"]], per_row[pairs["b"]]
    return pairs[(a < 2) & (b < 2) & (a + b < 2)]


def _leaks(found: Opened, pairs: pd.DataFrame) -> None:
    leaks = duplicates.leaking(found.index, pairs)
    if not len(leaks):
        st.success("No training image has a copy in another split.", icon=":material/check:")
        return
    st.error(
        f"**Leakage:** {len(leaks):,} training images have a copy in validation or test. Figures "
        "measured there are too good.",
        icon=":material/warning:",
    )
    st.button(
        f"Exclude these {len(leaks):,} training images", type="primary", on_click=decide,
        args=(found, leaks.tolist(), "exclude", "copy"), key="exclude_leaks",
    )  # fmt: skip


def _summary(found: Opened, pairs: pd.DataFrame, open_pairs: pd.DataFrame) -> None:
    groups = duplicates.groups(open_pairs)
    surplus = duplicates.surplus(found.index, open_pairs)
    largest = len(groups[0]) if groups else 0
    st.write(
        f"{len(open_pairs):,} pairs in {len(groups):,} groups, the largest of {largest:,} images; "
        f"{len(pairs) - len(open_pairs):,} pairs are settled."
    )
    if len(surplus):
        st.button(
            f"Exclude all {len(surplus):,} surplus training images", on_click=decide,
            args=(found, surplus.tolist(), "exclude", "copy"), key="exclude_surplus",
            help="Of each group one training image stays, or none where a copy is in another "
            "split.",
        )  # fmt: skip


def _gallery(found: Opened, pairs: pd.DataFrame) -> None:
    chosen = st.pills("Show", list(FILTERS), default="All", required=True, key="copies_filter")
    order = st.toggle(
        "Least alike first", key="copies_least", help="Shows where the slider is too generous."
    )
    shown = pairs[np.asarray(FILTERS[chosen](pairs), np.bool_)]
    if order:
        shown = shown.iloc[::-1]
    if shown.empty:
        st.info("No such pairs.")
        return
    pages = -(-len(shown) // A_PAGE)
    page = st.pagination(pages, key=f"copies-{chosen}-{order}") if pages > 1 else 1
    with st.grid(min_column_width=350, gap="medium"):
        for pair in shown.iloc[(page - 1) * A_PAGE : page * A_PAGE].itertuples():
            with st.container(border=True):
                _pair(found, pair)


def _pair(found: Opened, pair) -> None:
    table = found.index.table
    rows = int(pair.a), int(pair.b)
    says = [f"{table['split'].iloc[row]} · {table['label'].iloc[row]}" for row in rows]
    pictures = [tile(found.index, row) for row in rows]
    show_tiles(pictures, [name(found.index, row) for row in rows], says)
    marks = [f"{pair.kind}, difference {pair.difference:.3f}"]
    marks += [":red[across splits]"] * bool(pair.crosses)
    marks += [":orange[two labels]"] * bool(pair.disagrees)
    st.caption(" · ".join(marks))
    key = f"{rows[0]}-{rows[1]}"
    with st.container(horizontal=True):
        for text, chosen, action in (
            ("Exclude left", rows[:1], "exclude"),
            ("Exclude right", rows[1:], "exclude"),
            ("Keep both", rows, "keep"),
        ):
            st.button(text, key=f"{text}-{key}", on_click=decide,
                      args=(found, chosen, action, "copy"))  # fmt: skip
