"""Images as tiles, side by side."""

from collections.abc import Sequence

import cv2
import numpy as np
import streamlit as st

from fer_core.dataset import DatasetIndex, image_reading
from fer_core.errors import ImageError
from fer_core.images.crop import shrink
from fer_core.types import Pixels

TILE = 96


def show_tiles(
    images: Sequence[Pixels], alts: Sequence[str], captions: Sequence[str] | None = None
) -> None:
    """Show images, uint8 (H, W) or (H, W, 3) each, side by side in as many lines as they need."""
    with st.container(horizontal=True, gap="small"):
        for number, image in enumerate(images):
            caption = captions[number] if captions else None
            st.image(image, caption, width=TILE, alt=alts[number])


def name(index: DatasetIndex, row: int) -> str:
    """Return the file of a row, below the dataset's root."""
    return str(index.table["file"].iloc[row])


def tile(index: DatasetIndex, row: int, side: int = TILE) -> Pixels:
    """Return an image, uint8 (H, W) or (H, W, 3), with a longer side of ``side``; else grey."""
    try:
        image = image_reading.read(index.path(row))
    except ImageError:
        return np.full((side, side), 128, np.uint8)
    return enlarge(image, side)


def enlarge(image: Pixels, side: int = TILE) -> Pixels:
    """Scale uint8 (H, W) or (H, W, 3) so that the longer side is ``side``."""
    factor = side / max(image.shape[:2])
    if factor <= 1:
        return shrink(image, side)
    size = max(round(image.shape[1] * factor), 1), max(round(image.shape[0] * factor), 1)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
