"""The output ``quality``: covered, blurred, too dark, turned or not a face, from pooled features.

A logistic regression for each reason on the features of training images, of which two in three are
made unfit in one way each; it becomes one more dense layer of the network. Thresholds come from
the validation images as they are, so that few good faces are refused.
"""

from collections.abc import Callable
from typing import Final

import cv2
import keras
import numpy as np
from scipy.special import expit

from fer_core.dataset import DatasetIndex, image_reading
from fer_core.images.corruptions import CORRUPTIONS
from fer_core.images.crop import network_input
from fer_core.images.occluders import OCCLUDERS
from fer_core.models.quality import QUALITY, Quality
from fer_core.types import Floats, Labels, Pixels

BATCH: Final = 128

NEVER: Final = -20.0
"""Logit of a reason of which there was no example."""

IMAGES: Final = 6000
"""Training images at most."""

REFUSED: Final = 0.01
"""Share of the validation images that each reason may refuse."""

LEAST: Final = 0.3
MOST: Final = 0.99
"""Limits of the thresholds."""

MIN_SIDE: Final = 20
"""A face narrower than this in its image is too small to judge; see docs/model.md."""

INVERSE_STRENGTH: Final = 0.01
"""``C`` of scikit-learn's logistic regression on standardized features. On PublicTest at equal
shares of refused good faces 0.01 refuses more covered faces than 0.003, 0.001 and less."""

MILD: Final = (
    ("blur", 0.2, 1.0), ("dark", 0.25, 0.9), ("jpeg", 30, 90), ("noise", 1, 15),
    ("roll", 0, 25), ("shift", 0, 12), ("resolution", 22, 40), ("occlusion", 1, 12),
)  # fmt: skip
"""Corruptions and severities that are no reason to refuse a face."""

Change = Callable[[Pixels, np.random.Generator], Pixels]


def _mild(face: Pixels, random: np.random.Generator) -> Pixels:
    """Return the face as it is, or with one of ``MILD``."""
    if random.random() < 0.5:
        return face
    name, low, high = MILD[random.integers(len(MILD))]
    return CORRUPTIONS[name].apply(face, random.uniform(low, high), random)


def _covered(face: Pixels, random: np.random.Generator) -> Pixels:
    pairs = [*OCCLUDERS.items(), (CORRUPTIONS["occlusion"].apply, (25, 40))]
    occluder, (low, high) = pairs[random.integers(len(pairs))]
    return occluder(face, random.uniform(low, high), random)


def _blurred(face: Pixels, random: np.random.Generator) -> Pixels:
    if random.random() < 0.5:
        return CORRUPTIONS["blur"].apply(face, random.uniform(2, 3.5), random)
    return CORRUPTIONS["resolution"].apply(face, random.uniform(7, 13), random)


def _dark(face: Pixels, random: np.random.Generator) -> Pixels:
    face = CORRUPTIONS["dark"].apply(face, random.uniform(0.03, 0.13), random)
    return CORRUPTIONS["noise"].apply(face, random.uniform(0, 5), random)


def _turned(face: Pixels, random: np.random.Generator) -> Pixels:
    return CORRUPTIONS["roll"].apply(face, random.uniform(60, 180), random)


def _no_face(face: Pixels, random: np.random.Generator) -> Pixels:
    """Return nine parts of the face in another order, or clouds, uint8 as ``face``."""
    height, width = face.shape[:2]
    if random.random() < 0.5:
        rows, columns = np.linspace(0, height, 4).astype(int), np.linspace(0, width, 4).astype(int)
        cells = [(row, column) for row in range(3) for column in range(3)]
        result = face.copy()
        for (row, column), source in zip(cells, random.permutation(9), strict=True):
            y, x = (int(v) for v in divmod(source, 3))
            part = face[rows[y] : rows[y + 1], columns[x] : columns[x + 1]]
            target = result[rows[row] : rows[row + 1], columns[column] : columns[column + 1]]
            target[:] = cv2.resize(part, target.shape[1::-1]).reshape(target.shape)
        return result
    clouds = cv2.GaussianBlur(
        random.normal(0, 1, (height, width)), (0, 0), random.uniform(0.02, 0.2) * width
    )
    clouds = (clouds - clouds.mean()) / max(float(clouds.std()), 1e-6) * random.uniform(20, 60)
    grey = np.clip(clouds + random.uniform(60, 190), 0, 255).astype(np.uint8)
    return grey if face.ndim == 2 else np.repeat(grey[..., None], face.shape[2], axis=2)


