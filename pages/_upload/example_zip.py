"""A ZIP of example photos: one public-domain portrait in five forms."""

import io
import zipfile
from pathlib import Path

import numpy as np

from fer_core.errors import JobError
from fer_core.images import decode, encode
from fer_core.images.crop import shrink
from fer_core.system import files
from fer_core.system.settings import settings
from fer_core.types import Pixels

PORTRAIT = Path(__file__).parents[2] / "docs" / "images" / "astronaut.jpg"
NAME = "example-photos.zip"


def example_zip() -> Path:
    """Return the ZIP, written to the cache at the first call.

    Raises:
        JobError: The cache cannot be written.
    """
    target = settings().cache / NAME
    if not target.is_file():
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, photo in _photos(decode(PORTRAIT.read_bytes(), PORTRAIT.name)).items():
                archive.writestr(f"{name}.jpg", encode(photo))
        with files.os_errors(f"{target} cannot be written", JobError):
            files.write_bytes(target, buffer.getvalue())
    return target


def _photos(portrait: Pixels) -> dict[str, Pixels]:
    """Return the photos by name, uint8 (H, W, 3) each."""
    return {
        "portrait": portrait,
        "mirrored": np.ascontiguousarray(portrait[:, ::-1]),
        "dark": (portrait * 0.25).astype(np.uint8),
        "small": shrink(portrait, 120),
        "without a face": np.ascontiguousarray(portrait[portrait.shape[0] // 2 :]),
    }
