"""Metrics as text and tables for several views."""

import pandas as pd
import streamlit as st
from streamlit.column_config import NumberColumn

from fer_core.evaluation import Evaluation
from fer_core.labels import EMOTIONS
from pages._components.glossary import definition

RATES = {
    "recall": "Recall",
    "precision": "Precision",
    "f1": "F1",
    "prediction_ratio": "Prediction ratio",
}


def percent(share: float, digits: int = 1) -> str:
    """Return a share 0..1 in percent."""
    return f"{share * 100:.{digits}f}%"


def show_class_table(evaluation: Evaluation) -> None:
    """Show the rates of each emotion with their intervals."""
    rows = []
    for emotion in EMOTIONS:
        values, intervals = (
            evaluation.metrics.per_class[emotion],
            evaluation.intervals.per_class[emotion],
        )
        row: dict[str, object] = {"Emotion": emotion, "Images": values.n}
        for key, title in RATES.items():
            row[title] = getattr(values, key)
            row[f"{title}, 95% range"] = intervals[key].text()
        rows.append(row)
    anchors = {title: key.replace("_", "-") for key, title in RATES.items()}
    columns = {
        title: NumberColumn(format="%.2f", help=definition(anchor))
        for title, anchor in anchors.items()
    }
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, alt="Metrics of each emotion", column_config=columns
    )
    st.caption(
        "Recall: share of the true images that are predicted. Precision: share of the predictions "
        "that are correct. Prediction ratio: predicted share over true share; 1 is unbiased. "
        "A dash: the value does not vary, so it has no range."
    )
