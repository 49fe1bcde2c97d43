"""Probable label errors, one after the other, decided by button or key."""

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
    """Show the part."""
    st.write(
        "Confident learning: a simple classifier learns the labels from the model's features and "
        "predicts images it did not learn from. Labels that it finds improbable come first."
    )
    st.caption(
        "It finds unusual labels, not the truth: a rare but correct expression looks suspicious, "
        "and an error that the whole dataset makes does not. The shipped model was trained on "
        "FER-2013 and its FER+ votes, so on FER-2013 it favors the votes."
    )
    if dataset.photos.are_photos:
        st.info("Label errors can be found in face crops. Cut out the faces first, see above.")
        return
    if dataset.findings.suspects is None or dataset.findings.audited is None:
        _offer(dataset)
        return
    with st.expander("Audit another split or with another model", icon=":material/rule:"):
        _offer(dataset)
    audited = dataset.findings.audited
    queue = _queue(dataset, audited, dataset.findings.suspects)
    if queue.empty:
        st.success("Nothing left to review here.", icon=":material/check:")
        return
    _card(dataset, audited, queue)
    _following(audited, queue)


def _offer(dataset: OpenDataset) -> None:
    splits = [str(split) for split in dataset.index.counts().columns]
    split = st.selectbox("Split", splits, key="audit_split", width=180)
    in_split = np.asarray(dataset.index.table["split"] == split)
    count = int((dataset.index.is_readable & in_split).sum())
    model = st.selectbox("Predictions of", _models(), format_func=_title, key="audit_model",
                         width=420)  # fmt: skip
    if model:
        st.caption(
            "A model trusts the labels it was trained on. Use it on images that it has not seen, "
            "such as the validation split of its run."
        )
    st.caption(f"{count:,} images; about {max(count / 700, 2):.0f} s the first time.")
    if st.button("Find label errors", type="primary", icon=":material/search:"):
        work = partial(_audit, dataset.index, split, model)
        start("Finding label errors", work, partial(_show_suspects, dataset), "images")
        st.rerun()


def _models() -> list[str]:
    """Return folders of models and finished runs; the empty one is the simple classifier."""
    return ["", *(str(entry.folder) for entry in model_store.entries())]


def _title(model: str) -> str:
    if not model:
        return "A simple classifier on the default model's features"
    names = {str(entry.folder): entry.name for entry in model_store.entries()}
    return f"{names.get(model, Path(model).name)} itself"


def _audit(
    index: DatasetIndex, split: str, model: str, progress: Progress
) -> tuple[DatasetIndex, pd.DataFrame]:
    audited = index.readable().split(split)
    codes = audited.label_codes()
    if model:
        card = registry.load_card(model)
        predicted = predictions.predict_dataset(card, audited, progress=progress)
        probabilities = predicted.probabilities(card, card.default_head)
    else:
        features = label_issues.features(audited, EmotionClassifier.load(), progress)
        digests = audited.table["digest"].to_numpy()
        probabilities = label_issues.out_of_fold(features, codes, digests)
    return audited, label_issues.suspects(codes, probabilities)


def _show_suspects(dataset: OpenDataset, result: tuple[DatasetIndex, pd.DataFrame]) -> None:
    audited, suspects = result
    dataset.add_findings(audited=audited, suspects=suspects)


def _queue(dataset: OpenDataset, audited: DatasetIndex, suspects: pd.DataFrame) -> pd.DataFrame:
    """Return the images to review, most suspicious first, with ``file`` and ``label``."""
    rows = suspects["row"].to_numpy()
    table = suspects.assign(
        file=audited.table["file"].to_numpy()[rows], label=audited.table["label"].to_numpy()[rows]
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox("Label", ["any", *EMOTIONS], key="suspects_given", width=150)
        suggested = st.selectbox("Suggested", ["any", *EMOTIONS], key="suspects_says", width=150)
        everything = st.toggle(
            "All, not only the flagged",
            key="suspects_all",
            help="Flagged: labels that cleanlab estimates to be wrong.",
        )
    flagged = int(table["flagged"].sum())
    st.write(
        f"{flagged:,} of {len(table):,} labels are flagged ({100 * flagged / len(table):.1f}%)."
    )
    if not everything:
        table = table[table["flagged"]]
    if label != "any":
        table = table[table["label"] == label]
    if suggested != "any":
        table = table[table["suggested"] == suggested]
    reviewed = dataset.decisions.latest().keys() | dataset.skipped
    queue = table[~table["file"].isin(list(reviewed))]
    st.caption(f"{len(table) - len(queue):,} of {len(table):,} labels reviewed.")
    return queue


def _card(dataset: OpenDataset, audited: DatasetIndex, queue: pd.DataFrame) -> None:
    first = queue.iloc[0]
    row, label, suggested = int(first["row"]), str(first["label"]), str(first["suggested"])
    with st.container(border=True):
        left, right = st.columns([1, 2], gap="large")
        left.image(tile(audited, row, 240), width=240, alt=name(audited, row))
        left.caption(name(audited, row))
        right.markdown(
            f"Label **{label}** (probability {100 * first['label_quality']:.1f}%). "
            f"Suggested **{suggested}**."
        )
        with right.container(horizontal=True):
            for text, key, action, new_label in (
                (f"Keep {label}", "K", "keep", ""),
                (f"Relabel {suggested}", "M", "relabel", suggested),
                ("Exclude", "X", "exclude", ""),
            ):
                st.button(text, key=f"decide-{action}", shortcut=key, on_click=dataset.decide,
                          disabled=new_label == label, type="primary" if new_label else "secondary",
                          args=(audited, [row], action, "label", new_label))  # fmt: skip
            st.button("Skip", key="decide-skip", shortcut="S", on_click=dataset.skipped.add,
                      args=(str(first["file"]),))  # fmt: skip
        with right.container(horizontal=True):
            for emotion in EMOTIONS:
                if emotion not in (label, suggested):
                    st.button(emotion, key=f"decide-{emotion}", type="tertiary",
                              on_click=dataset.decide,
                              args=(audited, [row], "relabel", "label", emotion))  # fmt: skip
        if audited.votes is not None and audited.votes.iloc[row].sum():
            right.caption("FER+ votes")
            show_chart(charts.votes(audited.votes.iloc[row]), right, key="votes", alt="FER+ votes")


def _following(audited: DatasetIndex, queue: pd.DataFrame) -> None:
    following = queue.iloc[1 : 1 + NEXT]
    if following.empty:
        return
    st.caption("Next")
    pairs = zip(following["label"], following["suggested"], strict=True)
    captions = [f"{label} → {suggested}" for label, suggested in pairs]
    show_tiles([tile(audited, int(row)) for row in following["row"]], captions, captions)
