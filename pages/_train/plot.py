"""A Plotly chart that stays and changes; ``st.plotly_chart`` builds a new one for every figure."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import plotly
import streamlit as st
from streamlit.components.v1 import declare_component

_library = declare_component("plotly", path=Path(plotly.__file__).parent / "package_data")
"""Never shown: it makes the server hand out the Plotly that the Python package brings."""

_chart = st.components.v2.component(
    "plot",
    html='<div role="figure" style="width:100%"></div>',
    js=Path(__file__).with_name("live_plot.js").read_text("utf-8"),
    isolate_styles=False,
)


def show(figure: Mapping[str, Any], key: str, alt: str) -> None:
    """Draw ``figure``, plain data and layout with its height, or change the one of that key."""
    address = f"component/{_library.name}/plotly.min.js"
    _chart(key=key, data={"figure": json.dumps(figure), "alt": alt, "library": address})
