"""Find label errors by confident learning, with predictions of a model that never saw the labels.

A logistic regression learns the given labels from frozen features and predicts each fifth of the
images from the other four. The lower the probability of its given label, the more suspicious an
image.
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
from fer_core.types import Floats, Labels, Probabilities

Features = npt.NDArray[np.float16] | Floats
FOLDS: Final = 5
COMPONENTS: Final = 64
"""Most principal components; one for every ten images where there are fewer than 640."""

STRENGTH: Final = 0.01
"""Inverse regularisation ``C`` of the logistic regression. Chosen with the components on FER-2013's
training labels and features that saw neither them nor FER+: of the 500 least probable labels, the
FER+ majority disagrees with 81% (256 components: 78%; strength 0.003: 79%), and 74% of flipped
labels are in the top 3% (71%; 69%)."""

SAMPLE: Final = 8_192
"""Images that the components are fitted on, and rows transformed in one step."""

MOST_TO_FIT: Final = 40_000
"""Most images that a fold is fitted on; more make it slower, not better."""


def features(
    index: DatasetIndex, classifier: EmotionClassifier, progress: Progress | None = None
) -> Features:
    """Return the model's frozen features of every image, float16 (N, C).

    They are cached with its predictions; see ``predictions.predict_dataset``.

    Args:
        index: Readable images (see ``DatasetIndex.readable``).
        classifier: The model.
        progress: Called with the images computed and their number.

    Raises:
        ModelError: The model gives no features.
        ImageError: A file is missing since the scan.
        CancelledError: ``progress`` asked to stop.
    """
    values = predict_dataset(
        classifier.card, index, mirror=classifier.mirror, progress=progress
    ).features
    if values is None:
        raise ModelError(f"Model {classifier.card.name} gives no features. Choose another model.")
    return values


def out_of_fold(
    features: Features,
    labels: Labels,
    digests: npt.NDArray[np.uint64],
    seed: int = 0,
    progress: Progress | None = None,
) -> Probabilities:
    """Return out-of-fold probabilities: no image is predicted from itself or an exact duplicate.

    Args:
        features: (N, C).
        labels: int64 (N,), positions in ``EMOTIONS``.
        digests: uint64 (N,); images with equal digests share a fold.
        seed: Seed of the folds.
        progress: Called with the folds computed and their number.

    Returns:
        float32 (N, 7); each row sums to 1.

    Raises:
        DatasetError: Fewer than two classes, or too few images of one class or in all.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict

    if len(np.unique(labels)) < 2 or len(labels) < 10 * FOLDS:
        raise _too_few(labels)
    random = np.random.default_rng(seed)
    _, groups = np.unique(digests, return_inverse=True)
    splitter = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    folds = [
        (random.permutation(learned)[:MOST_TO_FIT], predicted)
        for learned, predicted in splitter.split(labels, groups=groups)
    ]
    if any(len(np.unique(labels[learned])) < 2 for learned, _ in folds):
        raise _too_few(labels)  # one fold holds all images of the other class
    if progress:
        progress(0, FOLDS)
    values = _whitened(features, random)
    model = LogisticRegression(C=STRENGTH, max_iter=100, tol=1e-3)
    result = np.zeros((len(labels), len(EMOTIONS)), np.float32)
    result[:, np.unique(labels)] = cross_val_predict(
        model, values, labels, cv=folds, method="predict_proba"
    )
    if progress:
        progress(FOLDS, FOLDS)
    return result


def _too_few(labels: Labels) -> DatasetError:
    return DatasetError(
        f"At least {10 * FOLDS} images of two classes, and several of each, are needed to find "
        f"label errors. Received: {len(labels)} images of {len(np.unique(labels))} classes."
    )


def _whitened(features: Features, random: np.random.Generator) -> Floats:
    """Return the strongest components with variance 1, float32 (N, K): few fit in seconds.

    As scikit-learn's ``PCA(whiten=True, svd_solver="covariance_eigh")``, which computes all of the
    components to keep a twentieth: eight times the time.
    """
    from scipy.linalg import eigh
    from sklearn.preprocessing import StandardScaler

    width = features.shape[1]
    count = min(COMPONENTS, max(len(features) // 10, 16), width)
    rows = np.sort(random.permutation(len(features))[:SAMPLE])
    sample = features[rows].astype(np.float32)
    scaler = StandardScaler().fit(sample)
    covariance = np.cov(scaler.transform(sample), rowvar=False, dtype=np.float32).reshape(width, -1)
    variance, components = eigh(covariance, subset_by_index=(width - count, width - 1))
    strong = variance > variance[-1] * 1e-4  # whitening would amplify noise
    whiten = (components[:, strong] / np.sqrt(variance[strong]))[:, ::-1]
    steps = range(0, len(features), SAMPLE)
    parts = [scaler.transform(features[at : at + SAMPLE].astype(np.float32)) for at in steps]
    return np.concatenate([part @ whiten for part in parts]).astype(np.float32)


def suspects(labels: Labels, probabilities: Probabilities) -> pd.DataFrame:
    """Rank images by the probability of their given label, lowest first.

    Args:
        labels: int64 (N,), positions in ``EMOTIONS``.
        probabilities: float32 (N, 7) of a model that has not seen the labels, as ``out_of_fold``
            returns them.

    Returns:
        A row an image: ``row``, ``suggested`` (the most probable emotion), ``label_quality``
        (cleanlab's self-confidence: the probability of the given label, 0..1), ``flagged`` (bool:
        cleanlab estimates that the label is wrong).
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    present, codes = np.unique(labels, return_inverse=True)
    predicted = probabilities[:, present] + 1e-7
    predicted = predicted / predicted.sum(axis=1, keepdims=True)
    quality = get_label_quality_scores(
        codes, predicted, method="self_confidence", adjust_pred_probs=False
    )
    flagged = find_label_issues(codes, predicted, filter_by="prune_by_noise_rate", n_jobs=1)
    order = np.argsort(quality, kind="stable")
    names = np.asarray(EMOTIONS, object)[present[predicted.argmax(axis=1)]]
    return pd.DataFrame(
        {
            "row": order,
            "suggested": names[order],
            "label_quality": quality[order].astype(np.float32),
            "flagged": np.asarray(flagged, np.bool_)[order],
        }
    )
