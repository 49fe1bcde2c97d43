"""Errors and notices that are shown at the next rerun: callbacks cannot draw on the page."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from fer_core.errors import FerError
from fer_core.system.text import markdown

KEY = "messages"
PRIVATE_FOLDER = "dataset_folder"
"""Session key of the temporary folder of a visitor, whose path no message shows."""

ERROR, SUCCESS = "error", "success"

AGAIN_S: Final = 1.0
"""A rerun that follows sooner may have replaced a message before anybody saw it."""


@dataclass(slots=True)
class Message:
    """A text and when it was first drawn; 0 before that."""

    kind: str
    text: str
    drawn_s: float = 0.0


def error(text: str) -> None:
    """Show ``text`` as an error at the next ``show``."""
    if private := st.session_state.get(PRIVATE_FOLDER):
        text = text.replace(f"{private.name}/", "").replace(private.name, "the server")
    _add(ERROR, text)


def success(text: str) -> None:
    """Show ``text`` as done at the next ``show``."""
    _add(SUCCESS, text)


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
    """Draw the messages since the last call, and those that were drawn within ``AGAIN_S``."""
    now_s = time.monotonic()
    messages: list[Message] = st.session_state.get(KEY, [])
    messages = [item for item in messages if not item.drawn_s or now_s - item.drawn_s < AGAIN_S]
    for message in messages:
        message.drawn_s = message.drawn_s or now_s
        (st.error if message.kind == ERROR else st.success)(markdown(message.text))
    st.session_state[KEY] = messages


def _add(kind: str, text: str) -> None:
    messages: list[Message] = st.session_state.get(KEY, [])
    others = [item for item in messages if (item.kind, item.text) != (kind, text)]
    st.session_state[KEY] = [*others, Message(kind, text)]
