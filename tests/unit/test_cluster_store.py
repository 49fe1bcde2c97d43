"""The results of many machines lose and mix no rows. The shares are read here, without Ray."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from fer_core.cluster import bulk, result_folder
from fer_core.cluster.result_folder import Counts, Folder
from fer_core.cluster.worker import ShareReader, WorkerConfig
from fer_core.errors import FerError
from fer_core.images.codec import encode
from fer_core.recognition.pool import RecognizerPool
from fer_core.system.files import unused_name
from tests.clips import face_picture, make_clip, wall

shares_read: list[int] = []


@pytest.fixture(autouse=True)
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """One reader in this process takes the place of those that Ray would start."""

    def read(folder: Folder, config: WorkerConfig, *_: object) -> None:
        reader = ShareReader(config)
        for share in sorted(folder.sizes().keys() - folder.finished()):
            reader.read(share)
            shares_read.append(share)

    monkeypatch.setattr(bulk, "_read", read)
    monkeypatch.setattr(result_folder, "MIN_FILES", 2)


@pytest.fixture(scope="module")
def pool() -> RecognizerPool:
    return RecognizerPool(1, detector="haar")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six photos, one of which has lost its end, a clip, and a file that is not looked at."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.jpg").write_bytes(encode(face_picture(number)))
    data = (folder / "3.jpg").read_bytes()
    (folder / "3.jpg").write_bytes(data[: len(data) * 9 // 10])
    make_clip(folder / "clip.mp4", 5)
    (folder / "notes.txt").touch()
    return folder


def classify(photos: Path, pool: RecognizerPool, out: Path) -> tuple[Counts, list[int]]:
    """Run the job; return its counts and the shares that were read."""
    shares_read.clear()
    counts = bulk.classify([str(photos)], pool, str(out))
    return counts, sorted(shares_read)


def sources(out: Path) -> Sequence[str]:
    return sorted(Path(name).name for name in pd.read_parquet(out)["source"].unique())


def test_a_photo_that_lost_its_end_is_a_warning(photos: Path, pool: RecognizerPool) -> None:
    out = photos.parent / "out"
    counts, shares = classify(photos, pool, out)
    assert (counts.files, counts.errors, counts.warnings) == (7, 0, 1)
    assert shares == [0, 1, 2, 3]
    (warning,) = pd.read_csv(out / result_folder.ERRORS).itertuples()
    assert warning.source.endswith("3.jpg")
    assert "end" in warning.error
    assert counts.notice.startswith("1 file was passed over")
    assert classify(photos, pool, out) == (counts, [])


@pytest.mark.parametrize("name", ["1.jpg", "clip.mp4"])
def test_an_input_that_is_replaced_is_read_anew(
    photos: Path, pool: RecognizerPool, name: str
) -> None:
    out = photos.parent / "out"
    classify(photos, pool, out)
    if name == "clip.mp4":
        make_clip(photos / name, 3, picture=wall)
    else:
        (photos / name).write_bytes(encode(wall(0)))
    _, shares = classify(photos, pool, out)
    assert shares == ([3] if name == "clip.mp4" else [0])
    rows = pd.read_parquet(out)
    rows = rows[rows["source"].str.endswith(name)]
    assert len(rows) == (3 if name == "clip.mp4" else 1)
    assert rows["x1"].isna().all()
    assert sources(out) == sorted(file.name for file in photos.iterdir() if file.suffix != ".txt")


def test_an_input_that_is_gone_is_told(photos: Path, pool: RecognizerPool) -> None:
    out = photos.parent / "out"
    classify(photos, pool, out)
    (photos / "0.jpg").unlink()
    counts, shares = classify(photos, pool, out)
    assert (counts.errors, shares) == (1, [0])
    assert classify(photos, pool, out)[1] == []


@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "not listed"])
def test_a_damaged_part_is_read_again(photos: Path, pool: RecognizerPool, damage: str) -> None:
    out = photos.parent / "out"
    first, _ = classify(photos, pool, out)
    part = out / "part-000001.parquet"
    data = part.read_bytes()
    half = unused_name(part)
    half.write_bytes(data[:99])
    if damage == "not listed":  # its list of inputs was lost
        (out / "part-000099.parquet").write_bytes(data)
    elif damage == "gone":
        part.unlink()
    else:
        part.write_bytes(b"" if damage == "empty" else data[: len(data) // 2])
    assert classify(photos, pool, out) == (first, [] if damage == "not listed" else [1])
    assert len(sources(out)) == 7
    assert not half.exists()


def test_a_part_that_vanishes_while_the_job_runs_ends_it(
    photos: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, finish = photos.parent / "out", bulk._finish

    def vanishing(folder: Folder) -> Counts:
        folder.remove_part(2)
        return finish(folder)

    monkeypatch.setattr(bulk, "_finish", vanishing)
    with pytest.raises(FerError, match="5 of 7 files have rows: a part was removed"):
        classify(photos, pool, out)
