"""A small dataset on disk that several tests change in their own ways."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer_core.dataset import pixels
from fer_core.images import Pixels


@pytest.fixture
def picture() -> Callable[[int], Pixels]:
    """Different grey pictures with detail at every scale: uint8 (48, 48)."""
    import cv2

    def make(seed: int) -> Pixels:
        random = np.random.default_rng(seed)
        layers = [
            cv2.resize(random.normal(0, 60 / size, (size, size)), (48, 48), interpolation=3) * size
            for size in (3, 6, 12)
        ]
        return np.clip(128 + sum(layers), 0, 255).astype(np.uint8)

    return make


@pytest.fixture
def tree(tmp_path: Path, picture: Callable[[int], Pixels]) -> Path:
    """10 happy, 3 disgust and 5 sad training pictures, two happy ones in test."""
    root = tmp_path / "tree"
    seed = 0
    for folder, count in (("train/happy", 10), ("train/disgust", 3), ("train/sad", 5),
                          ("test/happy", 2)):  # fmt: skip
        (root / folder).mkdir(parents=True)
        for number in range(count):
            (root / folder / f"{number}.png").write_bytes(pixels.png(picture(seed)))
            seed += 1
    return root
