"""Correct what taps do: on links of a phone's menu, on help icons, on moments of a video."""

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "fer_studio_taps", js=Path(__file__).with_name("taps.js").read_text("utf-8")
)


def correct_taps() -> None:
    """Add the listeners; draws nothing."""
    with st.container(key="taps-script"):
        _component(key="taps")
