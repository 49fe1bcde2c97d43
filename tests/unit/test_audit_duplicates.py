"""Copies: what is proposed, what is confirmed, how pairs become groups and exclusions."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from fer_core.audit import duplicates
from fer_core.audit.duplicates import verify
from fer_core.audit.duplicates.verify import difference as verify_difference
from fer_core.dataset import image_reading, scan
from fer_core.dataset.index import DatasetIndex
from fer_core.errors import CancelledError
from fer_core.types import Pixels


def jpeg(picture: Pixels, quality: int) -> Pixels:
    return cv2.imdecode(
        cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE
    )


def crop(picture: Pixels, left: int, top: int, right: int, bottom: int) -> Pixels:
    inner = picture[top : 48 - bottom, left : 48 - right]
    return np.asarray(cv2.resize(inner, (48, 48)), np.uint8)


CHANGES = {
    "same": (lambda p: p, "exact"),
    "jpeg": (lambda p: jpeg(p, 50), "near"),
    "crop": (lambda p: crop(p, 1, 1, 1, 1), "near"),
    "crop in jpeg": (lambda p: jpeg(crop(p, 2, 1, 1, 0), 50), "near"),
    "off-centre crop": (lambda p: crop(p, 2, 0, 0, 2), "near"),
    "brighter": (lambda p: np.clip(p * 0.8 + 40, 0, 255).astype(np.uint8), "near"),
    "mirror": (lambda p: np.ascontiguousarray(p[:, ::-1]), "mirrored"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_kind_of_copy_is_found_and_nothing_else(
    tmp_path: Path, picture: Callable[[int], Pixels], name: str
) -> None:
    change, kind = CHANGES[name]
    root = tmp_path / "data"
    for split in ("train", "test"):
        (root / split / "happy").mkdir(parents=True)
    for seed in range(60):
        original = picture(seed)
        (root / "train/happy" / f"{seed:03}.png").write_bytes(image_reading.png(original))
        if seed < 10:
            (root / "test/happy" / f"{seed:03}.png").write_bytes(
                image_reading.png(change(original))
            )
    index = scan(root)
    pairs = duplicates.find(index)
    pairs = pairs[pairs["difference"] <= duplicates.DEFAULT_DIFFERENCE]
    files = index.table["file"].to_numpy()
    found = {(Path(files[a]).name, Path(files[b]).name) for a, b in pairs[["a", "b"]].to_numpy()}
    assert found == {(f"{seed:03}.png",) * 2 for seed in range(10)}
    assert set(pairs["kind"]) == {kind}
    assert pairs["crosses"].all()
    assert not pairs["disagrees"].any()


def copies_of_few(root: Path, picture: Callable[[int], Pixels]) -> DatasetIndex:
    """Four pictures twelve times each, with noise, mirrored or equal, and six others."""
    random = np.random.default_rng(0)
    (root / "train" / "sad").mkdir(parents=True)
    for number in range(54):
        image = picture(number % 4 if number < 48 else number).astype(float)
        image = image[:, ::-1] if number % 12 == 7 else image
        image += random.normal(0, 6, image.shape) * (number % 24 > 3)
        data = image_reading.png(image.clip(0, 255).astype(np.uint8))
        (root / "train" / "sad" / f"{number:02}.png").write_bytes(data)
    return scan(root)


def test_connecting_gives_the_groups_of_all_pairs_with_few_comparisons(
    tmp_path: Path, picture: Callable[[int], Pixels], monkeypatch
) -> None:
    index = copies_of_few(tmp_path / "data", picture)
    pairs = duplicates.find(index)
    pairs = pairs[pairs["difference"] <= duplicates.DEFAULT_DIFFERENCE]
    expected = [group.tolist() for group in duplicates.groups(pairs)]
    assert [len(group) for group in expected] == [12] * 4
    compared = []
    monkeypatch.setattr(
        "fer_core.audit.duplicates.verify.difference",
        lambda a, b: compared.append(1) or verify_difference(a, b),
    )
    tree = duplicates.connect(index, np.arange(54))
    assert [group.tolist() for group in duplicates.groups(tree)] == expected
    assert len(tree) == 44
    assert len(compared) < len(pairs)
    numbers = np.arange(54) % 4  # two of these groups share a number with the six others
    assert duplicates.connect(index, numbers * (np.arange(54) < 48)).empty


def test_many_equal_files_make_a_line_not_a_square(tree: Path) -> None:
    data = (tree / "train/happy/0.png").read_bytes()
    for number in range(30):
        (tree / "train/sad" / f"again-{number}.png").write_bytes(data)
    index = scan(tree)
    pairs = duplicates.find(index)
    exact = pairs[pairs["kind"] == "exact"]
    assert len(exact) == 30
    assert len(duplicates.groups(exact)) == 1
    assert exact["disagrees"].all()  # each is paired with the first, the happy one
    assert len(duplicates.surplus(index, exact)) == 30


def test_blank_pictures_are_only_exact_copies(tree: Path) -> None:
    for number, grey in enumerate((10, 10, 90, 200)):
        blank = np.full((48, 48), grey, np.uint8)
        (tree / "train/sad" / f"blank-{number}.png").write_bytes(image_reading.png(blank))
    pairs = duplicates.find(scan(tree))
    assert pairs["kind"].tolist() == ["exact"]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_pictures(count: int) -> None:
    thumbs = np.random.default_rng(0).integers(0, 255, (count, 16, 16)).astype(np.uint8)
    assert duplicates.propose(thumbs).shape[1] == 3


def test_fingerprints_of_a_mirror_image_are_the_mirrored_fingerprints() -> None:
    thumbs = np.random.default_rng(0).integers(0, 255, (50, 16, 16)).astype(np.uint8)
    both = np.concatenate([thumbs, thumbs[:, :, ::-1]])
    bits = duplicates.fingerprints(both)
    assert np.bitwise_count(bits[:50] ^ bits[150:200]).sum(axis=1).max() <= 2
    assert np.bitwise_count(bits[:50] ^ bits[50:100]).sum(axis=1).min() > 20


@pytest.mark.parametrize(
    ("change", "low", "high"),
    [
        (lambda p: p, 0.0, 1e-6),
        (lambda p: jpeg(p, 50), 0.0, 0.03),
        (lambda p: crop(p, 2, 1, 0, 1), 0.0, 0.05),
        (lambda p: jpeg(crop(p, 2, 1, 0, 1), 50), 0.0, 0.05),
        (lambda p: np.ascontiguousarray(p[:, ::-1]), 0.2, 2.0),
        (lambda p: np.full_like(p, 128), 0.2, 2.0),
    ],
)
def test_difference(picture: Callable[[int], Pixels], change, low: float, high: float) -> None:
    assert low - 1e-6 <= duplicates.difference(picture(3), change(picture(3))) <= high


def pairs_of(*ends: tuple[int, int]) -> pd.DataFrame:
    return pd.DataFrame(ends, columns=["a", "b"])


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (pairs_of(), []),
        (pairs_of((0, 1)), [[0, 1]]),
        (pairs_of((0, 1), (1, 2), (5, 6)), [[0, 1, 2], [5, 6]]),
        (pairs_of((7, 9), (3, 9), (3, 4)), [[3, 4, 7, 9]]),
    ],
)
def test_groups(pairs: pd.DataFrame, expected: list) -> None:
    assert [group.tolist() for group in duplicates.groups(pairs)] == expected


def test_the_training_copy_goes_never_the_test_image(tree: Path) -> None:
    """Rows of the tree: 0 and 1 are test/happy, 2..4 disgust, 5..14 happy, 15..19 sad."""
    index = scan(tree)
    pairs = pairs_of((0, 5), (6, 7), (7, 8), (0, 1)).assign(crosses=[True, False, False, False])
    assert duplicates.leaking(index, pairs).tolist() == [5]
    assert duplicates.surplus(index, pairs).tolist() == [5, 7, 8]
    pairs = pairs_of((0, 5), (5, 6)).assign(crosses=[True, False])
    assert duplicates.leaking(index, pairs).tolist() == [5, 6], "6 is a copy of 0 as well"


def test_the_search_says_how_far_it_is_and_can_be_stopped(tree: Path, monkeypatch) -> None:
    monkeypatch.setattr("fer_core.audit.duplicates.candidates.FEW", 2)  # as in a large dataset
    index, seen = scan(tree), []
    duplicates.find(index, lambda done, total: seen.append((done, total)))
    assert {total for _, total in seen} == {len(index)}
    assert sorted(seen) == seen
    assert len(seen) > 10

    def stop(done: int, total: int) -> None:
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        duplicates.find(index, stop)


def test_likeness_of_thumbnails_knows_shifts_mirrors_and_flat_pictures() -> None:
    one = np.random.default_rng(0).integers(0, 255, (16, 16)).astype(np.uint8)
    other = np.random.default_rng(1).integers(0, 255, (16, 16)).astype(np.uint8)
    shifted = np.roll(one, (1, -1), (0, 1))
    thumbs = np.stack([one, shifted, one[:, ::-1], other, np.full_like(one, 90)])
    pairs = np.array([(0, 0, 0), (0, 1, 0), (0, 2, 1), (0, 2, 0), (0, 3, 0), (0, 4, 0)])
    like = verify.similarity(thumbs, pairs)
    assert like[:3] == pytest.approx(1, abs=1e-5)
    assert np.abs(like[3:]).max() < verify.MIN_SIMILARITY
    assert verify.similarity(thumbs, pairs[:0]).shape == (0,)
