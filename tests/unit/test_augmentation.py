"""Augmentation: ranges, draws within them, and what each operation does to a picture."""

from dataclasses import replace

import numpy as np
import pytest

from fer_core.errors import DatasetError
from fer_core.images import augment
from fer_core.images.augment import LIMITS, Operation, Spec, apply, draw, operations

NOTHING = Spec(**dict.fromkeys(LIMITS, 0.0))


def gradient() -> np.ndarray:
    return np.tile(np.arange(60, 180, 2.5).astype(np.uint8), (48, 1))


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("beyond", [-0.01, 1.01, float("nan")])
def test_ranges_have_limits(name: str, beyond: float) -> None:
    with pytest.raises(DatasetError, match=f"{name} must be a number from 0 to"):
        Spec(**{name: beyond * LIMITS[name]})
    assert getattr(Spec(**{name: LIMITS[name]}), name) == LIMITS[name]


@pytest.mark.parametrize("shape", [(48, 48), (48, 48, 3), (31, 77), (1, 1)])
def test_no_change_is_no_change(shape: tuple) -> None:
    picture = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    assert np.array_equal(apply(picture, Operation()), picture)
    (drawn,) = operations(draw(NOTHING, 1, seed=3))
    assert np.array_equal(apply(picture, drawn), picture)
    assert not NOTHING.changes_anything


@pytest.mark.parametrize(
    ("operation", "check"),
    [
        (Operation(flip=True), lambda a, b: np.array_equal(b, a[:, ::-1])),
        (Operation(shift_x=0.25), lambda a, b: np.array_equal(b[:, 12:], a[:, :-12])),
        (Operation(shift_y=0.25), lambda a, b: np.array_equal(b, a)),  # the gradient is horizontal
        (Operation(angle=90), lambda a, b: (np.diff(b.astype(int), axis=0) <= 0).all()),
        (Operation(scale=1.5), lambda a, b: b.std() < a.std()),
        (Operation(brightness=0.1), lambda a, b: abs(b.mean() - a.mean() - 25.5) < 0.6),
        (Operation(contrast=0.5), lambda a, b: abs(b.std() / a.std() - 0.5) < 0.02),
        (Operation(brightness=1), lambda a, b: b.min() == 255),
        (Operation(noise=10, seed=4), lambda a, b: 8 < (b.astype(int) - a).std() < 12),
        (
            Operation(erase_x=0.5, erase_y=0.25, erase_width=0.25, erase_height=0.5, erase_value=9),
            lambda a, b: (b[12:36, 24:36] == 9).all() and (b == 9).sum() == 24 * 12,
        ),
    ],
)
def test_what_each_operation_does(operation: Operation, check) -> None:
    for picture in (gradient(), np.dstack([gradient()] * 3)):
        result = apply(picture, operation)
        assert result.shape == picture.shape
        assert result.dtype == np.uint8
        assert check(gradient(), result if result.ndim == 2 else result[..., 0])


def test_colour_and_grey_agree() -> None:
    (operation,) = operations(draw(replace(Spec(), erasing=1.0), 1, seed=8))
    grey, colour = apply(gradient(), operation), apply(np.dstack([gradient()] * 3), operation)
    assert np.abs(colour - grey[..., None].astype(int)).max() <= 1


def test_draws_stay_within_their_ranges() -> None:
    spec = Spec(0.3, 12, 0.08, 0.2, 0.15, 0.3, 6, 0.4)
    table = draw(spec, 20_000, seed=1)
    for column, middle, most in (
        ("angle", 0, 12), ("shift_x", 0, 0.08), ("shift_y", 0, 0.08), ("scale", 1, 0.2),
        ("brightness", 0, 0.15), ("contrast", 1, 0.3), ("noise", 3, 3),
    ):  # fmt: skip
        away = (table[column] - middle).abs()
        assert away.max() <= most + 1e-12
        assert away.max() > 0.99 * most
    assert table["flip"].mean() == pytest.approx(0.3, abs=0.02)
    assert (table["erase_width"] > 0).mean() == pytest.approx(0.4, abs=0.02)
    assert ((table["erase_x"] + table["erase_width"]) <= 1).all()
    assert list(table.columns) == list(augment.COLUMNS)


def test_the_seed_decides_everything() -> None:
    assert draw(Spec(), 9, seed=1).equals(draw(Spec(), 9, seed=1))
    assert not draw(Spec(), 9, seed=1).equals(draw(Spec(), 9, seed=2))
    assert len(draw(Spec(), 0, seed=1)) == 0
