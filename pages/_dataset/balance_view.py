"""Class balance: counts, the smallest class, image sizes and brightness, and the images."""

import math

import numpy as np
import pandas as pd
import streamlit as st

from fer_core.balance.class_weights import BALANCED, class_weights, effective_number, imbalance
from fer_core.dataset import DatasetIndex
from fer_core.labels import EMOTIONS
from fer_core.system.text import markdown
from pages._components.chart import show_chart
from pages._components.gallery import name, show_tiles, tile
from pages._components.open_dataset import OpenDataset
from pages._components.pagination import page_of
from pages._dataset import charts

A_PAGE = 60


def show(dataset: OpenDataset) -> None:
    """Show the part."""
    index = dataset.decided()
    counts = index.counts()
    _sentence(counts)
    _metrics(index, counts)
    show_chart(
        charts.counts(counts), key="counts", on_select=_select_class, selection_mode="points",
        alt="Images of each class and split. " + ", ".join(
            f"{name} {n:,}" for name, n in counts.sum(axis=1).items()
        ),
    )  # fmt: skip
    st.caption("Above each bar: training images of all. Click a class to see its images.")
    for note in index.notes:
        st.caption(f":material/info: {markdown(note)}")
    if len(dataset.decisions):
        excluded = len(dataset.index) - len(index)
        st.caption(
            f":material/rule: Your {len(dataset.decisions):,} decisions are applied; they exclude "
            f"{excluded:,} images. Audit lists them and can undo them."
        )
    _details(index, counts)
    _files("without a detected face", "photos", [[file] for file in dataset.without_face], ["file"])
    _gallery(index)


def _select_class() -> None:
    points = st.session_state["counts"]["selection"]["points"]
    if points:
        st.session_state["gallery_class"] = points[0]["x"]


def _sentence(counts: pd.DataFrame) -> None:
    if "train" not in counts:
        st.warning("There are no training images: nothing can be balanced.")
        return
    train = counts["train"]
    small, large = str(train.idxmin()), str(train.idxmax())
    if empty := [f"**{name}**" for name, count in train.items() if not count]:
        verb = "has" if len(empty) == 1 else "have"
        st.warning(f"{', '.join(empty)} {verb} no training images. Balancing cannot create them.")
        return
    ratio = train[large] / train[small]
    if ratio < BALANCED:
        st.success(f"The training split is balanced: {train[small]:,} to {train[large]:,} a class.")
        return
    share = f"{100 * train[small] / train.sum():.1f}%"
    st.warning(
        f"**{small}** is the smallest class: {train[small]:,} of {train.sum():,} training images "
        f"({share}). {large} has {ratio:.1f} times as many.",
        icon=":material/balance:",
    )
    st.button("Balance it", icon=":material/arrow_forward:", key="balance_it", type="primary",
              on_click=st.session_state.__setitem__, args=("dataset_part", "Upsample"))  # fmt: skip


def _metrics(index: DatasetIndex, counts: pd.DataFrame) -> None:
    train = {str(k): int(n) for k, n in counts.get("train", pd.Series(dtype=int)).items()}
    ratio = imbalance(train) if train else math.nan
    with st.container(horizontal=True, gap="large"):
        st.metric("Images", f"{int(counts.to_numpy().sum()):,}", width="content")
        st.metric(
            "Imbalance ratio (train)",
            f"{ratio:.1f} : 1" if math.isfinite(ratio) else "–",
            help="Training images of the largest class / training images of the smallest class.",
            width="content",
        )
        unreadable = int((~index.is_readable).sum())
        st.metric("Unreadable files", f"{unreadable:,}", width="content")


def _details(index: DatasetIndex, counts: pd.DataFrame) -> None:
    with st.expander("Class weights, image sizes, brightness"):
        if "train" in counts:
            st.dataframe(_weights(counts), hide_index=True, alt="Class weights")
            st.caption(
                "Effective number: how many different images the class is worth when each further "
                "one adds less (Cui et al. 2019, beta 0.999). Class weight: the factor of each "
                "image's loss, an alternative to upsampling."
            )
        readable = index.readable()
        sizes = readable.table.groupby(["width", "height"]).size().sort_values(ascending=False)
        common = ", ".join(f"{w}×{h} ({n:,})" for (w, h), n in sizes.head(5).items())
        st.write(f"**Sizes in pixels:** {common}{', …' if len(sizes) > 5 else ''}")
        show_chart(charts.light(readable), key="light",
                   alt="Distribution of brightness and contrast")  # fmt: skip
    unreadable = index.table.loc[~index.is_readable, ["file", "error"]]
    _files("unreadable", "files", unreadable.to_numpy().tolist(), ["file", "error"])


def _files(problem: str, unit: str, rows: list[list[str]], columns: list[str]) -> None:
    if rows:
        with st.expander(f"{len(rows):,} {unit} {problem}", icon=":material/broken_image:"):
            table = pd.DataFrame(rows, columns=columns)
            st.dataframe(table, hide_index=True, alt=f"{unit} {problem}")


def _weights(counts: pd.DataFrame) -> pd.DataFrame:
    train = {str(name): int(n) for name, n in counts["train"].items()}
    weights = class_weights(train)
    total = max(sum(train.values()), 1)
    return pd.DataFrame(
        {
            "emotion": list(train),
            "training images": list(train.values()),
            "share": [f"{100 * n / total:.1f}%" for n in train.values()],
            "effective number": [round(effective_number(n)) for n in train.values()],
            "class weight": [round(weights[name], 2) for name in train],
        }
    )


def _gallery(index: DatasetIndex) -> None:
    st.subheader("Images", anchor=False)
    splits = list(index.counts().columns)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox("Class", EMOTIONS, key="gallery_class", width=180)
        split = st.selectbox("Split", ["all", *splits], key="gallery_split", width=180)
    selected = index.is_readable & np.asarray(index.table["label"] == label)
    if split != "all":
        selected &= np.asarray(index.table["split"] == split)
    rows = np.flatnonzero(selected)
    if not len(rows):
        st.info(f"There are no images of {label} here.")
        return
    page = page_of(len(rows), A_PAGE, f"gallery-{label}-{split}")
    part = rows[page].tolist()
    show_tiles([tile(index, row) for row in part], [name(index, row) for row in part])
    st.caption(f"{page.start + 1:,} to {page.stop:,} of {len(rows):,}")
