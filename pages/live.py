"""Live: the webcam with every face's emotion, without lag."""

import streamlit as st

from fer_core import Recognizer
from fer_core.errors import FerError
from fer_core.live import LiveOptions, RecognitionOptions
from fer_core.models.card import ModelCard
from fer_core.recognition.photos import PhotoReader
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
from pages._live.panel import show_panel
from pages._live.player import camera_state, play
from pages._live.recording import offer_files
from pages._live.state import viewer

REFRESH_S = 0.5
RECORDING = (
    "Recording: the video and its results are stored in a temporary file until you delete it or "
    "close this tab."
)

# On a phone held sideways the video comes first, and its bars stand beside it.
STYLE = """<style>
.st-key-live-head h1 { padding: 0; white-space: nowrap }
.st-key-live-video { gap: .25rem }
@media (max-width: 640px) { .st-key-live-head h1 { font-size: 1.5rem } }
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


def choose_options(card: ModelCard) -> tuple[str, LiveOptions, str]:
    """Return the head, the options of the view, and the side of a phone's camera."""
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
        show_detector()
    return head, LiveOptions(mirror, bars, RecognitionOptions(half_life)), facing


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


card = model_card()
st.html(STYLE)
with st.container(
    horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="live-head"
):
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        st.title("Live", anchor=False, width="content")
        mode = st.segmented_control(
            "Mode", ["Video", "Snapshot"], default="Video", required=True, key="live-way",
            label_visibility="collapsed",
        )  # fmt: skip
    head, options, facing = choose_options(card)
above = st.container(key="live-notice")
shared = recognizer(head)
freeze_gc_once("live")
if mode == "Snapshot":
    with above:
        notice()
    snapshot(shared)
    st.stop()
left, right = st.columns([3, 2], gap="medium")
with left, st.container(key="live-video"):
    try:
        context = play(shared, options, facing)
    except FerError as error:
        st.warning(markdown(str(error)))
        st.stop()
    camera_state()
running = context.state.playing or context.state.signalling
if not running and left.button(
    "No camera? Analyse the example video", icon=":material/movie:", type="tertiary"
):
    st.session_state["way"] = "Video"
    st.switch_page("pages/upload.py")
with st.container() if running else above:  # while it plays, the video comes first
    recorder = viewer().recorder
    notice(*([RECORDING] if recorder and recorder.state.running else []))
if running:
    st.html(PLAYING)
if viewer().session:
    viewer().session.configure(shared, options)
with right, st.container(key="live-panel"):
    offer_files()
    st.fragment(show_panel, run_every=REFRESH_S if running else None)(
        context, options.recognition.detect_every, shared.detector_name
    )
