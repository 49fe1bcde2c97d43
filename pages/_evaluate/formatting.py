"""Figures in the words and the table that several views share."""

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.column_config import NumberColumn

from fer_core.evaluation import Evaluation, Interval
from fer_core.labels import EMOTIONS

RATES = {
    "recall": "recall",
    "precision": "precision",
    "f1": "F1",
    "prediction_ratio": "prediction ratio",
}


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


def class_table(one: Evaluation) -> None:
    """Rates of each emotion with their ranges."""
    rows = []
    for emotion in EMOTIONS:
        figures, ranges = one.metrics.per_class[emotion], one.intervals.per_class[emotion]
        row: dict[str, object] = {"emotion": emotion, "images": figures.n}
        for key, title in RATES.items():
            row[title] = getattr(figures, key)
            row[f"{title} range"] = ranges[key].text()
        rows.append(row)
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, alt="Figures of each emotion",
        column_config={title: NumberColumn(format="%.2f") for title in RATES.values()},
    )  # fmt: skip
    st.caption(
        "Recall: share of the true ones found. Precision: share of the answers that are right. "
        "Bias: how often it is said over how often it is true; 1 is unbiased. "
        "A dash: the figure does not vary, so it has no range."
    )
