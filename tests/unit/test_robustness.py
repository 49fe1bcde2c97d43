from collections.abc import Callable

import numpy as np
import pytest

from fer_core.errors import CancelledError
from fer_core.evaluation import LabelledCrops, measure_robustness
from fer_core.evaluation.robustness import ALL_SEVERITIES, STANDARD, from_dicts, to_dicts
from fer_core.images.corruptions import CORRUPTIONS, degrade_as_webcam
from fer_core.types import Pixels


class Light:
    """Answers happy for bright pictures and sad for dark ones, of which it is not certain."""

    def predict_with_certainty(self, crops: list[Pixels]) -> tuple[np.ndarray, np.ndarray]:
        found = np.zeros((len(crops), 7), np.float32)
        for row, crop in enumerate(crops):
            found[row, 3 if crop.mean() > 100 else 5] = 1
        return found, found[:, 3] == 1


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("shape", [(48, 48), (48, 48, 1), (96, 96, 3), (50, 30)])
def test_corruptions_keep_shape_and_type(name: str, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, shape, np.uint8)
    before = pixels.copy()
    kind = CORRUPTIONS[name]
    assert kind.standard in kind.severities
    for severity in kind.severities:
        changed = kind.apply(pixels, severity, random)
        assert (changed.shape, changed.dtype) == (shape, np.uint8)
        assert (changed != pixels).any()
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_harder_severities_change_more(name: str, picture: Callable[[int], Pixels]) -> None:
    kind = CORRUPTIONS[name]
    change = []
    for severity in kind.severities:
        random = np.random.default_rng(4)
        parts = [
            np.abs(kind.apply(picture(i), severity, random).astype(int) - picture(i)).mean()
            for i in range(12)
        ]
        change.append(np.mean(parts))
    assert min(change) == change[0]
    assert max(change) == change[-1]
    assert len(change) == 1 or change[0] < change[-1]


def test_a_shift_moves_by_its_share() -> None:
    line = np.zeros((40, 40), np.uint8)
    line[:, 20] = line[20, :] = 200
    moved = {
        tuple(np.argmax(CORRUPTIONS["shift"].apply(line, 10, np.random.default_rng(s)).sum(axis=axis)) for axis in (0, 1))
        for s in range(40)
    }  # fmt: skip
    assert moved == {(16, 20), (24, 20), (20, 16), (20, 24)}


def test_a_reader_of_light_fails_in_the_dark_and_nowhere_else() -> None:
    crops = [np.full((48, 48), value, np.uint8) for value in (200, 180, 60, 40)] * 3
    labelled = LabelledCrops(crops, np.array([3, 3, 5, 5] * 3))
    rows = {row.corruption: row for row in measure_robustness(Light(), labelled)}
    assert list(rows) == ["", *CORRUPTIONS]
    assert rows[""].accuracy == rows["blur"].accuracy == rows["shift"].accuracy == 1
    assert (rows["dark"].accuracy, rows["dark"].drop) == (0.5, 0.5)
    assert to_dicts(list(rows.values()))[3] == {
        "corruption": "dark", "severity": 0.3, "accuracy": 0.5, "macro_f1": pytest.approx(1 / 3, abs=1e-4),
        "drop": 0.5, "changed": 0.5, "coverage": 0.0, "selective_accuracy": None,
    }  # fmt: skip
    assert rows[""].coverage == 0.5
    assert rows[""].selective_accuracy == 1


def test_the_seed_decides_everything(picture: Callable[[int], Pixels]) -> None:
    labelled = LabelledCrops([picture(i) for i in range(30)], np.array([3, 5] * 15))
    steps = [("noise", 40.0), ("occlusion", 30.0)]
    first, again = (measure_robustness(Light(), labelled, steps, seed=5) for _ in range(2))
    assert first == again


def test_progress_counts_pictures_and_may_stop(picture: Callable[[int], Pixels]) -> None:
    labelled = LabelledCrops([picture(i) for i in range(10)], np.zeros(10, np.int64))
    seen: list = []
    measure_robustness(Light(), labelled, STANDARD, progress=lambda *at: seen.append(at))
    count = 10 * (len(CORRUPTIONS) + 1)
    assert seen[-1] == (count, count)
    assert len(ALL_SEVERITIES) == sum(len(kind.severities) for kind in CORRUPTIONS.values())

    def stop(done: int, total: int) -> None:
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        measure_robustness(Light(), labelled, STANDARD, progress=stop)


@pytest.mark.parametrize(("crops", "truth"), [(0, []), (2, [1]), (2, [1, -1])])
def test_pictures_without_truth_are_refused(crops: int, truth: list[int]) -> None:
    with pytest.raises(ValueError, match="Received"):
        LabelledCrops([np.zeros((4, 4), np.uint8)] * crops, np.array(truth, np.int64))


def test_rows_of_a_card_come_back_also_from_the_first_version() -> None:
    labelled = LabelledCrops([np.full((48, 48), 200, np.uint8)] * 2, np.array([3, 3]))
    rows = measure_robustness(Light(), labelled)
    stored = to_dicts(rows)
    assert to_dicts(from_dicts(stored)) == stored
    old = [
        {"strain": row["corruption"], "level": row["severity"]}
        | {name: row[name] for name in ("accuracy", "macro_f1", "drop")}
        for row in stored
        if row["corruption"] != "jpeg"
    ]
    assert [row.corruption for row in from_dicts(old)] == [
        "",
        *(n for n in CORRUPTIONS if n != "jpeg"),
    ]


def test_jpeg_keeps_the_order_of_the_colours() -> None:
    red = np.zeros((48, 48, 3), np.uint8)
    red[..., 0] = 220
    changed = CORRUPTIONS["jpeg"].apply(red, 15, np.random.default_rng(0))
    assert changed[..., 0].mean() > 180
    assert changed[..., 2].mean() < 60


@pytest.mark.parametrize("channels", [1, 3])
def test_training_images_are_degraded_at_random_severities(
    channels: int, picture: Callable[[int], Pixels]
) -> None:
    images = np.stack([np.stack([picture(i)] * channels, axis=-1) for i in range(60)])
    assert degrade_as_webcam(images, 0, (1,)) is images
    changed = degrade_as_webcam(images, 0.5, (1, 2))
    assert (changed.shape, changed.dtype) == (images.shape, np.uint8)
    touched = (changed != images).any(axis=(1, 2, 3))
    assert 15 <= touched.sum() <= 45
    np.testing.assert_array_equal(changed, degrade_as_webcam(images, 0.5, (1, 2)))
    assert (changed != degrade_as_webcam(images, 0.5, (1, 3))).any()
