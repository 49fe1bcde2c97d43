"""Train the shipped MobileNetV2 on FER-2013: one backbone, two readings.

    python -m fer_core.training.first_model --data FER2013 --votes labels.csv \
        --start mobilenet_v2_imagenet_96_notop.weights.h5 --out run

One head learns the FER-2013 labels, the other how ten FER+ annotators voted. PublicTest picks
the epoch. About 80 minutes on two CPU cores.
"""

import argparse
import json
import math
from pathlib import Path
from typing import NamedTuple

import cv2
import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from PIL import Image

from fer_core.labels import EMOTIONS

SIZE = 96
VOTES = [
    f"votes_{name}"
    for name in ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
]
"""FER+ vote columns in EMOTIONS order. Contempt, unknown and not-a-face votes are left out."""


class Split(NamedTuple):
    """One split of FER-2013 in memory."""

    images: np.ndarray  # uint8 (N, 48, 48, 1)
    labels: np.ndarray  # float32 (N, 7), one-hot FER-2013 label
    votes: np.ndarray  # float32 (N, 7), share of FER+ votes; zeros where none of the seven got any


def load_split(data: Path, table: pd.DataFrame, split: str) -> Split:
    """Read ``data/<split>/<emotion>/*.png`` with the votes of the same rows of ``table``."""
    rows = table[table.file.str.startswith(f"{split}/")]
    images = np.stack([np.asarray(Image.open(data / name).convert("L")) for name in rows.file])
    labels = np.eye(len(EMOTIONS), dtype=np.float32)[rows.label.map(EMOTIONS.index)]
    votes = rows[VOTES].to_numpy(np.float32)
    return Split(images[..., None], labels, votes / np.maximum(votes.sum(1, keepdims=True), 1))


def build(start: Path) -> keras.Model:
    """MobileNetV2 on grey 96x96 pixels in 0..255; outputs the logits of both readings.

    The ImageNet stem is summed over its colour channels: the same function on grey input.
    """
    rgb = keras.applications.MobileNetV2((SIZE, SIZE, 3), include_top=False, weights=None)
    rgb.load_weights(start)
    pixels = keras.Input((SIZE, SIZE, 1), name="pixels")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(pixels)
    backbone = keras.applications.MobileNetV2(
        (SIZE, SIZE, 1), include_top=False, weights=None, input_tensor=scaled
    )
    stem, *rest = rgb.get_weights()
    backbone.set_weights([stem.sum(axis=2, keepdims=True), *rest])
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9  # Keras builds it with 0.999, which trails by thousands of steps
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(backbone.output)
    dropped = keras.layers.Dropout(0.3, name="dropout")(pooled)
    heads = {
        name: keras.layers.Dense(len(EMOTIONS), name=name)(dropped)
        for name in ("fer2013", "ferplus")
    }
    return keras.Model(pixels, heads, name="mobilenetv2")


def warp(images: tf.Tensor) -> tf.Tensor:
    """Flip, rotate 12°, zoom 15 %, stretch 6 %, shift 9 %: (B, 48, 48, 1) to (B, 96, 96, 1)."""
    count = tf.shape(images)[0]

    def draw(low: float, high: float) -> tf.Tensor:
        return tf.random.uniform([count], low, high)

    angle = draw(-12, 12) * math.pi / 180
    zoom = tf.exp(draw(-0.15, 0.15)) * 48 / SIZE
    stretch = tf.exp(draw(-0.06, 0.06))
    flip = tf.where(draw(0, 1) < 0.5, -1.0, 1.0)
    a, b = flip * zoom * stretch * tf.cos(angle), -zoom * tf.sin(angle)
    d, e = flip * zoom * stretch * tf.sin(angle), zoom * tf.cos(angle)
    middle = (SIZE - 1) / 2
    c = 23.5 + draw(-4.3, 4.3) - (a + b) * middle
    f = 23.5 + draw(-4.3, 4.3) - (d + e) * middle
    zero = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(images, tf.float32),
        transforms=tf.stack([a, b, c, d, e, f, zero, zero], axis=1),
        output_shape=[SIZE, SIZE],
        interpolation="BILINEAR",
        fill_mode="NEAREST",
        fill_value=0.0,
    )


