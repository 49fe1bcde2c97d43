"""The figures of one model on one split, and the images behind every cell of the matrix."""

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.column_config import NumberColumn

from fer_core import model_store
from fer_core.errors import FerError
from fer_core.evaluation import Evaluation, Interval
from fer_core.evaluation.groups import by_group, gap
from fer_core.labels import EMOTIONS
from fer_core.settings import settings
from pages._chart import show_chart
from pages._dataset.balance_view import name, show_tiles, tile
from pages._evaluate import charts
from pages._evaluate.added import groups_of
from pages._evaluate.subject import Subject

A_PAGE = 24


def show(subject: Subject) -> None:
    one = subject.evaluation
    _headline(subject)
    st.info(drift(one), icon=":material/balance:")
    left, right = st.columns(2, gap="large")
    with left:
        _confusion(one)
    with right:
        _classes(one)
        show_chart(charts.bias(one), key="bias", config=charts.QUIET,
                        alt="How often each emotion is true and how often it is named")  # fmt: skip
    _cell(subject)
    _sureness(subject)
    _groups(subject)


def percent(share: float, digits: int = 1) -> str:
    return f"{share * 100:.{digits}f} %"


def reach(interval: Interval) -> str:
    return f"{interval.low * 100:.1f} to {interval.high * 100:.1f} %"


def drift(one: Evaluation) -> str:
    """Where the answers lean to, in a sentence: the emotion whose share is furthest off."""
    total = one.confusion.sum()
    true, said = one.confusion.sum(axis=1) / total, one.confusion.sum(axis=0) / total
    at = int(np.argmax(np.abs(said - true)))
    word = "too often" if said[at] > true[at] else "too rarely"
    return (
        f"It calls {percent(said[at])} of the faces **{EMOTIONS[at]}**; {percent(true[at])} are. "
        f"No emotion is further off: {EMOTIONS[at]} is said {word}."
    )


def _headline(subject: Subject) -> None:
    one = subject.evaluation
    figures, intervals = one.figures, one.intervals
    present = {e: f for e, f in figures.per_class.items() if f.n}
    worst = min(present, key=lambda e: present[e].recall)
    with st.container(horizontal=True, gap="large"):
        for label, value, below in (
            ("Right", percent(figures.accuracy), reach(intervals.accuracy)),
            ("Macro-F1", f"{figures.macro_f1:.3f}",
             f"{intervals.macro_f1.low:.3f} to {intervals.macro_f1.high:.3f}"),
            ("Weakest emotion", worst, f"found {percent(present[worst].recall, 0)} of the time"),
            ("Calibration error", f"{figures.calibration_error:.3f}", "0 is perfect"),
        ):  # fmt: skip
            with st.container(width="content"):
                st.metric(label, value, width="content")
                st.caption(below)
    left_out = len(subject.truth) - figures.n
    more = f" {left_out:,} without a truth of this kind are left out." if left_out else ""
    st.caption(
        f"{figures.n:,} images.{more} Ranges hold the true value in 95 of 100 cases (bootstrap)."
    )
    if len(present) == 1:
        st.warning(f"All images are {worst}: these figures say little. Use a split with all seven.")


def _confusion(one: Evaluation) -> None:
    how = st.segmented_control(
        "Cells show", ["Share of each row", "Counts"], default="Share of each row", required=True,
        key="confusion_how", label_visibility="collapsed",
    )  # fmt: skip
    show_chart(
        charts.confusion(one, how != "Counts"), key="confusion", on_select=_choose_cell,
        selection_mode="points", config=charts.QUIET,
        alt="Confusion matrix: rows are true, columns what the model says",
    )  # fmt: skip
    st.caption("Click a cell to see its images.")


def _choose_cell() -> None:
    points = st.session_state["confusion"]["selection"]["points"]
    if points:
        st.session_state["cell_true"] = points[0]["y"]
        st.session_state["cell_said"] = points[0]["x"]


def _classes(one: Evaluation) -> None:
    rows = []
    for emotion in EMOTIONS:
        figures, ranges = one.figures.per_class[emotion], one.intervals.per_class[emotion]
        row: dict[str, object] = {"emotion": emotion, "images": figures.n}
        for key, title in (("recall", "recall"), ("precision", "precision"), ("f1", "F1"),
                           ("bias_ratio", "bias")):  # fmt: skip
            row[title] = getattr(figures, key)
            row[f"{title} range"] = f"{ranges[key].low:.2f}–{ranges[key].high:.2f}"
        rows.append(row)
    titles = ("recall", "precision", "F1", "bias")
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, alt="Figures of each emotion",
        column_config={title: NumberColumn(format="%.2f") for title in titles},
    )  # fmt: skip
    st.caption(
        "Recall: share of the true ones found. Precision: share of the answers that are right. "
        "Bias: how often it is said over how often it is true; 1 is unbiased."
    )


