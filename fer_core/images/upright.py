"""Turn decoded images upright by their EXIF orientation, in little more than their own memory."""

import mmap
from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np

from fer_core.types import Pixels

FLIPS: Final = {2: 1, 3: -1, 4: 0, 5: None, 6: 1, 7: -1, 8: 0}
"""EXIF orientation to the flip that undoes it, as OpenCV counts; 5 to 8 are transposed first."""

PARTS: Final = 16
"""An image is transposed in so many parts; two of them are in memory twice."""


LEAST_BYTES: Final = 1_000_000
"""Less than this is not worth giving back."""


class Canvas:
    """Memory that an image is decoded into, of which what was read can be given back.

    Args:
        height: In pixels.
        width: In pixels.
        channels: Bytes a pixel.
        can_drop: ``drop`` will be called. Pages of its own cost the time to fill them anew.

    Attributes:
        pixels: uint8 (H, W, C), not initialized.
    """

    def __init__(self, height: int, width: int, channels: int, can_drop: bool) -> None:
        shape = (height, width, channels)
        self._pages: mmap.mmap | None = None
        size = height * width * channels
        if can_drop and size > LEAST_BYTES and hasattr(mmap, "MADV_DONTNEED"):
            self._pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            self.pixels: Pixels = np.frombuffer(self._pages, np.uint8).reshape(shape)
        else:
            self.pixels = np.empty(shape, np.uint8)

    def drop(self, start: int, stop: int) -> None:
        """Give back the memory of the bytes from ``start`` to ``stop``; their content is lost."""
        first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
        length = stop // mmap.PAGESIZE * mmap.PAGESIZE - first
        if self._pages is not None and length > 0:
            self._pages.madvise(mmap.MADV_DONTNEED, first, length)


def upright(pixels: Pixels, orientation: int, canvas: Canvas | None = None) -> Pixels:
    """Undo an EXIF orientation.

    Args:
        pixels: uint8 (H, W, 3); its content is lost.
        orientation: 1 to 8; others are taken for 1.
        canvas: What ``pixels`` lies at the start of, if it may be given back.

    Returns:
        uint8 (H, W, 3), or (W, H, 3) for an orientation from 5 on.
    """
    if orientation not in FLIPS:
        return pixels
    if orientation >= 5:
        pixels = _transposed(pixels, canvas)
    flip = FLIPS[orientation]
    return pixels if flip is None else np.asarray(cv2.flip(pixels, flip, pixels), np.uint8)


def _transposed(pixels: Pixels, canvas: Canvas | None) -> Pixels:
    """Return (W, H, 3) in two steps that each read and write from start to end.

    Bands of rows become blocks of columns, then each row is joined from its parts in the blocks;
    both times, what was read is given back. Columns that are written into place at once would have
    most of the result's memory filled while the source is still whole.
    """
    height, width, _ = pixels.shape
    blocks = []
    for band in _parts(height):
        rows = pixels[band]
        block = Canvas(width, len(rows), 3, can_drop=canvas is not None)
        cv2.transpose(rows, block.pixels)
        blocks.append(block)
        if canvas:
            canvas.drop(3 * width * band.start, 3 * width * band.stop)
    result = np.empty((width, height, 3), np.uint8)
    for band in _parts(width):
        np.concatenate([block.pixels[band] for block in blocks], axis=1, out=result[band])
        for block in blocks:
            row = 3 * block.pixels.shape[1]
            block.drop(row * band.start, row * band.stop)
    return result


def _parts(length: int) -> Iterator[slice]:
    """Yield up to ``PARTS`` slices that cover 0 to ``length``."""
    step = -(-length // PARTS)
    return (slice(at, min(at + step, length)) for at in range(0, length, step))
