"""Live: the webcam with every face's emotion, without lag."""

import streamlit as st

from fer_core import Recognizer
from fer_core.errors import FerError
from fer_core.live import LiveOptions, RecognitionOptions
from fer_core.models.card import ModelCard
from fer_core.recognition.photos import PhotoReader
from pages._components.model import (
    choose_head,
    model_card,
    notice,
    recognizer,
    settle_once,
)
from pages._components.probability_bars import show_probability_bars
from pages._live.panel import beside
from pages._live.player import camera_state, play
from pages._live.recording import offer_files
from pages._live.state import viewer

REFRESH_S = 0.5


def choose_options(card: ModelCard) -> tuple[str, LiveOptions, str]:
    """The reading, what the visitor wants to see, and which way the camera looks."""
    with st.popover("Settings", icon=":material/tune:"):
        head = choose_head(card)
        facing = st.segmented_control(
            "Camera",
            ["Front", "Back"],
            default="Front",
            required=True,
            key="facing",
            help="On a phone. It counts from the next start.",
        )
        turned = st.toggle("Mirror", value=True, key="mirror")
        bars = st.toggle("Bars beside the faces", value=True, key="bars")
        half_life = st.slider(
            "Smoothing",
            0.0,
            2.0,
            0.3,
            0.1,
            format="%.1f s",
            key="smoothing",
            help="Time after which an old reading counts half. 0 shows each picture's own reading.",
        )
    return head, LiveOptions(turned, bars, RecognitionOptions(half_life)), facing


def snapshot(reader: Recognizer) -> None:
    """The way out where video does not work."""
    # A fixed resolution, or the camera is started anew when the picture's width is known.
    shot = st.camera_input("Take a picture", key="live-snapshot", resolution="720p", width=640)
    if shot is None:
        return
    photo = PhotoReader(reader).read(shot.getvalue(), "snapshot")
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
st.title("Live", anchor=False)
notice()
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    way = st.segmented_control(
        "How", ["Video", "Snapshot"], default="Video", required=True, key="live-way",
        label_visibility="collapsed",
    )  # fmt: skip
    head, options, facing = choose_options(card)
reader = recognizer(head)
settle_once("live")
if way == "Snapshot":
    snapshot(reader)
    st.stop()
left, right = st.columns([3, 2], gap="medium")
with left:
    try:
        context = play(reader, options, facing)
    except FerError as error:
        st.warning(str(error))
        st.stop()
    camera_state()
running = context.state.playing or context.state.signalling
if viewer().session:
    viewer().session.configure(reader, options)
with right:
    offer_files()
    st.fragment(beside, run_every=REFRESH_S if running else None)(
        context, options.recognition.detect_every, reader.detector_name
    )
