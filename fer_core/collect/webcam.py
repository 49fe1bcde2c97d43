"""Collect faces at the webcam: while a button is held, crops arrive with its emotion as label.

``Capture.take`` is called for every frame with its faces, whoever recognized them: the live session
on the server (``LiveSession.on_result``), or a browser that keeps the frames and sends crops
(``Capture.add``).
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
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
        if not faces or not self.held:
            return
        face = max(faces, key=lambda each: each.box.area)
        detector = self._suggester.detector

        def crop() -> Pixels:
            """Return the face, uint8 (S, S, 3)."""
            cut = cut_face(rgb, face.detection, detector)
            return np.ascontiguousarray(cut[:, ::-1]) if is_mirrored else cut

        self.add(crop, face, frame, time_s)

    def add(self, crop: Callable[[], Pixels], face: FaceEmotion, frame: int, time_s: float) -> None:
        """Keep one crop, as ``take`` does, that somebody else cut.

        Args:
            crop: Returns the face as uint8 (S, S, 3) RGB, cut by ``crop_dataset.cut_face``.
            face: Where it was in the frame, and the model's probabilities.
            frame: Number of the frame.
            time_s: Its time in seconds.
        """
        with self._lock:
            emotion, person, until_s = self._held
            now = self._clock()
            if not emotion or now >= until_s or now - self._last_s < 0.9 / RATE:
                return
            self._last_s = now
            name = person.strip() or "somebody"
            try:
                entry = Face(
                    crop(), "webcam", f"webcam/{name}", f"webcam:{name}", face.detection,
                    face.probabilities, frame, round(time_s, 3),
                )  # fmt: skip
                files = self._collection.add([entry], self._suggester).files
                labels.add(
                    self._collection,
                    [labels.Entry(file, emotion, "webcam", name) for file in files if file],
                )
                self.counts[emotion] += sum(map(bool, files))
            except FerError as error:
                self.error, self._held = str(error), ("", "", 0.0)
