"""Live: the webcam with every face's emotion, without lag."""

import streamlit as st

from fer_core import Recognizer
from fer_core.errors import FerError
from fer_core.live import LiveOptions, LiveSession, RecognitionOptions
from fer_core.models.card import ModelCard
from fer_core.recognition.photos import PhotoReader
from fer_core.system.settings import settings
from fer_core.system.text import markdown
from pages._components.detector import show_detector
from pages._components.model import (
    choose_head,
    freeze_gc_once,
    model_card,
    notice,
    recognizer,
)
from pages._components.probability_bars import show_probability_bars
from pages._live.device import DeviceOptions
from pages._live.device_page import NOTHING_SENT, ROWS_SENT, browser_files, show_on_device
from pages._live.panel import show_panel
from pages._live.player import camera_state, needs_device, play
from pages._live.recording import offer_files
from pages._live.state import viewer

REFRESH_S = 0.5
SERVER, DEVICE, SNAPSHOT = MODES = ("Over the server", "On this device", "Snapshot")
MODE_HELP = (
    "Over the server: the video goes there and comes back annotated. On this device: your browser "
    "recognizes faces, and frames stay here. Snapshot: one photo, sent to the server."
)
RECORDING = (
    "Recording: the video and its results are stored in a temporary file until you delete it or "
    "close this tab."
)

# On a phone held sideways the video comes first, and its bars stand beside it.
STYLE = """<style>
.st-key-live-head h1 { padding: 0; white-space: nowrap }
.st-key-live-video { gap: .25rem }
@media (max-width: 640px) {
  .st-key-live-head h1 { font-size: 1.5rem }
  .st-key-live-head { justify-content: start; row-gap: .5rem }
  .st-key-live-head > :has(h1), .st-key-live-head > :has(h1) > div:has(h1) { display: contents }
  .st-key-live-head .st-key-live-way { order: 1 }
  .st-key-live-head > div:last-child { margin-left: auto }
}
@media (max-height: 500px) and (orientation: landscape) {
  .stMainBlockContainer { padding-top: 4rem }
  .st-key-live-head h1 { font-size: 1.5rem }
  :has(> .st-key-live-notice) { order: 1 }
  .stColumn:has(.st-key-live-video) { flex: 0 0 calc((100dvh - 12rem) * 4 / 3); min-width: 0 }
  .stColumn:has(.st-key-live-panel) { flex: 1; min-width: 0 }
  .stMain [data-testid=stHorizontalBlock]:has(.st-key-live-video) { flex-wrap: nowrap }
}
</style>"""
PLAYING = """<style>
@media (max-height: 500px) and (orientation: landscape) {
  :has(> .st-key-live-head) { order: 1 }
  .stColumn:has(.st-key-live-video) { flex-basis: calc((100dvh - 8.5rem) * 4 / 3) }
}
</style>"""


def choose_options(card: ModelCard, mode: str) -> tuple[str, DeviceOptions, bool]:
    """Return the head, the options, and whether the browser gets the float32 network."""
    with st.popover("Settings", icon=":material/tune:"):
        head = choose_head(card)
        facing = st.segmented_control(
            "Phone camera",
            ["Front", "Back"],
            default="Front",
            required=True,
            key="facing",
            help="Applies at the next start.",
        )
        mirror = st.toggle("Mirror", value=True, key="mirror")
        bars = st.toggle("Bars beside the faces", value=True, key="bars")
        half_life = st.slider(
            "Smoothing",
            0.0,
            2.0,
            0.3,
            0.1,
            format="%.1f s",
            key="smoothing",
            help="Half-life: after this time an old prediction counts half. 0 shows the prediction "
            "of each frame by itself.",
        )
        timeline = full_precision = False
        if mode == DEVICE:
            timeline, full_precision = choose_for_device()
        else:
            show_detector()
    live = LiveOptions(mirror, bars, RecognitionOptions(half_life))
    may_correct = not settings().public
    return head, DeviceOptions(live, facing, timeline, may_correct), full_precision


