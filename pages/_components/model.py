"""The cached recognizer and the notice that several pages share."""

from pathlib import Path

import streamlit as st

from fer_core import EmotionClassifier, Recognizer
from fer_core.errors import FerError
from fer_core.models.card import LITERT_FILE, ModelCard
from fer_core.models.registry import find_model, load_card, previous_model, roll_back
from fer_core.system import memory
from fer_core.system.text import markdown
from pages._components import notify
from pages._components.detector import shared_detector


def notice(
    storage: str = "Images are sent to this server, stay in its memory and are not stored.",
) -> None:
    """Show the line beside every upload and camera; ``storage`` says what is stored."""
    st.caption(
        ":material/info: An expression is not a feeling. Tell the people shown that emotions are "
        f"inferred, and do not decide about people at work or in education with it. {storage}"
    )


@st.cache_resource
def freeze_gc_once(page: str) -> None:
    """Call ``memory.freeze_gc_once`` for a page that refreshes parts of itself twice a second.

    The tables below its charts bring pandas and pyarrow: they must not come after the freezing.
    """
    import pandas as pd  # noqa: F401
    import pyarrow as pa  # noqa: F401

    memory.freeze_gc_once()


def model_card() -> ModelCard:
    """Return the default model's card; an error where it cannot be used, and the page ends."""
    try:
        card = load_card()
    except FerError as error:
        st.error(markdown(str(error)))
        st.stop()
    if card.facts.get("demo"):
        st.warning(
            f"**{card.title}** was trained on the demo's drawn faces. Its predictions for people "
            "mean nothing; choose another model on the training or evaluation page.",
            icon=":material/draw:",
        )
    return card


def choose_head(card: ModelCard) -> str:
    """Show a select box of the model's label sets; return the head chosen."""
    names = list(card.heads)
    return st.selectbox(
        "Label set",
        names,
        index=names.index(card.default_head),
        format_func=lambda name: card.heads[name].title,
        help="FER-2013 has one label an image. For FER+ ten people voted on each; they call mild "
        "expressions neutral more often. Choose FER+ for everyday photos.",
        key="head",
        persist_state="session",
    )


def recognizer(head: str, model: Path | None = None, *, mirror: bool = False) -> Recognizer:
    """Return the recognizer that all visitors share; an error and the page's end without one.

    Args:
        head: Name of the head.
        model: A model folder; None for the default model.
        mirror: Average each face with its mirror image: for photos.
    """
    try:
        folder = model or find_model()
        loaded = _load(str(folder), _times(folder), head, mirror)
    except FerError as error:
        st.error(markdown(str(error)))
        st.stop()
    return loaded


def _times(folder: Path) -> tuple[float, ...]:
    """Return when the model's files were written; 0 for a missing one, which loading reports."""
    files = (folder / "card.json", folder / LITERT_FILE)
    return tuple(file.stat().st_mtime if file.is_file() else 0 for file in files)


@st.cache_resource(show_spinner="Loading the model", max_entries=6)
def _load(folder: str, changed: tuple[float, ...], head: str, mirror: bool) -> Recognizer:
    """Load a recognizer; ``changed`` makes the cache load a replaced model anew."""
    choice, classifier = shared_detector(), _classifier(folder, changed)
    if head != classifier.head or mirror:
        classifier = EmotionClassifier(
            classifier.card, head, network=classifier.network, mirror=mirror
        )
    return Recognizer(classifier, choice.detector, choice.notice)


@st.cache_resource(show_spinner=False, max_entries=3)
def _classifier(folder: str, changed: tuple[float, ...]) -> EmotionClassifier:
    """Load a model, whose network all heads share."""
    return EmotionClassifier.load(folder)


def restore_previous_button(key: str) -> None:
    """Show the button that restores the previous model: it names it, or is disabled."""
    try:
        previous = previous_model()
    except FerError as error:
        st.error(markdown(str(error)))
        return
    st.button(
        f"Restore {previous}" if previous else "Restore previous model", icon=":material/undo:",
        on_click=notify.attempt, args=(_restore,), disabled=previous is None, key=key,
        help=None if previous else "No other model was in use before this one.",
    )  # fmt: skip


def _restore() -> None:
    notify.success(f"{roll_back()} is in use again.")
