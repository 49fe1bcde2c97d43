"""Hold a face still, name it, keep it as training material."""

import streamlit as st

from fer_core import EMOTIONS
from fer_core.dataset import corrections
from fer_core.errors import FerError
from fer_core.live import LiveSession
from fer_core.recognition.tracking import TrackedFace
from fer_core.system.settings import settings
from pages._live.state import Frozen, viewer


def offer_freeze(session: LiveSession, face: TrackedFace) -> None:
    if not settings().policy.may_store:
        return
    if st.button("Correct this face", icon=":material/edit:", help="Hold it still and name it"):
        crop = session.crop(face.person)
        if crop is not None:
            viewer().frozen = Frozen(crop, face.emotion)


def show_frozen() -> None:
    """Name the face held still and keep it, if the visitor wants to."""
    mine = viewer()
    if mine.frozen is None:
        return
    with st.container(border=True):
        left, right = st.columns([1, 2], vertical_alignment="center")
        left.image(mine.frozen.crop, width=96, alt="The face held still")
        emotion = right.selectbox(
            "What does it show?",
            EMOTIONS,
            index=EMOTIONS.index(mine.frozen.emotion),
            key=f"correct-emotion-{mine.frozen.number}",
        )
        st.caption(f"It is kept as a picture under {corrections.folder()}.")
        with st.container(horizontal=True):
            if st.button("Keep as training material", type="primary", key="keep"):
                keep(mine.frozen, emotion)
                mine.frozen = None
                st.rerun()
            if st.button("Discard", key="discard"):
                mine.frozen = None
                st.rerun()


def keep(frozen: Frozen, emotion: str) -> None:
    try:
        corrections.keep(frozen.crop, emotion)
    except FerError as error:
        st.toast(str(error), icon=":material/error:", duration="long")
        return
    total = sum(corrections.counts().values())
    st.toast(f"Kept. Corrected faces so far: {total}.", icon=":material/check:")
