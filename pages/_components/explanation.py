"""Why did it say that? Maps over one face."""

import numpy as np
import streamlit as st

from fer_core import EMOTIONS, EmotionClassifier
from fer_core.errors import FerError
from fer_core.explain import Explainer, covering_map, overlay
from fer_core.explain.gradcam import grad_cam, possible
from fer_core.system.settings import settings
from fer_core.types import Pixels

SIDE = 128
NO_MAP = "This network's activation map cannot be read off: its answers are no plain sum over it."
FEW = "Those places are few, and each has seen the whole face"
MAPS = {
    "activation map": f"; and what each place of the network's last map adds to it. {FEW}",
    "Grad-CAM": f"; and the places of the network's last map that raise it. {FEW}",
}
HOW_LONG = "about a quarter of a minute"


def show_why(key: str, crop: Pixels, classifier: EmotionClassifier, emotion: str) -> None:
    """The face as the network sees it, and what speaks for ``emotion`` in it.

    Args:
        key: Of its widgets.
        crop: The face, uint8 (H, W, 3).
        classifier: Whose answer is explained.
        emotion: The answer.
    """
    place = EMOTIONS.index(emotion)
    pictures = {
        "as the network sees it": crop,
        "covering it changes most": overlay(crop, covering_map(classifier, crop, place), SIDE),
    }
    try:
        pictures["activation map"] = overlay(
            crop, Explainer(classifier).maps([crop])[0, place], SIDE
        )
    except FerError:
        found = _grad_cam(key, crop, classifier, place)
        if found is not None:
            pictures["Grad-CAM"] = overlay(crop, found, SIDE)
    with st.container(horizontal=True, gap="small"):
        for text, picture in pictures.items():
            st.image(picture, text, width=SIDE, alt=f"{text}, for {emotion}")
    more = [words for kind, words in MAPS.items() if kind in pictures]
    st.caption(
        f"Bright: where covering the face with grey takes most from *{emotion}*{''.join(more)}."
    )


def _grad_cam(
    key: str, crop: Pixels, classifier: EmotionClassifier, place: int
) -> np.ndarray | None:
    """The map of a network whose own cannot be read off, once it is asked for; else None."""
    card, head = classifier.card, classifier.head
    kept = st.session_state.setdefault("grad_cams", {})
    asked = (str(card.folder), head, place, hash(crop.tobytes()))
    if asked in kept:
        return kept[asked]
    below = st.empty()
    with below.container():
        st.caption(f":material/info: {NO_MAP}")
        if not settings().policy.may_change_models or not possible(card):
            return None
        if not st.button(f"Grad-CAM, {HOW_LONG}", icon=":material/visibility:", key=f"cam-{key}"):
            return None
        try:
            with st.spinner("Grad-CAM opens the network in Keras"):
                kept[asked] = grad_cam(card, head, [crop], [place])[0]
        except FerError as error:
            st.error(str(error))
            return None
    below.empty()
    return kept[asked]
