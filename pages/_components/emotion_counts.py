"""A chart of the number of faces that show each emotion."""

from collections import Counter
from collections.abc import Iterable

import plotly.graph_objects as go

from fer_core.labels import COLORS, EMOTIONS, UNCERTAIN_COLOR
from pages._components.chart import show_chart

LABELS = (*EMOTIONS, "uncertain")


def show_emotion_counts(labels: Iterable[str], key: str) -> None:
    """Draw a bar for each emotion and one for uncertain faces.

    Args:
        labels: An emotion or ``uncertain`` for each face.
        key: Of the chart.
    """
    counts = Counter(labels)
    values = [counts[label] for label in LABELS]
    figure = go.Figure(
        go.Bar(
            x=list(LABELS),
            y=values,
            text=[f"{value:,}" for value in values],
            textposition="outside",
            cliponaxis=False,
            marker={
                "color": [*COLORS.values(), UNCERTAIN_COLOR],
                "line": {"color": "#8A9290", "width": 1},  # the darkest bar shows on dark, too
            },
        )
    )
    figure.update_layout(
        height=240, margin={"l": 0, "r": 0, "t": 24, "b": 0}, yaxis_title="faces", title_text=""
    )
    text = ", ".join(f"{label} {value}" for label, value in zip(LABELS, values, strict=True))
    show_chart(figure, key=key, alt=f"Faces by emotion: {text}")