def _cell(subject: Subject) -> None:
    st.subheader("Images of a cell", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if "cell_true" not in st.session_state:  # the commonest mistake
            off = subject.evaluation.confusion * (1 - np.eye(len(EMOTIONS), dtype=np.int64))
            at = np.unravel_index(int(off.argmax()), off.shape)
            for key, place in zip(("cell_true", "cell_said"), at, strict=True):
                st.session_state[key] = EMOTIONS[int(place)]
        true = st.selectbox("Is", EMOTIONS, key="cell_true", width=180)
        said = st.selectbox("Called", EMOTIONS, key="cell_said", width=180)
    rows = np.flatnonzero(
        (subject.truth == EMOTIONS.index(true)) & (subject.answered == EMOTIONS.index(said))
    )
    if not len(rows):
        st.info(f"No {true} face is called {said}.")
        return
    sure = subject.probabilities.max(axis=1)
    rows = rows[np.argsort(-sure[rows], kind="stable")]
    pages = -(-len(rows) // A_PAGE)
    page = st.pagination(pages, key=f"cell-{true}-{said}") if pages > 1 else 1
    part = rows[(page - 1) * A_PAGE : page * A_PAGE].tolist()
    first = (page - 1) * A_PAGE
    st.caption(
        f"{true} called {said}: {first + 1:,} to {first + len(part):,} of {len(rows):,}, the "
        "surest first"
    )
    show_tiles(
        [tile(subject.index, row) for row in part],
        [name(subject.index, row) for row in part],
        [f"{sure[row] * 100:.0f} %" for row in part],
    )


def _sureness(subject: Subject) -> None:
    one = subject.evaluation
    st.subheader("How sure, and how sure to be believed", anchor=False)
    left, right = st.columns(2, gap="large")
    with left:
        show_chart(charts.reliability(one), key="reliability", config=charts.QUIET,
                        alt="Reliability diagram")  # fmt: skip
        st.caption(
            "Bars on the line: of answers given with 70 %, 70 % are right. Here they are off by "
            f"{one.figures.calibration_error * 100:.1f} points on average."
        )
    known = subject.truth >= 0
    with right:
        correct = (subject.answered == subject.truth)[known]
        show_chart(charts.confidence(subject.probabilities[known], correct), key="sureness",
                        config=charts.QUIET, alt="Confidence of right and wrong")  # fmt: skip
    _threshold(subject)


def _threshold(subject: Subject) -> None:
    one = subject.evaluation
    st.subheader("When to say uncertain", anchor=False)
    left, right = st.columns(2, gap="large")
    key = f"threshold-{subject.question.name}-{subject.reading}-{one.threshold}"
    with left:
        threshold = st.slider(
            "Uncertain below a confidence of", 0.0, 0.95, float(one.threshold), 0.01, key=key
        )
        at = round(threshold * 100)
        answered, accuracy = one.curve.answered[at], one.curve.accuracy[at]
        right_of = f"{percent(accuracy)} of those right" if answered else "none of them"
        st.write(f"{percent(answered)} of the faces are answered, {right_of}.")
        if settings().public:
            st.caption("On this public page models are not changed.")
        elif st.button(
            "Save into the model's card", disabled=round(one.threshold, 2) == round(threshold, 2),
            icon=":material/save:", key="save_threshold",
            help="Every page uses it then. Of a shipped model a copy of yours is made first.",
        ):  # fmt: skip
            _save(subject, threshold)
        if subject.question.split == "test":
            st.caption(
                "Choose it on the validation split: a threshold chosen here makes the test "
                "figures too good."
            )
    with right:
        show_chart(charts.coverage(one, threshold), key="coverage", config=charts.QUIET,
                        alt="Accuracy by share of faces answered")  # fmt: skip


def _save(subject: Subject, threshold: float) -> None:
    try:
        folder = model_store.save_threshold(subject.card, subject.reading, threshold)
    except FerError as error:
        st.error(str(error))
        return
    st.session_state["dataset_notice"] = f"Saved in {folder / 'card.json'}."
    st.rerun()


def _groups(subject: Subject) -> None:
    st.subheader("Groups of people", anchor=False)
    try:
        groups = groups_of(subject.question)
    except FerError as error:
        st.error(str(error))
        return
    if groups is None:
        st.write(
            "The labels of this dataset name no groups, so how the model differs between people "
            "is unknown. FER-2013 has none."
        )
        return
    found = by_group(subject.probabilities, subject.truth, groups, subject.evaluation.threshold)
    st.write(gap(found))
    rows = [
        {
            "group": group,
            "images": one.figures.n,
            "right": percent(one.figures.accuracy),
            "range": reach(one.intervals.accuracy),
            "macro-F1": f"{one.figures.macro_f1:.3f}",
            "calibration error": f"{one.figures.calibration_error:.3f}",
            "leans": drift(one).split(". ")[0].replace("**", ""),
        }
        for group, one in found.items()
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Figures of each group")
