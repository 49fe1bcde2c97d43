"""Accuracy of our models and of the peer on the same files, in one table.

    python benchmarks/accuracy.py --data FER2013 --votes labels.csv [--shared ../shared]
        [--model NAME ...] [--json FILE]

The peer is the mini-XCEPTION network of the ``fer`` package (64x64 grey, -1..1, Kaggle's training
data as ours). It has one head, so it is evaluated on both label sources; its probabilities have no
temperature. No test-time augmentation anywhere. PrivateTest is the split ``test``; nothing is
selected on it.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fer_core.dataset import DatasetIndex, ferplus, image_reading, scan
from fer_core.evaluation import Evaluation, evaluate, text
from fer_core.evaluation.predictions import forms_of, predict_dataset
from fer_core.images.crop import network_input
from fer_core.labels import EMOTIONS
from fer_core.models import registry
from fer_core.system.files import write_json
from fer_core.system.reports import table

PEER_ORDER = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def ours(names: list[str], index: DatasetIndex) -> dict[str, Evaluation]:
    """Return the evaluation of every head of every model file, on the labels that it learned."""
    evaluations = {}
    for name in names:
        card = registry.load_card(name)
        for form in forms_of(card):
            predictions = predict_dataset(card, index, form)
            for head in card.heads:
                has_labels = head in ferplus.SOURCES and index.votes is not None
                source = head if has_labels else "fer2013"
                evaluations[f"{card.name} {form}, {head}, on {source} labels"] = evaluate(
                    predictions.probabilities(card, head),
                    ferplus.true_labels(index, source),
                    card.head(head).abstain_below,
                )
    return evaluations


def peer(file: Path, index: DatasetIndex) -> dict[str, Evaluation]:
    """Return the evaluations of the peer on both sets of labels."""
    import keras

    model = keras.saving.load_model(file, compile=False)
    crops = [image_reading.read(index.path(row)) for row in range(len(index))]
    outputs = model.predict(network_input(crops, 64, 1) / 127.5 - 1, batch_size=128, verbose=0)
    probabilities = outputs[:, [PEER_ORDER.index(emotion) for emotion in EMOTIONS]]
    return {
        f"mini-XCEPTION of `fer`, on {source} labels": evaluate(
            np.asarray(probabilities, np.float32), ferplus.true_labels(index, source)
        )
        for source in ferplus.SOURCES
        if source == "fer2013" or index.votes is not None
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="FER-2013 as folders")
    parser.add_argument("--votes", type=Path, help="labels.csv or fer2013new.csv")
    parser.add_argument("--split", default="test")
    parser.add_argument("--model", action="append", help="default: every shipped model")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--json", type=Path, help="write all figures there too")
    options = parser.parse_args()
    index = scan(options.data)
    if options.votes:
        index = ferplus.attach(index, options.votes)
    index = index.readable().split(options.split)
    names = options.model or sorted(
        file.parent.name for file in registry.SHIPPED.glob("*/card.json")
    )
    evaluations = ours(names, index)
    file = options.shared / "peers" / "fer_mini_xception_102.hdf5"
    if file.is_file():
        evaluations |= peer(file, index)
    else:
        print(f"No {file}: the peer was not measured.")
    print(text.overview(evaluations))
    for name, result in evaluations.items():
        rows = text.class_table(result)
        print(f"\n{name}\n\n{table(rows.head, rows.rows)}")
    if options.json:
        write_json(options.json, {name: result.rounded() for name, result in evaluations.items()})


if __name__ == "__main__":
    main()
