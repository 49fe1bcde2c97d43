"""ZIP and CSV import, the store, and the demo."""

import io
import shutil
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fer_core.dataset import demo, ferplus, image_reading, scan, store
from fer_core.dataset.importers import import_dataset, zip_archive
from fer_core.dataset.importers.fer2013_csv import import_csv
from fer_core.dataset.importers.zip_archive import import_zip
from fer_core.errors import CancelledError, DatasetError
from fer_core.labels import EMOTIONS
from fer_core.system import zip_files
from fer_core.system.settings import Policy

PNG = image_reading.png(np.arange(2304, dtype=np.uint8).reshape(48, 48))
GOOD = {"train/happy/a.png": PNG, "train/sad/b.png": PNG}


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as zipped:
        for name, data in files.items():
            zipped.writestr(name, data)
    buffer.seek(0)
    return buffer


def left_over() -> list[str]:
    home = store.default_home()
    return sorted(p.name for p in home.iterdir() if p.name != ".lock") if home.is_dir() else []


def test_a_zip_becomes_a_dataset() -> None:
    files = GOOD | {"__MACOSX/train/happy/._a.png": b"x", "notes.txt": b"x", "train/happy/": b""}
    root = import_zip(packed(files), "my faces.v1")
    assert root == store.default_home() / "my faces.v1"
    assert sorted(scan(root).table["file"]) == sorted(GOOD)
    assert not (root / "notes.txt").exists()
    assert import_zip(packed(GOOD), "my faces.v1").name == "my faces.v1-2"


def encrypted() -> io.BytesIO:
    data = bytearray(packed(GOOD).getvalue())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(mark)
        while place >= 0:
            data[place + offset] |= 1
            place = data.find(mark, place + 1)
    return io.BytesIO(bytes(data))


def lying() -> io.BytesIO:
    """A member whose pixels do not fit its checksum."""
    data = packed(GOOD, zipfile.ZIP_STORED).getvalue()
    place = data.find(PNG) + 60
    return io.BytesIO(data[:place] + b"\xff\xff\xff" + data[place + 3 :])


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (packed(GOOD | {"../evil.png": PNG}), "leads outside"),
        (packed(GOOD | {"/etc/evil.png": PNG}), "leads outside"),
        (packed(GOOD | {"a\\..\\..\\evil.png": PNG}), "leads outside"),
        (packed(GOOD | {"C:/evil.png": PNG}), "leads outside"),
        (packed(GOOD | {"train/happy/bomb.png": bytes(40_000_000)}), "-fold when unpacked"),
        (encrypted(), "encrypted"),
        (lying(), "damaged in the ZIP"),
        (io.BytesIO(b"this is no zip"), "not a ZIP"),
        (io.BytesIO(b""), "not a ZIP"),
        (packed({}), "no pictures in class folders"),
        (packed({"cats/a.png": PNG}), "no pictures in class folders"),
    ],
)
def test_a_zip_that_is_refused_leaves_nothing(source: io.BytesIO, says: str) -> None:
    with pytest.raises(DatasetError, match=says) as caught:
        import_zip(source, "bad")
    assert ".new-" not in str(caught.value)
    assert left_over() == []


def test_a_zip_that_is_too_large_is_refused_by_what_it_says() -> None:
    with pytest.raises(DatasetError, match="would unpack to"):
        zip_files.check(zipfile.ZipFile(packed(GOOD)), Policy(zip_bytes=100))


