"""Beside the video: the face's emotion, recording, the last minute, the shares."""

import time

import streamlit as st
from streamlit_webrtc import WebRtcStreamerContext

from fer_core.live import LiveView
from fer_core.recognition.tracking import TrackedFace
from pages._components.share_bar import share_bar
from pages._live import charts
from pages._live.correction import offer_correction, show_frozen
from pages._live.recording import offer_recording
from pages._live.state import viewer

LARGEST = 0
"""Choice in the list of persons, whose numbers begin at 1."""


def show_panel(context: WebRtcStreamerContext, detect_every: int, detector: str) -> None:
    """Show everything that changes while the video runs."""
    session = viewer().session
    is_live = show_state(context)
    face = choose_face(session) if session else None
    if is_live:
        st.html(charts.bars(face, "No face"))
        if face is None:
            st.caption("Look into the camera. A well lit face is detected best.")
    with st.container(horizontal=True, vertical_alignment="center"):
        offer_recording(session, is_live)
        if session and is_live and face:
            offer_correction(session, face)
        if session and is_live:
            stats = session.stats()
            details = charts.details(stats, detector, detect_every)
            st.caption(f"{stats.fps:.0f} fps", help=details, width="content")
    if session:
        show_history(session, face)
    show_frozen()


def show_state(context: WebRtcStreamerContext) -> bool:
    """Show why there is no video, if so; return True while frames arrive."""
    state = viewer()
    session = state.session
    if not context.state.playing and not context.state.signalling:
        state.connecting_since = time.monotonic()
        st.html(charts.bars(None, "The camera is off"))
        return False
    if session is None or not session.stats().frames:
        if time.monotonic() - state.connecting_since < 10:
            st.html(charts.bars(None, "Connecting to the camera …"))
        else:
            st.warning(
                "No video has arrived yet. The network between this browser and the server may "
                "block it; then a TURN server is needed. A snapshot works without one."
            )
        return False
    if session.silent_s > 2:
        st.warning(
            f"No video for {session.silent_s:.0f} seconds. Is the camera unplugged, in use "
            "elsewhere, or the connection gone? Press Stop, then Start camera."
        )
        return False
    return True


def choose_face(session: LiveView) -> TrackedFace | None:
    """Return the face to show: the selected person's, or the largest."""
    result = session.latest
    faces = result.faces if result else ()
    persons = sorted(session.history.persons())
    selected = LARGEST
    if len(persons) > 1:
        selected = st.selectbox(
            "Person",
            [LARGEST, *persons],
            format_func=lambda n: f"Person {n}" if n else "Largest face",
            key="person",
        )
    if selected:
        return next((face for face in faces if face.person == selected), None)
    return max(faces, key=lambda face: face.box.area, default=None)


def show_history(session: LiveView, face: TrackedFace | None) -> None:
    """Show the last minute and the shares of one person."""
    person = face.person if face else st.session_state.get("person") or None
    now = session.now_s if session.active else session.now_s - session.silent_s
    history = session.history.of(person, now)
    if not history.results:
        return
    st.html(charts.timeline(history))
    empty = session.history.without_face
    several = person and len(session.history.persons()) > 1
    subject = f"person {person}" if several else "the face" if person else "the faces"
    without = f" · no face in {100 * empty:.0f}% of the frames" if empty > 0.005 else ""
    st.caption(f"Shares of the frames that show {subject}, since the start{without}")
    st.html(share_bar(history.shares, history.uncertain))
