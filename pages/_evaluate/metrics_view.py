"""The figures of one model on one split, and the images behind every cell of the matrix."""

import numpy as np
import streamlit as st

from fer_core.errors import FerError
from fer_core.evaluation import Evaluation
from fer_core.labels import EMOTIONS
from fer_core.models import store as model_store
from fer_core.system.settings import settings
from pages._components import notify
from pages._components.chart import show_chart
from pages._components.gallery import name, show_tiles, tile
from pages._components.pagination import page_of
from pages._evaluate import charts, groups_view
from pages._evaluate.formatting import class_table, drift, percent, reach
from pages._evaluate.selection import Subject

A_PAGE = 24


def show(subject: Subject) -> None:
    one = subject.evaluation
    _headline(subject)
    st.info(drift(one), icon=":material/balance:")
    left, right = st.columns(2, gap="large")
    with left:
        _confusion(one)
    with right:
        show_chart(charts.bias(one), key="bias", config=charts.QUIET,
                        alt="How often each emotion is true and how often it is named")  # fmt: skip
    class_table(one)
    _cell(subject)
    _sureness(subject)
    groups_view.show(subject)


def _headline(subject: Subject) -> None:
    one = subject.evaluation
    figures, intervals = one.metrics, one.intervals
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
    left_out = len(subject.y_true) - figures.n
    more = f" {left_out:,} without a truth of this kind are left out." if left_out else ""
    if subject.question.unreadable:
        more += f" Unreadable files left out: {subject.question.unreadable:,}."
    st.caption(
        f"{figures.n:,} images.{more} Ranges hold the true value in 95 of 100 cases (bootstrap)."
    )
    if len(present) == 1:
        st.warning(f"All images are {worst}: these figures say little. Use a split with all seven.")


def _confusion(one: Evaluation) -> None:
    ways = ["Percent of each row", "Counts"]
    how = st.segmented_control(
        "Cells show", ways, default=ways[0], required=True, key="confusion_how",
        label_visibility="collapsed",
    )  # fmt: skip
    show_chart(
        charts.confusion(one, how == ways[0]), key="confusion", on_select=_choose_cell,
        selection_mode="points", config=charts.QUIET,
        alt="Confusion matrix: rows are true, columns what the model says",
    )  # fmt: skip
    st.caption("Click a cell to see its images.")


def _choose_cell() -> None:
    points = st.session_state["confusion"]["selection"]["points"]
    if points:
        st.session_state["cell_true"] = points[0]["y"]
        st.session_state["cell_said"] = points[0]["x"]


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
        (subject.y_true == EMOTIONS.index(true)) & (subject.answered == EMOTIONS.index(said))
    )
    if not len(rows):
        st.info(f"No {true} face is called {said}.")
        return
    sure = subject.probabilities.max(axis=1)
    rows = rows[np.argsort(-sure[rows], kind="stable")]
    page = page_of(len(rows), A_PAGE, f"cell-{true}-{said}")
    part = rows[page].tolist()
    st.caption(
        f"{true} called {said}: {page.start + 1:,} to {page.stop:,} of {len(rows):,}, the "
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
            f"{one.metrics.calibration_error * 100:.1f} points on average."
        )
    with right:
        show_chart(charts.confidence(one), key="sureness",
                        config=charts.QUIET, alt="Confidence of right and wrong")  # fmt: skip
    _threshold(subject)


def _threshold(subject: Subject) -> None:
    one = subject.evaluation
    st.subheader("When to say uncertain", anchor=False)
    left, right = st.columns(2, gap="large")
    key = f"threshold-{subject.question.name}-{subject.head}-{one.threshold}"
    with left:
        threshold = st.slider(
            "Uncertain below a confidence of", 0.0, 0.95, float(one.threshold), 0.01, key=key
        )
        at = round(threshold * 100)
        answered, accuracy = one.curve.coverage[at], one.curve.accuracy[at]
        right_of = f"{percent(accuracy)} of those right" if answered else "none of them"
        st.write(f"{percent(answered)} of the faces are answered, {right_of}.")
        if not settings().policy.may_change_models:
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
        folder = model_store.save_threshold(subject.card, subject.head, threshold)
    except FerError as error:
        st.error(str(error))
        return
    notify.success(f"Saved in {folder / 'card.json'}.")
    st.rerun()
