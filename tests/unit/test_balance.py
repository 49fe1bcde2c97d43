"""Balancing: plans as tables, manifests that re-create bytes, versions written whole or not."""

import json
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from fer_core import balance
from fer_core.balance import Recipe, plan
from fer_core.dataset import ferplus, image_reading, scan, splits, store, vote_table
from fer_core.dataset.importers import ImportOptions, import_dataset
from fer_core.errors import CancelledError, DatasetError, ImageError
from fer_core.images.augment import LIMITS, Spec

COUNTS = {"disgust": 4, "happy": 100, "sad": 40, "fear": 0}


@pytest.mark.parametrize(
    ("strategy", "undersample", "targets"),
    [
        ("largest", False, {"disgust": 100, "happy": 100, "sad": 100, "fear": 0}),
        ("median", False, {"disgust": 40, "happy": 100, "sad": 40, "fear": 0}),
        ("median", True, {"disgust": 40, "happy": 40, "sad": 40, "fear": 0}),
        (60, False, {"disgust": 60, "happy": 100, "sad": 60, "fear": 0}),
        (60, True, {"disgust": 60, "happy": 60, "sad": 60, "fear": 0}),
        (1, False, {"disgust": 4, "happy": 100, "sad": 40, "fear": 0}),
        (1, True, {"disgust": 1, "happy": 1, "sad": 1, "fear": 0}),
        ({"disgust": 50}, False, {"disgust": 50, "happy": 100, "sad": 40, "fear": 0}),
        ({"happy": 50, "disgust": 8}, True, {"disgust": 8, "happy": 50, "sad": 40, "fear": 0}),
        ({}, False, COUNTS),
        ({"fear": 0}, False, COUNTS),
    ],
)
def test_every_wish_becomes_one_table(strategy, undersample: bool, targets: dict) -> None:
    made = plan(COUNTS, strategy, undersample)
    assert made.target_count == targets
    for name, count in COUNTS.items():
        assert made.extra_count[name] - made.removed_count[name] == targets[name] - count
    assert made.changes_anything == (targets != COUNTS)


