"""Predict every image of a dataset once; predictions are cached by content."""

import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from fer_core.dataset import DatasetIndex, image_reading
from fer_core.errors import DatasetError, ModelError
from fer_core.models.card import FORMS, Calibration, ModelCard
from fer_core.models.classifier import EmotionClassifier
from fer_core.models.quality import QUALITY
from fer_core.models.softmax import softmax
from fer_core.system import cache, files, parallel
from fer_core.system.parallel import Progress
from fer_core.system.settings import settings
from fer_core.types import Logits, Probabilities

CHUNK: Final = 128
"""Images that are decoded and classified before progress is reported."""


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Outputs of one network for N images.

    Attributes:
        logits: Head name to float32 (N, 7).
        features: float16 (N, C), the last feature map averaged; None where the model has none.
        quality: float32 (N, K), a logit for each of the card's reasons not to judge a face; None
            where the model has none.
        form: Key of ``FORMS``: the file that ran.
        mirror: Each image was averaged with its mirror image.
    """

    logits: dict[str, Logits]
    features: npt.NDArray[np.float16] | None = None
    quality: Logits | None = None
    form: str = "fp32"
    mirror: bool = False

    def calibration(self, card: ModelCard, head: str) -> Calibration:
        """Return the temperature and the abstain threshold of these logits."""
        return card.head(head).calibration(self.form, self.mirror)

    def reasons(self, card: ModelCard) -> tuple[str, ...]:
        """Return why each image is not to be judged; empty where nothing is wrong."""
        if card.quality is None or self.quality is None:
            return ("",) * len(next(iter(self.logits.values())))
        return card.quality.reasons_of(self.quality)

    def probabilities(self, card: ModelCard, head: str) -> Probabilities:
        """Return the calibrated probabilities of one head, float32 (N, 7)."""
        temperature = self.calibration(card, head).temperature
        return softmax(self.logits[head] / np.float32(temperature))


def forms_of(card: ModelCard) -> tuple[str, ...]:
    """Return the keys of ``FORMS`` whose files the model's folder holds."""
    return tuple(form for form, file in FORMS.items() if (card.folder / file).is_file())


def open_form(
    card: ModelCard,
    form: str = "fp32",
    head: str | None = None,
    in_bulk: bool = False,
    mirror: bool = False,
) -> EmotionClassifier:
    """Return the model from one of its ``FORMS``; ``keras`` imports TensorFlow.

    Args:
        card: The model.
        form: A key of ``FORMS``.
        head: Head that predicts; None for the card's default.
        in_bulk: For many faces from several threads: each call uses one core, and as many run
            side by side as ``FER_THREADS`` says.
        mirror: Average each face with its mirror image.

    Raises:
        ModelError: The file is missing, damaged or does not fit the card.
    """
    if form != "keras":
        threads = settings().threads
        per_call, parallel_calls = (1, threads) if in_bulk else (threads, 1)
        return EmotionClassifier(
            card, head, per_call, form=form, parallel_calls=parallel_calls, mirror=mirror
        )
    from fer_core.models.keras_model import KerasNetwork

    return EmotionClassifier(card, head, network=KerasNetwork(card), form=form, mirror=mirror)


def predict_dataset(
    card: ModelCard,
    index: DatasetIndex,
    form: str = "fp32",
    progress: Progress | None = None,
    *,
    mirror: bool = True,
) -> Predictions:
    """Return the predictions of a model for every image, all heads together.

    Each image is averaged with its mirror image, as photos and video files are; ``mirror=False``
    predicts in a single pass, as the live view does.

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
    file = _cache_file(card, index, form, mirror)
    stored = card.channels == 1 and settings().policy.may_store

    def compute() -> Predictions:
        classifier = open_form(card, form, in_bulk=True, mirror=mirror)
        return _predict(classifier, index, progress)

    predictions = cache.load_or_compute(file if stored else None, _load, compute, _save)
    return replace(predictions, form=form, mirror=mirror)


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
        logits,
        None if features is None else features.astype(np.float16, copy=False),
        joined.get(QUALITY),
    )


def _cache_file(card: ModelCard, index: DatasetIndex, form: str, mirror: bool) -> Path:
    file = card.folder / FORMS[form]
    with files.reading(file, ModelError, "Choose another model."):
        key = hashlib.sha256(files.digest(file).encode())
    key.update(image_reading.fingerprint(index))
    key.update(f"{card.input_size} {card.channels} {len(index)} {mirror}".encode())
    return settings().cache / "predictions" / f"{key.hexdigest()[:24]}.npz"


def _save(file: Path, predictions: Predictions) -> None:
    if predictions.features is not None:
        files.write_bytes(file.with_suffix(".npy"), files.npy_bytes(predictions.features))
    buffer = io.BytesIO()
    quality = {} if predictions.quality is None else {QUALITY: predictions.quality}
    np.savez(buffer, allow_pickle=False, **predictions.logits, **quality)
    files.write_bytes(file, buffer.getbuffer())


def _load(file: Path) -> Predictions:
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
        logits = {name: stored[name] for name in stored.files}
    features_file = file.with_suffix(".npy")
    features = np.load(features_file, mmap_mode="r") if features_file.is_file() else None
    if features is not None and len(features) != len(next(iter(logits.values()))):
        raise ValueError(f"{features_file}: {len(features)} rows")
    quality = logits.pop(QUALITY, None)
    return Predictions(logits, features, quality)
