"""The table of a chart holds what the chart shows."""

import json

import numpy as np
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from fer_core import EMOTIONS
from fer_core.evaluation import evaluate
from pages._components.chart import values
from pages._components.confusion_matrix import confusion_figure
from pages._dataset import charts as dataset_charts
from pages._evaluate import charts as evaluate_charts


def test_bars_become_a_column_each() -> None:
    now, after = dict.fromkeys(EMOTIONS, 3), dict.fromkeys(EMOTIONS, 9)
    table = values(dataset_charts.before_after(now, after))
    assert table.columns.tolist() == ["", "now", "after"]
    assert table[""].tolist() == list(EMOTIONS)
    assert table["after"].tolist() == [9] * 7


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (go.Figure(go.Bar(x=[5, 6], y=["a", "b"], orientation="h")), [["a", 5], ["b", 6]]),
        (
            go.Figure(go.Heatmap(z=[[1, 2], [3, 4]], x=["p", "q"], y=["a", "b"])),
            [["a", 1, 2], ["b", 3, 4]],
        ),
        (
            go.Figure(go.Heatmap(z=[[0.1, 0.9]], x=["p", "q"], y=["a"], text=[[5, 45]])),
            [["a", 5, 45]],
        ),
        (
            go.Figure([go.Scatter(x=[1, 2], y=[7, 8]), go.Scatter(x=[2], y=[9], name="end")]),
            [[1, 7, None], [2, 8, 9]],
        ),
        (
            go.Figure(
                [
                    go.Bar(x=np.arange(2), y=np.arange(2)),
                    go.Scatter(x=[0, 1], y=[3, 4], text=["3", "4"], mode="text", hoverinfo="skip"),
                ]
            ),
            [[0, 0], [1, 1]],
        ),
        (go.Figure(), []),
    ],
    ids=[
        "lying bars",
        "heatmap",
        "heatmap with texts",
        "lines of unequal length",
        "labels are no values",
        "empty",
    ],
)
def test_every_kind_of_chart(figure: go.Figure, expected: list) -> None:
    table = values(figure).astype(object)
    assert table.where(table.notna(), None).to_numpy().tolist() == expected


def test_the_table_of_a_confusion_matrix_has_the_numbers_of_its_cells() -> None:
    probabilities = np.eye(7, dtype=np.float32)[[0, 0, 1, 3]]
    one = evaluate(probabilities, np.array([0, 0, 0, 3]))
    assert values(confusion_figure(one.confusion.tolist())).iloc[0, 1:4].tolist() == [2, 1, 0]
    shares = values(confusion_figure(one.confusion.tolist(), as_share=True)).iloc[0, 1:4].tolist()
    assert shares == [66.7, 33.3, 0]


def test_the_table_of_changes_has_all_emotions() -> None:
    even = [0.0] * 7
    table = values(evaluate_charts.changes(EMOTIONS, even, even, even))
    assert table.columns.tolist() == ["", "Difference in points"]
    assert table[""].tolist() == list(EMOTIONS)


def test_the_table_stands_below_its_chart() -> None:
    def page() -> None:
        import plotly.graph_objects as go
        import streamlit as st

        from pages._components.chart import show_chart

        right = st.columns(2)[1]
        show_chart(go.Figure(go.Bar(x=["a"], y=[1])), key="one", alt="One")
        show_chart(go.Figure(go.Bar(x=["b"], y=[2])), right, key="two", alt="Two")

    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception
    assert {table.value.iloc[0, 0] for table in app.dataframe} == {"a", "b"}


def test_a_table_has_the_units_of_the_axes_and_says_what_a_row_is() -> None:
    def page() -> None:
        import plotly.graph_objects as go

        from pages._components.chart import show_chart

        figure = go.Figure(go.Scatter(x=[0.0209], y=[61.26], name="happy"))
        figure.update_xaxes(title="Time", ticksuffix=" s", hoverformat=".2f")
        figure.update_yaxes(ticksuffix="%")
        show_chart(figure, key="one", alt="One", rows="A row is an average.")
        show_chart(go.Figure(go.Bar(x=[1], y=["a"], orientation="h")), key="two", alt="Two")

    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception
    units, plain = (json.loads(table.proto.columns) for table in app.dataframe)
    assert units["Time"]["type_config"]["format"] == "%.2f s"
    assert units["happy"]["type_config"]["format"] == "%.1f%%"
    assert not any("type_config" in column for column in plain.values())
    assert app.caption[0].value == "A row is an average."
