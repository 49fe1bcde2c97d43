"""Beside the video: how it runs, the face, the last minute, the shares."""

import time

import streamlit as st
from streamlit_webrtc import WebRtcStreamerContext

from fer_core.live import LiveSession
from fer_core.recognition.tracking import TrackedFace
from pages._live import charts
from pages._live.correction import offer_freeze, show_frozen
from pages._live.recording import offer_recording
from pages._live.state import viewer

LARGEST = 0
"""Choice in the list of persons, whose numbers begin at 1."""


def beside(context: WebRtcStreamerContext, every: int, detector: str) -> None:
    """Everything that changes while the video runs."""
    mine = viewer()
    coming = say_state(context, every, detector)
    offer_recording(mine.session, coming)
    if mine.session:
        show_face(mine.session, coming)
    show_frozen()


def say_state(context: WebRtcStreamerContext, every: int, detector: str) -> bool:
    """One line on how it runs or what is missing; True while pictures come."""
    mine = viewer()
    session = mine.session
    if not context.state.playing and not context.state.signalling:
        mine.connecting_since = time.monotonic()
        st.info("The camera is off. Press Start below the picture.", icon=":material/videocam:")
        return False
    if session is None or not session.stats().frames:
        waited = time.monotonic() - mine.connecting_since
        if waited < 10:
            st.info("Connecting to the camera …", icon=":material/hourglass_empty:")
        else:
            st.warning(
                "No picture has come through yet. The network between this browser and the server "
                "may block video; then a TURN server is needed. A snapshot works without one."
            )
        return False
    if session.silent_s > 2:
        st.warning(
            f"No picture for {session.silent_s:.0f} seconds. Is the camera unplugged, covered by "
            "another program, or the connection gone? Press Stop, then Start."
        )
        return False
    st.html(charts.stats_line(session.stats(), detector, every))
    return True


def choose_face(session: LiveSession) -> TrackedFace | None:
    """The face to show: the one chosen, or the largest."""
    result = session.latest
    faces = result.faces if result else ()
    persons = sorted(session.history.persons())
    wanted = LARGEST
    if len(persons) > 1:
        wanted = st.selectbox(
            "Person",
            [LARGEST, *persons],
            format_func=lambda n: f"Person {n}" if n else "Largest face",
            key="person",
        )
    if wanted:
        return next((face for face in faces if face.person == wanted), None)
    return max(faces, key=lambda face: face.box.area, default=None)


def show_face(session: LiveSession, coming: bool) -> None:
    """Bars, last minute and shares of one person."""
    face = choose_face(session)
    chosen = st.session_state.get("person") or None
    if coming and face:
        st.html(charts.bars(face))
    elif coming:
        st.html('<div style="font-size:1.25rem;font-weight:600">no face</div>')
        st.caption("Look into the camera; faces should be upright and well lit.")
    person = face.person if face else chosen
    now = session.now_s if session.active else session.now_s - session.silent_s
    seen = session.history.of(person, now)
    if seen.results:
        st.html(charts.timeline(seen))
        empty = session.history.without_face
        who = f"Person {person}" if person and len(session.history.persons()) > 1 else "All"
        without = f" · no face in {100 * empty:.0f} %" if empty > 0.005 else ""
        st.caption(f"{who} since the start{without}")
        st.html(charts.shares(seen))
    if coming and face:
        offer_freeze(session, face)
