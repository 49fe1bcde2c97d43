"""Collect faces at the webcam: hold a button and make the face."""

from pathlib import Path

import streamlit as st
from streamlit_webrtc import WebRtcStreamerContext

from fer_core.collect import Collection
from fer_core.collect.photos import suggester
from fer_core.collect.webcam import Capture
from fer_core.errors import FerError
from fer_core.labels import COLORS, EMOTIONS
from fer_core.live import LiveOptions, LiveSession
from fer_core.system.text import markdown
from pages._components.model import model_card, notice, recognizer
from pages._dataset import prompts
from pages._live.player import camera_state, play
from pages._live.state import viewer

REFRESH_S = 0.5
KEY = "hold_button"

_buttons = st.components.v2.component(
    "hold_button",
    html='<div class="hold" role="group" aria-label="Hold to collect faces"></div>',
    css=Path(__file__).with_name("hold_button.css").read_text("utf-8"),
    js=Path(__file__).with_name("hold_button.js").read_text("utf-8"),
)


def show(collection: Collection) -> None:
    """Show the camera, and beside it a button to hold for each emotion."""
    notice("The faces are stored in the collection while a button is held.")
    st.text_input(
        "Who is in front of the camera?",
        key="capture_person",
        placeholder="Name or initials",
        width=300,
        help="Faces with one name are never parted between training and test.",
        persist_state="session",
    )
    shared = recognizer(model_card().default_head)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        try:
            context = play(shared, LiveOptions(bars=False), "Front")
        except FerError as error:
            st.warning(markdown(str(error)))
            return
        camera_state(data={"otherwise": "Or add photos."})
    session = viewer().session
    if session:
        _connect(collection, session, Capture(collection, suggester(shared)))
    is_on = context.state.playing or context.state.signalling
    with right:
        st.fragment(_panel, run_every=REFRESH_S if is_on else None)(collection, context)


def _connect(collection: Collection, session: LiveSession, capture: Capture) -> None:
    """Have the session's faces go to a capture, one for each session and collection."""
    key = id(session), str(collection.folder)
    if st.session_state.get("capture", (None,))[0] == key:
        return
    st.session_state["capture"] = key, capture
    session.on_result = lambda rgb, result: capture.take(
        rgb, result.faces, result.frame, result.time_s, is_mirrored=session.options.mirror
    )


def _panel(collection: Collection, context: WebRtcStreamerContext) -> None:
    session = viewer().session
    capture: Capture | None = st.session_state.get("capture", (None, None))[1]
    is_live = bool(
        context.state.playing and session and session.stats().frames and session.silent_s < 2
    )
    person = st.session_state.get("capture_person", "").strip()
    if not is_live:
        if capture:
            capture.hold("", person)
        lost = session is not None and context.state.playing and session.stats().frames
        if lost:
            st.warning(
                "No video arrives. Is the camera unplugged or in use elsewhere? What was collected "
                "is kept. Press Stop, then Start camera."
            )
        else:
            st.caption("Start the camera, then hold a button (or its key) and make the face.")
    elif not person:
        st.caption("First type who is in front of the camera.")
    else:
        st.caption("Hold a button, or its key 1 to 7, and make the face: ten faces a second.")
    if capture and capture.error:
        st.error(markdown(capture.error))
    counts = capture.counts if capture else {}
    _buttons(
        key=KEY,
        data={
            "emotions": list(EMOTIONS),
            "colors": list(COLORS.values()),
            "prompts": [prompts.svg(emotion) for emotion in EMOTIONS],
            "hints": [prompts.HINTS[emotion] for emotion in EMOTIONS],
            "counts": [counts.get(emotion, 0) for emotion in EMOTIONS],
            "enabled": bool(is_live and person),
        },
        on_held_change=_hold,
    )
    if capture and sum(counts.values()) and not capture.held:
        st.button(
            "Done",
            key="capture_done",
            icon=":material/check:",
            on_click=_label_next,
            help="See the faces and label the others.",
        )


def _hold() -> None:
    """Take crops from now on, or no longer."""
    capture: Capture | None = st.session_state.get("capture", (None, None))[1]
    held = st.session_state[KEY].get("held") or {}
    emotion = held.get("emotion", "")
    if capture and emotion in (*EMOTIONS, ""):
        capture.hold(emotion, st.session_state.get("capture_person", ""))


def _label_next() -> None:
    st.session_state["make_part"] = "Finish"
