"""Every figure for each group of people, and how far apart the groups are."""

import pandas as pd
import streamlit as st

from fer_core.errors import FerError
from fer_core.evaluation import Evaluation
from fer_core.evaluation.groups import by_group, gap
from pages._evaluate.extra_labels import groups_of
from pages._evaluate.formatting import class_table, drift, percent, reach
from pages._evaluate.selection import Subject


def show(subject: Subject) -> None:
    st.subheader("Groups of people", anchor=False)
    try:
        found = evaluations(subject)
    except FerError as error:
        st.error(str(error))
        return
    if not found:
        st.write(
            "The labels of this dataset name no groups, so how the model differs between people "
            "is unknown. FER-2013 has none."
        )
        return
    st.write(gap(found))
    rows = [{"group": group, **_row(one)} for group, one in found.items()]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Figures of each group")
    chosen = st.selectbox("Emotions of one group", list(found), key="group_chosen", width=280)
    class_table(found[chosen])


def evaluations(subject: Subject) -> dict[str, Evaluation]:
    """Every figure of each group; empty where the labels name none.

    Raises:
        DatasetError: The table of groups is damaged.
    """
    groups = groups_of(subject.question)
    if groups is None:
        return {}
    threshold = subject.evaluation.threshold
    return by_group(subject.probabilities, subject.y_true, groups, threshold)


def _row(one: Evaluation) -> dict[str, object]:
    return {
        "images": one.metrics.n,
        "right": percent(one.metrics.accuracy),
        "range": reach(one.intervals.accuracy),
        "macro-F1": f"{one.metrics.macro_f1:.3f}",
        "macro-F1 range": one.intervals.macro_f1.text(3),
        "calibration error": f"{one.metrics.calibration_error:.3f}",
        "leans": drift(one).split(". ")[0].replace("**", ""),
    }
