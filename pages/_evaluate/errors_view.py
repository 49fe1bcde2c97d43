"""The most confident errors: what was said, where the network looked, what is like it."""

import contextlib
from functools import partial

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from fer_core.audit import label_issues
from fer_core.dataset import DatasetIndex, image_reading
from fer_core.errors import FerError
from fer_core.evaluation.predictions import open_form
from fer_core.explain import Explainer, covering_map, nearest, overlay
from fer_core.explain.gradcam import grad_cam, possible
from fer_core.labels import COLORS, EMOTIONS
from fer_core.system.settings import settings
from pages._components.background import start
from pages._components.explanation import HOW_LONG, NO_MAP
from pages._components.gallery import name, show_tiles, tile
from pages._components.pagination import page_of
from pages._evaluate import charts
from pages._evaluate.selection import Subject

A_PAGE = 6
ALIKE = 5
SIDE = 96  # three stand side by side on a phone


def show(subject: Subject) -> None:
    true, said = _filter()
    rows = _of(subject, true, said)
    if not len(rows):
        st.success("No such mistakes.", icon=":material/check:")
        return
    st.caption(f"{len(rows):,} mistakes, the surest first.")
    part = rows[page_of(len(rows), A_PAGE, f"mistakes-{true}-{said}")]
    _looked_at(subject, part)
    with st.expander("How to read the maps", icon=":material/help:"):
        st.write(
            "**Covering it changes most:** a grey square is moved over the face; where it takes "
            "most from the answer is bright. **Activation map:** what each place of the network's "
            "last map adds to the answer, exact. The shipped network's last map has few places, "
            "and each has seen the whole face, so it is coarse and need not sit on the part that "
            "matters."
        )
    alike = _alike(subject, part)
    with st.grid(min_column_width=420, gap="medium"):
        for place, row in enumerate(part.tolist()):
            with st.container(border=True):
                _mistake(subject, row, alike[place] if alike else None)


