"""The losses against values worked out by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.pictures_kit import TINY

pytest.importorskip("keras")

from fer_core.training import losses

LOGITS = np.array([[1.0, -2, 0.5, 3, 0, 0.2, -1], [0, 0, 0, 0, 0, 0, 0]], np.float32)
TARGETS = np.array([[0, 0, 0, 1, 0, 0, 0], [0.5, 0, 0, 0, 0.5, 0, 0]], np.float32)


def log_softmax(logits: Any) -> Any:
    powers = np.exp(logits)
    return np.log(powers / powers.sum(axis=1, keepdims=True))


def test_cross_entropy_by_hand() -> None:
    found = np.asarray(losses.cross_entropy(TARGETS, LOGITS))
    np.testing.assert_allclose(found, [-log_softmax(LOGITS)[0, 3], np.log(7)], rtol=1e-5)


def test_smoothing_by_hand() -> None:
    """Of the label 0.4 is left, and every class gets 0.1 more or 0.1."""
    smoothed = np.full((2, 7), 0.1)
    smoothed[0, 3], smoothed[1, [0, 4]] = 0.4, 0.25
    expected = -(smoothed * log_softmax(LOGITS)).sum(axis=1)
    loss = losses.HeadLoss("fer2013", replace(TINY, label_smoothing=0.7), np.full(7, 1 / 7))
    np.testing.assert_allclose(np.asarray(loss.call(TARGETS, LOGITS)), expected, rtol=1e-5)


def test_focal_has_a_gradient_however_wrong_the_network_is() -> None:
    """Keras' own has none here: it clips the probability at 1e-7."""
    import tensorflow as tf

    logits = tf.Variable([[0.0, 20, 0, 0, 0, 0, 0]])
    with tf.GradientTape() as tape:
        loss = losses.focal(TARGETS[:1, [3, 0, 1, 2, 4, 5, 6]], logits, 2.0)
    assert tape.gradient(loss, logits).numpy()[0, 0] == pytest.approx(-1, abs=1e-3)


def test_focal_by_hand() -> None:
    """Even odds: (1 - 1/7)^2 times the cross-entropy; gamma 0 is the cross-entropy."""
    found = np.asarray(losses.focal(TARGETS, LOGITS, 2.0))
    assert found[1] == pytest.approx((6 / 7) ** 2 * np.log(7), rel=1e-5)
    np.testing.assert_allclose(
        np.asarray(losses.focal(TARGETS, LOGITS, 0.0)),
        np.asarray(losses.cross_entropy(TARGETS, LOGITS)), rtol=1e-5,
    )  # fmt: skip


def test_logit_adjustment_by_hand() -> None:
    """With even logits the adjusted loss is that of answering the prior."""
    prior = np.array([0.1, 0.02, 0.18, 0.3, 0.2, 0.1, 0.1], np.float32)
    found = np.asarray(losses.logit_adjusted(TARGETS, LOGITS, prior, 1.0))
    assert found[1] == pytest.approx(-0.5 * np.log(0.1) - 0.5 * np.log(0.2), rel=1e-5)


def test_distillation_by_hand() -> None:
    soft = np.full((2, 7), 1 / 7, np.float32)
    found = np.asarray(losses.distillation(soft, LOGITS, 2.0))
    assert found[1] == pytest.approx(4 * np.log(7), rel=1e-5)


def test_reading_loss_mixes_labels_and_teachers() -> None:
    config = replace(TINY, label_smoothing=0.0, distill_weight=0.25, distill_temperature=1.0)
    loss = losses.HeadLoss("fer2013", config, np.full(7, 1 / 7, np.float32))
    teachers = np.full((2, 7), 1 / 7, np.float32)
    both = np.concatenate([TARGETS, teachers], axis=1)
    wanted = 0.75 * losses.cross_entropy(TARGETS, LOGITS) + 0.25 * losses.cross_entropy(
        teachers, LOGITS
    )
    np.testing.assert_allclose(np.asarray(loss.call(both, LOGITS)), np.asarray(wanted), rtol=1e-5)
