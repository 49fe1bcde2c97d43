"""Two models on the same images: what the second fixes, and what it breaks."""

import numpy as np
import streamlit as st

from fer_core.evaluation.compare import Comparison, compare
from fer_core.labels import EMOTIONS
from pages._components.chart import show_chart
from pages._components.gallery import name, show_tiles, tile
from pages._components.pagination import page_of
from pages._evaluate import charts
from pages._evaluate.selection import (
    Question,
    Subject,
    answers_to,
    choose_form,
    choose_model,
    judge,
    names,
    open_card,
)

A_PAGE = 12


def show(subject: Subject) -> None:
    st.write(
        "A is the model chosen above. Choose B; both are judged by the same truth on the same "
        "images."
    )
    other = _other(subject)
    if other is None:
        return
    found = compare(subject.y_true, subject.answered, other.answered)
    if not (found.corrected.any() or found.newly_wrong.any()):
        st.info("Both give the same right answers on every image.")
        return
    _verdict(found)
    keys = ["accuracy", "macro-F1", *EMOTIONS]
    parts = [found.accuracy, found.macro_f1, *found.f1.values()]
    show_chart(
        charts.changes(keys, [p[0] for p in parts], [p[1].low for p in parts],
                       [p[1].high for p in parts]),
        key="changes", config=charts.QUIET, alt="Change from A to B with intervals",
    )  # fmt: skip
    st.caption(
        "F1 of each emotion, accuracy and macro-F1: B minus A, with 95 % ranges from paired "
        "resamples. A range that leaves out zero is more than chance. Below: what the image is, "
        "what A said → what B says, where B is surest first."
    )
    left, right = st.columns(2, gap="large")
    with left:
        _gallery(subject, other, found.corrected, "B fixes")
    with right:
        _gallery(subject, other, found.newly_wrong, "B breaks")


def _other(subject: Subject) -> Subject | None:
    known = names()
    with st.grid(min_column_width=190, gap="small"):
        chosen = choose_model("Model B", "compare_model", known)
        card = open_card(known[chosen])
        if card is None:
            return None
        form = choose_form("Form of B", chosen, card, f"b-{chosen}")
        if form is None:
            return None
        heads = list(card.heads)
        same = (chosen, form) == (subject.question.name, subject.question.form)
        fit = [one for one in heads if (one == subject.head) != same]
        head = st.selectbox(
            "Reading of B",
            heads,
            index=heads.index(fit[0]) if fit else 0,
            format_func=lambda one: card.heads[one].title,
            key=f"b-reading-{chosen}-{form}-{same}",
        )
    question = Question(card, chosen, form, subject.question.found, subject.question.split)
    answers = answers_to(question, "Ask B")
    if answers is None:
        return None
    if (question.key, head) == (subject.question.key, subject.head):
        st.info("A and B are the same. Choose another model, form or reading for B.")
        return None
    return judge(question, head, subject.source, answers)


def _verdict(found: Comparison) -> None:
    change, reach = found.accuracy
    fixed, broken = int(found.corrected.sum()), int(found.newly_wrong.sum())
    word = "better" if change > 0 else "worse" if change < 0 else "as good"
    said = (
        f"B is {abs(change) * 100:.1f} points {word} "
        f"({reach.low * 100:+.1f} to {reach.high * 100:+.1f}): it fixes {fixed:,} and breaks "
        f"{broken:,} of {found.n:,} images. "
    )
    p = f"p = {found.p_value:.3f}" if found.p_value >= 0.001 else "p < 0.001"
    if found.p_value >= 0.05:
        st.info(f"{said}That may be chance (McNemar, {p}).", icon=":material/casino:")
    elif change > 0:
        st.success(f"{said}That is more than chance (McNemar, {p}).", icon=":material/trending_up:")
    else:
        st.warning(
            f"{said}That is more than chance (McNemar, {p}).", icon=":material/trending_down:"
        )


def _gallery(a: Subject, b: Subject, which: np.ndarray, title: str) -> None:
    rows = np.flatnonzero(which)
    rows = rows[np.argsort(-b.probabilities[rows].max(axis=1), kind="stable")]
    st.subheader(f"{title}: {len(rows):,}", anchor=False)
    if not len(rows):
        return
    part = rows[page_of(len(rows), A_PAGE, f"{title}-{len(rows)}")].tolist()
    captions = [
        f"{EMOTIONS[a.y_true[row]]}: {EMOTIONS[a.answered[row]]} → {EMOTIONS[b.answered[row]]}"
        for row in part
    ]
    show_tiles([tile(a.index, row) for row in part], [name(a.index, row) for row in part], captions)
