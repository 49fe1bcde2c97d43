"""The most confident errors, with maps, votes and the most similar training images."""

from functools import partial

import numpy as np
import streamlit as st

from fer_core.dataset import DatasetIndex, image_reading
from fer_core.evaluation.predictions import open_form, predict_dataset
from fer_core.explain import nearest, overlay
from fer_core.explain.gradcam import grad_cam
from fer_core.labels import EMOTIONS
from fer_core.types import Rows
from pages._components.background import start
from pages._components.explanation import (
    ACTIVATION,
    GRAD_CAM,
    INCONSISTENT,
    describe,
    has_activation_maps,
    offers_grad_cam,
    quick_maps,
)
from pages._components.gallery import name, show_tiles, tile
from pages._components.pagination import page_of
from pages._components.probability_bars import show_probability_bars
from pages._evaluate.selection import Result

PAGE_SIZE = 6
NEIGHBORS = 5
SIDE = 96  # three stand side by side on a phone


def show(result: Result) -> None:
    """Show the errors, most confident first."""
    true, predicted = _filter()
    rows = _errors(result, true, predicted)
    if not len(rows):
        st.success("No such errors.", icon=":material/check:")
        return
    st.caption(f"{len(rows):,} errors, most confident first.")
    page = rows[page_of(len(rows), PAGE_SIZE, f"errors-{true}-{predicted}")]
    maps = _compute_maps(result, page)
    with st.expander("How to read the maps", icon=":material/help:"):
        st.write(describe(dict.fromkeys(kind for row in page.tolist() for kind in maps[row])))
    similar = _similar(result, page)
    with st.grid(min_column_width=420, gap="medium"):
        for number, row in enumerate(page.tolist()):
            with st.container(border=True):
                _show_error(result, row, similar[number] if similar else None)