def relight(images: tf.Tensor) -> tf.Tensor:
    """Sharpen or blur, brightness, contrast, noise and one erased box; float (B, 96, 96, 1)."""
    shape = [tf.shape(images)[0], 1, 1, 1]
    blurred = tf.nn.avg_pool2d(tf.nn.avg_pool2d(images, 3, 1, "SAME"), 3, 1, "SAME")
    images = images + tf.random.uniform(shape, -1.0, 1.0) * (images - blurred)
    mean = tf.reduce_mean(images, [1, 2, 3], keepdims=True)
    images = mean + (images - mean) * tf.exp(tf.random.uniform(shape, -0.4, 0.4))
    images = images + tf.random.uniform(shape, -35.0, 35.0)
    noise = tf.maximum(tf.random.uniform(shape, -12.0, 12.0), 0)
    images = images + noise * tf.random.normal(tf.shape(images))
    size = tf.random.uniform([2, *shape], 0.1, 0.35) * SIZE
    middle = tf.random.uniform([2, *shape], 0.0, 1.0) * SIZE
    place = tf.range(float(SIZE))
    inside = (tf.abs(place[None, :, None, None] - middle[0]) < size[0] / 2) & (
        tf.abs(place[None, None, :, None] - middle[1]) < size[1] / 2
    )
    erased = inside & (tf.random.uniform(shape) < 0.4)
    images = tf.where(erased, tf.random.uniform(shape, 0.0, 255.0), images)
    return tf.clip_by_value(images, 0.0, 255.0)


def batches(split: Split, batch: int, seed: int) -> tf.data.Dataset:
    """Shuffled, augmented batches ``(pixels, {reading: target})``."""
    data = tf.data.Dataset.from_tensor_slices(tuple(split)).shuffle(len(split.images), seed=seed)
    return (
        data.batch(batch, drop_remainder=True)
        .map(
            lambda x, labels, votes: (relight(warp(x)), {"fer2013": labels, "ferplus": votes}),
            num_parallel_calls=1,
        )
        .prefetch(4)
    )


def enlarge(images: np.ndarray) -> np.ndarray:
    """uint8 (N, 48, 48, 1) -> float32 (N, 96, 96, 1), as the recogniser resizes."""
    return np.stack([cv2.resize(i, (SIZE, SIZE)) for i in images]).astype(np.float32)[..., None]


def logits(model: keras.Model, images: np.ndarray) -> dict[str, np.ndarray]:
    """Logits of each reading for uint8 (N, 48, 48, 1) images."""
    found: dict[str, np.ndarray] = model.predict(enlarge(images), batch_size=128, verbose=0)
    return found


class KeepBest(keras.callbacks.Callback):  # type: ignore[misc]
    """Score each epoch on PublicTest, log it, and keep the best network."""

    def __init__(self, out: Path, public: Split) -> None:
        super().__init__()
        self.out, self.public, self.best = out, public, 0.0

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Score, log, save if better."""
        found = logits(self.model, self.public.images)["fer2013"].argmax(1)
        accuracy = float((found == self.public.labels.argmax(1)).mean())
        if accuracy > self.best:
            self.best = accuracy
            self.model.save(self.out / "best.keras")
        log = {"epoch": epoch, **(logs or {}), "public_accuracy": accuracy}
        with (self.out / "metrics.jsonl").open("a") as file:
            file.write(json.dumps({k: round(float(v), 5) for k, v in log.items()}) + "\n")


def train(args: argparse.Namespace) -> None:
    """Train, keeping ``best.keras`` and ``metrics.jsonl`` under ``args.out``."""
    args.out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(args.seed)
    table = pd.read_csv(args.votes)
    split, public = (load_split(args.data, table, name) for name in ("train", "validation"))
    if args.limit:
        split, public = Split(*(x[:: args.limit] for x in split)), Split(*(x[::20] for x in public))
    data = batches(split, args.batch, args.seed)
    steps = len(split.images) // args.batch
    total = steps * args.epochs
    model = build(args.start)
    schedule = keras.optimizers.schedules.CosineDecay(
        1e-5, total - steps // 2, warmup_target=args.rate, warmup_steps=steps // 2, alpha=1e-3
    )
    crossentropy = keras.losses.CategoricalCrossentropy
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=args.decay),
        loss={
            "fer2013": crossentropy(from_logits=True, label_smoothing=0.1),
            "ferplus": crossentropy(from_logits=True),
        },
    )
    model.fit(data, epochs=args.epochs, callbacks=[KeepBest(args.out, public)], verbose=2)


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="FER-2013 as folders")
    parser.add_argument("--votes", type=Path, required=True, help="labels.csv with the FER+ votes")
    parser.add_argument("--start", type=Path, required=True, help="ImageNet weights without top")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--decay", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--limit", type=int, default=0, help="every n-th image only, to rehearse")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
