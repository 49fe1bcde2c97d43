"""A second look at single faces with the detector: which way up they are, and the very small.

Every face is cut out with its surroundings as a tile of ``TILE`` pixels, and many tiles are
searched as one image, so that a look costs a small part of a search of the whole image.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from fer_core.images.crop import face_crop
from fer_core.recognition.face import Detection
from fer_core.types import Pixels

Search = Callable[[Pixels], list[Detection]]
"""The faces of a uint8 (H, W, 3) image in its pixels, those of low score too."""

TILE: Final = 96
"""Side of a tile in pixels."""

COLUMNS: Final = 4
"""Tiles side by side in one image."""

UPRIGHT_SCORE: Final = 0.91
"""A face of this score is upright. Of 400 FER-2013 faces turned by 90, 180 and 270 degrees YuNet
detects 94, none with 0.9 or more."""

TURN_LEAD: Final = 0.05
"""A face is turned only if that raises its score by more. Of YuNet's 94 this corrects 92, and it
turns 0.5% of the upright faces by mistake."""


def turn_upright(image: Pixels, detections: Sequence[Detection], search: Search) -> list[Detection]:
    """Correct the box and roll of faces that lie on their side or upside down.

    YuNet detects many of them, with landmarks as if they were upright. Each face with a score below
    ``UPRIGHT_SCORE`` is searched in four orientations, and the one with the highest score counts.

    Args:
        image: uint8 (H, W, 3) RGB.
        detections: Faces in pixels of ``image``.
        search: The detector.

    Returns:
        The same faces in the order given.
    """
    doubtful = [detection for detection in detections if detection.score < UPRIGHT_SCORE]
    uprights = [_tile(image, detection, 0.5) for detection in doubtful]
    tiles = [np.rot90(tile, turns) for tile in uprights for turns in range(4)]
    looks = _search_tiles(tiles, search)
    turned = {}
    for index, detection in enumerate(doubtful):
        four = looks[4 * index : 4 * index + 4]
        scores = [look.score if look else 0.0 for look in four]
        turns = int(np.argmax(scores))
        look = four[turns]
        if look and turns and scores[turns] > scores[0] + TURN_LEAD:
            turned[id(detection)] = _in_image(look.turn(-turns % 4, TILE), detection, 0.5)
    return [turned.get(id(detection), detection) for detection in detections]


def enlarge(image: Pixels, candidates: Sequence[Detection], search: Search) -> list[Detection]:
    """Search the surroundings of faces that are too small to be certain of, enlarged.

    Args:
        image: uint8 (H, W, 3) RGB, in full size.
        candidates: Possible faces in pixels of ``image``.
        search: The detector.

    Returns:
        A detection for each candidate that has one, in pixels of ``image``.
    """
    looks = _search_tiles([_tile(image, candidate, 1.0) for candidate in candidates], search)
    pairs = zip(candidates, looks, strict=True)
    return [_in_image(look, candidate, 1.0) for candidate, look in pairs if look]


def _tile(image: Pixels, detection: Detection, margin: float) -> Pixels:
    return face_crop(image, detection.box, TILE, margin=margin)


def _in_image(look: Detection, detection: Detection, margin: float) -> Detection:
    """Move a detection from the tile around ``detection`` to the image."""
    box = detection.box
    side = max(box.width, box.height, 1.0) * (1 + 2 * margin)
    x, y = box.center
    return look.scale(side / TILE).shift(x - side / 2, y - side / 2)


def _search_tiles(tiles: Sequence[Pixels], search: Search) -> list[Detection | None]:
    """Return the best detection near the centre of each tile, in its pixels."""
    best: list[Detection | None] = [None] * len(tiles)
    for start in range(0, len(tiles), COLUMNS * COLUMNS):
        sheet = tiles[start : start + COLUMNS * COLUMNS]
        rows = -(-len(sheet) // COLUMNS)
        image = np.zeros((rows * TILE, COLUMNS * TILE, 3), np.uint8)
        for index, tile in enumerate(sheet):
            y, x = index // COLUMNS * TILE, index % COLUMNS * TILE
            image[y : y + TILE, x : x + TILE] = tile
        for detection in search(image):
            x, y = (int(value // TILE) for value in detection.box.center)
            index = start + y * COLUMNS + x
            look = detection.shift(-x * TILE, -y * TILE)
            if 0 <= x < COLUMNS and start <= index < len(tiles) and _is_central(look):
                previous = best[index]
                if previous is None or look.score > previous.score:
                    best[index] = look
    return best


def _is_central(look: Detection) -> bool:
    away = max(abs(value - TILE / 2) for value in look.box.center)
    return away < 0.2 * TILE and 0.2 * TILE < max(look.box.width, look.box.height) < 0.95 * TILE
