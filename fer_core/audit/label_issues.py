"""Find labels that are probably wrong, by asking a model that has not seen them.

A linear head learns the given labels from frozen features, each fifth of the images from the other
four; an image is the more suspicious the less its own label is believed of it.
Source: Northcutt et al., Confident learning: estimating uncertainty in dataset labels, 2021.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from fer_core.dataset.index import DatasetIndex
from fer_core.errors import DatasetError, ModelError
from fer_core.evaluation.predictions import predict_dataset
from fer_core.labels import EMOTIONS
from fer_core.models.classifier import EmotionClassifier
from fer_core.system.parallel import Progress
from fer_core.types import Probabilities

Features = npt.NDArray[np.float16] | npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]

FOLDS: Final = 5
COMPONENTS: Final = 64
"""Most components kept; one for every ten images where there are fewer than 640."""

STRENGTH: Final = 0.01
"""Inverse regularisation of the head. Chosen with the components on FER-2013's training labels and
features that saw neither them nor FER+: of the 500 labels believed least, the FER+ majority
disagrees with 81 % (256 components: 78 %; strength 0.003: 79 %), and 74 % of flipped labels are in
the top 3 % (71 %; 69 %)."""

SAMPLE: Final = 8_192
"""Images from which the components are estimated, and rows converted at a time."""

MOST_TO_FIT: Final = 40_000
"""A head learns from at most so many images; more make it slower, not better."""


def features(
    index: DatasetIndex, classifier: EmotionClassifier, progress: Progress | None = None
) -> Features:
    """Return the model's frozen features of every image, float16 (N, C).

    They are cached with its predictions; see ``predictions.predict_dataset``.

    Raises:
        ModelError: The model gives no features.
        ImageError: A file has gone since the scan.
        CancelledError: ``progress`` asked to stop.
    """
    values = predict_dataset(classifier.card, index, progress=progress).features
    if values is None:
        raise ModelError(f"Model {classifier.card.name} gives no features. Choose another model.")
    return values


def out_of_fold(
    features: Features,
    labels: Codes,
    digests: npt.NDArray[np.uint64],
    seed: int = 0,
    progress: Progress | None = None,
) -> Probabilities:
    """What a linear head says of each image when neither it nor an exact copy was learnt from.

    Args:
        features: (N, C).
        labels: int64 (N,), places in ``EMOTIONS``.
        digests: uint64 (N,); images with equal digests share a fold.
        seed: Of the folds.
        progress: See ``chunks.Progress``; counts folds.

    Returns:
        float32 (N, 7); each row sums to 1.

    Raises:
        DatasetError: Fewer than two classes, or too few images, of one of them or in all, to hold
            some back.
    """
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(labels)) < 2 or len(labels) < 10 * FOLDS:
        raise _too_few(labels)
    random = np.random.default_rng(seed)
    _, groups = np.unique(digests, return_inverse=True)
    fold = random.permutation(groups.max() + 1)[groups] % FOLDS
    values = _whiten(features, random)
    result = np.zeros((len(labels), len(EMOTIONS)), np.float32)
    for number in range(FOLDS):
        learnt = random.permutation(np.flatnonzero(fold != number))[:MOST_TO_FIT]
        if len(np.unique(labels[learnt])) < 2:  # all of the other class are held back
            raise _too_few(labels)
        head = LogisticRegression(C=STRENGTH, max_iter=100, tol=1e-3)
        head.fit(values[learnt], labels[learnt])
        held = fold == number
        result[np.ix_(held, head.classes_)] = head.predict_proba(values[held])
        if progress:
            progress(number + 1, FOLDS)
    return result


def _too_few(labels: Codes) -> DatasetError:
    return DatasetError(
        f"At least {10 * FOLDS} images of two classes, and several of each, are needed to judge "
        f"labels. Received: {len(labels)} images of {len(np.unique(labels))} classes."
    )


def _whiten(features: Features, random: np.random.Generator) -> npt.NDArray[np.float32]:
    """The strongest components, each with variance 1: few, so that a head is learnt in seconds."""
    sample = features[np.sort(random.permutation(len(features))[:SAMPLE])].astype(np.float32)
    middle, spread = sample.mean(axis=0), sample.std(axis=0) + 1e-3
    sample = (sample - middle) / spread
    strength, axes = np.linalg.eigh(sample.T @ sample / len(sample))
    keep = strength > max(strength[-1] * 1e-4, 1e-6)
    keep[: -min(COMPONENTS, max(len(features) // 10, 16))] = False
    change = axes[:, keep] / np.sqrt(strength[keep])
    parts = range(0, len(features), SAMPLE)
    return np.concatenate(
        [((features[at : at + SAMPLE] - middle) / spread @ change) for at in parts]
    ).astype(np.float32)


def suspects(labels: Codes, probabilities: Probabilities) -> pd.DataFrame:
    """Rank images by how little their label is believed.

    Args:
        labels: int64 (N,), places in ``EMOTIONS``.
        probabilities: float32 (N, 7), out of fold: from ``out_of_fold`` or a training run's own.

    Returns:
        A row an image, most suspicious first: ``row``, ``suggested`` (the likeliest emotion),
        ``belief`` (probability of the given label), ``flagged`` (cleanlab's estimate of those that
        are wrong).
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    present, codes = np.unique(labels, return_inverse=True)
    chances = probabilities[:, present] + 1e-7
    chances = chances / chances.sum(axis=1, keepdims=True)
    quality = get_label_quality_scores(
        codes, chances, method="self_confidence", adjust_pred_probs=False
    )
    flagged = find_label_issues(codes, chances, filter_by="prune_by_noise_rate", n_jobs=1)
    order = np.argsort(quality, kind="stable")
    names = np.asarray(EMOTIONS, object)[present[chances.argmax(axis=1)]]
    return pd.DataFrame(
        {
            "row": order,
            "suggested": names[order],
            "belief": quality[order].astype(np.float32),
            "flagged": np.asarray(flagged, np.bool_)[order],
        }
    )
