"""ZIP and CSV import, the store, and the demo."""

import io
import shutil
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fer_core.dataset import demo, image_reading, scan, store, vote_table
from fer_core.dataset.importers import ImportOptions, import_dataset, with_name
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


def import_zip(source: io.BytesIO, name: str, **options: object) -> Path:
    return import_dataset(with_name(source.getvalue(), "x.zip"), ImportOptions(name, **options))


def import_csv(text: str, name: str, **options: object) -> Path:
    return import_dataset(with_name(text.encode(), "x.csv"), ImportOptions(name, **options))


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
        (packed({}), "no images in class folders"),
        (packed({"cats/a.png": PNG}), "no images in class folders"),
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
    words = (*vote_table.NAMES.values(), *vote_table.OTHER)
    head = ",".join(["file", *(f"votes_{word}" for word in words)])
    return f"{head}\n{file},0,0,0,9,1,0,0,0,0,0\n".encode()


def test_votes_stay_beside_what_is_taken_in(tmp_path: Path) -> None:
    (tmp_path / "faces.zip").write_bytes(packed(GOOD).getvalue())
    (tmp_path / "mine.csv").write_bytes(votes_table("train/happy/a.png"))
    made = import_dataset(
        tmp_path / "faces.zip", ImportOptions(votes=(tmp_path / "mine.csv").read_bytes())
    )
    for root in (made, import_dataset(made, ImportOptions("copied"))):
        index = scan(root)
        assert index.votes is not None
        assert index.votes["happy"].tolist() == [9, 0]


NO_VOTES = b"file,votes_anger\ntrain/happy/a.png,3\n"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (NO_VOTES, "the votes cannot be read"),
        (b"\xff\x00", "the votes cannot be read"),
        (b"file,other\na,1\n", "no (FER\\+ )?votes"),
        (votes_table("train/happy/z.png"), "no FER\\+ votes on the images of"),
    ],
)
def test_votes_that_do_not_fit_are_refused_before_anything_is_kept(given: bytes, says: str) -> None:
    text = f"emotion,pixels,Usage\n{row(0)}"
    for bring in (
        lambda: import_zip(packed(GOOD), "mine", votes=given),
        lambda: import_csv(text, "mine", votes=given),
    ):
        with pytest.raises(DatasetError, match=says):
            bring()
        assert left_over() == []


def test_damaged_votes_in_a_zip_are_named_and_not_used() -> None:
    index = scan(import_zip(packed(GOOD | {"labels.csv": NO_VOTES}), "mine"))
    assert index.votes is None
    assert any("labels.csv was not used: the votes cannot be read" in n for n in index.notes)


def row(emotion: object = 3, count: int = 2304, usage: str = "Training", value: object = 7) -> str:
    return f"{emotion},{' '.join([str(value)] * count)},{usage}"