def test_links_in_a_zip_are_not_followed() -> None:
    buffer = packed(GOOD)
    with zipfile.ZipFile(buffer, "a") as zipped:
        link = zipfile.ZipInfo("train/happy/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(link, "/etc/passwd")
    root = import_zip(buffer, "links")
    assert not (root / "train/happy/link.png").exists()


def votes_table(file: str) -> bytes:
    words = (*ferplus.NAMES.values(), *ferplus.OTHER)
    head = ",".join(["file", *(f"votes_{word}" for word in words)])
    return f"{head}\n{file},0,0,0,9,1,0,0,0,0,0\n".encode()


def test_votes_stay_beside_what_is_taken_in(tmp_path: Path) -> None:
    (tmp_path / "faces.zip").write_bytes(packed(GOOD).getvalue())
    (tmp_path / "mine.csv").write_bytes(votes_table("train/happy/a.png"))
    made = import_dataset(tmp_path / "faces.zip", votes=tmp_path / "mine.csv")
    for root in (made, import_dataset(made, "copied")):
        index = scan(root)
        assert index.votes is not None
        assert index.votes["happy"].tolist() == [9, 0]
    with pytest.raises(DatasetError, match=r"gone\.csv: cannot be read"):
        import_dataset(tmp_path / "faces.zip", votes=tmp_path / "gone.csv")


NO_VOTES = b"file,votes_anger\ntrain/happy/a.png,3\n"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (NO_VOTES, "the votes cannot be read"),
        (b"\xff\x00", "the votes cannot be read"),
        (b"file,other\na,1\n", "no FER\\+ votes on the images of mine"),
        (votes_table("train/happy/z.png"), "no FER\\+ votes on the images of mine"),
    ],
)
def test_votes_that_do_not_fit_are_refused_before_anything_is_kept(given: bytes, says: str) -> None:
    text = f"emotion,pixels,Usage\n{row(0)}"
    for bring in (
        lambda: import_zip(packed(GOOD), "mine", votes=given),
        lambda: import_csv(io.StringIO(text), "mine", votes=given),
    ):
        with pytest.raises(DatasetError, match=says):
            bring()
        assert left_over() == []


def test_damaged_votes_in_a_zip_are_refused() -> None:
    with pytest.raises(DatasetError, match=r"mine/labels\.csv: the votes cannot be read"):
        import_zip(packed(GOOD | {"labels.csv": NO_VOTES}), "mine")
    assert left_over() == []


def row(emotion: object = 3, count: int = 2304, usage: str = "Training", value: object = 7) -> str:
    return f"{emotion},{' '.join([str(value)] * count)},{usage}"


