"""Collect faces at the webcam: while a button is held, crops arrive with its emotion as label.

Where the server recognizes the frames, ``Capture.take`` is called for each with its faces
(``LiveSession.on_result``). A browser that recognizes them by itself cuts and labels the crops;
``Capture.add`` stores them.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fer_core.collect import labels
from fer_core.collect.collection import Collection, Face, Suggester
from fer_core.errors import FerError
from fer_core.recognition import FaceEmotion
from fer_core.recognition.crop_dataset import cut_face
from fer_core.types import Pixels

RATE: Final = 10.0
"""Most crops a second."""

HOLD_S: Final = 2.5
"""A button counts as held so long after the page last said so: a page that is gone lets go."""


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One crop with its label.

    Attributes:
        crop: The face, uint8 (S, S, 3) RGB, cut by ``crop_dataset.cut_face``.
        face: Where it was in the frame, and the model's probabilities.
        frame: Number of the frame.
        time_s: Its time in seconds.
        emotion: The label, one of ``EMOTIONS``.
        person: Name of the person before the camera.
    """

    crop: Pixels
    face: FaceEmotion
    frame: int
    time_s: float
    emotion: str
    person: str


class Capture:
    """Takes the largest face of each frame while an emotion is held. Safe to use from threads.

    Args:
        collection: Where the crops go.
        suggester: Names of the model and the detector that recognize the frames.
        clock: Seconds that never run backwards.

    Attributes:
        counts: Crops taken of each emotion, in this capture.
        error: The reason why the last crop could not be kept; empty while all is well.
    """

    def __init__(
        self,
        collection: Collection,
        suggester: Suggester,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.error = ""
        self._collection, self._suggester, self._clock = collection, suggester, clock
        self._lock = threading.Lock()
        self._held = ("", "", 0.0)  # emotion, person, until
        self._last_s = float("-inf")

    def hold(self, emotion: str, person: str) -> None:
        """Take crops with this label from now on; to be said again within ``HOLD_S``.

        Args:
            emotion: One of ``EMOTIONS``; empty lets go.
            person: Name of the person before the camera.

        Raises:
            DatasetError: There is no such emotion.
        """
        labels.Entry("webcam", emotion, "webcam", person)
        with self._lock:
            if emotion:
                self.error = ""
            self._held = emotion, person, self._clock() + HOLD_S

    @property
    def held(self) -> str:
        """The emotion that is held at the moment, or an empty text."""
        emotion, _, until_s = self._held
        return emotion if self._clock() < until_s else ""

    def take(
        self,
        rgb: Pixels,
        faces: Sequence[FaceEmotion],
        frame: int,
        time_s: float,
        *,
        is_mirrored: bool = False,
    ) -> None:
        """Take the largest face of a frame if an emotion is held and the pace allows it.

        Never raises: what cannot be kept is said in ``error``, and the button is let go.

        Args:
            rgb: The frame, uint8 (H, W, 3) RGB.
            faces: Its faces.
            frame: Its number.
            time_s: Its time in seconds.
            is_mirrored: The frame is shown as in a mirror: the crop is turned back.
        """
        with self._lock:
            emotion, person, until_s = self._held
            now = self._clock()
            if not faces or not emotion or now >= until_s or now - self._last_s < 0.9 / RATE:
                return
            self._last_s = now
            face = max(faces, key=lambda each: each.box.area)
            crop = cut_face(rgb, face.detection, self._suggester.detector)
            if is_mirrored:
                crop = np.ascontiguousarray(crop[:, ::-1])
            self._keep([Shot(crop, face, frame, time_s, emotion, person)])

    def add(self, shots: Sequence[Shot]) -> None:
        """Keep crops that were cut and labelled elsewhere. Never raises, as ``take``."""
        with self._lock:
            self._keep(shots)

    def _keep(self, shots: Sequence[Shot]) -> None:
        names = [shot.person.strip() or "somebody" for shot in shots]
        faces = [
            Face(
                shot.crop, "webcam", f"webcam/{name}", f"webcam:{name}", shot.face.detection,
                shot.face.probabilities, shot.frame, round(shot.time_s, 3),
            )
            for shot, name in zip(shots, names, strict=True)
        ]  # fmt: skip
        try:
            files = self._collection.add(faces, self._suggester).files
            stored = [each for each in zip(files, shots, names, strict=True) if each[0]]
            labels.add(
                self._collection,
                [labels.Entry(file, shot.emotion, "webcam", name) for file, shot, name in stored],
            )
            self.counts.update(shot.emotion for _, shot, _ in stored)
            self.error = ""
        except FerError as error:
            self.error, self._held = str(error), ("", "", 0.0)
