"""Maps over a face that explain a prediction."""

import contextlib

import numpy as np
import streamlit as st

from fer_core import EMOTIONS, EmotionClassifier
from fer_core.errors import FerError
from fer_core.explain import Explainer, activation_maps, occlusion_map, overlay
from fer_core.explain.gradcam import grad_cam, supports_grad_cam
from fer_core.models.card import ModelCard
from fer_core.system.settings import settings
from fer_core.system.text import markdown
from fer_core.types import Floats, Pixels

SIDE = 128
OCCLUSION, ACTIVATION, GRAD_CAM = "Occlusion map", "Activation map", "Grad-CAM"
DESCRIPTIONS = {
    OCCLUSION: "bright where covering the face with a grey square lowers the probability most",
    ACTIVATION: "how much each cell of the last feature map adds to the logit. It is left out "
    "where the mirrored face does not give the mirrored map",
    GRAD_CAM: "cells of the last feature map that raise the probability",
}


INCONSISTENT = (
    "Grad-CAM is not shown: the mirrored face does not give the mirrored map, so the map shows "
    "places in the network, not in the face."
)


def show_why(key: str, crop: Pixels, classifier: EmotionClassifier, emotion: str) -> None:
    """Show the face as the network sees it, and maps of what raises ``emotion``.

    Args:
        key: Of its widgets.
        crop: The face, uint8 (H, W, 3).
        classifier: The classifier whose prediction is explained.
        emotion: The prediction.
    """
    label = EMOTIONS.index(emotion)
    (maps,) = quick_maps(classifier, [crop], [label])
    if not has_activation_maps(classifier):
        grad_cam_map = _grad_cam(key, crop, classifier, label)
        if grad_cam_map is not None:
            maps[GRAD_CAM] = grad_cam_map
    with st.container(horizontal=True, gap="small"):
        st.image(crop, "Network input", width=SIDE, alt="Network input")
        for kind, heat in maps.items():
            st.image(overlay(crop, heat, SIDE), kind, width=SIDE, alt=f"{kind}, for {emotion}")
    st.caption(f"For *{emotion}*. {describe(maps)}")


def quick_maps(
    classifier: EmotionClassifier, crops: list[Pixels], labels: list[int]
) -> list[dict[str, Floats]]:
    """Return the maps that need no TensorFlow, by kind.

    The occlusion map of every crop, uint8 (H, W) or (H, W, 3), for its label; and the activation
    map where the head is one dense layer on averaged features and the mirrored face gives the
    mirrored map.
    """
    maps: list[dict[str, Floats]] = [
        {OCCLUSION: occlusion_map(classifier, crop, label)}
        for crop, label in zip(crops, labels, strict=True)
    ]
    with contextlib.suppress(FerError):  # another kind of head
        for row, heat in enumerate(activation_maps(classifier, crops, labels)):
            if heat is not None:
                maps[row][ACTIVATION] = heat
    return maps


def has_activation_maps(classifier: EmotionClassifier) -> bool:
    """Return True where activation maps can be read off the model's export."""
    try:
        Explainer(classifier)
    except FerError:
        return False
    return True


def describe(kinds) -> str:
    """Return how to read these kinds of maps."""
    return " ".join(f"{kind}: {DESCRIPTIONS[kind]}." for kind in kinds)


def offers_grad_cam(card: ModelCard, key: str) -> bool:
    """Offer Grad-CAM where the model may be opened in Keras; return True when it is asked for."""
    st.caption(":material/info: This network has no activation map: its head is not one layer.")
    if not settings().policy.may_change_models or not supports_grad_cam(card):
        return False
    label = "Compute Grad-CAM (about a quarter of a minute)"
    return st.button(label, icon=":material/visibility:", key=key)


def _grad_cam(
    key: str, crop: Pixels, classifier: EmotionClassifier, label: int
) -> np.ndarray | None:
    """Return the Grad-CAM of one face once it is asked for; else None."""
    card, head = classifier.card, classifier.head
    cached = st.session_state.setdefault("grad_cams", {})
    cache_key = (str(card.folder), head, label, hash(crop.tobytes()))
    offer = st.empty()
    if cache_key in cached:
        if cached[cache_key] is None:
            offer.caption(f":material/info: {INCONSISTENT}")
        return cached[cache_key]
    with offer.container():
        if not offers_grad_cam(card, f"cam-{key}"):
            return None
        try:
            with st.spinner("Grad-CAM opens the network in Keras"):
                cached[cache_key] = grad_cam(card, head, [crop], [label])[0]
        except FerError as error:
            st.error(markdown(str(error)))
            return None
    offer.empty()
    if cached[cache_key] is None:
        offer.caption(f":material/info: {INCONSISTENT}")
    return cached[cache_key]
