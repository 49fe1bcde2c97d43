"""Errors and notices that are shown at the next rerun: callbacks cannot draw on the page."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from fer_core.errors import FerError
from fer_core.system.text import markdown

KEY = "messages"
PRIVATE_FOLDER = "dataset_folder"
"""Session key of the temporary folder of a visitor, whose path no message shows."""

ERROR, SUCCESS = "error", "success"


def error(text: str) -> None:
    """Show ``text`` as an error at the next ``show``."""
    if private := st.session_state.get(PRIVATE_FOLDER):
        text = text.replace(f"{private.name}/", "").replace(private.name, "the server")
    st.session_state.setdefault(KEY, []).append((ERROR, text))


def success(text: str) -> None:
    """Show ``text`` as done at the next ``show``."""
    st.session_state.setdefault(KEY, []).append((SUCCESS, text))


def attempt(action: Callable[..., Any], *args: Any, done: str = "") -> None:
    """Call ``action(*args)``; for callbacks. A ``FerError`` is shown, or else the text ``done``."""
    try:
        action(*args)
    except FerError as failure:
        error(str(failure))
        return
    if done:
        success(done)


def show() -> None:
    """Draw the messages since the last call, each once."""
    for kind, text in dict.fromkeys(st.session_state.pop(KEY, [])):
        (st.error if kind == ERROR else st.success)(markdown(text))