def _filter() -> tuple[str, str]:
    """What the mistakes to be shown are, and what they are called; ``any`` for all."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        true = st.selectbox("Is", ["any", *EMOTIONS], key="mistake_true", width=160)
        said = st.selectbox("Called", ["any", *EMOTIONS], key="mistake_said", width=160)
    return true, said


def _of(subject: Subject, true: str, said: str) -> np.ndarray:
    """Rows of those mistakes, the most confident first."""
    wrong = (subject.y_true >= 0) & (subject.answered != subject.y_true)
    if true != "any":
        wrong &= subject.y_true == EMOTIONS.index(true)
    if said != "any":
        wrong &= subject.answered == EMOTIONS.index(said)
    rows = np.flatnonzero(wrong)
    sure = subject.probabilities.max(axis=1)[rows]
    return rows[np.argsort(-sure, kind="stable")]


def _maps(subject: Subject) -> dict[int, dict[str, np.ndarray]]:
    """Maps made so far by row and kind, for this model and reading."""
    kept = st.session_state.setdefault("evaluate_maps", {})
    key = (subject.question.key, subject.head)
    if kept.get("key") != key:
        kept.clear()
        kept["key"] = key
    return kept.setdefault("maps", {})


def _looked_at(subject: Subject, rows: np.ndarray) -> None:
    """Make the overlays of these rows; where the head is no simple one, offer Grad-CAM."""
    maps = _maps(subject)
    missing = [row for row in rows.tolist() if row not in maps]
    if missing:
        classifier = open_form(subject.card, "fp32", subject.head)
        crops = image_reading.crops(subject.index, missing, subject.card.input_size)
        said = [int(subject.answered[row]) for row in missing]
        for row, crop, emotion in zip(missing, crops, said, strict=True):
            maps[row] = {"covering it changes most": covering_map(classifier, crop, emotion)}
        with contextlib.suppress(FerError):  # no simple head
            exact = Explainer(classifier).maps(crops)
            for place, (row, emotion) in enumerate(zip(missing, said, strict=True)):
                maps[row]["activation map"] = exact[place, emotion]
    if any(len(maps[row]) == 1 for row in rows.tolist()):
        _offer_grad_cam(subject, rows.tolist())


def _offer_grad_cam(subject: Subject, rows: list[int]) -> None:
    """For networks whose maps cannot be read off; only where the model may be opened in Keras."""
    st.caption(f":material/info: {NO_MAP}")
    if not settings().policy.may_change_models or not possible(subject.card):
        return
    if st.button(f"Grad-CAM for these, {HOW_LONG}", icon=":material/visibility:", key="grad_cam"):
        maps, card, head = _maps(subject), subject.card, subject.head
        crops = image_reading.crops(subject.index, rows, card.input_size)
        said = [int(subject.answered[row]) for row in rows]

        def finish(found: np.ndarray) -> None:
            for row, one in zip(rows, found, strict=True):
                maps[row]["Grad-CAM"] = one

        start("Grad-CAM", lambda report: grad_cam(card, head, crops, said, report), finish)
        st.rerun()


def _alike(subject: Subject, rows: np.ndarray) -> list | None:
    """For each row the nearest training images, or None until they are asked for."""
    features = subject.answers.features
    train = subject.question.found.index.readable().split("train")
    if features is None or not len(train):
        return None
    kept = st.session_state.setdefault("evaluate_train", {})
    key = (subject.question.model_key, hash(train.table["digest"].to_numpy().tobytes()))
    if kept.get("key") != key:
        if st.button(
            f"Find the most similar of the {len(train):,} training images",
            icon=":material/image_search:", key="find_alike",
            help="By what the network sees in them. The first time, each is looked at once.",
        ):  # fmt: skip
            card = subject.card
            start(
                "Looking at the training images",
                lambda report: label_issues.features(train, open_form(card, in_bulk=True), report),
                partial(_keep, kept, key),
            )
            st.rerun()
        return None
    found, cosines = nearest(features[rows], kept["features"], ALIKE)
    return [(train, places, likeness) for places, likeness in zip(found, cosines, strict=True)]


def _keep(kept: dict, key: tuple, features: np.ndarray) -> None:
    kept.update(key=key, features=features)


def _mistake(subject: Subject, row: int, alike: tuple | None) -> None:
    index = subject.index
    is_, said = EMOTIONS[subject.y_true[row]], EMOTIONS[subject.answered[row]]
    st.markdown(f"Is **{is_}**, called **{said}**")
    picture = tile(index, row, SIDE)
    with st.container(horizontal=True, gap="small"):
        st.image(picture, "image", width=SIDE, alt=name(index, row))
        for kind, spoken in _maps(subject)[row].items():
            st.image(overlay(picture, spoken, SIDE), kind, width=SIDE, alt=f"{kind}, for {said}")
    st.plotly_chart(_bars(subject, row), key=f"bars-{row}", config={"staticPlot": True},
                    alt=_words(subject, row))  # fmt: skip
    if index.votes is not None and index.votes.iloc[row].sum():
        counts = index.votes.iloc[row]
        said_by = [f"{n} {e}" for e, n in counts.sort_values(ascending=False).items() if n]
        st.caption(f"FER+ votes: {', '.join(said_by)}")
    if alike:
        train, places, likeness = alike
        st.caption("Most similar training images, with their label")
        given = train.table["label"].astype("str").to_numpy()
        captions = [f"{given[p]} {c:.2f}" for p, c in zip(places, likeness, strict=True)]
        pictures = [tile(train, int(p)) for p in places]
        show_tiles(pictures, [name(train, int(p)) for p in places], captions)
    _decide(subject, index, row)


def _bars(subject: Subject, row: int) -> go.Figure:
    values = subject.probabilities[row] * 100
    figure = go.Figure(
        go.Bar(
            x=values, y=list(EMOTIONS), orientation="h",
            marker_color=[COLORS[emotion] for emotion in EMOTIONS],
            text=[f"{value:.0f} %" for value in values], textposition="outside", cliponaxis=False,
        )
    )  # fmt: skip
    figure.update_xaxes(visible=False, range=[0, 125])
    figure.update_yaxes(autorange="reversed", ticksuffix=" ")
    charts.layout(figure, 170)
    return figure.update_layout(margin={"l": 0, "r": 0, "t": 0, "b": 0})


def _words(subject: Subject, row: int) -> str:
    pairs = zip(EMOTIONS, subject.probabilities[row], strict=True)
    return ", ".join(f"{emotion} {p * 100:.0f} %" for emotion, p in pairs)


def _decide(subject: Subject, index: DatasetIndex, row: int) -> None:
    """Decisions go where the dataset page keeps them."""
    said = EMOTIONS[subject.answered[row]]
    made = subject.question.found.decisions.latest().get(name(index, row))
    if made:
        st.caption(f"Decided: {made.action} {made.label}")
    with st.container(horizontal=True):
        for text, action, label in (
            (f"Label is wrong, it is {said}", "relabel", said),
            ("Label is right", "keep", ""),
            ("Leave it out", "exclude", ""),
        ):
            given = str(index.table["label"].iloc[row])
            st.button(
                text, key=f"{action}-{row}", on_click=subject.question.found.decide,
                args=(index, [row], action, "label", label), disabled=label == given,
            )  # fmt: skip
