"""Features of FER-2013's training images from networks that saw neither them nor any FER+ vote.

    python -m benchmarks.audit_judge --data FER2013 --out judge.npz \
        --start mobilenet_v2_imagenet_96_notop.weights.h5

The training split is cut in two, copies of a photo staying together. A MobileNetV2 is fine-tuned on
the FER-2013 labels of each half and read out on the other. ``benchmarks/dataset.py --judge`` uses
the result to measure the audit. About a quarter of an hour on two CPU cores.
"""

import argparse
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf

from fer_core.audit import copies
from fer_core.dataset import pixels, scan
from fer_core.dataset.index import DatasetIndex
from fer_core.labels import EMOTIONS
from fer_core.training import first_model

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
    first_model.SIZE = SIZE
    index = scan(args.data).readable().split("train")
    if args.limit:
        index = index.where(np.arange(len(index)) % args.limit == 0)
    images = np.stack([pixels.read(index.path(row)) for row in range(len(index))])[..., None]
    half, labels = halves(index), index.label_codes()
    features = np.zeros((len(index), 1280), np.float16)
    probabilities = np.zeros((len(index), len(EMOTIONS)), np.float32)
    for number in (0, 1):
        keras.utils.set_random_seed(11 + number)
        other = half != number
        model = train(images[half == number], labels[half == number], args)
        logits, pooled = read_out(model, images[other])
        probabilities[other] = tf.nn.softmax(logits).numpy()
        features[other] = pooled
        right = (logits.argmax(1) == labels[other]).mean()
        print(f"half {number}: {right:.3f} of the other half's labels", flush=True)
    digests = index.table["digest"].to_numpy()
    np.savez(args.out, features=features, probabilities=probabilities, half=half, digests=digests)


def halves(index: DatasetIndex) -> np.ndarray:
    """0 or 1 for each image, by chance, the same for copies of one photo."""
    half = np.random.default_rng(3).integers(0, 2, len(index))
    for group in copies.groups(copies.find(index)):
        half[group] = half[group[0]]
    return half


def train(images: np.ndarray, labels: np.ndarray, args: argparse.Namespace) -> keras.Model:
    """Fine-tune on FER-2013 labels alone."""
    both = first_model.build(args.start)
    model = keras.Model(both.inputs, both.get_layer("fer2013").output)
    targets = np.eye(len(EMOTIONS), dtype=np.float32)[labels]
    data = tf.data.Dataset.from_tensor_slices((images, targets)).shuffle(len(images), seed=5)
    data = data.batch(64, drop_remainder=True).map(
        lambda x, y: (first_model.relight(first_model.warp(x)), y), num_parallel_calls=1
    )
    steps = max(len(images) // 64, 1)
    rate = keras.optimizers.schedules.CosineDecay(
        1e-5, steps * args.epochs, warmup_target=1e-3, warmup_steps=steps // 2, alpha=1e-3
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.02),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        metrics=["accuracy"],
    )
    model.fit(data.prefetch(4), epochs=args.epochs, verbose=2)
    return model


def read_out(model: keras.Model, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits and pooled features."""
    reader = keras.Model(model.inputs, [model.output, model.get_layer("pooled").output])
    large = np.stack([cv2.resize(image, (SIZE, SIZE)) for image in images])
    logits, pooled = reader.predict(large.astype(np.float32)[..., None], batch_size=128, verbose=0)
    return logits, pooled


if __name__ == "__main__":
    main()
