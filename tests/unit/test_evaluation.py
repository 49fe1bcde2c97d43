import json

import numpy as np
import pytest

from fer_core import evaluation
from fer_core.errors import DatasetError
from fer_core.evaluation.bootstrap import resample
from fer_core.labels import EMOTIONS
from fer_core.models.softmax import softmax


def one_hot(y_pred: list[int], confidence: float = 1.0) -> np.ndarray:
    rows = np.full((len(y_pred), 7), (1 - confidence) / 6, np.float32)
    rows[np.arange(len(y_pred)), y_pred] = confidence
    return rows


def test_metrics_of_a_case_worked_by_hand() -> None:
    """Classes 0 and 1, three and one images; one 0 is taken for 1."""
    found = evaluation.compute_metrics(one_hot([0, 0, 1, 1]), np.array([0, 0, 0, 1]))
    assert (found.n, found.accuracy) == (4, 0.75)
    zero, one = found.per_class["angry"], found.per_class["disgust"]
    assert (zero.n, zero.recall, zero.precision) == (3, pytest.approx(2 / 3), 1.0)
    assert (one.n, one.recall, one.precision) == (1, 1.0, 0.5)
    assert zero.f1 == pytest.approx(0.8)
    assert one.f1 == pytest.approx(2 / 3)
    assert (zero.prediction_ratio, one.prediction_ratio) == (pytest.approx(2 / 3), 2.0)
    assert found.macro_f1 == pytest.approx((0.8 + 2 / 3) / 2)
    assert found.per_class["happy"] == evaluation.ClassMetrics(0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("confidence", "y_pred", "y_true", "error"),
    [
        (1.0, [0, 1, 2, 3], [0, 1, 2, 3], 0.0),
        (1.0, [0, 1, 2, 3], [1, 2, 3, 4], 1.0),
        (0.75, [0, 1, 2, 3], [0, 1, 2, 4], 0.0),
        (0.9, [0, 1, 2, 3], [0, 1, 3, 4], 0.4),
    ],
)
def test_calibration_error_worked_by_hand(
    confidence: float, y_pred: list, y_true: list, error: float
) -> None:
    found = evaluation.calibration_error(one_hot(y_pred, confidence), np.array(y_true))
    assert found == pytest.approx(error, abs=1e-6)


def test_the_temperature_that_made_the_logits_is_found() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 7)).astype(np.float32)
    y_true = (softmax(logits).cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1)
    for factor in (0.5, 1.0, 2.5):
        found = evaluation.fit_temperature(logits * np.float32(factor), y_true)
        assert found == pytest.approx(factor, rel=0.08)


def test_abstaining() -> None:
    confident, doubtful = one_hot([0] * 80, 0.95), one_hot([0] * 40, 0.4)
    probabilities = np.concatenate([confident, doubtful])
    y_true = np.array([0] * 80 + [0] * 10 + [1] * 30)
    assert evaluation.abstain_threshold(probabilities, y_true, max_abstained=1.0) == pytest.approx(
        0.45, abs=0.02
    )
    assert evaluation.abstain_threshold(probabilities, y_true, max_abstained=0.1) == pytest.approx(
        0.4
    )
    assert evaluation.coverage(probabilities, y_true, 0.5) == (pytest.approx(2 / 3), 1.0)
    assert evaluation.abstain_threshold(confident, y_true[:80]) == 0.0


@pytest.mark.parametrize(("count", "labels"), [(0, 0), (3, 2)])
def test_nothing_to_measure_is_refused(count: int, labels: int) -> None:
    with pytest.raises(ValueError, match="Received"):
        evaluation.compute_metrics(one_hot([0] * count), np.zeros(labels, np.int64))