@pytest.mark.parametrize(
    ("strategy", "says"),
    [
        ("smallest", "A strategy is"),
        (0, "A strategy is"),
        (-5, "A strategy is"),
        ({"sad": 30}, "target of sad, 30, is below its 40 images"),
        ({"sad": 0}, "must be at least 1"),
        ({"fear": 10}, "fear has no image to start from"),
        ({"joy": 10}, "no class 'joy'"),
    ],
)
def test_wishes_that_cannot_be_met(strategy, says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        plan(COUNTS, strategy)


def test_nothing_to_balance() -> None:
    with pytest.raises(DatasetError, match="no training images"):
        plan(dict.fromkeys(COUNTS, 0))


def recipe(index, strategy="largest", undersample: bool = False, seed: int = 0) -> Recipe:
    return Recipe(plan(balance.train_counts(index), strategy, undersample), Spec(), seed)


def test_the_manifest_uses_images_equally_and_leaves_other_splits_alone(tree: Path) -> None:
    index = scan(tree)
    manifest = balance.make_manifest(index, recipe(index))
    train = manifest[manifest["split"] == "train"]
    assert train["label"].value_counts()[["happy", "disgust", "sad"]].tolist() == [10, 10, 10]
    assert not manifest.loc[manifest["split"] == "test", "augmented"].any()
    assert (manifest["split"] == "test").sum() == 2
    made = manifest[manifest["augmented"]]
    assert sorted(made.loc[made["label"] == "disgust", "source"].value_counts()) == [2, 2, 3]
    assert manifest["file"].is_unique
    assert manifest["seed"][manifest["augmented"]].is_unique


def test_undersampling_leaves_out_by_chance_and_seed(tree: Path) -> None:
    index = scan(tree)
    kept = [
        set(balance.make_manifest(index, recipe(index, 4, undersample=True, seed=s))["source"])
        for s in (0, 0, 1)
    ]
    assert kept[0] == kept[1] != kept[2]
    happy = {source for source in kept[0] if source.startswith("train/happy")}
    assert len(happy) == 4


@pytest.mark.parametrize(
    ("strategy", "undersample", "left"), [(3, True, 9), ({}, False, 18), ({"happy": 1}, True, 9)]
)
def test_a_version_may_hold_nothing_new(tree: Path, strategy, undersample: bool, left: int) -> None:
    index = scan(tree)
    fewer = Recipe(plan(balance.train_counts(index), strategy, undersample))
    version = scan(balance.apply(index, fewer, "fewer"))
    assert version.counts()["train"].sum() == left
    assert set(version.table["digest"]) <= set(index.table["digest"])


def test_equal_names_in_deeper_folders_do_not_collide(tree: Path) -> None:
    (tree / "train/disgust/more").mkdir()
    shutil.copy(tree / "train/happy/0.png", tree / "train/disgust/more/0.png")
    index = scan(tree)
    manifest = balance.make_manifest(index, recipe(index))
    assert manifest["file"].is_unique
    balance.write(manifest, index.root, tree.parent / "out")
    assert len(scan(tree.parent / "out")) == len(manifest)


def test_a_name_that_a_number_would_take_is_left_to_its_owner(tree: Path) -> None:
    (tree / "train/disgust/more").mkdir()
    shutil.copy(tree / "train/happy/0.png", tree / "train/disgust/more/0.png")
    shutil.copy(tree / "train/happy/1.png", tree / "train/disgust/0-same-name-1.png")
    index, before = scan(tree), bytes_below(tree)
    manifest = balance.make_manifest(index, recipe(index))
    assert manifest["file"].is_unique
    balance.write(manifest, tree, tree.parent / "out")
    assert bytes_below(tree) == before
    assert len(scan(tree.parent / "out")) == len(manifest)


def test_nothing_is_written_through_a_link_to_the_source(tree: Path) -> None:
    index, before = scan(tree), bytes_below(tree)
    manifest = balance.make_manifest(index, recipe(index, {}))
    with pytest.raises(DatasetError, match=r"0\.png: two images"):
        balance.write(manifest.assign(file="train/sad/0.png"), tree, tree.parent / "out")
    assert bytes_below(tree) == before


def test_no_augmentation_no_copies(tree: Path) -> None:
    index = scan(tree)
    off = Recipe(recipe(index).plan, Spec(**dict.fromkeys(LIMITS, 0.0)))
    with pytest.raises(DatasetError, match="Every augmentation is off"):
        balance.make_manifest(index, off)


def bytes_below(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.png")}


def test_apply_writes_a_version_that_its_manifest_makes_again(tree: Path, tmp_path: Path) -> None:
    before = bytes_below(tree)
    index = scan(tree)
    folder = balance.apply(index, recipe(index, seed=5), "better")
    version = scan(folder)
    assert balance.train_counts(version) == {
        "angry": 0, "disgust": 10, "fear": 0, "happy": 10, "neutral": 0, "sad": 10, "surprise": 0,
    }  # fmt: skip
    assert version.is_readable.all()
    assert version.notes == ()
    assert bytes_below(tree) == before
    manifest = pd.read_parquet(folder / store.MANIFEST)
    again = tmp_path / "again"
    balance.write(manifest, tree, again)
    assert bytes_below(again) == bytes_below(folder)
    about = json.loads((folder / "version.json").read_text())
    assert about["seed"] == 5
    assert about["target_count"]["disgust"] == 10


def test_a_version_has_the_votes_also_of_what_was_made(tree: Path, tmp_path: Path) -> None:
    words = [f"votes_{word}" for word in (*vote_table.NAMES.values(), *vote_table.OTHER)]
    given = scan(tree).table[["file"]].assign(**dict.fromkeys(words, 0))
    given["votes_happiness"] = range(len(given))
    given["votes_nf"] = 2
    given.to_csv(tmp_path / "elsewhere.csv", index=False)
    index = ferplus.attach(scan(tree), tmp_path / "elsewhere.csv")
    version = scan(balance.apply(index, recipe(index), "voted"))
    assert version.votes is not None
    manifest = pd.read_parquet(version.root / store.MANIFEST).set_index("file")
    sources = manifest["source"].reindex(version.table["file"])
    expected = given.set_index("file")["votes_happiness"].reindex(sources)
    assert manifest["augmented"].sum() == 12
    assert version.votes["happy"].tolist() == expected.tolist()
    assert set(version.votes["other"]) == {2}


def test_the_same_recipe_the_same_bytes(tree: Path) -> None:
    index = scan(tree)
    one, two = (balance.apply(index, recipe(index), name) for name in ("one", "two"))
    three = balance.apply(index, recipe(index, seed=1), "three")
    assert bytes_below(one) == bytes_below(two) != bytes_below(three)


def test_made_images_differ_from_their_source(tree: Path) -> None:
    index = scan(tree)
    version = scan(balance.apply(index, recipe(index), "v"))
    assert version.table["digest"].nunique() == index.table["digest"].nunique() + 12


@pytest.mark.parametrize("at", [0, 1])
def test_a_stopped_apply_leaves_nothing(tree: Path, at: int) -> None:
    index = scan(tree)

    def stop(done: int, total: int) -> None:
        if done >= at:
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        balance.apply(index, recipe(index), "v", progress=stop)
    assert store.stored() == ()
    assert not list(store.default_home().glob(".new-*"))


def test_a_source_that_has_gone_is_named_and_leaves_nothing(tree: Path) -> None:
    index = scan(tree)
    (tree / "train/disgust/1.png").unlink()
    with pytest.raises((ImageError, DatasetError), match=r"1\.png|No such file"):
        balance.apply(index, recipe(index), "v")
    assert store.stored() == ()


def test_a_picture_to_be_linked_that_has_gone_is_named(tree: Path) -> None:
    index = scan(tree)
    (tree / "test/happy/1.png").unlink()
    with pytest.raises(DatasetError, match=r"test/happy/1\.png: cannot be read") as found:
        balance.apply(index, recipe(index), "v")
    assert "Free some space" not in str(found.value)
    assert store.stored() == ()


def test_a_taken_name_is_refused_and_a_free_one_found(tree: Path) -> None:
    index = scan(tree)
    assert balance.version_name(index) == "tree-balanced"
    balance.apply(index, recipe(index), "tree-balanced")
    with pytest.raises(DatasetError, match="There is a dataset 'tree-balanced' already"):
        balance.apply(index, recipe(index), "tree-balanced")
    assert balance.version_name(index) == "tree-balanced-2"


def test_colour_stays_colour(tmp_path: Path) -> None:
    root = tmp_path / "colour"
    random = np.random.default_rng(0)
    for label, count in (("happy", 3), ("sad", 1)):
        (root / label).mkdir(parents=True)
        for number in range(count):
            rgb = random.integers(0, 255, (20, 30, 3)).astype(np.uint8)
            (root / label / f"{number}.png").write_bytes(image_reading.png(rgb))
    index = scan(root)
    folder = balance.apply(index, recipe(index), "v")
    made = sorted(folder.rglob("*made*.png"))
    assert len(made) == 2
    assert cv2.imread(str(made[0]), cv2.IMREAD_UNCHANGED).shape == (20, 30, 3)


def test_the_estimate_counts_blocks_and_images(tree: Path) -> None:
    index = scan(tree)
    cost = balance.estimate(index, recipe(index).plan)
    assert cost.images == 12
    assert cost.bytes == 12 * 4096
    assert 0 < cost.seconds < 1
    assert balance.estimate(index, plan(balance.train_counts(index), {})).images == 0


def test_on_another_disk_what_stays_is_counted_too(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = scan(tree)
    monkeypatch.setattr(
        sys.modules["fer_core.balance.apply"], "_is_on_one_disk", lambda root, home: False
    )
    assert balance.estimate(index, recipe(index).plan).bytes == (12 + 20) * 4096
    fewer = plan(balance.train_counts(index), 3, undersample=True)
    assert balance.estimate(index, fewer).bytes == (20 - 7 - 2) * 4096


def test_a_version_of_a_version_leaves_the_first_as_it_was(tree: Path) -> None:
    first = balance.apply(scan(tree), recipe(scan(tree)), "first")
    before = {file: file.read_bytes() for file in first.rglob("*.png")}
    index = scan(first)
    more = Recipe(plan(balance.train_counts(index), 15), Spec(rotation=5))
    second = balance.apply(index, more, "second")
    assert {file: file.read_bytes() for file in before} == before
    manifest = pd.read_parquet(second / store.MANIFEST)
    assert manifest["file"].is_unique
    assert scan(second).counts()["train"].max() == 15
    assert len(list(second.rglob("*.png"))) == len(manifest)


@pytest.mark.parametrize("way", ["as written", "folder", "zip", "parent"])
def test_what_was_made_never_validates_and_stays_with_its_origin(
    tree: Path, tmp_path: Path, way: str
) -> None:
    """Also in a version of a version, whose first one may be gone, and without its manifest."""
    shutil.rmtree(tree / "validation", ignore_errors=True)
    index = scan(tree)
    for name, target in (("first", 12), ("second", 20)):
        wanted = Recipe(plan(balance.train_counts(index), target), Spec(rotation=5))
        index = scan(balance.apply(index, wanted, name))
    if way == "folder":
        index = scan(import_dataset(index.root, ImportOptions("taken")))
    elif way == "zip":
        packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", index.root))
        index = scan(import_dataset(packed, ImportOptions("taken")))
    elif way == "parent":
        index = scan(shutil.move(index.root, tmp_path / "outer" / "second").parent)
    parted = splits.with_validation(index).table
    stem = parted["file"].str.extract(r"train/(\w+/\d+)")[0]
    validating = parted["split"] == "validation"
    assert validating.sum() == 4
    assert not parted.loc[validating, "file"].str.contains("-made-").any()
    assert not set(stem[validating]) & set(stem[parted["split"] == "train"])


def test_an_origin_that_got_a_number_is_still_known(tree: Path) -> None:
    for number in range(5):
        (tree / "train/sad/more").mkdir(exist_ok=True)
        shutil.copy(tree / f"train/happy/{number}.png", tree / f"train/sad/more/{number}.png")
    index = scan(tree)
    folder = balance.apply(index, Recipe(plan(balance.train_counts(index), 20)), "v")
    (folder / store.MANIFEST).unlink()
    parted = splits.with_validation(scan(folder)).table
    stem = parted["file"].str.extract(r"train/(\w+/\d+)")[0]
    validating = parted["split"] == "validation"
    assert not set(stem[validating]) & set(stem[parted["split"] == "train"])
