"""What several pages share: the cached recogniser, the notice, and the bars of one face."""

from pathlib import Path

import streamlit as st

from fer_core import Recognizer
from fer_core.errors import FerError
from fer_core.models.card import LITERT_FILE, ModelCard
from fer_core.models.registry import find_model, load_card
from fer_core.system import memory


def notice(kept: str = "Pictures stay in memory and are not stored.") -> None:
    """The line that stands above every upload and camera start; ``kept`` says what is stored."""
    st.caption(
        ":material/info: An expression is not a feeling. Tell the people shown that emotions are "
        f"inferred, and do not decide about people at work or in education with it. {kept}"
    )


@st.cache_resource
def settle_once(page: str) -> None:
    """``memory.settle`` for a page that refreshes parts of itself twice a second."""
    memory.settle()


def model_card() -> ModelCard:
    """Card of the default model; where it cannot be used, says why and ends the page."""
    try:
        card = load_card()
    except FerError as error:
        st.error(str(error))
        st.stop()
    if card.facts.get("demo"):
        st.warning(
            f"**{card.title}** was trained on the demo's drawn faces. What it says about people "
            "means nothing; go back to another model on the training or evaluation page.",
            icon=":material/draw:",
        )
    return card


def choose_head(card: ModelCard) -> str:
    """A select box of the model's readings; the name of the one chosen."""
    names = list(card.heads)
    return st.selectbox(
        "Reading",
        names,
        index=names.index(card.default_head),
        format_func=lambda name: card.heads[name].title,
        help="The network learned two answers: the single label that FER-2013 gives each picture, "
        "and how ten people voted on it. The votes call mild expressions neutral more often.",
        key="head",
    )


def recognizer(head: str) -> Recognizer:
    """The recogniser all visitors share; where it cannot be loaded, says why and ends the page."""
    try:
        folder = find_model()
        loaded = _load(str(folder), _times(folder), head)
    except FerError as error:
        st.error(str(error))
        st.stop()
    if loaded.notice:
        st.caption(f":material/warning: {loaded.notice}")
    return loaded


def _times(folder: Path) -> tuple[float, ...]:
    """When the model's files were written; 0 for one that is gone, which loading will say."""
    files = (folder / "card.json", folder / LITERT_FILE)
    return tuple(file.stat().st_mtime if file.is_file() else 0 for file in files)


@st.cache_resource(show_spinner="Loading the model", max_entries=4)
def _load(folder: str, changed: tuple[float, ...], head: str) -> Recognizer:
    """``changed`` is part of the cache's key, so that a replaced model is loaded anew."""
    return Recognizer.load(folder, head=head)