def choose_for_device() -> tuple[bool, bool]:
    """Return whether results are sent for the timeline, and whether in full precision."""
    timeline = st.toggle(
        "Timeline and shares", value=True, key="device-timeline",
        help="Sends results to the server, as numbers, once a second. Off: nothing is sent.",
    )  # fmt: skip
    full_precision = st.toggle(
        "Full precision", value=False, key="device-precision",
        help="Load the network's weights in 16 or 32 bits, 2 to 6 MB more, once. Rounded to 8 bits "
        "they give the same label in 99 of 100 cases.",
    )  # fmt: skip
    return timeline, full_precision


def snapshot(shared: Recognizer) -> None:
    """Show a single photo of the camera: it works where video does not."""
    # A fixed resolution, or the camera is started anew when the width of the image is known.
    shot = st.camera_input("Take a photo", key="live-snapshot", resolution="720p", width=640)
    if shot is None:
        return
    photo = PhotoReader(shared).read(shot.getvalue(), "snapshot")
    if photo.error:
        st.error(photo.error)
        return
    left, right = st.columns([3, 2], gap="medium")
    left.image(photo.annotated, alt="The snapshot with its faces")
    if not photo.faces:
        right.info("No face found.")
    with right:
        for number, face in enumerate(photo.faces):
            show_probability_bars(face.probabilities, f"snapshot-{number}")


def choose_mode() -> str:
    """Return how frames are recognized: over the server, on this device, or one at a time."""
    return st.segmented_control(
        "Mode", MODES, default=MODES[needs_device()], required=True, key="live-way",
        label_visibility="collapsed", help=MODE_HELP,
    )  # fmt: skip


def over_the_server(shared: Recognizer, options: DeviceOptions) -> None:
    """Show the video that goes to the server and comes back annotated."""
    above = st.container(key="live-notice")
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(key="live-video"):
        try:
            context = play(shared, options.live, options.facing)
        except FerError as error:
            st.warning(markdown(str(error)))
            st.stop()
        camera_state(data={"otherwise": "Or switch to Snapshot above."})
    running = context.state.playing or context.state.signalling
    if not running:
        with left:
            offer_example_video()
    with st.container() if running else above:  # while it plays, the video comes first
        recorder = viewer().recorder
        notice(*([RECORDING] if recorder and recorder.state.running else []))
    if running:
        st.html(PLAYING)
    session = viewer().session
    if isinstance(session, LiveSession):
        session.configure(shared, options.live)
    with right, st.container(key="live-panel"):
        offer_files()
        st.fragment(show_panel, run_every=REFRESH_S if running else None)(
            context, options.live.recognition.detect_every, shared.detector_name
        )


def offer_example_video() -> None:
    """Show the way to the example video, for a visitor without a camera."""
    if st.button("No camera? Analyse the example video", icon=":material/movie:", type="tertiary"):
        st.session_state["way"] = "Video"
        st.switch_page("pages/upload.py")


st.html(STYLE)
head_row = st.container(
    horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="live-head"
)
# A spinner or a warning that comes or goes before the camera, in the page's order, restarts it:
# they stand in a place that is always there.
messages = st.container()
with messages:
    card = model_card()
with head_row:
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        st.title("Live", anchor=False, width="content")
        mode = choose_mode()
    head, options, full_precision = choose_options(card, mode)
freeze_gc_once("live")
viewer().leave_other_mode(mode)
if mode == DEVICE:
    with messages:
        files = browser_files(card, head, full_precision)
    show_on_device(files, options)
    notice(ROWS_SENT if options.timeline else NOTHING_SENT)
elif mode == SERVER:
    with messages:
        shared = recognizer(head)
    over_the_server(shared, options)
else:
    notice()
    with messages:
        shared = recognizer(head, mirror=True)
    snapshot(shared)