def test_a_csv_becomes_a_dataset() -> None:
    head = "emotion,pixels,Usage"
    text = "\n".join([head, row(0), row(6, usage="PublicTest"), row(4, usage="PrivateTest")])
    lines = [
        "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF",
        "Training,fer0000000.png,0,0,0,0,9,1,0,0,0,0",
        "PublicTest,,0,0,0,0,0,0,0,0,0,10",
        "PrivateTest,fer0000001.png,0,0,0,8,0,0,2,0,0,0",
    ]
    given = "\n".join(lines).encode()
    index = scan(import_csv(text, "kaggle", votes=given))
    found = sorted(index.table["file"])
    assert found == [
        "test/sad/fer0000002.png", "train/angry/fer0000000.png", "validation/neutral/fer0000001.png",
    ]  # fmt: skip
    assert (image_reading.read(index.root / found[0]) == 7).all()
    assert index.votes is not None
    votes = index.votes.set_axis(index.table["file"])
    assert votes["angry"].to_dict() == dict(zip(found, [0, 9, 0], strict=True))
    assert votes.loc[found[2]].sum() == 0
    assert votes["sad"].to_dict() == dict(zip(found, [8, 0, 0], strict=True))
    assert any("2 of 3 images" in note for note in index.notes)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column emotion and no pixels"),
        ("a,b\n1,2", "no column"),
        ("emotion,pixels,Usage\n", "no rows"),
        ("emotion,pixels,Usage\n" + row() + "\n" + row(count=2303), "Row 3.*2,303 are there"),
        ("emotion,pixels,Usage\n" + row(7), "no rows of the seven emotions"),
        ("emotion,pixels,Usage\n" + row(8), "Row 2.*emotion must be 0 to 6.*Received: '8'"),
        ("emotion,pixels,Usage\n" + row(usage="Other"), "Row 2.*Usage must be"),
        ("emotion,pixels,Usage\n" + row(value=256), "Row 2.*pixel value"),
        ("emotion,pixels,Usage\n" + row(value=-1), "Row 2.*pixel value"),
        ("emotion,pixels,Usage\n" + row(value="x"), "Row 2.*pixel value"),
        ("emotion,pixels,Usage\n3", "Row 2.*0 are there"),
    ],
    ids=range(11),
)
def test_a_csv_that_is_refused_leaves_nothing(text: str, says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        import_csv(text, "bad")
    assert left_over() == []


@pytest.mark.parametrize("suffix", [".txt", "", ".data"])
def test_the_content_decides_whether_a_file_can_be_imported(tmp_path: Path, suffix: str) -> None:
    pixels = " ".join(["7"] * 48 * 48)
    table = tmp_path / f"faces{suffix}"
    table.write_text(f"emotion,pixels,Usage\n3,{pixels},Training\n4,{pixels},Training\n")
    assert sorted(scan(import_dataset(table)).table["label"]) == ["happy", "sad"]
    archive = tmp_path / f"archive{suffix}"
    archive.write_bytes(packed(GOOD).getvalue())
    assert len(scan(import_dataset(archive))) == len(GOOD)


def test_a_missing_csv_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nothing\.csv: there is no such file"):
        import_dataset(tmp_path / "nothing.csv")


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


def test_the_demo_is_the_same_everywhere(drawn: Path, tmp_path: Path) -> None:
    one, two = drawn, demo.make(tmp_path)
    assert demo.make(tmp_path) == two
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
    source = tmp_path / "mine"
    for place in ("train/happy/a.png", "train/sad/b.png", "test/happy/c.png"):
        (source / place).parent.mkdir(parents=True, exist_ok=True)
        (source / place).write_bytes(image_reading.png(np.full((48, 48), 90, np.uint8)))
    (source / "train/sad/broken.png").write_bytes(b"no picture")
    given = votes_table("train/happy/a.png")
    made = import_dataset(source, ImportOptions("mine", tmp_path / "home", votes=given))
    index = scan(made)
    assert index.counts().to_dict() == {
        split: dict.fromkeys(EMOTIONS, 0) | counts
        for split, counts in (("train", {"happy": 1, "sad": 1}), ("test", {"happy": 1}))
    }
    assert index.votes is not None
    assert index.votes["happy"].max() == 9


def test_images_of_one_name_keep_what_tells_them_apart(tmp_path: Path) -> None:
    for number, place in enumerate(("happy/1/a.png", "happy/2/a.png", "sad/a.png")):
        (tmp_path / "mine" / place).parent.mkdir(parents=True)
        face = np.full((48, 48), number, np.uint8)
        (tmp_path / "mine" / place).write_bytes(image_reading.png(face))
    index = scan(import_dataset(tmp_path / "mine"))
    assert index.table["file"].tolist() == [
        "train/happy/1-a.png", "train/happy/2-a.png", "train/sad/a.png",
    ]  # fmt: skip
    assert [image_reading.read(index.path(row))[0, 0] for row in range(3)] == [0, 1, 2]


def test_a_zip_that_may_not_be_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "mine.zip").touch()
    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(DatasetError, match=r"mine\.zip: cannot be read \(Permission denied\)"):
        import_dataset(tmp_path / "mine.zip")