@pytest.mark.parametrize(("count", "seed"), [(50, 0), (400, 1), (3000, 2)])
def test_metrics_equal_scikit_learns(count: int, seed: int) -> None:
    from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

    random = np.random.default_rng(seed)
    y_true = random.permutation(np.arange(count) % 7)
    probabilities = softmax(random.normal(0, 1, (count, 7)).astype(np.float32))
    y_pred = probabilities.argmax(axis=1)
    found = evaluation.compute_metrics(probabilities, y_true)
    precision, recall, f1, n = precision_recall_fscore_support(y_true, y_pred, labels=range(7))
    for i, name in enumerate(EMOTIONS):
        one = found.per_class[name]
        assert (one.n, one.recall, one.precision, one.f1) == (
            n[i], pytest.approx(recall[i]), pytest.approx(precision[i]), pytest.approx(f1[i])
        )  # fmt: skip
    assert found.accuracy == pytest.approx(accuracy_score(y_true, y_pred))
    assert found.macro_f1 == pytest.approx(f1.mean())
    matrix = evaluation.confusion_matrix(y_true, y_pred)
    np.testing.assert_array_equal(matrix, confusion_matrix(y_true, y_pred, labels=range(7)))


def cells() -> np.ndarray:
    """Chances of the 49 cells: classes of 9 to 25 %, recalls of 0.45 to 0.9."""
    shares = np.array([0.14, 0.09, 0.14, 0.25, 0.15, 0.13, 0.10])
    recalls = np.array([0.65, 0.55, 0.45, 0.9, 0.75, 0.6, 0.8])
    table = np.repeat((1 - recalls)[:, None] / 6, 7, axis=1)
    np.fill_diagonal(table, recalls)
    return shares[:, None] * table


def test_intervals_cover_the_true_value() -> None:
    """800 samples of 1,500 images: each interval holds the true value in 93 to 97 % of them."""
    random, shares = np.random.default_rng(3), cells()
    true = evaluation.rates(shares)
    samples = random.multinomial(1500, shares.ravel(), 800).reshape(-1, 7, 7)
    hits = dict.fromkeys(("accuracy", "macro_f1", *EMOTIONS), 0)
    for seed, matrix in enumerate(samples):
        found = evaluation.bootstrap(matrix, seed, resamples=300)
        for name in ("accuracy", "macro_f1"):
            interval = getattr(found, name)
            hits[name] += interval.low <= getattr(true, name) <= interval.high
        for i, name in enumerate(EMOTIONS):
            pairs = found.per_class[name].items()
            inside = [r.low <= getattr(true, rate)[i] <= r.high for rate, r in pairs]
            hits[name] += np.mean(inside)
    for name, count in hits.items():
        assert 0.93 <= count / len(samples) <= 0.97, (name, count / len(samples))


def test_intervals_of_few_images_are_wide() -> None:
    matrix = np.zeros((7, 7), np.int64)
    matrix[0, 0], matrix[1, 3] = 10, 5
    found = evaluation.bootstrap(matrix).per_class
    assert found["angry"]["recall"].low == pytest.approx(0.025 ** (1 / 10))
    assert found["angry"]["recall"].high == 1
    assert (found["disgust"]["recall"].low, found["disgust"]["recall"].high) == (
        0, pytest.approx(1 - 0.025 ** (1 / 5))
    )  # fmt: skip
    assert (found["sad"]["recall"].low, found["sad"]["recall"].high) == (0, 1)
    assert found["disgust"]["f1"].text() == "–"  # never right: the resamples tell nothing
    assert found["disgust"]["recall"].text(3) == "0.000–0.522"
    right = evaluation.bootstrap(np.diag([4, 0, 0, 6, 0, 0, 0])).accuracy
    assert (right.low, right.high) == (pytest.approx(0.025 ** (1 / 10)), 1)
    wrong = evaluation.bootstrap(np.diag([4, 6], k=5)).accuracy
    assert (wrong.low, wrong.high) == (0, pytest.approx(1 - 0.025 ** (1 / 10)))


def test_resamples_keep_the_number_of_images_and_the_seed_decides() -> None:
    matrix = np.arange(49).reshape(7, 7)
    drawn = resample(matrix, seed=1, resamples=50)
    assert (drawn.sum(axis=(1, 2)) == matrix.sum()).all()
    assert drawn[:, 0, 0].max() == 0
    np.testing.assert_array_equal(drawn, resample(matrix, 1, 50))
    assert (drawn != resample(matrix, 2, 50)).any()


