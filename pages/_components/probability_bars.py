"""The seven probabilities of one face as horizontal bars."""

import plotly.graph_objects as go
import streamlit as st

from fer_core.labels import COLORS, EMOTIONS
from fer_core.types import Probabilities


def show_probability_bars(
    probabilities: Probabilities, key: str, height: int = 190, alt: str = ""
) -> None:
    """Draw one bar for each emotion.

    Args:
        probabilities: float32 (7,) in ``EMOTIONS`` order.
        key: Of the chart.
        height: In pixels.
        alt: What the chart shows, before its values.
    """
    percent = [float(value) * 100 for value in probabilities]
    figure = go.Figure(
        go.Bar(
            x=percent,
            y=list(EMOTIONS),
            orientation="h",
            marker_color=[COLORS[emotion] for emotion in EMOTIONS],
            text=[f"{value:.0f}%" for value in percent],
            textposition="outside",
            cliponaxis=False,
        )
    )
    figure.update_layout(
        height=height, margin={"l": 0, "r": 40, "t": 0, "b": 0}, bargap=0.25, showlegend=False
    )
    figure.update_xaxes(visible=False, range=[0, 105])
    figure.update_yaxes(autorange="reversed", ticksuffix=" ")
    st.plotly_chart(
        figure, key=key, config={"staticPlot": True}, alt=f"{alt}{words(probabilities)}"
    )


def words(probabilities: Probabilities) -> str:
    """Return ``angry 3%, disgust 0%, …`` of float32 (7,) probabilities."""
    pairs = zip(EMOTIONS, probabilities, strict=True)
    return ", ".join(f"{emotion} {value * 100:.0f}%" for emotion, value in pairs)
