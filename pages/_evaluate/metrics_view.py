"""The metrics of one model, and the images behind every cell of the confusion matrix."""

import numpy as np
import streamlit as st

from fer_core.errors import FerError
from fer_core.evaluation import Evaluation
from fer_core.evaluation.text import percent_range, prediction_shift
from fer_core.labels import EMOTIONS
from fer_core.models import store as model_store
from fer_core.system.settings import settings
from fer_core.system.text import markdown
from pages._components import notify
from pages._components.chart import show_chart
from pages._components.confusion_matrix import confusion_figure
from pages._components.gallery import name, show_tiles, tile
from pages._components.glossary import definition
from pages._components.pagination import page_of
from pages._evaluate import charts, groups_view
from pages._evaluate.formatting import percent, show_class_table
from pages._evaluate.selection import Result

PAGE_SIZE = 24


def show(result: Result) -> None:
    """Show the metrics with the images behind them."""
    show_metrics(result.evaluation, "Each image is averaged with its mirror image.")
    account = result.exclusions
    st.caption(markdown(" ".join((*account.lines(), *account.notes))))
    _show_charts(result.evaluation, with_images=True)
    _show_cell(result)
    show_calibration(result.evaluation)
    _show_threshold(result)
    groups_view.show(result)


def show_stored(evaluation: Evaluation) -> None:
    """Show the metrics that a model's card holds."""
    show_metrics(evaluation, "Measured in a single pass, as the live view predicts.")
    _show_charts(evaluation, with_images=False)
    show_calibration(evaluation)


def show_metrics(evaluation: Evaluation, note: str = "") -> None:
    """Show the headline: accuracy, macro-F1, lowest recall, calibration error; and a note."""
    metrics, intervals = evaluation.metrics, evaluation.intervals
    weakest = metrics.weakest
    with st.container(horizontal=True, gap="large"):
        for label, value, below, anchor in (
            ("Accuracy", percent(metrics.accuracy), percent_range(evaluation), "accuracy"),
            ("Macro-F1", f"{metrics.macro_f1:.3f}",
             f"{intervals.macro_f1.low:.3f} to {intervals.macro_f1.high:.3f}", "macro-f1"),
            ("Lowest recall", weakest, percent(metrics.per_class[weakest].recall, 0), "recall"),
            ("Calibration error", f"{metrics.calibration_error:.3f}", "0 is perfect",
             "calibration-error"),
        ):  # fmt: skip
            with st.container(width="content"):
                st.metric(label, value, width="content", help=definition(anchor))
                st.caption(below)
    st.caption(f"Ranges hold the true value in 95 of 100 cases (bootstrap). {note}")
    if len(metrics.absent) == len(EMOTIONS) - 1:
        st.warning(f"All images are {weakest}: metrics need a split with all seven emotions.")


def _show_charts(evaluation: Evaluation, *, with_images: bool) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Confusion matrix", anchor=False, help=definition("confusion-matrix"))
        _show_confusion(evaluation, with_images=with_images)
    with right:
        st.subheader("True and predicted share", anchor=False,
                     help=definition("true-label", "prediction-ratio"))  # fmt: skip
        show_chart(charts.shares(evaluation), key="shares", alt="True and predicted share")
        st.caption(prediction_shift(evaluation))
    st.subheader("Metrics of each emotion", anchor=False)
    show_class_table(evaluation)


def _show_confusion(evaluation: Evaluation, *, with_images: bool) -> None:
    units = ["Percent of each row", "Counts"]
    unit = st.segmented_control(
        "Cells show", units, default=units[0], required=True, key="confusion_unit",
        label_visibility="collapsed",
    )  # fmt: skip
    figure = confusion_figure(evaluation.confusion.tolist(), as_share=unit == units[0])
    alt = "Confusion matrix"
    if not with_images:
        show_chart(figure, key="stored_confusion", alt=alt)
        return
    show_chart(figure, key="confusion", on_select=_choose_cell, selection_mode="points", alt=alt)
    st.caption("Click a cell to see its images.")


def _choose_cell() -> None:
    points = st.session_state["confusion"]["selection"]["points"]
    if points:
        st.session_state["cell_true"] = points[0]["y"]
        st.session_state["cell_predicted"] = points[0]["x"]