UNFIT: Final[dict[str, Change]] = {
    "covered": _covered, "blurred": _blurred, "too dark": _dark, "turned": _turned,
    "not a face": _no_face,
}  # fmt: skip
"""By reason, in the order in which reasons are given where several hold."""

SHARES: Final = (0.4, 0.2, 0.1, 0.15, 0.15)
"""Of the unfit images, by reason: coverings are the hardest to tell."""


def attach(network: keras.Model, index: DatasetIndex, size: int, channels: int) -> keras.Model:
    """Return the network with one more output, ``quality``: a logit for each of ``UNFIT``.

    Args:
        network: With the layer ``pooled``; an older output of that name is replaced.
        index: Training images, all readable.
        size: Side of its input in pixels.
        channels: 1 or 3.
    """
    pooled = network.get_layer("pooled").output
    body = keras.Model(network.inputs[0], pooled)
    faces, reasons = unfit_faces(index, size)
    parts = [
        body.predict_on_batch(network_input(faces[at : at + BATCH], size, channels))
        for at in range(0, len(faces), BATCH)
    ]
    weights, bias = fit(np.concatenate(parts), reasons, len(UNFIT))
    dense = keras.layers.Dense(len(UNFIT), name=QUALITY)
    outputs = {n: network.get_layer(n).output for n in network.output_names if n != QUALITY}
    outputs[QUALITY] = dense(pooled)
    dense.set_weights([weights, bias])
    return keras.Model(network.inputs[0], outputs, name=network.name)


def unfit_faces(index: DatasetIndex, size: int, seed: int = 0) -> tuple[list[Pixels], Labels]:
    """Return training images, most of them unfit, and the reason of each: int64 (N,).

    Args:
        index: Readable images.
        size: Side in pixels that larger ones are scaled down to.
        seed: Decides everything.

    Returns:
        Images uint8 (H, W) or (H, W, 3); reasons are positions in ``UNFIT``, -1 for none.
    """
    random = np.random.default_rng(seed)
    rows = random.permutation(len(index))[:IMAGES]
    reasons = random.choice(len(UNFIT), len(rows), p=SHARES)
    reasons[random.random(len(rows)) < 1 / 3] = -1
    changes = [*UNFIT.values(), _mild]
    faces = image_reading.crops(index, rows.tolist(), size)
    pairs = zip(faces, reasons, strict=True)
    return [changes[reason](face, random) for face, reason in pairs], reasons


def fit(features: Floats, reasons: Labels, count: int) -> tuple[Floats, Floats]:
    """Return weights (C, K) and bias (K,) of a logistic regression for each reason.

    Args:
        features: float32 (N, C).
        reasons: int64 (N,), -1 for none.
        count: K.
    """
    from sklearn.linear_model import LogisticRegression

    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
    scaled = (features - mean) / deviation
    columns: list[tuple[Floats, float]] = []
    for reason in range(count):
        if not (reasons == reason).any() or (reasons == reason).all():
            columns.append((np.zeros(features.shape[1], np.float32), NEVER))
            continue
        regression = LogisticRegression(C=INVERSE_STRENGTH, max_iter=300)
        regression.fit(scaled, reasons == reason)
        weights = regression.coef_[0] / deviation
        columns.append((weights, regression.intercept_[0] - weights @ mean))
    weights, bias = zip(*columns, strict=True)
    return np.stack(weights, axis=1).astype(np.float32), np.array(bias, np.float32)


def rule(logits: Floats) -> Quality:
    """Return the rule whose reasons each refuse ``REFUSED`` of good faces or less.

    Args:
        logits: float32 (N, K), of validation images as they are.
    """
    limits = np.quantile(expit(logits), 1 - REFUSED, axis=0)
    above = (round(float(min(max(limit, LEAST), MOST)), 2) for limit in limits)
    return Quality(tuple(UNFIT), tuple(above), MIN_SIDE)