def _filter() -> tuple[str, str]:
    """Return the true and the predicted emotion of the errors to show; ``any`` for all."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        true = st.selectbox("True", ["any", *EMOTIONS], key="error_true", width=160)
        predicted = st.selectbox("Predicted", ["any", *EMOTIONS], key="error_predicted", width=160)
    return true, predicted


def _errors(result: Result, true: str, predicted: str) -> Rows:
    """Return the rows of those errors, most confident first."""
    mask = (result.y_true >= 0) & (result.y_pred != result.y_true)
    if true != "any":
        mask &= result.y_true == EMOTIONS.index(true)
    if predicted != "any":
        mask &= result.y_pred == EMOTIONS.index(predicted)
    rows = np.flatnonzero(mask)
    confidence = result.probabilities.max(axis=1)[rows]
    return rows[np.argsort(-confidence, kind="stable")]


def _maps(result: Result) -> dict[int, dict[str, np.ndarray]]:
    """Return the maps computed so far by row and kind, for this model and head."""
    cached = st.session_state.setdefault("evaluate_maps", {})
    key = (result.selection.key, result.head)
    if cached.get("key") != key:
        cached.clear()
        cached["key"] = key
    return cached.setdefault("maps", {})


def _compute_maps(result: Result, rows: Rows) -> dict[int, dict[str, np.ndarray]]:
    """Compute the maps of these rows; offer Grad-CAM where there is no activation map."""
    maps = _maps(result)
    missing = [row for row in rows.tolist() if row not in maps]
    if missing:
        classifier = open_form(result.card, "fp32", result.head)
        crops = image_reading.crops(result.index, missing, result.card.input_size)
        labels = [int(result.y_pred[row]) for row in missing]
        maps.update(zip(missing, quick_maps(classifier, crops, labels), strict=True))
    without = [row for row in rows.tolist() if not {ACTIVATION, GRAD_CAM} & maps[row].keys()]
    if not without or has_activation_maps(open_form(result.card, "fp32", result.head)):
        return maps
    if offers_grad_cam(result.card, "grad_cam"):
        card, head = result.card, result.head
        crops = image_reading.crops(result.index, without, card.input_size)
        labels = [int(result.y_pred[row]) for row in without]

        def finish(heats: np.ndarray) -> None:
            for row, heat in zip(without, heats, strict=True):
                maps[row][GRAD_CAM] = heat

        start("Grad-CAM", lambda report: grad_cam(card, head, crops, labels, report), finish)
        st.rerun()
    return maps


def _similar(result: Result, rows: Rows) -> list | None:
    """Return the nearest training images of each row, or None until they are asked for."""
    features = result.predictions.features
    train = result.selection.dataset.index.readable().split("train")
    if features is None or not len(train):
        return None
    cached = st.session_state.setdefault("evaluate_train", {})
    key = (result.selection.model_key, hash(train.table["digest"].to_numpy().tobytes()))
    if cached.get("key") != key:
        if st.button(
            f"Find the most similar of the {len(train):,} training images",
            icon=":material/image_search:", key="find_similar",
            help="By the network's features. The first time it classifies each of them.",
        ):  # fmt: skip
            card = result.card
            start(
                "Features of the training images",
                lambda report: predict_dataset(card, train, progress=report).features,
                partial(_store, cached, key),
            )
            st.rerun()
        return None
    neighbors, cosines = nearest(features[rows], cached["features"], NEIGHBORS)
    return [(train, places, values) for places, values in zip(neighbors, cosines, strict=True)]


def _store(cached: dict, key: tuple, features: np.ndarray) -> None:
    cached.update(key=key, features=features)


def _show_error(result: Result, row: int, similar: tuple | None) -> None:
    index = result.index
    true, predicted = EMOTIONS[result.y_true[row]], EMOTIONS[result.y_pred[row]]
    st.markdown(f"True: **{true}**, predicted: **{predicted}**")
    image = tile(index, row, SIDE)
    with st.container(horizontal=True, gap="small"):
        st.image(image, "Image", width=SIDE, alt=name(index, row))
        for kind, heat in _maps(result)[row].items():
            if heat is None:
                st.caption(INCONSISTENT)
                continue
            st.image(overlay(image, heat, SIDE), kind, width=SIDE, alt=f"{kind}, for {predicted}")
    show_probability_bars(result.probabilities[row], f"bars-{row}", height=170)
    if index.votes is not None and index.votes.iloc[row].sum():
        counts = index.votes.iloc[row].sort_values(ascending=False)
        votes = [f"{count} {emotion}" for emotion, count in counts.items() if count]
        st.caption(f"FER+ votes: {', '.join(votes)}")
    if similar:
        train, neighbors, cosines = similar
        st.caption("Most similar training images, with label and cosine similarity")
        labels = train.table["label"].astype("str").to_numpy()
        show_tiles(
            [tile(train, int(neighbor)) for neighbor in neighbors],
            [name(train, int(neighbor)) for neighbor in neighbors],
            [f"{labels[n]} {cosine:.2f}" for n, cosine in zip(neighbors, cosines, strict=True)],
        )
    _decide(result, index, row)


def _decide(result: Result, index: DatasetIndex, row: int) -> None:
    """Offer decisions; they are those of the dataset page."""
    predicted, label = EMOTIONS[result.y_pred[row]], str(index.table["label"].iloc[row])
    dataset = result.selection.dataset
    decision = dataset.decisions.latest().get(name(index, row))
    if decision:
        st.caption(f"Decided: {decision.action} {decision.label}")
    with st.container(horizontal=True):
        for text, action, new_label in (
            (f"Label is wrong, it is {predicted}", "relabel", predicted),
            ("Label is right", "keep", ""),
            ("Leave it out", "exclude", ""),
        ):
            st.button(
                text, key=f"{action}-{row}", on_click=dataset.decide, disabled=new_label == label,
                args=(index, [row], action, "label", new_label),
            )  # fmt: skip
