"""See the imbalance: counts, the smallest class, light and sizes, and the pictures themselves."""

import math

import numpy as np
import pandas as pd
import streamlit as st

from fer_core.balance.class_weights import class_weights, effective_number, imbalance
from fer_core.dataset import DatasetIndex
from fer_core.labels import EMOTIONS
from pages._components.chart import show_chart
from pages._components.gallery import name, show_tiles, tile
from pages._components.open_dataset import OpenDataset
from pages._components.pagination import page_of
from pages._dataset import charts

A_PAGE = 60


def show(dataset: OpenDataset) -> None:
    index = dataset.decided()
    counts = index.counts()
    _sentence(counts)
    _metrics(index, counts)
    show_chart(
        charts.counts(counts), key="counts", on_select=_choose_class, selection_mode="points",
        config={"displayModeBar": False},
        alt="Images of each class and split. " + ", ".join(
            f"{name} {n:,}" for name, n in counts.sum(axis=1).items()
        ),
    )  # fmt: skip
    st.caption("Click a class to see its pictures.")
    for note in index.notes:
        st.caption(f":material/info: {note}")
    if len(dataset.decisions):
        left_out = len(dataset.index) - len(index)
        st.caption(
            f":material/rule: Seen through your {len(dataset.decisions):,} decisions, which leave "
            f"out {left_out:,} images. They are listed under Audit and can be undone there."
        )
    _details(index, counts)
    _gallery(index)


def _choose_class() -> None:
    points = st.session_state["counts"]["selection"]["points"]
    if points:
        st.session_state["gallery_class"] = points[0]["x"]


def _sentence(counts: pd.DataFrame) -> None:
    if "train" not in counts:
        st.warning("There are no training images: nothing can be balanced.")
        return
    train = counts["train"]
    small, large = str(train.idxmin()), str(train.idxmax())
    if train[small] == 0:
        st.warning(f"**{small}** has no training images at all. Balancing cannot make them up.")
        return
    share = f"{100 * train[small] / train.sum():.1f} %"
    ratio = train[large] / train[small]
    if ratio < 1.05:
        st.success(f"The training split is balanced: {train[small]:,} to {train[large]:,} a class.")
        return
    st.warning(
        f"**{small}** is the smallest class: {train[small]:,} of {train.sum():,} training images "
        f"({share}). {large} has {ratio:.1f} times as many.",
        icon=":material/balance:",
    )


def _metrics(index: DatasetIndex, counts: pd.DataFrame) -> None:
    train = {str(k): int(n) for k, n in counts.get("train", pd.Series(dtype=int)).items()}
    ratio = imbalance(train) if train else math.nan
    with st.container(horizontal=True):
        st.metric("Images", f"{int(counts.to_numpy().sum()):,}", width="content")
        st.metric(
            "Imbalance",
            f"{ratio:.1f}" if math.isfinite(ratio) else "–",
            help="Training images in the largest class for each in the smallest.",
            width="content",
        )
        bad = int((~index.is_readable).sum())
        st.metric("Unreadable files", f"{bad:,}", width="content")


def _details(index: DatasetIndex, counts: pd.DataFrame) -> None:
    with st.expander("Figures, sizes and light"):
        if "train" in counts:
            st.dataframe(_figures(counts), hide_index=True, alt="Figures of each class")
            st.caption(
                "Effective number: how many different images the class is worth when each further "
                "one adds less (Cui et al. 2019, beta 0.999). Class weight: what the loss of each "
                "image would be multiplied with instead of upsampling."
            )
        good = index.readable()
        sizes = good.table.groupby(["width", "height"]).size().sort_values(ascending=False)
        common = ", ".join(f"{w}×{h} ({n:,})" for (w, h), n in sizes.head(5).items())
        st.write(f"**Sizes in pixels:** {common}{', …' if len(sizes) > 5 else ''}")
        show_chart(charts.light(good), key="light", config={"displayModeBar": False},
                        alt="Distribution of brightness and contrast")  # fmt: skip
    bad = index.table.loc[~index.is_readable, ["file", "error"]]
    if len(bad):
        with st.expander(f"{len(bad):,} unreadable files", icon=":material/broken_image:"):
            st.dataframe(bad, hide_index=True, alt="Unreadable files")


def _figures(counts: pd.DataFrame) -> pd.DataFrame:
    train = {str(name): int(n) for name, n in counts["train"].items()}
    weights = class_weights(train)
    total = max(sum(train.values()), 1)
    return pd.DataFrame(
        {
            "emotion": list(train),
            "training images": list(train.values()),
            "share": [f"{100 * n / total:.1f} %" for n in train.values()],
            "effective number": [round(effective_number(n)) for n in train.values()],
            "class weight": [round(weights[name], 2) for name in train],
        }
    )


def _gallery(index: DatasetIndex) -> None:
    st.subheader("Pictures", anchor=False)
    splits = list(index.counts().columns)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox("Class", EMOTIONS, key="gallery_class", width=180)
        split = st.selectbox("Split", ["all", *splits], key="gallery_split", width=180)
    chosen = index.is_readable & np.asarray(index.table["label"] == label)
    if split != "all":
        chosen &= np.asarray(index.table["split"] == split)
    rows = np.flatnonzero(chosen)
    if not len(rows):
        st.info(f"There are no pictures of {label} here.")
        return
    page = page_of(len(rows), A_PAGE, f"gallery-{label}-{split}")
    part = rows[page].tolist()
    show_tiles([tile(index, row) for row in part], [name(index, row) for row in part])
    st.caption(f"{page.start + 1:,} to {page.stop:,} of {len(rows):,}")
