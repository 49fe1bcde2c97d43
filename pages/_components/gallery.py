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
    pictures: Sequence[Pixels], alts: Sequence[str], captions: Sequence[str] | None = None
) -> None:
    """Pictures side by side in as many lines as they need."""
    with st.container(horizontal=True, gap="small"):
        for place, picture in enumerate(pictures):
            caption = captions[place] if captions else None
            st.image(picture, caption, width=TILE, alt=alts[place])


def name(index: DatasetIndex, row: int) -> str:
    return str(index.table["file"].iloc[row])


def tile(index: DatasetIndex, row: int, side: int = TILE) -> Pixels:
    """A picture scaled to be looked at; a grey tile where the file has gone."""
    try:
        picture = image_reading.read(index.path(row))
    except ImageError:
        return np.full((side, side), 128, np.uint8)
    return enlarge(picture, side)


def enlarge(picture: Pixels, side: int = TILE) -> Pixels:
    """Scaled so that the longer side is ``side``."""
    factor = side / max(picture.shape[:2])
    if factor <= 1:
        return shrink(picture, side)
    size = max(round(picture.shape[1] * factor), 1), max(round(picture.shape[0] * factor), 1)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8)
