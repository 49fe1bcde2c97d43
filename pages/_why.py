"""Why did it say that? Maps over one face."""

import streamlit as st

from fer_core import EMOTIONS, EmotionClassifier
from fer_core.errors import FerError
from fer_core.explain import Explainer, covering_map, overlay
from fer_core.images import Pixels

SIDE = 128


def show_why(crop: Pixels, classifier: EmotionClassifier, emotion: str) -> None:
    """The face as the network sees it, and what speaks for ``emotion`` in it."""
    place = EMOTIONS.index(emotion)
    pictures = {
        "as the network sees it": crop,
        "covering it changes most": overlay(crop, covering_map(classifier, crop, place), SIDE),
    }
    try:
        exact = Explainer(classifier).maps([crop])[0, place]
        pictures["activation map"] = overlay(crop, exact, SIDE)
    except FerError as error:
        st.caption(f":material/info: {error}")
    with st.container(horizontal=True, gap="small"):
        for text, picture in pictures.items():
            st.image(picture, text, width=SIDE, alt=f"{text}, for {emotion}")
    st.caption(
        f"Bright: where covering the face with grey takes most from *{emotion}*; and what each "
        "place of the network's last map adds to it. Those places are few, and each has seen the "
        "whole face."
    )
