"""Features of FER-2013's training images from networks that saw neither them nor any FER+ vote.

    python -m benchmarks.audit_judge --data FER2013 --out judge.npz \
        --start mobilenet_v2_imagenet_96_notop.weights.h5

The training split is cut in two, copies of a photo staying together. A MobileNetV2 is fine-tuned on
the FER-2013 labels of each half (PublicTest picks the epoch) and read out on the other.
``benchmarks/dataset.py --judge`` uses the result to measure the audit. About a quarter of an hour
on two CPU cores.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from fer_core.audit import duplicates
from fer_core.dataset import scan
from fer_core.dataset.index import DatasetIndex
from fer_core.labels import EMOTIONS
from fer_core.models.softmax import softmax
from fer_core.training import arrays, loop
from fer_core.training.arrays import Samples
from fer_core.training.config import TrainConfig

SIZE = 64
"""Input side: twice as fast as the shipped model's 96 pixels, 1 to 2 points less accurate."""


def main() -> None:
    """Train on each half, read out the other, save both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--limit", type=int, default=0, help="every n-th image only, to rehearse")
    args = parser.parse_args()
    everything = scan(args.data).readable()
    index = everything.split("train")
    if args.limit:
        index = index.where(np.arange(len(index)) % args.limit == 0)
    data = arrays.load(index, "train", SIZE, 1)
    public = arrays.load(everything, "validation", SIZE, 1)
    half = halves(index)
    features = np.zeros((len(index), 1280), np.float16)
    probabilities = np.zeros((len(index), len(EMOTIONS)), np.float32)
    for number in (0, 1):
        other = half != number
        model = train(part(data, half == number), public, args, seed=11 + number)
        logits, features[other] = read_out(model, data.pixels[other])
        probabilities[other] = softmax(logits)
        right = (logits.argmax(1) == data.labels[other]).mean()
        print(f"half {number}: {right:.3f} of the other half's labels", flush=True)
    digests = index.table["digest"].to_numpy()
    np.savez(args.out, features=features, probabilities=probabilities, half=half, digests=digests)


def halves(index: DatasetIndex) -> np.ndarray:
    """0 or 1 for each image, by chance, the same for copies of one photo."""
    half = np.random.default_rng(3).integers(0, 2, len(index))
    for group in duplicates.groups(duplicates.find(index)):
        half[group] = half[group[0]]
    return half


def part(data: Samples, keep: np.ndarray) -> Samples:
    """The pictures for which ``keep`` is true, without votes."""
    files = tuple(name for name, is_kept in zip(data.files, keep, strict=True) if is_kept)
    return replace(
        data, pixels=data.pixels[keep], labels=data.labels[keep], votes=None, majority=None,
        files=files,
    )  # fmt: skip


def train(data: Samples, public: Samples, args: argparse.Namespace, seed: int) -> keras.Model:
    """Fine-tune on FER-2013 labels alone."""
    config = TrainConfig(
        start=str(args.start), input_size=SIZE, heads=("fer2013",), epochs=args.epochs, seed=seed
    )
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        loop.train(config, run, {"train": data, "validation": public})
        return keras.saving.load_model(run / "best.keras", compile=False)


def read_out(model: keras.Model, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits and pooled features."""
    outputs = [model.get_layer("fer2013").output, model.get_layer("pooled").output]
    reader = keras.Model(model.inputs, outputs)
    logits, pooled = reader.predict(images.astype(np.float32), batch_size=128, verbose=0)
    return logits, pooled


if __name__ == "__main__":
    main()
