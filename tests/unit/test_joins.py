"""Tables joined to images: by path, by a unique name, by row order, or not at all."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fer_core.dataset import ferplus, image_reading, joins, scan, vote_table
from fer_core.dataset.importers import ImportOptions, import_dataset, with_name
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS
from tests.conftest import SHARED

TABLE = SHARED / "data" / ferplus.OFFICIAL
needs_table = pytest.mark.skipif(not TABLE.is_file(), reason="no ../shared beside this checkout")

FILES = ["train/angry/im0.png", "train/happy/im0.png", "test/sad/only.png", "test/sad/Ärger.png"]
WORDS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
         "unknown", "NF")  # fmt: skip
KAGGLE = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@pytest.mark.parametrize(
    ("key", "image"),
    [
        ("train/angry/im0.png", 0),
        ("./train/happy/im0.png", 1),
        ("train\\happy\\im0.png", 1),
        ("train//happy/./im0.png", 1),
        (" train/happy/im0.png ", 1),
        ("faces/train/happy/im0.png", 1),
        ("/data/faces/train/happy/im0.png", 1),
        ("C:\\Users\\me\\faces\\test\\sad\\only.png", 2),
        ("test/sad/A\u0308rger.png", 3),
        ("only.png", 2),
        ("only.jpg", 2),
        ("only", 2),
        ("im0.png", None),
        ("TRAIN/angry/im0.png", None),
        ("train/fear/im0.png", None),
        ("elsewhere/only.png", None),
        ("other/train/happy/im0.png", None),
        ("", None),
    ],
)
def test_a_row_reaches_the_image_that_it_names_and_no_other(
    tmp_path: Path, key: str, image: int | None
) -> None:
    root = tmp_path / "faces"
    root.mkdir()
    join = joins.by_path(FILES, [key], root)
    assert join.rows.tolist() == [0 if at == image else -1 for at in range(len(FILES))]
    ambiguous = key == "im0.png"
    assert join.ambiguous == ambiguous
    assert join.unused == (image is None and bool(key) and not ambiguous)


def test_wrapping_folders_and_the_folder_of_the_table_do_not_matter(tmp_path: Path) -> None:
    files = [f"fer/data/{name}" for name in FILES[:3]]
    for key, folder in ((FILES[1], ""), ("happy/im0.png", "fer/data/train")):
        assert joins.by_path(files, [key], tmp_path, folder).rows.tolist() == [-1, 0, -1]


@pytest.mark.parametrize(
    ("contents", "rows", "ambiguous"), [([1, 1], [0, -1], 0), ([1, 2], [-1, -1], 2)]
)
def test_rows_about_one_image_count_only_if_they_agree(
    tmp_path: Path, contents: list[int], rows: list[int], ambiguous: int
) -> None:
    keys = ["a/1.png", "./a/1.png"]
    join = joins.by_path(["a/1.png", "b/1.png"], keys, tmp_path, "", np.array(contents, np.uint64))
    assert join.rows.tolist() == rows
    assert join.ambiguous == ambiguous


def test_every_count_is_in_the_note(tmp_path: Path) -> None:
    keys = ["train/angry/im0.png", "im0.png", "gone.png", "", "only.png"]
    note = joins.by_path(FILES, keys, tmp_path).note("mine.csv: votes")
    assert "mine.csv: votes for 2 of 4 images, matched by path and name" in note
    assert "2 images have none" in note
    assert "1 rows name no image" in note
    assert "1 rows are ambiguous" in note


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_labels_reach_nobody_else_whatever_the_names(tmp_path: Path, seed: int) -> None:
    """Random datasets with names that repeat: a joined row always names its image."""
    random = np.random.default_rng(seed)
    files = sorted({f"{random.choice(['a', 'b', 'c'])}/{n}.png" for n in random.integers(0, 9, 15)})
    keys = [f if random.random() < 0.5 else f.rsplit("/", 1)[1] for f in random.permutation(files)]
    join = joins.by_path(files, keys, tmp_path)
    names = [file.rsplit("/", 1)[1] for file in files]
    for file, row in zip(files, join.rows.tolist(), strict=True):
        if row >= 0:
            assert keys[row] == file or names.count(keys[row]) == 1
    assert join.count + join.unused + join.ambiguous >= len(set(keys) & set(files))


# Microsoft's table


def votes_of(row: int) -> list[int]:
    """Votes of a row, no two of the first 343 alike."""
    return [row % 7 + 1, row // 7 % 7, row // 49 % 7, 0, 0, 0, 1, 0, 0, 0]


def usage(row: int, rows: int) -> str:
    return "Training" if row < rows - 20 else "PublicTest" if row < rows - 10 else "PrivateTest"


def official(votes: list[list[int]], blanks: set[int]) -> bytes:
    """A table as Microsoft's: rows in ``blanks`` have no name, and names do not count them."""
    lines, number = ["Usage,Image name," + ",".join(WORDS)], 0
    for row, counts in enumerate(votes):
        name = "" if row in blanks else f"fer{number:07}.png"
        number += row not in blanks
        values = [0] * 9 + [10] if row in blanks else counts
        lines.append(f"{usage(row, len(votes))},{name},{','.join(map(str, values))}")
    return "\n".join(lines).encode()


