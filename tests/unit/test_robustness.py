from collections.abc import Callable

import numpy as np
import pytest

from fer_core.errors import CancelledError
from fer_core.evaluation import Pictures, measure_robustness
from fer_core.evaluation.robustness import EVERY, STANDARD, plain
from fer_core.images.corruptions import STRAINS
from fer_core.types import Pixels


class Light:
    """Answers happy for bright pictures and sad for dark ones."""

    def predict(self, crops: list[Pixels]) -> np.ndarray:
        found = np.zeros((len(crops), 7), np.float32)
        for row, crop in enumerate(crops):
            found[row, 3 if crop.mean() > 100 else 5] = 1
        return found


@pytest.mark.parametrize("name", STRAINS)
@pytest.mark.parametrize("shape", [(48, 48), (96, 96, 3), (50, 30)])
def test_strains_keep_shape_and_type(name: str, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, shape, np.uint8)
    before = pixels.copy()
    strain = STRAINS[name]
    assert strain.standard in strain.levels
    for level in strain.levels:
        changed = strain.apply(pixels, level, random)
        assert (changed.shape, changed.dtype) == (shape, np.uint8)
        assert (changed != pixels).any()
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("name", STRAINS)
def test_harder_levels_change_more(name: str, picture: Callable[[int], Pixels]) -> None:
    strain = STRAINS[name]
    change = []
    for level in strain.levels:
        random = np.random.default_rng(4)
        parts = [
            np.abs(strain.apply(picture(i), level, random).astype(int) - picture(i)).mean()
            for i in range(12)
        ]
        change.append(np.mean(parts))
    assert min(change) == change[0] < change[-1] == max(change)


def test_a_shift_moves_by_its_share() -> None:
    line = np.zeros((40, 40), np.uint8)
    line[:, 20] = line[20, :] = 200
    moved = {
        tuple(np.argmax(STRAINS["shift"].apply(line, 10, np.random.default_rng(s)).sum(axis=axis)) for axis in (0, 1))
        for s in range(40)
    }  # fmt: skip
    assert moved == {(16, 20), (24, 20), (20, 16), (20, 24)}


def test_a_reader_of_light_fails_in_the_dark_and_nowhere_else() -> None:
    crops = [np.full((48, 48), value, np.uint8) for value in (200, 180, 60, 40)] * 3
    pictures = Pictures(crops, np.array([3, 3, 5, 5] * 3))
    rows = {row.strain: row for row in measure_robustness(Light(), pictures)}
    assert list(rows) == ["", *STRAINS]
    assert rows[""].accuracy == rows["blur"].accuracy == rows["shift"].accuracy == 1
    assert (rows["dark"].accuracy, rows["dark"].drop) == (0.5, 0.5)
    assert rows["dark"].bias_ratio[5] == 2
    assert plain(list(rows.values()))[3] == {
        "strain": "dark", "level": 0.3, "accuracy": 0.5, "macro_f1": pytest.approx(1 / 3, abs=1e-4),
        "drop": 0.5,
    }  # fmt: skip


def test_the_seed_decides_everything(picture: Callable[[int], Pixels]) -> None:
    pictures = Pictures([picture(i) for i in range(30)], np.array([3, 5] * 15))
    steps = [("noise", 40.0), ("occlusion", 30.0)]
    first, again = (measure_robustness(Light(), pictures, steps, seed=5) for _ in range(2))
    assert first == again


def test_progress_counts_pictures_and_may_stop(picture: Callable[[int], Pixels]) -> None:
    pictures = Pictures([picture(i) for i in range(10)], np.zeros(10, np.int64))
    seen: list = []
    measure_robustness(Light(), pictures, STANDARD, progress=lambda *at: seen.append(at))
    assert seen[-1] == (80, 80)
    assert len(EVERY) == 34

    def stop(done: int, total: int) -> None:
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        measure_robustness(Light(), pictures, STANDARD, progress=stop)


@pytest.mark.parametrize(("crops", "truth"), [(0, []), (2, [1]), (2, [1, -1])])
def test_pictures_without_truth_are_refused(crops: int, truth: list[int]) -> None:
    with pytest.raises(ValueError, match="Received"):
        Pictures([np.zeros((4, 4), np.uint8)] * crops, np.array(truth, np.int64))
