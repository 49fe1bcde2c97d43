"""Faces whose emotion a person has corrected, kept as training material.

They form an ordinary dataset under ``FER_HOME``: one folder an emotion, one PNG a face.
"""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from fer_core.errors import DatasetError, SettingsError
from fer_core.images.codec import encode
from fer_core.labels import EMOTIONS
from fer_core.system.files import write_bytes, writing
from fer_core.system.settings import Settings, settings
from fer_core.types import Pixels


def folder(config: Settings | None = None) -> Path:
    """Return the dataset's folder; it may not exist yet."""
    return (config or settings()).home / "datasets" / "corrections"


def save(crop: Pixels, emotion: str, config: Settings | None = None) -> Path:
    """Save a face with its corrected emotion.

    Args:
        crop: uint8 (H, W, 3) RGB, framed as ``images.face_crop`` frames it.
        emotion: One of ``EMOTIONS``.
        config: The settings of this process if None.

    Returns:
        The file written.

    Raises:
        SettingsError: The app is open to the public: nothing is stored there.
        DatasetError: The file cannot be written.
        ValueError: There is no such emotion.
    """
    config = config or settings()
    if not config.policy.may_store:
        raise SettingsError("This is a public link: corrections are not saved here.")
    if emotion not in EMOTIONS:
        raise ValueError(f"emotion must be one of {', '.join(EMOTIONS)}. Received: {emotion!r}.")
    data = encode(crop, ".png")
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    file = folder(config) / emotion / f"{time}-{hashlib.sha256(data).hexdigest()[:12]}.png"
    with writing(file.parent, DatasetError, "Free some space or choose another FER_HOME."):
        write_bytes(file, data)
    return file


def counts(config: Settings | None = None) -> dict[str, int]:
    """Return the number of saved faces of each emotion."""
    root = folder(config)
    return {emotion: len(list((root / emotion).glob("*.png"))) for emotion in EMOTIONS}