def fer2013(labels: list[int], order: list[int]) -> bytes:
    """A ``fer2013.csv``; the first two pixels say which row of the table an image is."""
    lines = ["emotion,pixels,Usage"]
    for row in order:
        pixels = " ".join(map(str, [row // 256, row % 256, *[128] * 2302]))
        lines.append(f"{labels[row]},{pixels},{usage(row, len(labels))}")
    return "\n".join(lines).encode()


def import_csv(csv: bytes, table: bytes | None, name: str = "fer2013.csv") -> Path:
    return import_dataset(with_name(csv, name), ImportOptions("made", votes=table))


def check_votes(root: Path, votes: list[list[int]], blanks: set[int]) -> int:
    """Assert that no image has the votes of another row; returns how many have votes."""
    index = scan(root)
    assert index.votes is not None
    count = 0
    for place in range(len(index)):
        if "-made-" in index.table["file"][place]:
            continue  # its pixels were changed
        first = image_reading.read(index.path(place)).ravel()
        row, found = int(first[0]) * 256 + int(first[1]), index.votes.iloc[place]
        if not found.to_numpy().any():
            continue
        count += 1
        expected = dict(zip(WORDS, votes[row], strict=True))
        assert row not in blanks
        assert {name: found[name] for name in EMOTIONS} == {
            emotion: expected[vote_table.NAMES[emotion]] for emotion in EMOTIONS
        }
    return count


BLANKS = {17, 23, 59}
ROWS = 120
OWN = [votes_of(row) for row in range(ROWS)]


def test_votes_belong_to_rows_by_their_order() -> None:
    root = import_csv(fer2013([row % 7 for row in range(ROWS)], [*range(ROWS)]),
                      official(OWN, BLANKS))  # fmt: skip
    assert check_votes(root, OWN, BLANKS) == 117
    assert any("117 of 120 images, matched by row order" in note for note in scan(root).notes)


def agreeing(rows: int, seed: int = 0) -> tuple[list[int], list[list[int]]]:
    """Labels, and votes of whom two in three rows agree with them, as FER-2013's do."""
    random = np.random.default_rng(seed)
    labels = random.choice(7, rows, p=[0.14, 0.02, 0.14, 0.25, 0.17, 0.11, 0.17])
    given = np.where(random.random(rows) < 0.66, labels, random.permutation(labels))
    places = {e: WORDS.index(vote_table.NAMES[e]) for e in EMOTIONS}
    votes = []
    for row, label in enumerate(given):
        counts = [0] * 10
        counts[places[KAGGLE[label]]] = 6
        counts[9], counts[8] = row % 3, row // 3 % 3
        votes.append(counts)
    return labels.tolist(), votes


def shuffled_within(rows: int) -> list[int]:
    random = np.random.default_rng(1)
    parts = [range(rows - 20), range(rows - 20, rows - 10), range(rows - 10, rows)]
    return [int(row) for part in parts for row in random.permutation(part)]


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ([*range(200)], ""),
        ([*range(190, 200), *range(180, 190), *range(180)], ""),  # splits in another order
        ([row for row in range(200) if row not in BLANKS], ""),  # those without a name left out
        ([row for row in range(200) if row != 90], "199 rows.*200.*no row may be missing"),
        ([*range(180)], ""),  # the training rows alone
        (shuffled_within(200), "another order"),
        ([*range(179, -1, -1), *range(180, 200)], "another order"),
        ([*range(1, 180), 0, *range(180, 200)], "another order"),
        ([*range(60), *range(61, 180), 60, *range(180, 200)], "another order"),
    ],
    ids=["whole", "splits", "named", "one short", "training", "shuffled", "reversed", "moved on",
         "moved on later"],
)  # fmt: skip
def test_another_order_is_told_from_the_right_one(order: list[int], says: str) -> None:
    labels, votes = agreeing(200)
    table = official(votes, BLANKS)
    if says:
        with pytest.raises(DatasetError, match=says):
            import_csv(fer2013(labels, order), table)
        return
    named = len(set(order) - BLANKS)
    assert check_votes(import_csv(fer2013(labels, order), table), votes, BLANKS) == named


def test_rows_in_disorder_are_refused_where_labels_say_nothing() -> None:
    order = [int(row) for row in np.random.default_rng(0).permutation(ROWS)]
    with pytest.raises(DatasetError, match="its splits are in another order"):
        import_csv(fer2013([row % 7 for row in range(ROWS)], order), official(OWN, BLANKS))


@needs_table
@pytest.mark.parametrize(
    ("change", "says"),
    [("none", ""), ("one row less", "35,886 rows"), ("shuffled", "another order"),
     ("one row moved", "another order")],
)  # fmt: skip
def test_microsofts_own_table(tmp_path: Path, change: str, says: str) -> None:
    """Joined at once, without images: 35,887 rows, two in three labels as the majority."""
    from fer_core.dataset import fer2013_order

    table = vote_table.parse(TABLE.read_bytes(), TABLE.name)
    assert table is not None
    order, random = table.order(), np.random.default_rng(0)
    labels = np.where(order.majority >= 0, order.majority, 4)
    changed = random.random(len(labels)) < 0.37
    labels[changed] = random.permutation(labels[changed])
    rows = np.arange(len(labels))
    if change == "one row less":
        rows = np.delete(rows, 100)
    elif change == "shuffled":
        rows[:28_709] = random.permutation(rows[:28_709])
    elif change == "one row moved":
        rows[15_000:28_709] = np.roll(rows[15_000:28_709], -1)
    usages = [order.usages[row] for row in rows]
    if says:
        with pytest.raises(DatasetError, match=says):
            fer2013_order.by_order(order, usages, labels[rows], "fer2013.csv")
        return
    join = fer2013_order.by_order(order, usages, labels[rows], "fer2013.csv")
    assert join.count == 35_714
    assert join.rows[join.has_row].tolist() == np.flatnonzero(join.has_row).tolist()
    assert "to confirm it" not in join.rule
    join = fer2013_order.by_order(order, usages, np.full(len(labels), 3), "fer2013.csv")
    assert "too different from the votes to confirm it" in join.note("votes")


# Images named as rows of 0.1.0, and as Microsoft names them


def folder_of(root: Path, names: dict[int, str], labels: list[int]) -> Path:
    """Images of rows under names, each in the folders of its split and label."""
    splits = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
    for row, name in names.items():
        place = root / splits[usage(row, len(labels))] / KAGGLE[labels[row]]
        place.mkdir(parents=True, exist_ok=True)
        pixels = np.full(2304, 128, np.uint8)
        pixels[:2] = row // 256, row % 256
        (place / f"{name}.png").write_bytes(image_reading.png(pixels.reshape(48, 48)))
    return root


def microsoft_names(rows: int, blanks: set[int]) -> dict[int, str]:
    named = [row for row in range(rows) if row not in blanks]
    return {row: f"fer{number:07}" for number, row in enumerate(named)}


@pytest.mark.parametrize("table_name", ["votes.csv", "fer2013new.csv"])
def test_a_store_of_the_first_version_is_joined_anew(tmp_path: Path, table_name: str) -> None:
    labels, votes = agreeing(200)
    root = folder_of(tmp_path / "old", {row: f"fer{row:07}" for row in range(200)}, labels)
    (root / table_name).write_bytes(official(votes, BLANKS))
    assert check_votes(root, votes, BLANKS) == 197
    assert any("joined anew by row order" in note for note in scan(root).notes)


def test_images_that_microsoft_named_keep_their_names(tmp_path: Path) -> None:
    labels, votes = agreeing(200)
    root = folder_of(tmp_path / "ferplus", microsoft_names(200, BLANKS), labels)
    (root / "fer2013new.csv").write_bytes(official(votes, BLANKS))
    assert check_votes(root, votes, BLANKS) == 197
    assert not any("anew" in note for note in scan(root).notes)


def test_names_that_may_be_either_give_no_votes(tmp_path: Path) -> None:
    """Thirty training images by themselves: rows 0 to 29, or the names of rows 0 to 31."""
    labels, votes = agreeing(200)
    root = folder_of(tmp_path / "few", {row: f"fer{row:07}" for row in range(30)}, labels)
    (root / "fer2013new.csv").write_bytes(official(votes, BLANKS))
    index = scan(root)
    assert check_votes(root, votes, BLANKS) == 17  # before the first row without a name
    assert any("13 images have no votes" in note for note in index.notes)


def test_votes_that_the_first_version_spread_are_not_used(tmp_path: Path) -> None:
    """A copy or balanced version of 0.1.0 holds the votes of other rows under the images' paths."""
    labels, votes = agreeing(400)
    root = folder_of(tmp_path / "version", {row: f"fer{row:07}" for row in range(400)}, labels)
    index = scan(root)
    wrong = np.roll(np.array(votes), 1, axis=0)
    lines = ["file," + ",".join(f"votes_{word.lower()}" for word in WORDS)]
    lines += [
        f"{file},{','.join(map(str, wrong[int(file[-11:-4])]))}" for file in index.table["file"]
    ]
    (root / "votes.csv").write_text("\n".join(lines))
    index = scan(root)
    assert index.votes is None
    assert any("was written by version 0.1.0" in note for note in index.notes)


def test_a_version_of_the_first_version_takes_votes_from_its_source(tmp_path: Path) -> None:
    """``version.json``, ``manifest.parquet`` and ``votes.csv`` as 0.1.0 wrote them."""
    labels, votes = agreeing(400)
    names = {row: f"fer{row:07}" for row in range(400)}
    store = folder_of(tmp_path / "store", names, labels)
    (store / "votes.csv").write_bytes(official(votes, BLANKS))
    version = folder_of(tmp_path / "version", names, labels)
    files = [path.relative_to(version).as_posix() for path in sorted(version.rglob("*.png"))]
    pd.DataFrame({"file": files, "source": files}).to_parquet(version / "manifest.parquet")
    (version / "version.json").write_text(json.dumps({"source": str(store)}))
    lines = ["file," + ",".join(f"votes_{word.lower()}" for word in WORDS)]
    lines += [f"{f},{','.join(map(str, votes[(int(f[-11:-4]) + 1) % 400]))}" for f in files]
    (version / "votes.csv").write_text("\n".join(lines))
    assert check_votes(version, votes, BLANKS) == 397
    assert any(f"taken anew from {store}" in note for note in scan(version).notes)


def test_votes_go_with_an_import_and_a_balanced_version() -> None:
    from fer_core import balance

    labels, votes = agreeing(200)
    root = import_csv(fer2013(labels, [*range(200)]), official(votes, BLANKS))
    copied = import_dataset(root, ImportOptions("copied"))
    index = scan(copied)
    version = balance.apply(
        index, balance.Recipe(balance.plan(balance.train_counts(index), 45)), "balanced"
    )
    assert check_votes(copied, votes, BLANKS) == 197
    assert check_votes(version, votes, BLANKS) == 197


def test_votes_without_rows_are_refused() -> None:
    header = b"Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    with pytest.raises(DatasetError, match=r"fer2013new.csv: .* has no rows"):
        vote_table.parse(header, "fer2013new.csv")
