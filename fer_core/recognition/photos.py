"""Photos from bytes to results: what the upload page and the command line both do."""

import io
import time
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from fer_core.errors import FerError, ImageError
from fer_core.images.codec import Pixels, decode, encode, face_crop, shrink
from fer_core.recognition.detection import Detection
from fer_core.recognition.drawing import annotate
from fer_core.recognition.recognizer import FaceEmotion, Recognizer
from fer_core.recognition.results import Moment, error_row, face_rows
from fer_core.system.files import numbered

PICTURE_EDGE = 1280
"""Longer side of the annotated picture that is kept, in pixels."""

PORTRAIT_SIDE = 160
"""Side of the square portrait kept of each face, in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """One photo's results; the photo itself is not kept.

    Attributes:
        name: The file's name.
        faces: Left to right; empty where there is none or the file could not be read.
        picture: The annotated photo as JPEG bytes, its longer side at most ``PICTURE_EDGE``.
        portraits: A JPEG a face.
        crops: Each face as the network saw it, uint8 (size, size, 3).
        detector: ``yunet``, ``haar``, or ``none`` where the photo was a face crop already.
        seconds: Time from bytes to emotions, without drawing.
        error: What was wrong with the file, or empty.
    """

    name: str
    faces: tuple[FaceEmotion, ...] = ()
    picture: bytes = b""
    portraits: tuple[bytes, ...] = ()
    crops: tuple[Pixels, ...] = ()
    detector: str = ""
    seconds: float = 0.0
    error: str = ""

    def rows(self) -> list[dict[str, Any]]:
        """The photo's rows of the results table."""
        if self.error:
            return [error_row(Moment(self.name), ImageError(self.error))]
        return face_rows(Moment(self.name), self.faces, self.detector)


@dataclass(frozen=True, slots=True)
class PhotoReader:
    """Turns bytes into a ``Photo``.

    Attributes:
        recognizer: What finds and reads the faces.
        is_crop: Each picture is one face already, framed as FER-2013 frames them.
    """

    recognizer: Recognizer
    is_crop: bool = False

    def faces(self, rgb: Pixels) -> tuple[FaceEmotion, ...]:
        """The faces of a decoded picture."""
        if self.is_crop:
            return (self.recognizer.recognize_crop(rgb),)
        return self.recognizer.recognize(rgb)

    @property
    def detector(self) -> str:
        """What the results name as detector."""
        return "none" if self.is_crop else self.recognizer.detector

    def read(self, data: bytes, name: str, draw: bool = True) -> Photo:
        """Decode, recognise and draw; a file that cannot be read gives a photo with ``error``."""
        start = time.perf_counter()
        try:
            rgb = decode(data, name)
        except FerError as error:
            return Photo(name, error=str(error))
        faces = self.faces(rgb)
        seconds = time.perf_counter() - start
        photo = Photo(name, faces, detector=self.detector, seconds=seconds)
        return replace(_with_pictures(photo, rgb), crops=self._crops(rgb, faces)) if draw else photo

    def _crops(self, rgb: Pixels, faces: tuple[FaceEmotion, ...]) -> tuple[Pixels, ...]:
        if self.is_crop:
            size = self.recognizer.classifier.card.input_size
            return tuple(face_crop(rgb, face.box, size) for face in faces)
        found = (Detection(face.box, face.detection_score, face.roll) for face in faces)
        return tuple(self.recognizer.crop(rgb, one) for one in found)


def zip_pictures(photos: Iterable[Photo]) -> bytes:
    """The annotated pictures as one ZIP; names are kept apart by a number where they repeat."""
    buffer = io.BytesIO()
    taken: set[str] = set()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for photo in photos:
            if photo.picture:
                name = numbered(PurePath(photo.name).stem or "photo", taken.__contains__)
                taken.add(name)
                archive.writestr(f"{name}.jpg", photo.picture)
    return buffer.getvalue()


def _with_pictures(photo: Photo, rgb: Pixels) -> Photo:
    small = shrink(rgb, PICTURE_EDGE)
    factor = max(small.shape[:2]) / max(rgb.shape[:2])
    scaled = [replace(face, box=face.box.scale(factor)) for face in photo.faces]
    portraits = (face_crop(rgb, f.box, PORTRAIT_SIDE, f.roll, margin=0.1) for f in photo.faces)
    return replace(
        photo,
        picture=encode(annotate(small, scaled)),
        portraits=tuple(encode(portrait) for portrait in portraits),
    )
