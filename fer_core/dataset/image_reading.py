"""Read a dataset's files fast, keeping grey images grey."""

import hashlib
import os
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
from fer_core.images.limits import MAX_PIXELS, MAX_SIDE, png_chunks_fill
from fer_core.system.files import reading
from fer_core.types import Pixels

SPARE = 2
"""Images are kept for a network at most so many times as wide as its input."""

_PNG = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB = 0, 2  # PNG colour types


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """Facts that a scan keeps of an image; see ``DatasetIndex`` for the units."""

    width: int
    height: int
    brightness: float
    contrast: float
    digest: int
    thumb: Thumbs


def read(path: Path, edge: int = 0) -> Pixels:
    """Return an image as its file holds it: uint8 (H, W) if grey, else (H, W, 3) RGB.

    Args:
        path: The file.
        edge: Where given, a larger image is scaled down so that its longer side is no more, in
            pixels: for those who keep many.

    Raises:
        ImageError: The file is missing, empty, damaged, too large or no image.
    """
    with reading(path.name, ImageError):
        data = path.read_bytes()
    image = from_bytes(data, path.name)
    return shrink(image, edge) if edge else image


def read_below(root: Path, name: str) -> Pixels:
    """Return ``read(root / name)``, with less of Python between many small files."""
    try:
        with open(f"{root}{os.sep}{name}", "rb", buffering=0) as file:  # noqa: PTH123
            data = file.read()
    except OSError:
        return read(root / name)  # says why
    return from_bytes(data, name.rsplit("/", 1)[-1])


def read_face(path: Path, edge: int = 0) -> Pixels:
    """Return an image as ``read`` does, made square: uint8 (H, H) or (H, H, 3)."""
    image = read(path, edge)
    height, width = image.shape[:2]
    return image if height == width else whole_face(image)


def crops(index: DatasetIndex, rows: Iterable[int], input_size: int) -> list[Pixels]:
    """Return square images for a network of ``input_size``, none much larger than it needs.

    Each is uint8 (H, H) or (H, H, 3).

    Raises:
        ImageError: A file has gone since the scan.
    """
    return [read_face(index.path(row), SPARE * input_size) for row in rows]


def fingerprint(index: DatasetIndex) -> bytes:
    """Return bytes that change with what ``crops`` returns; a key of cached predictions."""
    table = index.table
    is_padded = (table["width"] != table["height"]).any()  # 0.1.0 stretched them
    return table["digest"].to_numpy().tobytes() + (b" padded" if is_padded else b"")


def from_bytes(data: bytes, name: str) -> Pixels:
    """Return an image from a file's bytes: uint8 (H, W) if grey, else (H, W, 3); see ``read``."""
    plain = _plain_png(data)
    if plain is not None:
        return plain
    rgb = decode(data, name)
    is_grey = (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 0] == rgb[..., 2]).all()
    return np.ascontiguousarray(rgb[..., 0]) if is_grey else rgb


def facts(pixels: Pixels) -> Facts:
    """Return size, light and fingerprints of uint8 (H, W) or (H, W, 3) RGB."""
    grey = pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    mean, deviation = cv2.meanStdDev(grey)
    height, width = grey.shape
    digest = hashlib.blake2b(struct.pack("<II", width, height), digest_size=8)
    digest.update(np.ascontiguousarray(grey).data)
    thumb = cv2.resize(grey, (THUMB, THUMB), interpolation=cv2.INTER_AREA)
    return Facts(
        width,
        height,
        float(mean[0, 0]),
        float(deviation[0, 0]),
        int.from_bytes(digest.digest(), "little"),
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
    if b"tRNS" in data[33:4096] or b"eXIf" in data[33:4096] or not png_chunks_fill(data):
        return None
    flags = cv2.IMREAD_GRAYSCALE if color == _GREY else cv2.IMREAD_COLOR_RGB
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    if pixels is None or not data.endswith(b"IEND\xaeB`\x82"):
        return None  # damaged: the slow decoder says how
    return np.asarray(pixels, np.uint8)


def png(pixels: Pixels) -> bytes:
    """Return uint8 (H, W) or (H, W, 3) RGB as the bytes of a PNG."""
    bgr = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", bgr)[1].tobytes()
