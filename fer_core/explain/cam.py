"""Class activation maps: which places of a face spoke for an emotion.

Where a head is one dense layer on the average of the last feature map, its logit is the average
over places of ``weights · features`` plus a bias. That sum, place by place, is the map: exact, and
computed from the export alone.
Source: Zhou et al., Learning deep features for discriminative localization, 2016.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from fer_core.errors import ModelError
from fer_core.models.classifier import EmotionClassifier
from fer_core.models.litert import LiteRTNetwork
from fer_core.types import Floats, Pixels

Maps = npt.NDArray[np.float32]

STRENGTH: Final = 0.6
"""How much of the colour is laid over the places that speak most for an emotion."""


class Explainer:
    """Maps of one reading of a model.

    Raises:
        ModelError: The reading is not one dense layer on averaged features, or the file that runs
            is not the LiteRT one; ``gradcam.grad_cam`` is the way out.
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

    def maps(self, crops: Pixels | list[Pixels]) -> Maps:
        """How much each place adds to each emotion's logit.

        Args:
            crops: As for ``EmotionClassifier.predict``, at least one.

        Returns:
            float32 (N, 7, h, w); the mean over places plus ``bias`` (7,) is the logit.
        """
        return self.look(crops)[1]

    def look(self, crops: Pixels | list[Pixels]) -> tuple[Floats, Maps]:
        """Logits (N, 7) and maps (N, 7, h, w) of at least one crop."""
        found = self._classifier.network.run(self._classifier.inputs(crops))
        maps = np.einsum("nhwc,kc->nkhw", found["features"], self._weights, optimize=True)
        return found[self._classifier.head], maps.astype(np.float32)


def heat(spoken: npt.NDArray[np.float32], width: int, height: int) -> npt.NDArray[np.float32]:
    """One map (h, w) as float32 (height, width) in 0..1: what speaks against counts as nothing."""
    large = cv2.resize(np.maximum(spoken, 0), (width, height), interpolation=cv2.INTER_CUBIC)
    most = float(large.max())
    return np.asarray(np.clip(large / most, 0, 1) if most > 0 else np.zeros_like(large), np.float32)


def overlay(crop: Pixels, spoken: npt.NDArray[np.float32], side: int = 192) -> Pixels:
    """A face, uint8 (H, W) or (H, W, 3), with a map (h, w) over it: uint8 (side, side, 3)."""
    rgb = crop if crop.ndim == 3 else np.asarray(cv2.cvtColor(crop, cv2.COLOR_GRAY2RGB))
    face = cv2.resize(rgb, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    warmth = heat(spoken, side, side)
    tinted = cv2.applyColorMap((warmth * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    share = STRENGTH * warmth[..., None]
    return np.asarray(np.round(face * (1 - share) + tinted * share), np.uint8)
