"""Animated GIF and WebP files as videos, through Pillow: FFmpeg decodes no animated WebP."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageSequence

from fer_core.errors import VideoError
from fer_core.images.limits import MAX_PIXELS
from fer_core.images.yuv import from_rgb
from fer_core.types import Pixels
from fer_core.video.metadata import VideoInfo

SHORTEST_S: Final = 0.01
DEFAULT_S: Final = 0.1
"""Browsers show a frame with a shorter duration for this long."""


def describe(file: Path) -> VideoInfo:
    """Return the metadata of an animation.

    Raises:
        VideoError: It is damaged or too large.
    """
    status = file.stat()
    return _describe(file, status.st_size, status.st_mtime_ns)


def frames(file: Path, size: tuple[int, int]) -> Iterator[tuple[Pixels, float]]:
    """Yield the frames of an animation on white, each with its duration.

    Args:
        file: A GIF or WebP file.
        size: Even width and height of the frames.

    Yields:
        I420, uint8 (3 * H // 2, W), and seconds.
    """
    with _opened(file) as image:
        for frame in ImageSequence.Iterator(image):
            rgba = frame.convert("RGBA")
            white = Image.new("RGB", rgba.size, "white")
            white.paste(rgba, mask=rgba)
            rgb = cv2.resize(np.asarray(white), size, interpolation=cv2.INTER_AREA)
            yield from_rgb(np.asarray(rgb, np.uint8)), _duration(frame)


@lru_cache(maxsize=32)
def _describe(file: Path, _size: int, _changed: int) -> VideoInfo:
    with _opened(file) as image:
        durations = [_duration(frame) for frame in ImageSequence.Iterator(image)]
        seconds = sum(durations)
        return VideoInfo(file.name, *image.size, seconds, len(durations) / seconds)


def _duration(frame: Image.Image) -> float:
    frame.load()  # only then a WebP's duration is known
    seconds = float(frame.info.get("duration", 0)) / 1000
    return seconds if seconds > SHORTEST_S else DEFAULT_S


@contextmanager
def _opened(file: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(file, formats=("GIF", "WEBP")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise VideoError(
                    f"{file.name}: {image.width:,}×{image.height:,} pixels are too large; at most "
                    f"{MAX_PIXELS // 1_000_000} megapixels can be opened. Make the video smaller."
                )
            yield image
    except (VideoError, GeneratorExit):
        raise
    except Exception as error:  # Pillow raises whatever the damage leads to
        raise VideoError(
            f"{file.name}: the animation is damaged. Save or download it again."
        ) from error