def test_images_without_a_label_are_left_out() -> None:
    probabilities = one_hot([0, 1, 1, 2], 0.895)
    found = evaluation.evaluate(probabilities, np.array([0, 1, -1, 3]), threshold=0.95)
    assert found.metrics.n == found.confusion.sum() == 3
    assert found.coverage == 0
    plain = found.rounded()
    assert plain["accuracy"] == pytest.approx(2 / 3, abs=1e-4)
    assert plain["selective_accuracy"] is None
    low, high = plain["intervals"]["accuracy"]
    assert low < plain["accuracy"] < high
    assert found.curve.coverage.tolist() == [1.0] * 90 + [0.0] * 10


def test_no_label_at_all_is_refused() -> None:
    with pytest.raises(DatasetError, match="Choose other labels"):
        evaluation.evaluate(one_hot([0, 1]), np.array([-1, -1]))


def test_logits_are_divided_by_the_temperature() -> None:
    logits = np.array([[2, 0, 0, 0, 0, 0, 0]], np.float32)
    warm = evaluation.evaluate_logits(logits, np.array([0]), temperature=2)
    confidence = np.e / (np.e + 6)
    assert warm.metrics.calibration_error == pytest.approx(1 - confidence, abs=1e-6)


def test_prior_correction_evens_out_the_shares() -> None:
    """A network that over-predicts class 1: most of the shift that would make it even."""
    random = np.random.default_rng(0)
    y_true = np.repeat(np.arange(7), 500)
    logits = random.normal(0, 1, (3500, 7))
    logits[np.arange(3500), y_true] += 2
    uneven = logits + np.log([1, 3, 1, 1, 1, 1, 1])
    shifts = evaluation.prior_correction(uneven, y_true)
    expected = -np.log(3) * 0.75 * 500 / 505
    assert shifts[1] - shifts[[0, 2, 3, 4, 5, 6]].mean() == pytest.approx(expected, abs=0.08)
    predicted = np.bincount((uneven + shifts).argmax(axis=1), minlength=7)
    uncorrected = np.bincount(uneven.argmax(axis=1), minlength=7)
    assert abs(predicted[1] - 500) < 0.35 * abs(uncorrected[1] - 500)


def test_prior_correction_leaves_missing_classes_alone() -> None:
    y_true = np.array([0, 0, 1, 1])
    assert evaluation.prior_correction(np.eye(7)[y_true] * 3.0, y_true)[2:].tolist() == [0.0] * 5


def test_a_card_gives_the_evaluation_back() -> None:
    random = np.random.default_rng(0)
    probabilities = softmax(random.normal(0, 2, (300, 7)).astype(np.float32))
    measured = evaluation.evaluate(probabilities, random.integers(0, 7, 300), threshold=0.4)
    stored = json.loads(json.dumps(measured.rounded(9)))
    restored = evaluation.Evaluation.from_dict(stored)
    assert restored.rounded(4) == measured.rounded(4)
    assert restored.reliability.error == pytest.approx(measured.reliability.error, abs=1e-6)
    for threshold in (0.0, 0.4, 0.95):
        assert restored.curve.at(threshold) == pytest.approx(measured.curve.at(threshold), abs=1e-6)


def test_a_card_of_the_first_version_opens() -> None:
    """It says bias_ratio, answered and accuracy_of_answered, and has no curves."""
    measured = evaluation.evaluate(one_hot([0, 1, 1, 2], 0.9), np.array([0, 1, 2, 2]), 0.5)
    stored = measured.rounded()
    del stored["reliability"], stored["coverage_curve"]
    stored["answered"] = stored.pop("coverage")
    stored["accuracy_of_answered"] = stored.pop("selective_accuracy")
    for table in (stored["per_class"], stored["intervals"]["per_class"]):
        for values in table.values():
            values["bias_ratio"] = values.pop("prediction_ratio")
    restored = evaluation.Evaluation.from_dict(stored)
    assert restored.reliability is None
    assert restored.curve is None
    assert restored.metrics.per_class["disgust"].prediction_ratio == 2.0
    assert restored.intervals.per_class["disgust"]["prediction_ratio"].low <= 2.0
    assert (restored.coverage, restored.selective_accuracy) == (1.0, 0.75)
