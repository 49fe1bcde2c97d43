"""Teachers: models whose predictions are part of the target (knowledge distillation)."""

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from fer_core.errors import FerError, TrainingError
from fer_core.models import registry
from fer_core.models.card import LITERT_FILE, ModelCard
from fer_core.models.classifier import EmotionClassifier
from fer_core.system.files import npy_bytes, reading, write_bytes
from fer_core.training.arrays import Samples
from fer_core.training.config import TrainConfig

Floats = npt.NDArray[np.float32]

CHUNK: Final = 256


def logits(config: TrainConfig, train: Samples, cache: Path) -> dict[str, Floats]:
    """Return the weighted mean logits of the teachers, each calibrated and mirror-averaged.

    Each teacher's are cached in ``cache``, under a digest of its weights and the images.

    Returns:
        float32 (N, 7) by head of ``config``; empty without teachers.

    Raises:
        TrainingError: A teacher cannot be opened, or lacks a head.
    """
    if not config.teachers:
        return {}
    parts = [_teacher_logits(name, train, config.heads, cache) for name in config.teachers]
    weights = config.teacher_weights or (1.0,) * len(parts)
    return {
        name: np.average([part[name] for part in parts], axis=0, weights=weights).astype(np.float32)
        for name in config.heads
    }


def _teacher_logits(
    teacher: str, train: Samples, heads: tuple[str, ...], cache: Path
) -> dict[str, Floats]:
    try:
        card = registry.load_card(teacher)
        missing = set(heads) - set(card.heads)
        if missing:
            raise TrainingError(f"{teacher} lacks the head {', '.join(sorted(missing))}.")
        source = card.folder / LITERT_FILE
        with reading(source, TrainingError, "Choose another model."):
            digest = hashlib.blake2b(source.read_bytes(), digest_size=8)
        digest.update(train.pixels.tobytes())
        file = cache / f"{card.name}-{digest.hexdigest()}.npy"
        names = sorted(card.heads)
        if not file.is_file():
            write_bytes(file, npy_bytes(_predict(card, train, names)))
    except FerError as error:
        raise TrainingError(f"teachers: {error}") from error
    stored = np.load(file)
    return {name: stored[number] for number, name in enumerate(names) if name in heads}


def _predict(card: ModelCard, train: Samples, names: list[str]) -> Floats:
    """Return calibrated logits by the model's LiteRT file, float32 (heads, N, 7).

    LiteRT runs MobileNetV2 on CPUs at seven times the pace of Keras' ``predict_on_batch``.
    """
    classifier = EmotionClassifier.load(card.folder, mirror=True)
    parts = []
    for at in range(0, len(train), CHUNK):
        crops = train.pixels[at : at + CHUNK]
        outputs = classifier.outputs([c[..., 0] if c.shape[2] == 1 else c for c in crops])
        parts.append(np.stack([outputs[n] / card.heads[n].temperature for n in names]))
    return np.concatenate(parts, axis=1).astype(np.float32)
