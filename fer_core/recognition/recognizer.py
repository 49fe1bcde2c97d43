"""The whole of it: a picture in, every face with its emotion out."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer_core.images.boxes import Box
from fer_core.images.codec import Pixels, face_crop, shrink, whole_face
from fer_core.labels import EMOTIONS
from fer_core.models.card import head_or_reading
from fer_core.models.classifier import EmotionClassifier, Probabilities
from fer_core.recognition.detection import MARGINS, Detection, FaceDetector, choose_detector


@dataclass(frozen=True, slots=True, eq=False)
class FaceEmotion:
    """One face and what its expression looks like.

    Attributes:
        box: Float pixels of the picture, clipped to it.
        detection_score: How sure the detector is that this is a face, 0..1.
        probabilities: float32 (7,), calibrated, in ``EMOTIONS`` order; sums to 1.
        uncertain: The best probability is below the model card's abstain threshold.
        roll: Degrees by which the crop was turned upright; 0 where no landmarks are known.
    """

    box: Box
    detection_score: float
    probabilities: Probabilities
    uncertain: bool
    roll: float = 0.0

    @property
    def emotion(self) -> str:
        """The most probable emotion."""
        return EMOTIONS[int(np.argmax(self.probabilities))]

    @property
    def confidence(self) -> float:
        """Probability of ``emotion``."""
        return float(np.max(self.probabilities))


class Recognizer:
    """Detect, crop, classify. Safe to share between threads."""

    def __init__(
        self, classifier: EmotionClassifier, detector: FaceDetector, notice: str = ""
    ) -> None:
        self.classifier = classifier
        self.notice = notice
        self._detector = detector

    @classmethod
    def load(
        cls,
        model: str | Path | None = None,
        detector: str = "auto",
        head: str | None = None,
        *,
        reading: str | None = None,
    ) -> "Recognizer":
        """Open a model and a face detector.

        Args:
            model: A name under ``models/``, a path to a model folder, or None for the default.
            detector: ``auto``, ``yunet`` or ``haar``; see ``detection.choose_detector``.
            head: Head of the model that answers; None for the card's default.
            reading: The name of ``head`` in version 0.1; deprecated.

        Raises:
            ModelError: The model is missing, damaged or has no such reading.
            SettingsError: There is no such detector.
            DownloadError: YuNet was asked for by name and could not be fetched.
        """
        choice = choose_detector(detector)
        return cls(
            EmotionClassifier.load(model, head_or_reading(head, reading)),
            choice.detector,
            choice.notice,
        )

    @property
    def detector(self) -> str:
        """The detector that runs: ``yunet`` or ``haar``."""
        return self._detector.name

    def recognize(self, rgb: Pixels) -> tuple[FaceEmotion, ...]:
        """Every face of a uint8 (H, W, 3) RGB picture, left to right; no face is ``()``.

        Raises:
            ValueError: ``rgb`` has another type or shape.
        """
        return self.classify(rgb, self.detect(rgb))

    def detect(self, rgb: Pixels) -> tuple[Detection, ...]:
        """The first half of ``recognize``: where the faces are."""
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
            raise ValueError(
                "A picture must be uint8 (H, W, 3) with at least one pixel. "
                f"Received: {rgb.dtype} {rgb.shape}."
            )
        return self._detector.detect(rgb)

    def crop(self, rgb: Pixels, detection: Detection) -> Pixels:
        """The face as the network sees it: uint8 (size, size, 3)."""
        card = self.classifier.card
        margin = MARGINS[self.detector] + card.crop_margin
        return face_crop(rgb, detection.box, card.input_size, detection.roll, margin)

    def classify(self, rgb: Pixels, detections: tuple[Detection, ...]) -> tuple[FaceEmotion, ...]:
        """The second half of ``recognize``: what the faces show, in the order given."""
        probabilities = self.classifier.predict([self.crop(rgb, one) for one in detections])
        return tuple(
            self._face(one, row) for one, row in zip(detections, probabilities, strict=True)
        )

    def recognize_crop(self, rgb: Pixels) -> FaceEmotion:
        """Classify a picture that is a face crop already, framed as FER-2013 frames them."""
        height, width = rgb.shape[:2]
        whole = Detection(Box(0, 0, width, height), 1.0)
        return self._face(whole, self.classifier.predict([whole_face(rgb)])[0])

    def _face(self, found: Detection, probabilities: Probabilities) -> FaceEmotion:
        uncertain = bool(probabilities.max() < self.classifier.abstain_below)
        return FaceEmotion(found.box, found.score, probabilities, uncertain, found.roll)


def search(rgb: Pixels, recognizer: Recognizer, edge: int) -> tuple[Detection, ...]:
    """Find faces in a copy scaled down to a longer side of ``edge`` pixels; boxes fit ``rgb``."""
    small = shrink(rgb, edge)
    height, width = rgb.shape[:2]
    factor = width / small.shape[1]
    return tuple(
        replace(one, box=one.box.scale(factor).clip(width, height))
        for one in recognizer.detect(small)
    )
