"""Make a model folder of a trained network: calibrated, exported, measured.

python -m fer_core.training.card --keras best.keras --data DIR --votes CSV --out MODEL

PublicTest alone sets the temperature and the abstain threshold.
"""

import argparse
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import pandas as pd
from PIL import Image

from fer_core import evaluation
from fer_core.classifier import softmax
from fer_core.dataset.votes import truth_of
from fer_core.evaluation import Labels, Logits
from fer_core.files import write_json
from fer_core.images import network_input
from fer_core.labels import EMOTIONS
from fer_core.registry import KERAS_FILE, load_card
from fer_core.training.export import export

CROP_MARGIN: Final = -0.02
"""Crops a little tighter than FER-2013's framing. Measured on 1,800 PublicTest pictures through
the detectors: accuracy is level for total margins from -0.09 to 0.02 with YuNet (0.699 to 0.695)
and from -0.04 to 0 with Haar, and falls off on both sides; this is the middle."""

TITLES: Final = {"fer2013": "FER-2013 labels", "ferplus": "How ten people vote"}
SPLITS: Final = ("PublicTest", "PrivateTest")

FACTS: Final = {
    "data": "FER-2013 (Goodfellow et al., 2013), official split, 28,558 training pictures; "
    "FER+ votes (Barsoum et al., 2016)",
    "license": "See models/LICENSE.md",
    "limits": [
        "It reads expressions, not feelings.",
        "FER-2013 was collected from web searches; it names no age, skin tone or sex, so how the "
        "model differs between groups of people is unknown.",
        "Two people agree on these labels in about two of three pictures.",
        "It was trained on 48x48 grey crops of mostly frontal faces.",
    ],
}


def ship(keras_file: Path, data: Path, votes: Path, folder: Path) -> None:
    """Save the network, without its optimizer, to ``folder``, export it and write its card."""
    table = pd.read_csv(votes)
    table = table[table.usage.isin(SPLITS)].reset_index(drop=True)
    model = keras.saving.load_model(keras_file, compile=False)
    size, channels = model.inputs[0].shape[2:]
    pictures = [np.asarray(Image.open(data / name).convert("L")) for name in table.file]
    logits = model.predict(network_input(pictures, size, channels), batch_size=128, verbose=0)
    card: dict[str, Any] = {
        "title": "MobileNetV2",
        "labels": list(EMOTIONS),
        "input_size": size,
        "channels": channels,
        "crop_margin": CROP_MARGIN,
        "parameters": model.count_params(),
        "readings": {name: _reading(name, logits[name], table) for name in TITLES},
        "default_reading": "fer2013",
        "features": "out_relu",
        "created": datetime.now(UTC).date().isoformat(),
        "data_sha256": _digest(data, table),
        **FACTS,
    }
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / KERAS_FILE)
    write_json(folder / "card.json", card)
    export(load_card(folder))


def _reading(name: str, logits: Logits, table: pd.DataFrame) -> dict[str, Any]:
    truth = truth_of(name, table)
    public, private = ((table.usage == split).to_numpy() & (truth >= 0) for split in SPLITS)
    temperature = round(evaluation.fit_temperature(logits[public], truth[public]), 3)
    probabilities = softmax(logits / np.float32(temperature))
    threshold = evaluation.abstain_threshold(probabilities[public], truth[public])
    return {
        "title": TITLES[name],
        "temperature": temperature,
        "abstain_below": round(threshold, 2),
        "figures": {
            split: _figures(probabilities[rows], truth[rows], threshold)
            for split, rows in zip(SPLITS, (public, private), strict=True)
        },
    }


def _figures(probabilities: Logits, truth: Labels, threshold: float) -> dict[str, Any]:
    answered, accuracy = evaluation.coverage(probabilities, truth, threshold)
    return {
        **evaluation.measure(probabilities, truth).rounded(),
        "answered": round(answered, 4),
        "accuracy_of_answered": round(accuracy, 4),
    }


def _digest(data: Path, table: pd.DataFrame) -> str:
    """SHA-256 over the test pictures' names and bytes: says which files the figures are from."""
    total = hashlib.sha256()
    for name in sorted(table.file):
        total.update(name.encode())
        total.update((data / name).read_bytes())
    return total.hexdigest()


def main() -> None:
    """Parse the command line and make the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keras", type=Path, required=True, help="trained network, .keras")
    parser.add_argument("--data", type=Path, required=True, help="FER-2013 as folders")
    parser.add_argument("--votes", type=Path, required=True, help="labels.csv with the FER+ votes")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    options = parser.parse_args()
    ship(options.keras, options.data, options.votes, options.out)


if __name__ == "__main__":
    main()
