"""Freeze a face, correct its emotion, save it as a training example."""

import streamlit as st

from fer_core import EMOTIONS
from fer_core.dataset import corrections
from fer_core.errors import FerError
from fer_core.live import LiveView
from fer_core.recognition.tracking import TrackedFace
from fer_core.system.settings import settings
from fer_core.system.text import markdown
from pages._live.state import Frozen, viewer


def offer_correction(session: LiveView, face: TrackedFace) -> None:
    """Show the button that freezes a face; not on public links."""
    if settings().public:
        return
    label = "Correct this face"
    if st.button(label, icon=":material/edit:", help="Freeze the face and choose its emotion"):
        crop = session.crop(face.person)
        if crop is not None:
            viewer().frozen = Frozen(crop, face.emotion)


def show_frozen() -> None:
    """Ask for the emotion of the frozen face, and save it if the visitor wants to."""
    state = viewer()
    if state.frozen is None:
        return
    with st.container(border=True):
        left, right = st.columns([1, 2], vertical_alignment="center")
        left.image(state.frozen.crop, width=96, alt="The frozen face")
        emotion = right.selectbox(
            "Emotion",
            EMOTIONS,
            index=EMOTIONS.index(state.frozen.emotion),
            key=f"correct-emotion-{state.frozen.number}",
        )
        st.caption(f"The face is stored as an image under {corrections.folder()}.")
        with st.container(horizontal=True):
            if st.button("Save as training example", type="primary", key="keep"):
                save(state.frozen, emotion)
                state.frozen = None
                st.rerun()
            if st.button("Discard", key="discard"):
                state.frozen = None
                st.rerun()


def save(frozen: Frozen, emotion: str) -> None:
    """Save the face with its emotion and report the result."""
    try:
        corrections.save(frozen.crop, emotion)
    except FerError as error:
        st.toast(markdown(str(error)), icon=":material/error:", duration="long")
        return
    total = sum(corrections.counts().values())
    st.toast(f"Saved. Corrected faces so far: {total}.", icon=":material/check:")
