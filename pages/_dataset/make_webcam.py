"""Collect faces at the webcam: hold a button and make the face."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit_webrtc import WebRtcStreamerContext

from fer_core import Recognizer
from fer_core.collect import Collection, labels
from fer_core.collect.collection import Suggester
from fer_core.collect.photos import suggester
from fer_core.collect.webcam import RATE, Capture, Shot
from fer_core.errors import FerError
from fer_core.labels import COLORS, EMOTIONS
from fer_core.live import DeviceView, LiveOptions, LiveSession
from fer_core.live.browser_files import BrowserFiles
from fer_core.live.device_view import DETECTOR
from fer_core.system.settings import settings
from fer_core.system.text import markdown
from pages._components.model import model_card, notice, recognizer
from pages._dataset import prompts
from pages._dataset.label_balance import show_label_balance
from pages._live import device
from pages._live.device_page import browser_files
from pages._live.player import camera_state, play
from pages._live.state import viewer

REFRESH_S = 0.5
KEY = "hold_button"
SERVER, DEVICE = MODES = ("Over the server", "On this device")
STORED = {
    SERVER: "The video goes to the server. While a button is held, the faces are stored in the "
    "collection.",
    DEVICE: "Frames stay on this device. While a button is held, the faces are sent to the server, "
    "as images, and stored in the collection.",
}

_buttons = st.components.v2.component(
    "hold_button",
    html='<div class="hold" role="group" aria-label="Hold to collect faces"></div>',
    css=Path(__file__).with_name("hold_button.css").read_text("utf-8"),
    js=Path(__file__).with_name("hold_button.js").read_text("utf-8"),
)


def show(collection: Collection) -> None:
    """Show the camera, and beside it a button to hold for each emotion."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Who is in front of the camera?",
            key="capture_person",
            placeholder="Name or initials",
            width=300,
            help="Faces with one name are never parted between training and test.",
            persist_state="session",
        )
        mode = st.segmented_control(
            "Mode", MODES, default=SERVER, required=True, key="capture_mode",
            label_visibility="collapsed", persist_state="session",
            help="Over the server: the video goes there and comes back annotated. On this device: "
            "your browser recognizes faces, and only those that you collect are sent.",
        )  # fmt: skip
    st.caption(STORED[mode])
    viewer().leave_other_mode(mode)
    messages = st.container()  # see pages/live.py
    with messages:
        card = model_card()
    if mode == DEVICE:
        names = Suggester(card.name, card.default_head, DETECTOR)
        with messages:
            files = browser_files(card, card.default_head, full_precision=False)
        _show_on_device(collection, files, _capture(collection, mode, names))
    else:
        with messages:
            shared = recognizer(card.default_head)
        _over_the_server(collection, shared)
    notice("")


def _over_the_server(collection: Collection, shared: Recognizer) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        try:
            context = play(shared, LiveOptions(bars=False), "Front")
        except FerError as error:
            st.warning(markdown(str(error)))
            return
        camera_state(data={"otherwise": "Or add photos."})
    session = viewer().session
    capture = _capture(collection, id(session), suggester(shared))
    if isinstance(session, LiveSession):
        session.on_result = lambda rgb, result: capture.take(
            rgb, result.faces, result.frame, result.time_s, is_mirrored=session.options.mirror
        )
    is_on = context.state.playing or context.state.signalling
    with right:
        st.fragment(_show_server_panel, run_every=REFRESH_S if is_on else None)(
            collection, context, capture
        )


def _capture(collection: Collection, source: object, names: Suggester) -> Capture:
    """Return the capture of this visitor's camera, a new one for each source and collection."""
    key = source, str(collection.folder), names
    if st.session_state.get("capture", (None,))[0] != key:
        st.session_state["capture"] = key, Capture(collection, names)
    capture: Capture = st.session_state["capture"][1]
    return capture


def _show_server_panel(
    collection: Collection, context: WebRtcStreamerContext, capture: Capture
) -> None:
    session = viewer().session
    frames = session.stats().frames if session and context.state.playing else 0
    is_live = bool(frames and session and session.silent_s < 2)
    if not is_live:
        capture.hold("", _person())
    if frames and not is_live:
        st.warning(
            "No video arrives. Is the camera unplugged or in use elsewhere? What was collected "
            "is kept. Press Stop, then Start camera."
        )
    _show_panel(collection, capture, is_live=is_live, on_device=False)


@st.fragment
def _show_on_device(collection: Collection, files: BrowserFiles, capture: Capture) -> None:
    """Show the camera and the panel; runs anew with every message of the browser."""
    left, right = st.columns(2, gap="medium")
    with left:
        request = device.Capture(round(1000 / RATE), _person())
        options = device.DeviceOptions(LiveOptions(bars=False), timeline=False, capture=request)
        device.show_device_view(files, options, partial(_keep, capture))
    session = viewer().session
    is_live = isinstance(session, DeviceView) and session.is_running
    with right:
        _show_panel(collection, capture, is_live=is_live, on_device=True)


def _keep(capture: Capture, crops: Sequence[device.SentCrop]) -> None:
    """Keep the faces that the browser sent."""
    shots = [
        Shot(sent.crop, sent.face, sent.frame, sent.time_s, sent.emotion, sent.tag)
        for sent in crops
        if sent.purpose == "capture" and sent.emotion in EMOTIONS
    ]
    if shots and not settings().public:
        capture.add(shots)


def _show_panel(
    collection: Collection, capture: Capture, *, is_live: bool, on_device: bool
) -> None:
    """Show the buttons with their counts, and the balance of the collection."""
    if not is_live:
        st.caption("Start the camera, then hold a button (or its key) and make the face.")
    elif not _person():
        st.caption("First type who is in front of the camera.")
    else:
        st.caption("Hold a button, or its key 1 to 7, and make the face: ten faces a second.")
    if capture.error:
        st.error(markdown(capture.error))
    _buttons(
        key=KEY,
        data={
            "emotions": list(EMOTIONS),
            "colors": list(COLORS.values()),
            "prompts": [prompts.svg(emotion) for emotion in EMOTIONS],
            "hints": [prompts.HINTS[emotion] for emotion in EMOTIONS],
            "counts": [capture.counts[emotion] for emotion in EMOTIONS],
            "enabled": bool(is_live and _person()),
            "error": capture.error,
            "local": on_device,
        },
        on_held_change=_hold,
    )
    show_label_balance(state.label for state in labels.states(collection).values())
    if sum(capture.counts.values()) and not capture.held:
        st.button(
            "Done",
            key="capture_done",
            icon=":material/check:",
            on_click=_label_next,
            help="See the faces and label the others.",
        )


def _person() -> str:
    return str(st.session_state.get("capture_person", "")).strip()


def _hold() -> None:
    """Take crops from now on, or no longer."""
    capture: Capture | None = st.session_state.get("capture", (None, None))[1]
    held = st.session_state[KEY].get("held") or {}
    emotion = held.get("emotion", "")
    if capture and emotion in (*EMOTIONS, ""):
        capture.hold(emotion, _person())


def _label_next() -> None:
    st.session_state["make_part"] = "Finish"
