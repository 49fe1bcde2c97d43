"""Limits of what is decoded, checked before any pixel is, and one budget of memory for decoding."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from PIL import Image, TiffImagePlugin

from fer_core.errors import ImageError

MAX_PIXELS: Final = 50_000_000
"""Largest image that is decoded in full, in pixels: 150 MB as RGB, which fits the smallest host."""

MAX_JPEG_PIXELS: Final = 400_000_000
"""Largest JPEG, which can be decoded at a half, a quarter or an eighth: 4 s of work."""

LARGE_PIXELS: Final = 16_000_000
"""Above this an image is reduced by two rather than take more than 4 bytes a pixel."""

MAX_SIDE: Final = 30_000
"""Longest side of a decoded image in pixels; OpenCV transforms nothing beyond 32,766."""

MAX_SCANS: Final = 100
"""Scans of a JPEG: each one after the first goes over all of its pixels again, 4 ms for 12
megapixels, and may take 26 bytes. Cameras and programs write about 10; libtiff has this limit."""

MAX_SEGMENTS: Final = 10_000
"""Segments of a JPEG, scans among them: 600 MB of metadata."""

MAX_TILE: Final = 2048 * 2048
"""Largest tile of a TIFF in pixels, unless the image itself is large."""

BUDGET_BYTES: Final = 400_000_000
"""Memory that all decoding in this process may take together."""

WAIT_S: Final = 60.0
"""Longest time that an image waits for memory."""

_SEGMENT: Final = re.compile(rb"\xff([\xc0-\xcf\xd9-\xfe])")
"""Bytes that may stand at the start of a segment; others are part of the pixels."""

_PROGRESSIVE: Final = frozenset(b"\xc2\xc6\xca\xce")
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - frozenset(b"\xc4\xc8\xcc")
"""Marks of the header that tells size and sampling."""


@dataclass(frozen=True, slots=True)
class JpegLayout:
    """The structure of a JPEG file.

    Attributes:
        scans: Number of scans, counted up to ``MAX_SCANS`` and one.
        complete: The end mark was found.
        samples: Values of a pixel that are stored: 1.5 where colour has half the resolution.
        buffered: All coefficients are kept in memory until the last scan.
    """

    scans: int
    complete: bool
    samples: float
    buffered: bool


def jpeg_layout(data: bytes) -> JpegLayout:
    """Walk through the segments of a JPEG as libjpeg does, up to the end of the image.

    Thumbnails lie inside of segments, and what cameras put behind the image, such as a second one
    or a film, is not decoded.
    """
    at = scans = 0
    samples, progressive = 3.0, False
    for _ in range(MAX_SEGMENTS):
        segment = _SEGMENT.search(data, at)
        if segment is None or segment[1] == b"\xd9":
            return JpegLayout(scans, segment is not None, samples, progressive or scans > 1)
        scans += segment[1] == b"\xda"
        if segment[1][0] in _FRAMES:
            progressive |= segment[1][0] in _PROGRESSIVE
            samples = _samples(data[segment.end() : segment.end() + 20])
        if scans > MAX_SCANS:
            break
        at = segment.end() + int.from_bytes(data[segment.end() : segment.end() + 2], "big")
    return JpegLayout(MAX_SCANS + 1, complete=True, samples=samples, buffered=True)


def _samples(frame: bytes) -> float:
    """Return the stored values of a pixel, from the header of a JPEG's frame."""
    factors = [byte >> 4 and (byte >> 4) * (byte & 15) for byte in frame[9::3][: frame[7]]]
    return sum(factors) / max(max(factors, default=1), 1) if len(frame) > 9 else 3.0


def check_size(size: tuple[int, int], name: str, jpeg: bool = False) -> None:
    """Refuse an image that is too large to decode.

    Args:
        size: Width and height in pixels.
        name: The file's name, for messages.
        jpeg: It may be decoded at a reduced scale.

    Raises:
        ImageError: It is too large.
    """
    pixels, side = (MAX_JPEG_PIXELS, 2 * MAX_SIDE) if jpeg else (MAX_PIXELS, MAX_SIDE)
    if size[0] * size[1] > pixels or max(size) > side:
        raise ImageError(too_large(name, size, pixels, side))


def check_scans(layout: JpegLayout, name: str) -> None:
    """Refuse a JPEG that takes far more work than its size says.

    Raises:
        ImageError: It has too many scans or segments.
    """
    if layout.scans > MAX_SCANS:
        raise ImageError(
            f"{name}: the image is stored in more than {MAX_SCANS} passes, as only files made to "
            "keep a computer busy are. Save it again."
        )


def check_tiles(image: Image.Image, name: str) -> None:
    """Refuse a TIFF whose tiles take far more memory than its size says.

    Raises:
        ImageError: A tile is far larger than the image.
    """
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        width, height = (image.tag_v2.get(tag, 0) for tag in (322, 323))
        if width * height > min(max(4 * image.width * image.height, MAX_TILE), MAX_PIXELS):
            raise ImageError(
                f"{name}: the image is stored in tiles far larger than itself. Save it again."
            )


def png_chunks_fill(png: bytes) -> bool:
    """Return True if the chunks of a PNG end where it ends, with its end mark.

    OpenCV sets aside as much memory as a chunk says it needs, 4 GB at the most.
    """
    at = 8
    while at < len(png):
        at += 12 + int.from_bytes(png[at : at + 4], "big")
    return at == len(png) and png[-8:-4] == b"IEND"


def too_large(
    name: str,
    size: tuple[int, int] | None = None,
    pixels: int = MAX_PIXELS,
    side: int = MAX_SIDE,
) -> str:
    """Return the message for an image that is too large."""
    shape = f"{size[0]:,}×{size[1]:,} pixels are" if size else "the image is"
    return (
        f"{name}: {shape} too large; at most {pixels // 1_000_000} megapixels and {side:,} "
        "pixels a side can be opened. Make the image smaller."
    )


class Budget:
    """Memory shared by everything that decodes at the same time.

    Args:
        total: Bytes that may be in use together; a larger image is decoded when no other is.
        wait_s: Longest wait.
    """

    def __init__(self, total: int, wait_s: float = WAIT_S) -> None:
        self._total, self._wait_s = total, wait_s
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def reserve(self, needed: int, name: str) -> Iterator[None]:
        """Hold ``needed`` bytes while the block runs; wait until they are free.

        Raises:
            ImageError: They did not become free in time.
        """
        needed = min(needed, self._total)
        with self._changed:
            if not self._changed.wait_for(lambda: self._used + needed <= self._total, self._wait_s):
                raise ImageError(
                    f"{name}: too many large images are being opened at the same time. Try again "
                    "in a moment."
                )
            self._used += needed
        try:
            yield
        finally:
            with self._changed:
                self._used -= needed
                self._changed.notify_all()


budget: Final = Budget(BUDGET_BYTES)
"""The budget of this process."""
