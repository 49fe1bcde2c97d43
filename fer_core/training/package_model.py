"""Make a model folder of a trained network: calibrated, exported, measured.

Only the validation split sets the heads' shifts, the temperature and the abstain threshold.
"""

import hashlib
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np

from fer_core import evaluation
from fer_core.dataset import DatasetIndex, demo
from fer_core.errors import TrainingError
from fer_core.training import calibrate
from fer_core.training.arrays import Samples
from fer_core.training.callbacks.validation import predict
from fer_core.training.config import TrainConfig
from fer_core.training.networks import FEATURES
from fer_core.training.run_folder import RunFolder

CROP_MARGIN: Final = -0.02
"""Crops a little tighter than FER-2013's framing. Measured on 1,800 PublicTest images through
the detectors: accuracy is level for total margins from -0.09 to 0.02 with YuNet (0.699 to 0.695)
and from -0.04 to 0 with Haar, and falls off on both sides; this is the middle."""

HEAD_TITLES: Final = {"fer2013": "FER-2013 labels", "ferplus": "FER+ (votes of ten people)"}
TITLES: Final = {
    "mobilenetv2": "MobileNetV2", "mobilenet": "MobileNet", "fernet": "FERNet",
    "fernet-large": "FERNet, twice as wide",
}  # fmt: skip

LIMITS: Final = (
    "It recognizes expressions, not feelings.",
    "Two people agree on such labels in about two of three images.",
    "How it differs between groups of people is unknown where the dataset names none.",
)


def package(
    folder: RunFolder, config: TrainConfig, data: dict[str, Samples], index: DatasetIndex
) -> Path:
    """Write ``folder.model`` from the run's best network; an older model there is replaced.

    Args:
        folder: A run with at least one finished epoch.
        config: Its config.
        data: ``validation``, and ``test`` where the dataset has one: no choice depends on it.
        index: The dataset, for the card.

    Returns:
        The model folder: card, ``model.keras`` and its exports.

    Raises:
        TrainingError: No epoch was finished.
        ModelError: The network cannot be exported.
    """
    if not folder.best.is_file():
        raise TrainingError(f"{folder.root}: no epoch was finished, so there is no network yet.")
    network = keras.saving.load_model(folder.best, compile=False)
    target = folder.root / "model.part"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    shift_heads(network, config, data["validation"])
    calibrate.write_model(target, network, _card(network, config, data, index), index)
    shutil.rmtree(folder.model, ignore_errors=True)
    target.rename(folder.model)
    return folder.model


def shift_heads(network: keras.Model, config: TrainConfig, validation: Samples) -> None:
    """Add ``evaluation.prior_correction`` to the biases of the heads."""
    logits = predict(network, validation)
    for name in config.heads:
        y_true = validation.y_true(name)
        labelled = y_true >= 0
        head_logits, y_true = logits[name][labelled], y_true[labelled]
        temperature = evaluation.fit_temperature(head_logits, y_true)
        shifts = evaluation.prior_correction(head_logits / temperature, y_true) * temperature
        bias = network.get_layer(name).bias
        bias.assign(bias + shifts.astype(np.float32))


def _card(
    network: keras.Model, config: TrainConfig, data: dict[str, Samples], index: DatasetIndex
) -> dict[str, Any]:
    """Return the card without what ``calibrate`` measures."""
    return {
        "title": TITLES[config.architecture],
        "labels": list(index.counts().index),
        "input_size": config.input_size,
        "channels": config.channels,
        "crop_margin": CROP_MARGIN,
        "parameters": network.count_params(),
        "heads": {
            name: {"title": HEAD_TITLES[name], "temperature": 1.0, "abstain_below": 0.0}
            for name in config.heads
        },
        "default_head": config.heads[0],
        "features": FEATURES,
        "created": datetime.now(UTC).date().isoformat(),
        "data": f"{index.root.name}, {len(index.split('train')):,} training images",
        "demo": demo.is_drawn(index.root),
        "pictures_sha256": digest(data),
        "limits": list(LIMITS),
        "training": config.to_dict(),
    }


def digest(data: dict[str, Samples]) -> str:
    """Return the SHA-256 over the measured images, which identifies them."""
    total = hashlib.sha256()
    for split in sorted(data):
        for name, pixels in sorted(zip(data[split].files, data[split].pixels, strict=True),
                                   key=lambda pair: pair[0]):  # fmt: skip
            total.update(name.encode())
            total.update(pixels.tobytes())
    return total.hexdigest()
