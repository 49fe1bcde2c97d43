"""Close the navigation of a phone once a link in it is tapped."""

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "fer_studio_menu", js=Path(__file__).with_name("menu.js").read_text("utf-8")
)


def close_menu_on_navigation() -> None:
    """Add the listener; draws nothing."""
    with st.container(key="menu-script"):
        _component(key="menu")
