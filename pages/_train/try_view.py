"""Try a fresh model where it was trained: one photo, read by it and by the model in use."""

from pathlib import Path

import numpy as np
import streamlit as st

from fer_core.errors import FerError, ImageError
from fer_core.images import codec
from fer_core.models import registry
from fer_core.models.card import ModelCard
from fer_core.recognition import drawing
from fer_core.system.text import markdown
from fer_core.types import Pixels
from pages._components.model import notice, recognizer
from pages._components.probability_bars import show_probability_bars

FACES = 3
"""Faces whose probabilities are shown."""

SOURCES = ("Photo", "Camera")


def show(folder: Path, card: ModelCard, run: str) -> None:
    """Show a photo with the predictions of the new model and of the one in use, side by side."""
    with st.expander("Try it on a photo", icon=":material/photo_camera:"):
        source = st.segmented_control(
            "Source", SOURCES, default=SOURCES[0], required=True, key=f"try-source-{run}",
            label_visibility="collapsed",
        )  # fmt: skip
        if source == "Camera":
            file = st.camera_input("Camera", key=f"try-camera-{run}", label_visibility="collapsed")
        else:
            file = st.file_uploader("Photo with a face", ["jpg", "jpeg", "png", "webp"],
                                    key=f"try-photo-{run}")  # fmt: skip
        notice()
        if file is None:
            return
        try:
            rgb = codec.decode(file.getvalue(), file.name)
        except ImageError as error:
            st.error(markdown(str(error)))
            return
        _side_by_side(rgb, folder, card, run)


def in_use() -> ModelCard | None:
    """Return the card of the model in use; None where it cannot be read."""
    try:
        return registry.load_card()
    except FerError:
        return None


def _side_by_side(rgb: Pixels, folder: Path, card: ModelCard, run: str) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        _predictions(rgb, "This run", folder, card, f"{run}-new")
    current = in_use()
    if current is not None:
        with right:
            _predictions(rgb, f"In use: {current.name}", current.folder, current, f"{run}-current")


def _predictions(rgb: Pixels, title: str, folder: Path, card: ModelCard, key: str) -> None:
    """Draw the photo with its faces, and the probabilities of the first ones."""
    st.markdown(f"**{title}**")
    loaded = recognizer(card.default_head, folder, mirror=True)
    faces = loaded.recognize(rgb)
    st.image(drawing.annotate(np.array(rgb), faces), width="stretch", alt=f"{title}: faces found")
    if not faces:
        st.info("No face found. Take a photo that shows a whole face.")
    for number, face in enumerate(faces[:FACES]):
        st.markdown(drawing.caption(face))
        show_probability_bars(face.probabilities, f"try-{key}-{number}", alt=f"{title}: ")
