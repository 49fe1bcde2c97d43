"""Duplicates of a photo, within and across splits."""

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
    "Not identical": lambda pairs: pairs["kind"] != "exact",
}
KINDS = {"exact": "identical", "near": "nearly identical", "mirrored": "mirrored"}


def show(dataset: OpenDataset) -> None:
    """Show the part."""
    st.write(
        "A photo that occurs twice counts twice in training. A photo in training and in test makes "
        "the test metrics too good."
    )
    if dataset.all_pairs is None:
        if st.button("Find duplicates", type="primary", icon=":material/search:"):
            start("Comparing images", partial(_search, dataset),
                  partial(setattr, dataset, "all_pairs"), "images")  # fmt: skip
            st.rerun()
        return
    most = st.slider(
        "Largest difference", 0.0, duplicates.MAX_DIFFERENCE, duplicates.DEFAULT_DIFFERENCE, 0.005,
        format="%.3f",
        key="duplicates_most", persist_state="session",
        help="0 is identical pixels. Up to 0.045 nearly every pair is one photo; beyond 0.06 every "
        "third pair is two similar photos.",
    )  # fmt: skip
    pairs = dataset.all_pairs[dataset.all_pairs["difference"] <= most]
    dataset.add_findings(pairs=pairs)
    open_pairs = _undecided(dataset, pairs)
    _leaks(dataset, open_pairs)
    _summary(dataset, pairs, open_pairs)
    _gallery(dataset, open_pairs)


def _search(dataset: OpenDataset, progress) -> pd.DataFrame:
    return duplicates.find(dataset.index, progress)


def _undecided(dataset: OpenDataset, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return pairs of which no image is excluded and not both are kept."""
    decisions = dataset.decisions.latest()
    files = dataset.index.table["file"]
    actions = {"exclude": 2, "keep": 1}
    weight = {file: actions.get(decision.action, 0) for file, decision in decisions.items()}
    if not weight or pairs.empty:
        return pairs
    per_row = files.map(weight).fillna(0).to_numpy()
    a, b = per_row[pairs["a"]], per_row[pairs["b"]]
    return pairs[(a < 2) & (b < 2) & (a + b < 2)]


def _leaks(dataset: OpenDataset, pairs: pd.DataFrame) -> None:
    leaks = duplicates.leaking(dataset.index, pairs)
    if not len(leaks):
        st.success("No training image has a duplicate in another split.", icon=":material/check:")
        return
    st.error(
        f"**Leakage:** {len(leaks):,} training images have a duplicate in validation or test. The "
        "metrics there are too good.",
        icon=":material/warning:",
    )
    st.button(
        f"Exclude these {len(leaks):,} training images", type="primary", on_click=dataset.decide,
        args=(dataset.index, leaks.tolist(), "exclude", "duplicate"), key="exclude_leaks",
    )  # fmt: skip


def _summary(dataset: OpenDataset, pairs: pd.DataFrame, open_pairs: pd.DataFrame) -> None:
    groups = duplicates.groups(open_pairs)
    surplus = duplicates.surplus(dataset.index, open_pairs)
    largest = len(groups[0]) if groups else 0
    st.write(
        f"{len(open_pairs):,} pairs in {len(groups):,} groups, the largest of {largest:,} images; "
        f"{len(pairs) - len(open_pairs):,} of {len(pairs):,} pairs reviewed."
    )
    if len(surplus):
        st.button(
            f"Exclude all {len(surplus):,} redundant training images", on_click=dataset.decide,
            args=(dataset.index, surplus.tolist(), "exclude", "duplicate"), key="exclude_surplus",
            help="Of each group one training image stays, or none where a duplicate is in another "
            "split.",
        )  # fmt: skip


def _gallery(dataset: OpenDataset, pairs: pd.DataFrame) -> None:
    kind = st.pills("Show", list(FILTERS), default="All", required=True, key="duplicates_filter")
    order = st.toggle(
        "Most different first", key="duplicates_least",
        help="Shows where the slider lets different photos through.",
    )  # fmt: skip
    selected = pairs[np.asarray(FILTERS[kind](pairs), np.bool_)]
    if order:
        selected = selected.iloc[::-1]
    if selected.empty:
        st.info("No such pairs.")
        return
    page = page_of(len(selected), A_PAGE, f"duplicates-{kind}-{order}")
    with st.grid(min_column_width=350, gap="medium"):
        for pair in selected.iloc[page].itertuples():
            with st.container(border=True):
                _pair(dataset, pair)


def _pair(dataset: OpenDataset, pair) -> None:
    table = dataset.index.table
    rows = int(pair.a), int(pair.b)
    captions = [f"{table['split'].iloc[row]} · {table['label'].iloc[row]}" for row in rows]
    tiles = [tile(dataset.index, row) for row in rows]
    show_tiles(tiles, [name(dataset.index, row) for row in rows], captions)
    exact = pair.kind == "exact"
    marks = [KINDS[pair.kind] if exact else f"{KINDS[pair.kind]}, difference {pair.difference:.3f}"]
    marks += [":red[across splits]"] * bool(pair.crosses)
    marks += [":orange[two labels]"] * bool(pair.disagrees)
    st.caption(" · ".join(marks))
    key = f"{rows[0]}-{rows[1]}"
    with st.container(horizontal=True):
        for text, decided, action in (
            ("Exclude left", rows[:1], "exclude"),
            ("Exclude right", rows[1:], "exclude"),
            ("Keep both", rows, "keep"),
        ):
            st.button(text, key=f"{text}-{key}", on_click=dataset.decide,
                      args=(dataset.index, decided, action, "duplicate"))  # fmt: skip
