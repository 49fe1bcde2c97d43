"""Opening and scanning folders: what counts, what is passed by, what is remembered."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from fer_core.balance import class_weights
from fer_core.dataset import discover, ferplus, image_reading, opened, scan, vote_table
from fer_core.dataset.discover import unknown_classes
from fer_core.errors import CancelledError, DatasetError, ImageError
from fer_core.images.codec import encode

PNG = image_reading.png(np.arange(2304, dtype=np.uint8).reshape(48, 48))


def put(root: Path, *names: str, data: bytes = PNG) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        (["happy/a.png", "sad/b.png"], [("train", "happy"), ("train", "sad")]),
        (["train/happy/a.png", "test/sad/b.png"], [("test", "sad"), ("train", "happy")]),
        (["Training/Happiness/a.png", "val/FEAR/b.PNG"], [("train", "happy"), ("validation", "fear")]),
        (["fer2013/train/happy/a.png", "fer2013/test/sad/b.png"], [("test", "sad"), ("train", "happy")]),
        (["happy/deeper/still/a.png", "sad/b.png"], [("train", "happy"), ("train", "sad")]),
        (["happy/ein Bild mit Wörtern.png", "sad/写真.png"], [("train", "happy"), ("train", "sad")]),
    ],
)  # fmt: skip
def test_which_folder_is_what(tmp_path: Path, names: list[str], rows: list) -> None:
    index = scan(put(tmp_path / "data", *names))
    table = index.table
    assert sorted(zip(table["split"], table["label"], strict=True)) == rows
    assert index.is_readable.all()
    assert all(index.path(row).is_file() for row in range(len(index)))


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ([], "no such folder"),
        (["readme.txt"], "no images in class folders"),
        (["cats/a.png", "dogs/b.png"], "no images in class folders"),
        (["happy/notes.txt"], "no images in class folders"),
    ],
)
def test_a_folder_that_is_no_dataset(tmp_path: Path, names: list[str], says: str) -> None:
    root = put(tmp_path / "data", *names)
    with pytest.raises(DatasetError, match=says):
        scan(root)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = put(tmp_path, "x.png") / "x.png"
    with pytest.raises(DatasetError, match="not a folder"):
        scan(file)


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ("train/happy/thumbs.db", "1 file that is hidden or of the system: train/happy/thumbs.db"),
        ("train/happy/clip.mp4", "1 file of a type that is no image this app reads"),
        ("train/contempt/a.png", "1 file of a class that is none of the seven emotions"),
        ("elsewhere/a.png", "1 file in folders whose names are no emotion and no split"),
        ("train/zurprises/a.png", "Zurprises is most like surprise"),
        ("loose.png", "1 file outside class folders: loose.png"),
    ],
)
def test_what_is_left_out_is_noted(tree: Path, extra: str, says: str) -> None:
    index = scan(put(tree, extra, data=PNG if extra.endswith("png") else b"x" * 20))
    assert any(says in note for note in index.notes)
    assert sum(each.count for each in index.left_out) == 1


def test_ten_thousand_strays_make_one_short_note(tree: Path) -> None:
    put(tree, *(f"train/happy/{number}.txt" for number in range(10_000)), data=b"")
    (note,) = [note for note in scan(tree).notes if "tables or texts" in note]
    assert note.startswith("10,000 ")
    assert len(note) < 200


def test_an_empty_class_and_a_single_class_are_noted(tmp_path: Path) -> None:
    root = put(tmp_path / "data", "train/happy/a.png")
    (root / "train" / "sad").mkdir()
    notes = " ".join(scan(root).notes)
    assert "The class folder train/sad has no images" in notes
    assert "Only one class" in notes
    assert "no validation or test split" in notes


def test_unreadable_files_are_kept_with_the_reason(tree: Path) -> None:
    put(tree, "train/sad/empty.png", data=b"")
    put(tree, "train/sad/text.jpg", data=b"not a picture")
    put(tree, "train/sad/cut.png", data=PNG[:-200])
    (tree / "train/sad/gone.png").symlink_to(tree / "nowhere.png")
    index = scan(tree)
    bad = index.table[~index.is_readable].set_index("file")["error"]
    assert set(bad.index) == {f"train/sad/{name}" for name in ("empty.png", "text.jpg", "cut.png")}
    assert "empty" in bad["train/sad/empty.png"]
    assert index.counts().loc["sad", "train"] == 5


def test_what_could_not_be_read_is_tried_again(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path, name: str) -> None:
        raise ImageError(f"{name} cannot be read (Input/output error).")

    with monkeypatch.context() as patch:
        patch.setattr(image_reading, "read_below", refuse)
        assert not scan(tree).is_readable.any()
    assert scan(tree).is_readable.all()


def test_link_loops_end(tree: Path) -> None:
    (tree / "train" / "happy" / "again").symlink_to(tree / "train" / "happy")
    assert len(scan(tree)) == 20


def test_an_unreadable_folder_says_so(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DatasetError, match="Permission denied"):
        scan(tree)


@pytest.mark.parametrize("name", ["lost+found", "train/neutral", "elsewhere", "train/sad/more"])
def test_a_folder_inside_that_may_not_be_read_is_named(
    tree: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / name).mkdir(parents=True)
    scandir = os.scandir

    def refuse(folder: str) -> object:
        if str(folder).endswith(name):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    index = scan(tree)
    assert len(index) == 20
    assert f"The folder {name} cannot be read (Permission denied)." in index.notes


def test_the_second_scan_opens_only_what_changed(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = scan(tree)
    names: list[str] = []
    read = image_reading.read_below

    def note(root: Path, name: str) -> np.ndarray:
        names.append(name.rsplit("/", 1)[-1])
        return read(root, name)

    monkeypatch.setattr(image_reading, "read_below", note)
    again = scan(tree)
    assert names == []
    assert again.table.equals(first.table)
    assert np.array_equal(again.thumbs, first.thumbs)
    put(tree, "train/sad/new.png")
    shutil.copy(tree / "train/happy/1.png", tree / "train/happy/0.png")
    changed = scan(tree)
    assert sorted(names) == ["0.png", "new.png"]
    digests = changed.table.set_index("file")["digest"]
    assert digests["train/happy/0.png"] == digests["train/happy/1.png"]


def test_a_damaged_cache_only_costs_time(tree: Path, tmp_path: Path) -> None:
    first = scan(tree)
    for file in (tmp_path / "cache" / "scans").iterdir():
        file.write_bytes(b"damaged")
    assert scan(tree).table.equals(first.table)


def test_a_scan_can_be_stopped(tree: Path) -> None:
    def stop(_: int, __: int) -> None:
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        scan(tree, stop)


@pytest.mark.parametrize(
    ("shape", "suffix"), [((40, 60), ".png"), ((40, 60, 3), ".png"), ((40, 60, 3), ".jpg")]
)
def test_reading_keeps_grey_grey(tmp_path: Path, shape: tuple, suffix: str) -> None:
    array = np.random.default_rng(1).integers(0, 255, shape).astype(np.uint8)
    file = tmp_path / f"x{suffix}"
    file.write_bytes(encode(array, suffix) if suffix == ".jpg" else image_reading.png(array))
    found = image_reading.read(file)
    assert found.shape == shape
    if suffix == ".png":
        assert np.array_equal(found, array)


def test_a_png_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    import struct
    import zlib

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    data += struct.pack(">I", zlib.crc32(chunk)) + b"\0\0\0\0IEND\xaeB`\x82"
    with pytest.raises(ImageError, match="too large"):
        image_reading.from_bytes(data, "bomb.png")


@pytest.mark.parametrize(
    ("counts", "ratio", "weights"),
    [
        ({"happy": 30, "sad": 10}, 3.0, {"happy": 20 / 30, "sad": 2.0}),
        ({"happy": 5, "sad": 5}, 1.0, {"happy": 1.0, "sad": 1.0}),
        ({"happy": 5, "sad": 0}, float("inf"), {"happy": 1.0, "sad": 0.0}),
    ],
)
def test_imbalance_and_weights(counts: dict, ratio: float, weights: dict) -> None:
    assert class_weights.imbalance(counts) == ratio
    assert class_weights.class_weights(counts) == pytest.approx(weights)


@pytest.mark.parametrize(("count", "expected"), [(0, 0.0), (1, 1.0), (100, 95.2), (10**6, 1000.0)])
def test_effective_number(count: int, expected: float) -> None:
    assert class_weights.effective_number(count) == pytest.approx(expected, abs=0.1)


FERPLUS = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
)


def test_votes_from_the_official_table(tree: Path) -> None:
    text = FERPLUS + "Training,9.png,1,6,0,0,0,0,0,1,2,0\nTraining,,0,0,0,0,0,0,0,0,0,10\n"
    (tree / ferplus.OFFICIAL).write_text(text)
    index = scan(tree)
    assert index.votes is not None
    row = index.table.index[index.table["file"] == "train/happy/9.png"][0]
    assert index.votes.loc[row].to_dict() == {
        "angry": 0, "disgust": 0, "fear": 0, "happy": 6, "neutral": 1, "sad": 0, "surprise": 0,
        "other": 3,
    }  # fmt: skip
    assert ferplus.majority(index.votes)[row] == "happy"
    assert ferplus.majority(index.votes).isna().sum() == (index.votes.sum(axis=1) == 0).sum()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (ferplus.OFFICIAL, b"anger,Image name\n3,x.png\n"),
        ("labels.csv", b"file,label\nx.png,happy\n"),
        ("labels.csv", b",pth,label,relFCs\n0,anger/image0000006.jpg,surprise,0.87\n"),
        ("labels.csv", "file,photographer\nhappy/1.png,Ren\xe9e\n".encode("latin-1")),
        ("labels.csv", b"\xff\xfef\0i\0l\0e\0"),
        ("labels.csv", b""),
        ("votes.csv", b"file,votes_anger\ntrain/happy/0.png,3\n"),
        ("labels.csv", b"file,votes_anger,votes_anger\na,1,2\n"),
    ],
)
def test_a_table_of_something_else_is_named_and_not_used(
    tree: Path, name: str, data: bytes
) -> None:
    (tree / name).write_bytes(data)
    index = scan(tree)
    assert index.votes is None
    assert len(index) == 20
    assert sum(f"{name} was not used" in note for note in index.notes) == 1


WORDS = (*vote_table.NAMES.values(), *vote_table.OTHER)
HEAD = "file," + ",".join(f"votes_{word}" for word in WORDS) + "\n"


def test_votes_stay_with_the_images_that_they_name(tree: Path) -> None:
    text = "train/happy/0.png,0,0,0,8,0,0,0,0,0,0\ntest/happy/0.png,0,0,0,2,6,0,0,0,0,1\n"
    (tree / "labels.csv").write_text(HEAD + text)
    index = scan(tree)
    assert index.votes is not None
    happy = index.votes.set_axis(index.table["file"])["happy"]
    assert happy[["train/happy/0.png", "test/happy/0.png", "train/sad/0.png"]].tolist() == [8, 2, 0]


def test_votes_in_a_wrapping_folder_count_from_there(tree: Path, tmp_path: Path) -> None:
    text = "train/happy/0.png,0,0,0,8,0,0,0,0,0,0\ntrain/sad/0.png,0,0,0,2,6,0,0,0,0,1\n"
    (tree / "labels.csv").write_text(HEAD + text)
    (tmp_path / "outer").mkdir()
    tree.rename(tmp_path / "outer" / "tree")
    index = scan(tmp_path / "outer")
    assert index.votes is not None
    happy = index.votes.set_axis(index.table["file"])["happy"]
    assert happy[["tree/train/happy/0.png", "tree/train/sad/0.png"]].tolist() == [8, 2]


def test_a_table_without_votes_does_not_hide_one_that_has_them(tree: Path) -> None:
    (tree / "labels.csv").write_text("file,group\ntrain/happy/0.png,adult\n")
    (tree / ferplus.OFFICIAL).write_text(FERPLUS + "Training,9.png,1,6,0,0,0,0,0,1,2,0\n")
    index = scan(tree)
    assert index.votes is not None
    assert index.votes["happy"].max() == 6


def test_the_listing_is_in_a_fixed_order(tree: Path) -> None:
    assert discover.list_files(tree).files == sorted(discover.list_files(tree).files)


def test_names_that_are_not_utf_8_are_left_out_with_a_note(tree: Path) -> None:
    odd = os.fsdecode(b"\xff")
    (tree / "train" / "sad" / "0.png").rename(tree / "train" / "sad" / f"{odd}.png")
    (tree / "train" / odd).mkdir()
    (tree / "train" / odd / "0.png").touch()
    index = scan(tree)
    assert len(index) == 19
    notes = " ".join(index.notes)
    assert r"1 file with a name that is not UTF-8: train/sad/\udcff.png" in notes
    assert r"train/\udcff" in notes
    assert unknown_classes(tree) == {}
    with pytest.raises(DatasetError, match=r"udcff: this folder's name is not UTF-8"):
        scan(tree.rename(tree.with_name(odd)))


def test_many_files_are_opened_in_processes_with_the_same_result(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tree, "train/sad/new.png")
    (tree / "train/happy/0.png").write_bytes(b"text")
    first = scan(tree)
    (tree.parent / "cache").rename(tree.parent / "another")
    monkeypatch.setattr(opened, "MANY", 3)
    monkeypatch.setattr(opened, "PART", 8)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    calls: list[tuple[int, int]] = []
    again = scan(tree, lambda *now: calls.append(now))
    assert again.table.equals(first.table)
    assert np.array_equal(again.thumbs, first.thumbs)
    assert (~again.is_readable).sum() == 1
    assert calls
    assert {total for _, total in calls} == {21}

    def stop(*_: int) -> None:
        raise CancelledError("stopped")

    (tree.parent / "cache").rename(tree.parent / "a third")
    with pytest.raises(CancelledError):
        scan(tree, stop)
