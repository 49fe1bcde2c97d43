"""Predict every image of a dataset once; predictions are cached by content."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from fer_core.dataset import DatasetIndex, image_reading
from fer_core.errors import DatasetError, ModelError
from fer_core.models.card import INT8_FILE, KERAS_FILE, LITERT_FILE, ModelCard
from fer_core.models.classifier import EmotionClassifier
from fer_core.models.softmax import softmax
from fer_core.system import cache, files, parallel
from fer_core.system.parallel import Progress
from fer_core.system.settings import settings
from fer_core.types import Logits, Probabilities

FORMS: Final = {"fp32": LITERT_FILE, "int8": INT8_FILE, "keras": KERAS_FILE}
"""The files of a model by the name of their precision. ``fp32`` is what runs everywhere."""

CHUNK: Final = 128
"""Images that are decoded and classified before progress is reported."""


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Outputs of one network for N images.

    Attributes:
        logits: Head name to float32 (N, 7).
        features: float16 (N, C), the last feature map averaged; None where the model has none.
    """

    logits: dict[str, Logits]
    features: npt.NDArray[np.float16] | None = None

    def probabilities(self, card: ModelCard, head: str) -> Probabilities:
        """Return the calibrated probabilities of one head, float32 (N, 7)."""
        return softmax(self.logits[head] / np.float32(card.head(head).temperature))


def forms_of(card: ModelCard) -> tuple[str, ...]:
    """Return the keys of ``FORMS`` whose files the model's folder holds."""
    return tuple(form for form, file in FORMS.items() if (card.folder / file).is_file())


def open_form(
    card: ModelCard, form: str = "fp32", head: str | None = None, in_bulk: bool = False
) -> EmotionClassifier:
    """Return the model from one of its ``FORMS``; ``keras`` imports TensorFlow.

    Args:
        card: The model.
        form: A key of ``FORMS``.
        head: Head that predicts; None for the card's default.
        in_bulk: For many faces from several threads: each call uses one core, and as many run
            side by side as ``FER_THREADS`` says.

    Raises:
        ModelError: The file is missing, damaged or does not fit the card.
    """
    if form != "keras":
        threads = settings().threads
        per_call, parallel_calls = (1, threads) if in_bulk else (threads, 1)
        return EmotionClassifier(
            card, head, per_call, file=FORMS[form], parallel_calls=parallel_calls
        )
    from fer_core.models.keras_model import KerasNetwork

    return EmotionClassifier(card, head, network=KerasNetwork(card))


def predict_dataset(
    card: ModelCard, index: DatasetIndex, form: str = "fp32", progress: Progress | None = None
) -> Predictions:
    """Return the predictions of a model for every image, all heads in one pass.

    Cached under ``FER_CACHE`` by the bytes of the model's file and the grey pixels of the images.
    On public links, and for networks that see colours, nothing is stored. Features of a cached
    result stay on disk until used: of 500,000 images they take 1.3 GB. Every image must be readable
    (see ``DatasetIndex.readable``).

    Raises:
        DatasetError: There are no images.
        ModelError: The model cannot be used, or has been removed.
        ImageError: A file has gone since the scan.
        CancelledError: ``progress`` asked to stop.
    """
    if not len(index):
        raise DatasetError(
            f"{index.root.name}: no readable images in this split. Choose another one."
        )
    file = _cache_file(card, index, form)
    stored = card.channels == 1 and settings().policy.may_store

    def compute() -> Predictions:
        return _predict(open_form(card, form, in_bulk=True), index, progress)

    return cache.load_or_compute(file if stored else None, _load, compute, _save)


def _predict(
    classifier: EmotionClassifier, index: DatasetIndex, progress: Progress | None
) -> Predictions:
    chunks: dict[int, dict[str, npt.NDArray[np.float32]]] = {}

    def work(start: int, stop: int) -> None:
        crops = image_reading.crops(index, range(start, stop), classifier.card.input_size)
        chunks[start] = classifier.outputs(crops)

    parallel.run(work, len(index), progress, size=CHUNK)
    joined = {
        name: np.concatenate([chunks[start][name] for start in sorted(chunks)])
        for name in chunks[0]
    }
    features = joined.pop("features", None)
    logits = {name: joined[name] for name in classifier.card.heads}
    return Predictions(
        logits, None if features is None else features.astype(np.float16, copy=False)
    )


def _cache_file(card: ModelCard, index: DatasetIndex, form: str) -> Path:
    file = card.folder / FORMS[form]
    with files.reading(file, ModelError, "Choose another model."):
        key = hashlib.sha256(files.digest(file).encode())
    key.update(image_reading.fingerprint(index))
    key.update(f"{card.input_size} {card.channels} {len(index)}".encode())
    return settings().cache / "predictions" / f"{key.hexdigest()[:24]}.npz"


def _save(file: Path, predictions: Predictions) -> None:
    if predictions.features is not None:
        files.write_bytes(file.with_suffix(".npy"), files.npy_bytes(predictions.features))
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **predictions.logits)
    files.write_bytes(file, buffer.getbuffer())


def _load(file: Path) -> Predictions:
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
        logits = {name: stored[name] for name in stored.files}
    features_file = file.with_suffix(".npy")
    features = np.load(features_file, mmap_mode="r") if features_file.is_file() else None
    if features is not None and len(features) != len(next(iter(logits.values()))):
        raise ValueError(f"{features_file}: {len(features)} rows")
    return Predictions(logits, features)