def _show_cell(result: Result) -> None:
    st.subheader("Examples for a confusion-matrix cell", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if "cell_true" not in st.session_state:  # the most frequent error
            errors = result.evaluation.confusion * (1 - np.eye(len(EMOTIONS), dtype=np.int64))
            cell = np.unravel_index(int(errors.argmax()), errors.shape)
            for key, index in zip(("cell_true", "cell_predicted"), cell, strict=True):
                st.session_state[key] = EMOTIONS[int(index)]
        true = st.selectbox("True", EMOTIONS, key="cell_true", width=180)
        predicted = st.selectbox("Predicted", EMOTIONS, key="cell_predicted", width=180)
    rows = np.flatnonzero(
        (result.y_true == EMOTIONS.index(true)) & (result.y_pred == EMOTIONS.index(predicted))
    )
    if not len(rows):
        st.info(f"No {true} face is predicted as {predicted}.")
        return
    confidence = result.probabilities.max(axis=1)
    rows = rows[np.argsort(-confidence[rows], kind="stable")]
    page = page_of(len(rows), PAGE_SIZE, f"cell-{true}-{predicted}")
    st.caption(
        f"{page.start + 1:,} to {page.stop:,} of {len(rows):,} {true} faces predicted as "
        f"{predicted}, most confident first"
    )
    page_rows = rows[page].tolist()
    show_tiles(
        [tile(result.index, row) for row in page_rows],
        [name(result.index, row) for row in page_rows],
        [f"{confidence[row] * 100:.0f}%" for row in page_rows],
    )


def show_calibration(evaluation: Evaluation) -> None:
    """Show the reliability diagram and the confidence of correct and wrong predictions."""
    bins = evaluation.reliability
    if bins is None:
        return
    st.subheader("Calibration (reliability diagram)", anchor=False,
                 help=definition("reliability-diagram", "calibration-error"))  # fmt: skip
    left, right = st.columns(2, gap="large")
    with left:
        show_chart(charts.reliability(bins), key="reliability", alt="Reliability diagram")
        st.caption(
            "Bars on the line: of predictions with a confidence of 70%, 70% are correct. Here they "
            f"differ by {evaluation.metrics.calibration_error * 100:.1f} points on average."
        )
    with right:
        show_chart(charts.confidence(bins), key="confidence", alt="Confidence")
        st.caption("Confidence of correct and wrong predictions.")


def _show_threshold(result: Result) -> None:
    evaluation = result.evaluation
    st.subheader("Confidence threshold", anchor=False, help=definition("abstain-threshold"))
    left, right = st.columns(2, gap="large")
    key = f"threshold-{result.selection.name}-{result.head}-{evaluation.threshold}"
    with left:
        threshold = st.slider(
            "Uncertain below a confidence of", 0.0, 0.95, float(evaluation.threshold), 0.01, key=key
        )
        covered, accuracy = evaluation.curve.at(threshold)
        correct = f", and {percent(accuracy)} of those are correct" if covered else ""
        st.write(f"{percent(covered)} of the faces get an emotion{correct}; the rest does not.")
        if not settings().policy.may_change_models:
            st.caption("On this public page models are not changed.")
        elif st.button(
            "Save into the model's card", icon=":material/save:", key="save_threshold",
            disabled=round(evaluation.threshold, 2) == round(threshold, 2),
            help="Every page uses it then. A shipped model is copied first.",
        ):  # fmt: skip
            _save(result, threshold)
        if result.selection.split == "test":
            st.caption(
                "Choose the threshold on the validation split: chosen here, it makes the test "
                "metrics too good."
            )
    with right:
        show_chart(charts.coverage(evaluation.curve, threshold), key="coverage",
                   alt="Accuracy by coverage")  # fmt: skip


def _save(result: Result, threshold: float) -> None:
    try:
        folder = model_store.save_threshold(result.card, result.head, threshold)
    except FerError as error:
        st.error(markdown(str(error)))
        return
    notify.success(f"Saved in {folder / 'card.json'}.")
    st.rerun()
