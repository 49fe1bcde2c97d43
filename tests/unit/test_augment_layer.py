"""The augmentation inside training: as OpenCV does it, and the batches it is part of."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fer_core.dataset import demo
from fer_core.images import augment
from fer_core.labels import EMOTIONS
from tests.pictures_kit import DATA, NONE, TINY

pytest.importorskip("keras")

from fer_core.training import batches
from fer_core.training.augment_layer import OPERATION, Augment


def neutral(count: int) -> np.ndarray:
    """Operations that change nothing."""
    row = [1.0 if name in ("scale", "contrast") else 0.0 for name in OPERATION]
    return np.tile(np.asarray(row, np.float32), (count, 1))


def change(pixels: Any, **columns: float) -> Any:
    """The layer's answer for a picture (S, S, 1) alone."""
    operations = neutral(1)
    for name, value in columns.items():
        operations[0, OPERATION.index(name)] = value
    return np.asarray(Augment(0)(pixels[None], operations))[0]


SCENE = np.clip(
    np.add.outer(3 * np.arange(48), 2 * np.arange(48)) % 200 + 20, 0, 255
).astype(np.uint8)[..., None]  # fmt: skip


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"flip": 1.0},
        {"angle": 10.0},
        {"shift_x": 0.1, "shift_y": -0.05},
        {"scale": 1.2},
        {"flip": 1.0, "angle": -12.0, "scale": 0.9, "shift_x": 0.05},
        {"brightness": 0.1, "contrast": 0.7},
        {"erase_x": 0.25, "erase_y": 0.5, "erase_width": 0.2, "erase_height": 0.3,
         "erase_value": 200.0},
    ],
)  # fmt: skip
def test_the_layer_changes_pictures_as_opencv_does(columns: dict[str, float]) -> None:
    operation = augment.Operation(**columns)  # type: ignore[arg-type]
    theirs = augment.apply(SCENE[..., 0], operation).astype(float)
    ours = change(SCENE, **columns)[..., 0]
    apart = np.abs(ours - theirs)
    assert np.median(apart) <= 1
    assert (apart > 12).mean() < 0.02  # on the scene's edges, where a 32nd of a pixel shows


def test_a_whole_spec_means_the_same_to_the_layer_and_to_opencv() -> None:
    """Noise is left out: its grain is drawn by each on its own."""
    spec, random = augment.Spec(noise=0, erasing=0.3), np.random.default_rng(1)
    faces = np.stack([demo.draw_face(EMOTIONS[row % 7], random) for row in range(70)])
    table = augment.draw(spec, len(faces), seed=3)
    operations = neutral(len(faces))
    for name in table.columns.drop("seed"):
        operations[:, OPERATION.index(name)] = table[name]
    ours = np.asarray(Augment(0)(faces[..., None], operations))[..., 0]
    steps = augment.operations(table)
    theirs = np.stack([augment.apply(f, s) for f, s in zip(faces, steps, strict=True)])
    apart = np.abs(ours - theirs.astype(float))
    unchanged = np.abs(faces - theirs.astype(float))
    assert np.median(apart, axis=(1, 2)).max() <= 1
    assert apart.mean() < 1
    assert unchanged.mean() > 20


def test_the_layers_noise_is_as_strong_as_asked() -> None:
    grey = np.full((48, 48, 1), 128, np.uint8)
    assert (change(grey, noise=10.0) - 128).std() == pytest.approx(10, rel=0.1)


def test_mixing_takes_the_mirrored_place_of_the_batch() -> None:
    pixels = np.stack([np.full((8, 8, 1), v, np.uint8) for v in (0, 200)])
    operations = neutral(2)
    operations[0, OPERATION.index("mix_share")] = 0.25
    blended = np.asarray(Augment(0)(pixels, operations))
    assert np.unique(blended[0]).tolist() == [50.0]
    assert np.unique(blended[1]).tolist() == [200.0]
    for name, value in {"mix_x": 0.0, "mix_y": 0.5, "mix_width": 1.0, "mix_height": 0.5}.items():
        operations[0, OPERATION.index(name)] = value
    cut = np.asarray(Augment(0)(pixels, operations))[0, :, :, 0]
    assert (cut[:4] == 0).all()
    assert (cut[4:] == 200).all()


def test_batches_depend_on_seed_epoch_and_step_alone() -> None:
    goal = batches_targets()
    whole = batches.Batches(DATA["train"], goal, TINY, epoch=2)
    rest = batches.Batches(DATA["train"], goal, TINY, epoch=2, first=3)
    assert len(whole) == 4
    assert len(rest) == 1
    for ours, theirs in zip(whole[3], rest[0], strict=True):
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])
    other = batches.Batches(DATA["train"], goal, TINY, epoch=1)
    assert not np.array_equal(whole[0][0]["pixels"], other[0][0]["pixels"])


def batches_targets() -> Any:
    from fer_core.training import targets

    return targets.make(DATA["train"], TINY)


def test_mixed_targets_have_the_share_of_the_pixels() -> None:
    config = replace(TINY, augmentation=replace(NONE, cutmix=1.0))
    inputs, goal, _ = batches.Batches(DATA["train"], batches_targets(), config, 0)[0]
    share = inputs["operations"][:, OPERATION.index("mix_share")]
    assert ((share > 0) & (share < 0.5)).all()
    np.testing.assert_allclose(goal["fer2013"].sum(axis=1), 1, rtol=1e-5)
    own = goal["fer2013"].max(axis=1)
    assert (own >= 1 - share - 1e-5).all()
