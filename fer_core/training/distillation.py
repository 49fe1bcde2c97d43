"""Teachers: models whose predictions are part of the target (knowledge distillation)."""

import hashlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from fer_core.errors import FerError, TrainingError
from fer_core.images.crop import network_input
from fer_core.models import registry
from fer_core.models.card import KERAS_FILE, ModelCard
from fer_core.system.files import npy_bytes, reading, write_bytes
from fer_core.training.arrays import Samples
from fer_core.training.config import TrainConfig

Floats = npt.NDArray[np.float32]


def logits(config: TrainConfig, train: Samples, cache: Path) -> dict[str, Floats]:
    """Return the mean logits of the teachers, calibrated and averaged with the mirrored images.

    Each teacher's are cached in ``cache``, under a digest of its weights and the images.

    Returns:
        float32 (N, 7) by head of ``config``; empty without teachers.

    Raises:
        TrainingError: A teacher cannot be opened, or lacks a head.
    """
    if not config.teachers:
        return {}
    parts = [_teacher_logits(name, train, config.heads, cache) for name in config.teachers]
    return {name: np.mean([part[name] for part in parts], axis=0) for name in config.heads}


def _teacher_logits(
    teacher: str, train: Samples, heads: tuple[str, ...], cache: Path
) -> dict[str, Floats]:
    try:
        card = registry.load_card(teacher)
        missing = set(heads) - set(card.heads)
    except FerError as error:
        raise TrainingError(f"teachers: {error}") from error
    if missing:
        raise TrainingError(f"teachers: {teacher} lacks the head {', '.join(missing)}.")
    source = card.folder / KERAS_FILE
    with reading(f"teachers: {source}", TrainingError, "Choose a model that has its Keras file."):
        digest = hashlib.blake2b(source.read_bytes(), digest_size=8)
    digest.update(train.pixels.tobytes())
    file = cache / f"{card.name}-{digest.hexdigest()}.npy"
    names = sorted(card.heads)
    if not file.is_file():
        try:
            model = keras.saving.load_model(source, compile=False)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise TrainingError(f"teachers: {source} cannot be opened ({error}).") from error
        write_bytes(file, npy_bytes(_predict(model, card, train, names)))
    stored = np.load(file)
    return {name: stored[number] for number, name in enumerate(names) if name in heads}


def _predict(model: keras.Model, card: ModelCard, train: Samples, names: list[str]) -> Any:
    """Return calibrated logits, float32 (heads, N, 7)."""
    parts = []
    for at in range(0, len(train), 128):
        crops = train.pixels[at : at + 128]
        pixels = network_input(
            (c[..., 0] if c.shape[2] == 1 else c for c in crops), card.input_size, card.channels
        )
        plain, mirrored = (model.predict_on_batch(x) for x in (pixels, pixels[:, :, ::-1].copy()))
        scaled = [(plain[n] + mirrored[n]) / 2 / card.heads[n].temperature for n in names]
        parts.append(np.stack(scaled))
    return np.concatenate(parts, axis=1).astype(np.float32)
