import numpy as np
import pytest

from fer_core import evaluation
from fer_core.classifier import softmax


def one_hot(answers: list[int], confidence: float = 1.0) -> np.ndarray:
    rows = np.full((len(answers), 7), (1 - confidence) / 6, np.float32)
    rows[np.arange(len(answers)), answers] = confidence
    return rows


def test_figures_of_a_case_worked_by_hand() -> None:
    """Classes 0 and 1, three and one pictures; one 0 is taken for 1."""
    found = evaluation.measure(one_hot([0, 0, 1, 1]), np.array([0, 0, 0, 1]))
    assert (found.n, found.accuracy) == (4, 0.75)
    zero, one = found.per_class["angry"], found.per_class["disgust"]
    assert (zero.n, zero.recall, zero.precision) == (3, pytest.approx(2 / 3), 1.0)
    assert (one.n, one.recall, one.precision) == (1, 1.0, 0.5)
    assert zero.f1 == pytest.approx(0.8)
    assert one.f1 == pytest.approx(2 / 3)
    assert (zero.bias_ratio, one.bias_ratio) == (pytest.approx(2 / 3), 2.0)
    assert found.macro_f1 == pytest.approx((0.8 + 2 / 3) / 2)
    assert found.per_class["happy"] == evaluation.ClassFigures(0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("confidence", "answers", "truth", "error"),
    [
        (1.0, [0, 1, 2, 3], [0, 1, 2, 3], 0.0),
        (1.0, [0, 1, 2, 3], [1, 2, 3, 4], 1.0),
        (0.75, [0, 1, 2, 3], [0, 1, 2, 4], 0.0),
        (0.9, [0, 1, 2, 3], [0, 1, 3, 4], 0.4),
    ],
)
def test_calibration_error_worked_by_hand(
    confidence: float, answers: list, truth: list, error: float
) -> None:
    found = evaluation.calibration_error(one_hot(answers, confidence), np.array(truth))
    assert found == pytest.approx(error, abs=1e-6)


def test_the_temperature_that_made_the_logits_is_found() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 7)).astype(np.float32)
    truth = (softmax(logits).cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1)
    for factor in (0.5, 1.0, 2.5):
        found = evaluation.fit_temperature(logits * np.float32(factor), truth)
        assert found == pytest.approx(factor, rel=0.08)


def test_abstaining() -> None:
    sure, unsure = one_hot([0] * 80, 0.95), one_hot([0] * 40, 0.4)
    probabilities = np.concatenate([sure, unsure])
    truth = np.array([0] * 80 + [0] * 10 + [1] * 30)
    assert evaluation.abstain_threshold(probabilities, truth, most=1.0) == pytest.approx(
        0.45, abs=0.02
    )
    assert evaluation.abstain_threshold(probabilities, truth, most=0.1) == pytest.approx(0.4)
    assert evaluation.coverage(probabilities, truth, 0.5) == (pytest.approx(2 / 3), 1.0)
    assert evaluation.abstain_threshold(sure, truth[:80]) == 0.0


@pytest.mark.parametrize(("count", "truths"), [(0, 0), (3, 2)])
def test_nothing_to_measure_is_refused(count: int, truths: int) -> None:
    with pytest.raises(ValueError, match="Received"):
        evaluation.measure(one_hot([0] * count), np.zeros(truths, np.int64))
