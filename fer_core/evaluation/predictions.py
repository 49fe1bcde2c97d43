"""Ask a model about every image of a dataset, once: the answers are kept by content."""

import contextlib
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from fer_core.dataset import DatasetIndex, image_reading
from fer_core.errors import DatasetError, ModelError
from fer_core.evaluation.calibration import Logits
from fer_core.models.card import INT8_FILE, KERAS_FILE, LITERT_FILE, ModelCard
from fer_core.models.classifier import EmotionClassifier, softmax
from fer_core.system import files, parallel
from fer_core.system.files import digest
from fer_core.system.parallel import Progress
from fer_core.system.settings import settings
from fer_core.system.zip_files import UNREADABLE
from fer_core.types import Probabilities

FORMS: Final = {"fp32": LITERT_FILE, "int8": INT8_FILE, "keras": KERAS_FILE}
"""A network's forms and their files. ``fp32`` is what runs everywhere."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What one network says of N images.

    Attributes:
        logits: Reading to float32 (N, 7).
        features: float16 (N, C), the last feature map averaged; None where the model has none.
    """

    logits: dict[str, Logits]
    features: npt.NDArray[np.float16] | None = None

    def probabilities(self, card: ModelCard, head: str) -> Probabilities:
        """Calibrated float32 (N, 7) of one reading."""
        return softmax(self.logits[head] / np.float32(card.head(head).temperature))


def forms_of(card: ModelCard) -> tuple[str, ...]:
    """The forms whose files the model's folder holds."""
    return tuple(form for form, file in FORMS.items() if (card.folder / file).is_file())


def open_form(
    card: ModelCard, form: str = "fp32", head: str | None = None, in_bulk: bool = False
) -> EmotionClassifier:
    """The model in one of its ``FORMS``; ``keras`` imports TensorFlow.

    Args:
        card: The model.
        form: A key of ``FORMS``.
        head: Head that answers; None for the card's default.
        in_bulk: Asked about many faces by several threads: each call uses one core, and as many run
            side by side as ``FER_THREADS`` says.

    Raises:
        ModelError: The file is missing, damaged or does not fit the card.
    """
    if form != "keras":
        threads = settings().threads
        each, at_once = (1, threads) if in_bulk else (threads, 1)
        return EmotionClassifier(card, head, each, file=FORMS[form], at_once=at_once)
    from fer_core.models.keras_model import KerasNetwork

    return EmotionClassifier(card, head, network=KerasNetwork(card))


def ask(
    card: ModelCard, index: DatasetIndex, form: str = "fp32", progress: Progress | None = None
) -> Answers:
    """The answers of a model to every image, all readings in one pass.

    Kept under ``FER_CACHE`` by the bytes of the model's file and the grey pixels of the images, so
    that a second question costs nothing; on public links and for networks that see colours nothing
    is kept. Every image must be readable (see ``DatasetIndex.readable``).

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
    cache = _cache_file(card, index, form)
    is_kept = (
        card.channels == 1 and settings().policy.may_store
    )  # what strangers bring is not stored
    kept = _recall(cache) if is_kept else None
    if kept is not None:
        return kept
    found = _ask(open_form(card, form, in_bulk=True), index, progress)
    if not is_kept:
        return found
    with contextlib.suppress(OSError):  # not kept: only costs time the next time
        buffer = io.BytesIO()
        values: dict[str, npt.NDArray[np.floating]] = {
            f"reading_{name}": logits for name, logits in found.logits.items()
        }
        if found.features is not None:
            values["features"] = found.features
        np.savez(buffer, allow_pickle=False, **values)
        files.write_bytes(cache, buffer.getbuffer())
    return found


def _ask(classifier: EmotionClassifier, index: DatasetIndex, progress: Progress | None) -> Answers:
    parts: dict[int, dict[str, npt.NDArray[np.float32]]] = {}

    def work(start: int, stop: int) -> None:
        crops = image_reading.crops(index, range(start, stop), classifier.card.input_size)
        parts[start] = classifier.outputs(crops)

    parallel.run(work, len(index), progress, size=128)
    joined = {
        name: np.concatenate([parts[start][name] for start in sorted(parts)]) for name in parts[0]
    }
    features = joined.pop("features", None)
    logits = {name: joined[name] for name in classifier.card.heads}
    return Answers(logits, None if features is None else features.astype(np.float16))


def _cache_file(card: ModelCard, index: DatasetIndex, form: str) -> Path:
    file = card.folder / FORMS[form]
    with files.reading(file, ModelError, "Choose another model."):
        key = hashlib.sha256(digest(file).encode())
    key.update(image_reading.fingerprint(index))
    key.update(f"{card.input_size} {card.channels}".encode())
    return settings().cache / "answers" / f"{key.hexdigest()[:24]}.npz"


def _recall(cache: Path) -> Answers | None:
    """Kept answers, or None where there are none that can be used."""
    try:
        with cache.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            values = {name: kept[name] for name in kept.files}
    except (OSError, KeyError, *UNREADABLE):
        return None
    features = values.pop("features", None)
    return Answers({name.removeprefix("reading_"): v for name, v in values.items()}, features)
