"""Copies of the same photo, within and across splits."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from fer_core.audit import duplicates
from pages._components.background import start
from pages._components.gallery import name, show_tiles, tile
from pages._components.open_dataset import OpenDataset
from pages._components.pagination import page_of

A_PAGE = 12
FILTERS = {
    "All": lambda pairs: pairs["difference"] >= 0,
    "Across splits": lambda pairs: pairs["crosses"],
    "Two labels": lambda pairs: pairs["disagrees"],
    "Not exact": lambda pairs: pairs["kind"] != "exact",
}


def show(dataset: OpenDataset) -> None:
    st.write(
        "The same photo twice teaches twice as much as it should, and a photo that is in training "
        "and in test makes the test figures too good."
    )
    if dataset.all_pairs is None:
        if st.button("Look for copies", type="primary", icon=":material/search:"):
            index = dataset.index
            start("Comparing pictures", lambda report: duplicates.find(index, report),
                  partial(_done, dataset))  # fmt: skip
            st.rerun()
        return
    most = st.slider(
        "Largest difference", 0.0, duplicates.MAX_DIFFERENCE, duplicates.DEFAULT_DIFFERENCE, 0.005,
        format="%.3f",
        key="copies_most", persist_state="session",
        help="0 is equal pixels. Up to 0.045 practically every pair is the same photo; beyond 0.06 "
        "every third is two photos that look alike.",
    )  # fmt: skip
    pairs = dataset.all_pairs[dataset.all_pairs["difference"] <= most]
    dataset.add_findings(pairs=pairs)
    open_pairs = _undecided(dataset, pairs)
    _leaks(dataset, open_pairs)
    _summary(dataset, pairs, open_pairs)
    _gallery(dataset, open_pairs)


def _done(dataset: OpenDataset, pairs: pd.DataFrame) -> None:
    dataset.all_pairs = pairs


def _undecided(dataset: OpenDataset, pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs of which neither image is excluded nor both are kept."""
    made = dataset.decisions.latest()
    files = dataset.index.table["file"]
    actions = {"exclude": 2, "keep": 1}
    weight = {file: actions.get(one.action, 0) for file, one in made.items()}
    if not weight or pairs.empty:
        return pairs
    per_row = files.map(weight).fillna(0).to_numpy()
    a, b = per_row[pairs["a"]], per_row[pairs["b"]]
    return pairs[(a < 2) & (b < 2) & (a + b < 2)]


def _leaks(dataset: OpenDataset, pairs: pd.DataFrame) -> None:
    leaks = duplicates.leaking(dataset.index, pairs)
    if not len(leaks):
        st.success("No training image has a copy in another split.", icon=":material/check:")
        return
    st.error(
        f"**Leakage:** {len(leaks):,} training images have a copy in validation or test. Figures "
        "measured there are too good.",
        icon=":material/warning:",
    )
    st.button(
        f"Exclude these {len(leaks):,} training images", type="primary", on_click=dataset.decide,
        args=(dataset.index, leaks.tolist(), "exclude", "copy"), key="exclude_leaks",
    )  # fmt: skip


def _summary(dataset: OpenDataset, pairs: pd.DataFrame, open_pairs: pd.DataFrame) -> None:
    groups = duplicates.groups(open_pairs)
    surplus = duplicates.surplus(dataset.index, open_pairs)
    largest = len(groups[0]) if groups else 0
    st.write(
        f"{len(open_pairs):,} pairs in {len(groups):,} groups, the largest of {largest:,} images; "
        f"{len(pairs) - len(open_pairs):,} pairs are settled."
    )
    if len(surplus):
        st.button(
            f"Exclude all {len(surplus):,} surplus training images", on_click=dataset.decide,
            args=(dataset.index, surplus.tolist(), "exclude", "copy"), key="exclude_surplus",
            help="Of each group one training image stays, or none where a copy is in another "
            "split.",
        )  # fmt: skip


def _gallery(dataset: OpenDataset, pairs: pd.DataFrame) -> None:
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
    page = page_of(len(shown), A_PAGE, f"copies-{chosen}-{order}")
    with st.grid(min_column_width=350, gap="medium"):
        for pair in shown.iloc[page].itertuples():
            with st.container(border=True):
                _pair(dataset, pair)


def _pair(dataset: OpenDataset, pair) -> None:
    table = dataset.index.table
    rows = int(pair.a), int(pair.b)
    says = [f"{table['split'].iloc[row]} · {table['label'].iloc[row]}" for row in rows]
    pictures = [tile(dataset.index, row) for row in rows]
    show_tiles(pictures, [name(dataset.index, row) for row in rows], says)
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
            st.button(text, key=f"{text}-{key}", on_click=dataset.decide,
                      args=(dataset.index, chosen, action, "copy"))  # fmt: skip
