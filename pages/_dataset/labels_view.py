"""Suspected wrong labels, one after the other, decided by button or key."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from fer_core.audit import label_issues
from fer_core.dataset import DatasetIndex
from fer_core.evaluation import predictions
from fer_core.labels import EMOTIONS
from fer_core.models import registry
from fer_core.models import store as model_store
from fer_core.models.classifier import EmotionClassifier
from fer_core.system.parallel import Progress
from pages._components.background import start
from pages._components.chart import show_chart
from pages._components.gallery import name, show_tiles, tile
from pages._components.open_dataset import OpenDataset
from pages._dataset import charts

NEXT = 11


def show(dataset: OpenDataset) -> None:
    st.write(
        "A simple classifier learns the given labels from what the model sees in the pictures, "
        "and is asked about pictures it did not learn from. Where it does not believe the label, "
        "have a look."
    )
    st.caption(
        "It finds what is unusual, not what is true: a rare but right expression looks suspicious, "
        "and an error that the whole dataset makes does not. The shipped model was trained on "
        "FER-2013 and its FER+ votes, so on FER-2013 it leans towards the votes."
    )
    if dataset.findings.suspects is None or dataset.findings.audited is None:
        _ask(dataset)
        return
    with st.expander("Judge another split or with another model", icon=":material/gavel:"):
        _ask(dataset)
    judged = dataset.findings.audited
    queue = _queue(dataset, judged, dataset.findings.suspects)
    if queue.empty:
        st.success("Nothing is left to look at here.", icon=":material/check:")
        return
    _card(dataset, judged, queue)
    _following(judged, queue)


def _ask(dataset: OpenDataset) -> None:
    splits = [str(split) for split in dataset.index.counts().columns]
    split = st.selectbox("Split", splits, key="judge_split", width=180)
    count = int(
        (dataset.index.is_readable & np.asarray(dataset.index.table["split"] == split)).sum()
    )
    judge = st.selectbox("Judged by", _judges(), format_func=_words, key="judge", width=420)
    if judge:
        st.caption(
            "A model believes the labels it was trained on more than it should: judge pictures by "
            "it that it has not seen, such as the validation split of its run."
        )
    st.caption(f"{count:,} images; about {max(count / 700, 2):.0f} s the first time.")
    if st.button("Judge the labels", type="primary", icon=":material/gavel:"):
        work = partial(_judge, dataset.index, split, judge)
        start("Judging labels", work, partial(_done, dataset))
        st.rerun()


def _judges() -> list[str]:
    """Folders of models and finished runs; the empty one is the simple classifier."""
    return ["", *(str(entry.folder) for entry in model_store.entries())]


def _words(judge: str) -> str:
    if not judge:
        return "A simple classifier on what the default model sees"
    names = {str(entry.folder): entry.name for entry in model_store.entries()}
    return f"What {names.get(judge, Path(judge).name)} answers itself"


def _judge(
    index: DatasetIndex, split: str, judge: str, progress: Progress
) -> tuple[DatasetIndex, pd.DataFrame]:
    judged = index.readable().split(split)
    codes = judged.label_codes()
    if judge:
        card = registry.load_card(judge)
        chances = predictions.predict_dataset(card, judged, progress=progress).probabilities(
            card, card.default_head
        )
    else:
        values = label_issues.features(judged, EmotionClassifier.load(), progress)
        chances = label_issues.out_of_fold(values, codes, judged.table["digest"].to_numpy())
    return judged, label_issues.suspects(codes, chances)


def _done(dataset: OpenDataset, result: tuple[DatasetIndex, pd.DataFrame]) -> None:
    judged, suspects = result
    dataset.add_findings(audited=judged, suspects=suspects)


def _queue(dataset: OpenDataset, judged: DatasetIndex, suspects: pd.DataFrame) -> pd.DataFrame:
    """What is left to look at, most suspicious first, with ``file`` and ``given``."""
    rows = suspects["row"].to_numpy()
    table = suspects.assign(
        file=judged.table["file"].to_numpy()[rows], given=judged.table["label"].to_numpy()[rows]
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        given = st.selectbox("Given label", ["any", *EMOTIONS], key="suspects_given", width=150)
        says = st.selectbox("Suggested", ["any", *EMOTIONS], key="suspects_says", width=150)
        everything = st.toggle(
            "All, not only the flagged",
            key="suspects_all",
            help="Flagged: the labels that cleanlab estimates to be wrong.",
        )
    flagged = int(table["flagged"].sum())
    share = 100 * flagged / len(table)
    st.write(f"{flagged:,} of {len(table):,} labels are flagged ({share:.1f} %).")
    if not everything:
        table = table[table["flagged"]]
    if given != "any":
        table = table[table["given"] == given]
    if says != "any":
        table = table[table["suggested"] == says]
    settled = dataset.decisions.latest().keys() | dataset.skipped
    left = table[~table["file"].isin(list(settled))]
    st.caption(f"{len(left):,} of {len(table):,} are left to look at.")
    return left


def _card(dataset: OpenDataset, judged: DatasetIndex, queue: pd.DataFrame) -> None:
    first = queue.iloc[0]
    row, given, says = int(first["row"]), str(first["given"]), str(first["suggested"])
    whole = _row_of(dataset, str(first["file"]))
    with st.container(border=True):
        left, right = st.columns([1, 2], gap="large")
        left.image(tile(judged, row, 240), width=240, alt=name(judged, row))
        left.caption(name(judged, row))
        belief = f"{100 * first['label_quality']:.1f} %"
        right.markdown(f"Given **{given}** (believed {belief}). Suggested **{says}**.")
        with right.container(horizontal=True):
            for text, key, action, label in (
                (f"Keep {given}", "K", "keep", ""),
                (f"Make it {says}", "M", "relabel", says),
                ("Exclude", "X", "exclude", ""),
            ):
                st.button(text, key=f"decide-{action}", shortcut=key, on_click=dataset.decide,
                          disabled=label == given, type="primary" if label else "secondary",
                          args=(dataset.index, [whole], action, "label", label))  # fmt: skip
            st.button("Skip", key="decide-skip", shortcut="S", on_click=dataset.skipped.add,
                      args=(str(first["file"]),))  # fmt: skip
        others = [emotion for emotion in EMOTIONS if emotion not in (given, says)]
        with right.container(horizontal=True):
            for other in others:
                st.button(other, key=f"decide-{other}", type="tertiary", on_click=dataset.decide,
                          args=(dataset.index, [whole], "relabel", "label", other))  # fmt: skip
        if judged.votes is not None and judged.votes.iloc[row].sum():
            right.caption("How FER+ annotators voted")
            show_chart(charts.votes(judged.votes.iloc[row]), right, key="votes",
                               config={"staticPlot": True}, alt="FER+ votes")  # fmt: skip


def _row_of(dataset: OpenDataset, file: str) -> int:
    return int(np.flatnonzero(dataset.index.table["file"] == file)[0])


def _following(judged: DatasetIndex, queue: pd.DataFrame) -> None:
    coming = queue.iloc[1 : 1 + NEXT]
    if coming.empty:
        return
    st.caption("Next")
    pairs = zip(coming["given"], coming["suggested"], strict=True)
    captions = [f"{given} → {says}" for given, says in pairs]
    show_tiles([tile(judged, int(row)) for row in coming["row"]], captions, captions)
