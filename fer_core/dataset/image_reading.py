"""Read a dataset's files fast, keeping grey pictures grey."""

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fer_core.dataset.index import THUMB, DatasetIndex, Thumbs
from fer_core.errors import ImageError
from fer_core.images.codec import decode
from fer_core.images.crop import shrink, whole_face
from fer_core.images.limits import MAX_PIXELS, MAX_SIDE
from fer_core.system.files import reading
from fer_core.types import Pixels

SPARE = 2
"""So many times as wide as a network's input pictures are kept for it."""

_PNG = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB = 0, 2  # PNG colour types


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What a scan keeps of a picture; see ``DatasetIndex`` for the units."""

    width: int
    height: int
    brightness: float
    contrast: float
    digest: int
    thumb: Thumbs


def read(path: Path, edge: int = 0) -> Pixels:
    """A picture as its file holds it: uint8 (H, W) if grey, else (H, W, 3) RGB.

    Args:
        path: The file.
        edge: Where given, a larger picture is scaled down so that its longer side is no more, in
            pixels: for those who keep many.

    Raises:
        ImageError: The file is missing, empty, damaged, too large or no picture.
    """
    with reading(path.name, ImageError):
        data = path.read_bytes()
    picture = from_bytes(data, path.name)
    return shrink(picture, edge) if edge else picture


def read_face(path: Path, edge: int = 0) -> Pixels:
    """As ``read``, and square: a picture that is not becomes so as when it is recognised."""
    picture = read(path, edge)
    height, width = picture.shape[:2]
    return picture if height == width else whole_face(picture)


def crops(index: DatasetIndex, rows: Iterable[int], input_size: int) -> list[Pixels]:
    """Pictures for a network of ``input_size``, as ``read_face``, none much larger than it needs.

    Raises:
        ImageError: A file has gone since the scan.
    """
    return [read_face(index.path(row), SPARE * input_size) for row in rows]


def fingerprint(index: DatasetIndex) -> bytes:
    """What all that ``crops`` gives depends on: kept answers are found by it."""
    table = index.table
    is_padded = (table["width"] != table["height"]).any()  # once they were stretched
    return table["digest"].to_numpy().tobytes() + (b" padded" if is_padded else b"")


def from_bytes(data: bytes, name: str) -> Pixels:
    """As ``read``, from the file's bytes; ``name`` is for messages."""
    plain = _plain_png(data)
    if plain is not None:
        return plain
    rgb = decode(data, name)
    is_grey = (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 0] == rgb[..., 2]).all()
    return np.ascontiguousarray(rgb[..., 0]) if is_grey else rgb


def facts(pixels: Pixels) -> Facts:
    """Size, light and fingerprints of uint8 (H, W) or (H, W, 3) RGB."""
    grey = pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    mean, deviation = cv2.meanStdDev(grey)
    height, width = grey.shape
    shape = struct.pack("<II", width, height)
    digest = hashlib.blake2b(shape + grey.tobytes(), digest_size=8).digest()
    thumb = cv2.resize(grey, (THUMB, THUMB), interpolation=cv2.INTER_AREA)
    return Facts(
        width,
        height,
        float(mean[0, 0]),
        float(deviation[0, 0]),
        int.from_bytes(digest, "little"),
        np.asarray(thumb, np.uint8),
    )


def _plain_png(data: bytes) -> Pixels | None:
    """Decode an 8-bit grey or RGB PNG with OpenCV, which is three times as fast; else None."""
    if len(data) < 33 or data[:8] != _PNG:
        return None
    width, height, depth, color = struct.unpack(">IIBB", data[16:26])
    fits = 0 < width * height <= MAX_PIXELS and max(width, height) <= MAX_SIDE
    if depth != 8 or color not in (_GREY, _RGB) or not fits:
        return None
    if b"tRNS" in data[33:4096] or b"eXIf" in data[33:4096] or not _chunks_fill(data):
        return None
    flags = cv2.IMREAD_GRAYSCALE if color == _GREY else cv2.IMREAD_COLOR_RGB
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    if pixels is None or not data.endswith(b"IEND\xaeB`\x82"):
        return None  # damaged: the slow way says how
    return np.asarray(pixels, np.uint8)


def _chunks_fill(data: bytes) -> bool:
    """Whether the chunks of a PNG end where it ends.

    OpenCV sets aside as much memory as a chunk says it needs, 4 GB at the most.
    """
    at = len(_PNG)
    while at < len(data):
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return at == len(data)


def png(pixels: Pixels) -> bytes:
    """uint8 (H, W) or (H, W, 3) RGB as PNG."""
    bgr = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", bgr)[1].tobytes()
