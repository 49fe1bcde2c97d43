"""Targets and class weights against scikit-learn and hand-computed values."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from fer_core.errors import TrainingError
from fer_core.training import targets
from fer_core.training.arrays import Samples
from fer_core.training.config import TrainConfig

COUNTS = np.array([40, 4, 35, 70, 50, 48, 30])


def samples(labels: list[int], votes: list[list[float]] | None = None) -> Samples:
    count = len(labels)
    return Samples(
        pixels=np.zeros((count, 8, 8, 1), np.uint8),
        labels=np.asarray(labels, np.int64),
        votes=None if votes is None else np.asarray(votes, np.float32),
        majority=None,
        files=tuple(f"{n}.png" for n in range(count)),
    )


def test_balanced_weights_are_scikit_learns() -> None:
    labels = np.repeat(np.arange(7), COUNTS)
    ours = targets.weights_of(COUNTS, TrainConfig(class_weights="balanced"))
    theirs = compute_class_weight("balanced", classes=np.arange(7), y=labels)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_effective_weights_by_hand() -> None:
    """Beta 0.5: effective numbers 1, 1.5 and 1.75, so weights 1, 2/3 and 4/7 before scaling."""
    counts = np.array([1, 2, 3, 0, 0, 0, 0])
    raw = np.array([1, 2 / 3, 4 / 7])
    np.testing.assert_allclose(
        targets.effective_weights(counts, 0.5)[:3], raw / raw.mean(), rtol=1e-6
    )
    assert not targets.effective_weights(counts, 0.5)[3:].any()


def test_class_balanced_loss_weighs_by_effective_number() -> None:
    config = TrainConfig(loss="class_balanced")
    np.testing.assert_array_equal(
        targets.weights_of(COUNTS, config), targets.effective_weights(COUNTS, 0.999)
    )


def test_pictures_without_votes_do_not_count_for_that_reading() -> None:
    votes = [[0, 0, 0, 0.8, 0.2, 0, 0], [0] * 7]
    made = targets.make(samples([3, 5], votes), TrainConfig(ferplus_weight=2.0))
    assert made.weights["ferplus"].tolist() == [2.0, 0.0]
    assert made.weights["fer2013"].tolist() == [1.0, 1.0]
    np.testing.assert_array_equal(made.values["fer2013"].argmax(axis=1), [3, 5])
    np.testing.assert_allclose(made.values["ferplus"], votes, rtol=1e-6)


def test_teachers_stand_behind_the_labels() -> None:
    logits = np.array([[2.0, 0, 0, 0, 0, 0, 0]], np.float32)
    config = TrainConfig(heads=("fer2013",), distill_temperature=2.0)
    made = targets.make(samples([1]), config, {"fer2013": logits})
    soft = made.values["fer2013"][0, 7:]
    assert soft[0] == pytest.approx(np.e / (np.e + 6))
    assert soft.sum() == pytest.approx(1)


def test_a_teacher_that_cannot_be_opened_is_a_training_error(
    model_copy: Path, tmp_path: Path
) -> None:
    from fer_core.training import distillation

    config = TrainConfig(teachers=(str(model_copy),))
    few = samples([0, 1])
    (model_copy / "model.tflite").write_bytes(b"damaged")
    with pytest.raises(TrainingError, match=r"teachers: .*model\.tflite is missing, damaged"):
        distillation.logits(config, few, tmp_path)
    (model_copy / "model.tflite").unlink()
    with pytest.raises(TrainingError, match=r"teachers: .*model\.tflite: cannot be read"):
        distillation.logits(config, few, tmp_path)
