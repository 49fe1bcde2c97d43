"""The metrics of each group of people, and the gap between groups."""

import pandas as pd
import streamlit as st

from fer_core.errors import FerError
from fer_core.evaluation import Evaluation
from fer_core.evaluation.groups import by_group, gap
from fer_core.evaluation.text import percent_range, prediction_shift
from fer_core.system.text import markdown
from pages._evaluate.extra_labels import groups_of
from pages._evaluate.formatting import percent, show_class_table
from pages._evaluate.selection import Result


def show(result: Result) -> None:
    """Show a row for each group, and the emotions of one of them."""
    st.subheader("Groups of people", anchor=False)
    try:
        groups = evaluations(result)
    except FerError as error:
        st.error(markdown(str(error)))
        return
    if not groups:
        st.write(
            "The labels of this dataset name no groups, so differences between people are not "
            "measured. FER-2013 names none. Add a table with groups above."
        )
        return
    st.write(gap(groups))
    rows = [{"Group": group, **_row(evaluation)} for group, evaluation in groups.items()]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Metrics of each group")
    group = st.selectbox("Emotions of one group", list(groups), key="group_chosen", width=280)
    show_class_table(groups[group])


def evaluations(result: Result) -> dict[str, Evaluation]:
    """Return the evaluation of each group; empty where the labels name none.

    Raises:
        DatasetError: The table of groups is damaged.
    """
    groups = groups_of(result.selection)
    if groups is None:
        return {}
    threshold = result.evaluation.threshold
    return by_group(result.probabilities, result.y_true, groups.names, threshold)


def _row(evaluation: Evaluation) -> dict[str, object]:
    metrics = evaluation.metrics
    return {
        "Images": metrics.n,
        "Accuracy": percent(metrics.accuracy),
        "Accuracy, 95% range": percent_range(evaluation),
        "Macro-F1": f"{metrics.macro_f1:.3f}",
        "Macro-F1, 95% range": evaluation.intervals.macro_f1.text(3),
        "Calibration error": f"{metrics.calibration_error:.3f}",
        "Prediction shift": prediction_shift(evaluation),
    }
