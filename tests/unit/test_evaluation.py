import numpy as np
import pytest

from fer_core import evaluation
from fer_core.errors import DatasetError
from fer_core.evaluation.bootstrap import resample
from fer_core.labels import EMOTIONS
from fer_core.models.classifier import softmax


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


@pytest.mark.parametrize(("count", "seed"), [(50, 0), (400, 1), (3000, 2)])
def test_figures_equal_scikit_learns(count: int, seed: int) -> None:
    from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

    random = np.random.default_rng(seed)
    truth = random.permutation(np.arange(count) % 7)
    probabilities = softmax(random.normal(0, 1, (count, 7)).astype(np.float32))
    answers = probabilities.argmax(axis=1)
    found = evaluation.measure(probabilities, truth)
    precision, recall, f1, n = precision_recall_fscore_support(truth, answers, labels=range(7))
    for i, name in enumerate(EMOTIONS):
        one = found.per_class[name]
        assert (one.n, one.recall, one.precision, one.f1) == (
            n[i], pytest.approx(recall[i]), pytest.approx(precision[i]), pytest.approx(f1[i])
        )  # fmt: skip
    assert found.accuracy == pytest.approx(accuracy_score(truth, answers))
    assert found.macro_f1 == pytest.approx(f1.mean())
    matrix = evaluation.confusion_matrix(truth, answers)
    np.testing.assert_array_equal(matrix, confusion_matrix(truth, answers, labels=range(7)))


def cells() -> np.ndarray:
    """Chances of the 49 cells: classes of 9 to 25 %, recalls of 0.45 to 0.9."""
    shares = np.array([0.14, 0.09, 0.14, 0.25, 0.15, 0.13, 0.10])
    recalls = np.array([0.65, 0.55, 0.45, 0.9, 0.75, 0.6, 0.8])
    table = np.repeat((1 - recalls)[:, None] / 6, 7, axis=1)
    np.fill_diagonal(table, recalls)
    return shares[:, None] * table


def test_intervals_cover_the_truth() -> None:
    """800 samples of 1,500 pictures: each interval holds the truth in 93 to 97 % of them."""
    random, chances = np.random.default_rng(3), cells()
    true = evaluation.rates(chances)
    samples = random.multinomial(1500, chances.ravel(), 800).reshape(-1, 7, 7)
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


def test_intervals_of_few_pictures_are_wide() -> None:
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


def test_resamples_keep_the_number_of_pictures_and_the_seed_decides() -> None:
    matrix = np.arange(49).reshape(7, 7)
    drawn = resample(matrix, seed=1, resamples=50)
    assert (drawn.sum(axis=(1, 2)) == matrix.sum()).all()
    assert drawn[:, 0, 0].max() == 0
    np.testing.assert_array_equal(drawn, resample(matrix, 1, 50))
    assert (drawn != resample(matrix, 2, 50)).any()


def test_everything_at_once_leaves_out_what_has_no_truth() -> None:
    probabilities = one_hot([0, 1, 1, 2], 0.895)
    found = evaluation.evaluate(probabilities, np.array([0, 1, -1, 3]), threshold=0.95)
    assert found.figures.n == found.confusion.sum() == 3
    assert found.answered == 0
    plain = found.rounded()
    assert plain["accuracy"] == pytest.approx(2 / 3, abs=1e-4)
    assert plain["accuracy_of_answered"] is None
    low, high = plain["intervals"]["accuracy"]
    assert low < plain["accuracy"] < high
    assert found.curve.answered.tolist() == [1.0] * 90 + [0.0] * 10


def test_no_truth_at_all_is_refused() -> None:
    with pytest.raises(DatasetError, match="Choose other labels"):
        evaluation.evaluate(one_hot([0, 1]), np.array([-1, -1]))


def test_logits_are_divided_by_the_temperature() -> None:
    logits = np.array([[2, 0, 0, 0, 0, 0, 0]], np.float32)
    warm = evaluation.evaluate_logits(logits, np.array([0]), temperature=2)
    sure = np.e / (np.e + 6)
    assert warm.figures.calibration_error == pytest.approx(1 - sure, abs=1e-6)


def test_shifts_even_out_what_is_said_too_often() -> None:
    """A network that says class 1 too often: most of the shift that would make it even."""
    random = np.random.default_rng(0)
    truth = np.repeat(np.arange(7), 500)
    logits = random.normal(0, 1, (3500, 7))
    logits[np.arange(3500), truth] += 2
    uneven = logits + np.log([1, 3, 1, 1, 1, 1, 1])
    shifts = evaluation.fair_shifts(uneven, truth)
    wanted = -np.log(3) * 0.75 * 500 / 505
    assert shifts[1] - shifts[[0, 2, 3, 4, 5, 6]].mean() == pytest.approx(wanted, abs=0.08)
    said = np.bincount((uneven + shifts).argmax(axis=1), minlength=7)
    before = np.bincount(uneven.argmax(axis=1), minlength=7)
    assert abs(said[1] - 500) < 0.35 * abs(before[1] - 500)


def test_shifts_leave_missing_classes_alone() -> None:
    truth = np.array([0, 0, 1, 1])
    assert evaluation.fair_shifts(np.eye(7)[truth] * 3.0, truth)[2:].tolist() == [0.0] * 5
