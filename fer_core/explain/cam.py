"""Class activation maps: the places of a face that raise an emotion.

Where a head is one dense layer on the average of the last feature map, its logit is the average
over places of ``weights · features`` plus a bias. That sum, place by place, is the map: exact, and
computed from the export alone.
Source: Zhou et al., Learning deep features for discriminative localization, 2016.

Where each place of the last feature map has seen the whole face, the map may show a place in the
network instead of one in the face. Such a map stays where it is when the face is mirrored: on 150
FER-2013 test faces MobileNetV2's 4×4 map peaks in the same outer column for 85 of the faces and for
83 of the mirrored ones. So a map counts only if the mirrored face gives the mirrored map.
"""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from fer_core.errors import ModelError
from fer_core.models.classifier import EmotionClassifier
from fer_core.models.litert import LiteRTNetwork
from fer_core.types import Floats, Logits, Pixels

STRENGTH: Final = 0.6
"""Opacity of the colour over the places that raise an emotion most."""

MIN_AGREEMENT: Final = 0.7
"""Least correlation of a map with the mirrored map of the mirrored face. On the 150 faces 93% of
FERNet's maps reach it (median 0.91) and 4% of MobileNetV2's (median -0.08)."""


class Explainer:
    """Computes the raw activation maps of one head of a model.

    Raises:
        ModelError: The head is not one dense layer on averaged features, or the file that runs
            is not the LiteRT one; ``gradcam.grad_cam`` computes a map all the same.
    """

    def __init__(self, classifier: EmotionClassifier) -> None:
        self._classifier = classifier
        network = classifier.network
        head = None
        if isinstance(network, LiteRTNetwork) and "features" in network.outputs:
            width = classifier.outputs([])["features"].shape[1]
            head = network.dense(classifier.head, width)
        if head is None:
            raise ModelError(
                f"Model {classifier.card.name} does not end in one dense layer on averaged "
                "features, so its maps cannot be read off. Use Grad-CAM."
            )
        self._weights, self.bias = head

    def maps(self, crops: Pixels | list[Pixels]) -> Floats:
        """Return how much each place adds to each emotion's logit.

        Args:
            crops: As for ``EmotionClassifier.predict``, at least one.

        Returns:
            float32 (N, 7, h, w); the mean over places plus ``bias`` (7,) is the logit.
        """
        return self.logits_and_maps(crops)[1]

    def logits_and_maps(self, crops: Pixels | list[Pixels]) -> tuple[Logits, Floats]:
        """Return logits (N, 7) and maps (N, 7, h, w) of at least one crop."""
        outputs = self._classifier.network.run(self._classifier.inputs(crops))
        maps = np.einsum("nhwc,kc->nkhw", outputs["features"], self._weights, optimize=True)
        return outputs[self._classifier.head], maps.astype(np.float32)


def activation_maps(
    classifier: EmotionClassifier, crops: Sequence[Pixels], labels: Sequence[int]
) -> list[Floats | None]:
    """Return the activation map of each crop for its label, where it shows places in the face.

    Args:
        classifier: Runs twice on each crop, once mirrored.
        crops: N of them, uint8 (H, W) or (H, W, 3), at least one.
        labels: N positions in ``EMOTIONS``.

    Returns:
        float32 (h, w) for each crop, see ``consistent_map``; the mirrored crop gives the mirrored
        map.

    Raises:
        ModelError: As ``Explainer``.
    """
    explainer = Explainer(classifier)
    rows = np.arange(len(labels)), np.asarray(labels)
    maps = explainer.maps(list(crops))[rows]
    mirrored = explainer.maps([mirror(crop) for crop in crops])[rows]
    return [consistent_map(*pair) for pair in zip(maps, mirrored, strict=True)]


def mirror(crop: Pixels) -> Pixels:
    """Mirror a face, uint8 (H, W) or (H, W, 3), left to right."""
    return np.ascontiguousarray(crop[:, ::-1])


def consistent_map(heat: Floats, mirrored: Floats) -> Floats | None:
    """Average the map of a face with that of the mirrored face, turned back.

    Args:
        heat: Map of the face, float32 (h, w).
        mirrored: Map of the mirrored face, float32 (h, w).

    Returns:
        float32 (h, w); None where the two agree by less than ``MIN_AGREEMENT``.
    """
    back = mirrored[:, ::-1]
    a, b = heat - heat.mean(), back - back.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    if scale == 0 or float((a * b).sum()) / scale < MIN_AGREEMENT:
        return None
    return np.asarray((heat + back) / 2, np.float32)


def enlarge_map(heat: Floats, width: int, height: int) -> Floats:
    """Scale a map (h, w) to float32 (height, width) in 0..1; negative values become 0."""
    large = cv2.resize(np.maximum(heat, 0), (width, height), interpolation=cv2.INTER_CUBIC)
    peak = float(large.max())
    return np.asarray(np.clip(large / peak, 0, 1) if peak > 0 else np.zeros_like(large), np.float32)


def overlay(crop: Pixels, heat: Floats, side: int = 192) -> Pixels:
    """Lay a map (h, w) over a face, uint8 (H, W) or (H, W, 3): uint8 (side, side, 3)."""
    rgb = crop if crop.ndim == 3 else np.asarray(cv2.cvtColor(crop, cv2.COLOR_GRAY2RGB))
    face = cv2.resize(rgb, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    large = enlarge_map(heat, side, side)
    tinted = cv2.applyColorMap((large * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    opacity = STRENGTH * large[..., None]
    return np.asarray(np.round(face * (1 - opacity) + tinted * opacity), np.uint8)