def test_a_csv_becomes_a_dataset() -> None:
    head = "emotion,pixels,Usage"
    text = "\n".join([head, row(0), row(6, usage="PublicTest"), row(4, usage="PrivateTest")])
    given = b"Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\nTraining,fer0000000.png,0,0,0,0,9,1,0,0,0,0\n"
    index = scan(import_csv(io.StringIO(text), "kaggle", votes=given))
    found = sorted(index.table["file"])
    assert found == [
        "test/sad/fer0000002.png", "train/angry/fer0000000.png", "validation/neutral/fer0000001.png",
    ]  # fmt: skip
    assert (image_reading.read(index.root / found[0]) == 7).all()
    assert index.votes is not None
    assert index.votes["angry"].sum() == 9


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column emotion and no pixels"),
        ("a,b\n1,2", "no column"),
        ("emotion,pixels,Usage\n", "no rows"),
        ("emotion,pixels,Usage\n" + row() + "\n" + row(count=2303), "Row 3.*2,303 are there"),
        ("emotion,pixels,Usage\n" + row(7), "Row 2.*emotion must be 0 to 6"),
        ("emotion,pixels,Usage\n" + row(usage="Other"), "Row 2.*Usage must be"),
        ("emotion,pixels,Usage\n" + row(value=256), "Row 2.*pixel value"),
        ("emotion,pixels,Usage\n" + row(value=-1), "Row 2.*pixel value"),
        ("emotion,pixels,Usage\n" + row(value="x"), "Row 2.*pixel value"),
        ("emotion,pixels,Usage\n3", "Row 2.*0 are there"),
    ],
)
def test_a_csv_that_is_refused_leaves_nothing(text: str, says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        import_csv(io.StringIO(text), "bad")
    assert left_over() == []


def test_a_missing_csv_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nothing\.csv: cannot be read"):
        import_csv(tmp_path / "nothing.csv", "x")


def test_two_at_once_the_second_is_told_to_wait() -> None:
    with store.new_dataset("first", 0) as folder:
        (folder / "x").write_text("x")
        with (
            pytest.raises(DatasetError, match="Wait until it is done"),
            store.new_dataset("second", 0),
        ):
            pass
    assert left_over() == ["first"]


def test_a_full_disk_is_seen_before_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil._ntuple_diskusage(10**9, 10**9 - 3, 3)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with (
        pytest.raises(DatasetError, match="Not enough disk space: about 205 MB"),
        store.new_dataset("x", 5_000_000),
    ):
        pass
    assert left_over() == []


def test_a_disk_that_fills_up_leaves_nothing() -> None:
    def fill(folder: Path) -> None:
        (folder / "part").write_text("x")
        raise OSError(28, "No space left on device")

    with (
        pytest.raises(DatasetError, match=r"No space left on device.*5 MB are needed"),
        store.new_dataset("x", 5_000_000) as folder,
    ):
        fill(folder)
    assert left_over() == []


def test_what_a_killed_process_left_is_swept_up() -> None:
    stale = store.default_home() / ".new-stale"
    stale.mkdir(parents=True)
    with store.new_dataset("fresh", 0):
        pass
    assert left_over() == ["fresh"]


@pytest.mark.parametrize(
    ("wanted", "name"),
    [("faces", "faces"), ("../../etc", "etc"), ("", "dataset"), ("a/b:c", "a-b-c"),
     ("Gesichter größer", "Gesichter größer"), ("...", "dataset"), ("x" * 200, "x" * 80)],
)  # fmt: skip
def test_names_are_made_fit(wanted: str, name: str) -> None:
    assert store.free_name(wanted) == name


def test_only_versions_can_be_deleted() -> None:
    with store.new_dataset("imported", 0):
        pass
    with store.new_dataset("version", 0) as folder:
        (folder / store.MANIFEST).write_bytes(b"x")
    imported, version = store.stored()
    assert (imported.is_version, version.is_version) == (False, True)
    with pytest.raises(DatasetError, match="not written by balancing"):
        store.delete_version(imported)
    store.delete_version(version)
    assert left_over() == ["imported"]


def test_a_stopped_import_leaves_nothing() -> None:
    def stop(_: int, __: int) -> None:
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        import_zip(packed(GOOD), "x", progress=stop)
    assert left_over() == []


def test_the_demo_is_the_same_everywhere(tmp_path: Path) -> None:
    one, two = (demo.make(tmp_path / name) for name in ("one", "two"))
    assert demo.make(tmp_path / "one") == one
    first, second = scan(one), scan(two)
    assert first.table["digest"].equals(second.table["digest"])
    counts = first.counts()
    assert counts["train"].idxmin() == "disgust"
    assert counts.loc["happy", "train"] > 10 * counts.loc["disgust", "train"]
    assert set(counts.columns) == {"train", "validation", "test"}


def test_the_demo_can_be_learned() -> None:
    """Pixels alone tell the expressions apart far above chance (1 in 7), on faces not seen."""
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(5)
    labels = np.repeat(np.arange(7), 90)
    faces = np.stack([demo.draw_face(EMOTIONS[label], random) for label in labels])
    small = faces.reshape(-1, 24, 2, 24, 2).mean(axis=(2, 4))
    flat = (small.reshape(len(faces), -1) - 128) / 64
    order = random.permutation(len(labels))
    head = LogisticRegression(C=0.01, max_iter=60).fit(flat[order[:500]], labels[order[:500]])
    assert head.score(flat[order[500:]], labels[order[500:]]) > 0.45


def test_a_folder_is_copied_with_its_votes(tmp_path: Path) -> None:
    from fer_core.dataset import image_reading
    from fer_core.dataset.importers.folder import import_folder

    source = tmp_path / "mine"
    for place in ("train/happy/a.png", "train/sad/b.png", "test/happy/c.png"):
        (source / place).parent.mkdir(parents=True, exist_ok=True)
        (source / place).write_bytes(image_reading.png(np.full((48, 48), 90, np.uint8)))
    (source / "train/sad/broken.png").write_bytes(b"no picture")
    given = votes_table("train/happy/a.png")
    made = import_folder(source, "mine", tmp_path / "home", votes=given)
    index = scan(made)
    assert index.counts().to_dict() == {
        split: dict.fromkeys(EMOTIONS, 0) | counts
        for split, counts in (("train", {"happy": 1, "sad": 1}), ("test", {"happy": 1}))
    }
    assert index.votes is not None
    assert index.votes["happy"].max() == 9


def test_a_folder_with_two_pictures_of_one_name_is_refused(tmp_path: Path) -> None:
    from fer_core.dataset import image_reading
    from fer_core.dataset.importers.folder import import_folder

    for place in ("happy/1/a.png", "happy/2/a.png"):
        (tmp_path / "mine" / place).parent.mkdir(parents=True)
        (tmp_path / "mine" / place).write_bytes(image_reading.png(np.zeros((48, 48), np.uint8)))
    with pytest.raises(DatasetError, match="two pictures of this name"):
        import_folder(tmp_path / "mine", "mine", tmp_path / "home")


def test_a_zip_that_may_not_be_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "mine.zip").touch()
    monkeypatch.setattr(zip_archive.zipfile, "ZipFile", denied)
    with pytest.raises(DatasetError, match=r"mine\.zip: cannot be read \(Permission denied\)"):
        import_dataset(tmp_path / "mine.zip")
