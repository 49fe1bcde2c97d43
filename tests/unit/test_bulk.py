"""Many files into one table: folders, ZIPs, patterns, and what is wrong with single files."""

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fer_core import bulk
from fer_core.bulk import inputs, photo_job
from fer_core.errors import DatasetError, FerError, ImageError
from fer_core.recognition.pool import RecognizerPool
from fer_core.recognition.results import RESULT_COLUMNS
from tests.clips import make_clip


def test_a_folder_becomes_one_table_in_every_format(
    photos: Path, tmp_path: Path, pool: RecognizerPool
) -> None:
    make_clip(photos / "clip.mp4", 10)
    targets = [tmp_path / "out" / f"faces{suffix}" for suffix in (".parquet", ".csv", ".json")]
    heard: list[tuple[float, float]] = []
    summary = bulk.classify(
        [str(photos)], pool, targets, report=lambda done, total, _: heard.append((done, total))
    )
    table = pd.read_parquet(targets[0])
    assert tuple(table.columns) == RESULT_COLUMNS
    assert (summary.files, summary.faces, summary.errors) == (9, 16, 1)
    assert summary.rows == len(table) == 18
    names = [Path(source).name for source in table.source.unique()]
    assert names == [
        "0.jpg",
        "1.jpg",
        "2.jpg",
        "3.jpg",
        "4.jpg",
        "5.jpg",
        "bad.jpg",
        "clip.mp4",
        "wall.PNG",
    ]
    clip = table[table.source.str.endswith("clip.mp4")]
    assert clip.frame.tolist() == list(range(1, 11))
    np.testing.assert_allclose(clip.time_s, np.arange(10) / 25, atol=1e-3)
    assert set(clip.person) == {1}
    missing = table[table.source.str.endswith("wall.PNG")].iloc[0]
    assert pd.isna(missing.x1)
    assert pd.isna(missing.error)
    wrong = pd.read_csv(summary.error_file)
    assert wrong.columns.tolist() == ["source", "error"]
    assert "not an image" in wrong.error[0]
    assert pd.read_csv(targets[1]).emotion.fillna("").tolist() == table.emotion.fillna("").tolist()
    assert [row["frame"] for row in json.loads(targets[2].read_text())][7] == 1
    assert heard[-1] == (18, 18)
    assert all(a <= b for (a, _), (b, _) in pairwise(heard))
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "faces.csv", "faces.json", "faces.parquet", "faces.parquet.errors.csv",
    ]  # fmt: skip


def test_signs_that_end_lines_elsewhere_are_part_of_a_name(
    photos: Path, tmp_path: Path, pool: RecognizerPool
) -> None:
    odd = photos / "one\u2028two\x85.jpg"
    (photos / "0.jpg").rename(odd)
    bulk.classify([str(odd)], pool, [tmp_path / "faces.json"])
    assert {row["source"] for row in json.loads((tmp_path / "faces.json").read_text("utf-8"))} == {
        str(odd)
    }


def test_a_zip_is_read_without_unpacking_it(
    photos: Path, tmp_path: Path, pool: RecognizerPool
) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "photos"), "zip", photos))
    before = set(tmp_path.rglob("*"))
    summary = bulk.classify([str(archive)], pool, [tmp_path / "faces.parquet"])
    assert (summary.files, summary.faces, summary.errors) == (8, 6, 1)
    table = pd.read_parquet(tmp_path / "faces.parquet")
    assert f"{archive}/deeper/wall.PNG" in set(table.source)
    assert {file.name for file in set(tmp_path.rglob("*")) - before} == {
        "faces.parquet", "faces.parquet.errors.csv",
    }  # fmt: skip


def test_damage_inside_a_zip_is_one_files_error(
    photos: Path, tmp_path: Path, pool: RecognizerPool
) -> None:
    file = tmp_path / "photos.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(3):
            archive.write(photos / f"{number}.jpg", f"{number}.jpg")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 255  # in the middle of 1.jpg
    file.write_bytes(bytes(data))
    summary = bulk.classify([str(file)], pool, [tmp_path / "faces.parquet"])
    assert (summary.files, summary.faces, summary.errors) == (3, 2, 1)
    assert "1.jpg: damaged in the ZIP" in pd.read_csv(summary.error_file).error[0]


def zip_outside(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../evil.jpg", b"x")


def zip_bomb(file: Path) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.jpg", bytes(20_000_000))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (zip_outside, "leads outside"),
        (zip_bomb, "would grow"),
        (lambda file: file.write_bytes(b"text"), "not a ZIP"),
        (lambda file: None, "cannot be read"),
    ],
    ids=["outside", "bomb", "text", "missing"],
)
def test_a_zip_that_breaks_the_rules_is_refused(
    tmp_path: Path, pool: RecognizerPool, make: Callable, message: str
) -> None:
    make(tmp_path / "bad.zip")
    with pytest.raises(DatasetError, match=message):
        bulk.classify([str(tmp_path / "bad.zip")], pool, [tmp_path / "faces.csv"])
    assert not (tmp_path / "faces.csv.parts").exists()


def test_patterns_and_names_are_listed_once(photos: Path) -> None:
    found = inputs.listing([f"{photos}/[0-2].jpg", str(photos / "1.jpg"), f"{photos}/**/*.PNG"])
    assert [Path(source.name).name for source in found.sources] == [
        "0.jpg",
        "1.jpg",
        "2.jpg",
        "wall.PNG",
    ]
    with pytest.raises(ImageError, match="No images"):
        inputs.listing([f"{photos}/*.gif"])


def test_too_many_files_are_refused(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MAX_FILES", 3)
    with pytest.raises(ImageError, match="More than 3 files"):
        inputs.listing([str(photos)])


def test_one_odd_file_does_not_end_the_job(
    photos: Path, tmp_path: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = photo_job.PhotoReader.read

    def odd(self: photo_job.PhotoReader, data: bytes, name: str, draw: bool) -> photo_job.Photo:
        if name.endswith("2.jpg"):
            raise ValueError("odd")
        return real(self, data, name, draw)

    monkeypatch.setattr(photo_job.PhotoReader, "read", odd)
    summary = bulk.classify([str(photos)], pool, [tmp_path / "faces.csv"])
    assert (summary.files, summary.faces, summary.errors) == (8, 5, 2)


def test_names_that_are_not_utf_8_are_shown_with_escapes(
    photos: Path, tmp_path: Path, pool: RecognizerPool
) -> None:
    odd = os.fsdecode(b"\xff")
    (photos / "0.jpg").rename(photos / f"{odd}.jpg")
    (photos / f"{odd}.mp4").write_bytes(b"text")
    options = bulk.Options(below=photos)
    target = tmp_path / "out" / "faces.parquet"
    named = [str(photos), str(photos / f"{odd}gone.jpg")]
    summary = bulk.classify(named, pool, [target], options)
    with pytest.raises(FerError, match=r"udcff.csv: this name is not UTF-8"):
        bulk.classify(named, pool, [tmp_path / f"{odd}.csv"], options)
    table = pd.read_parquet(target).set_index("source")
    assert (summary.files, summary.errors) == (10, 3)
    assert pd.isna(table.loc[r"\udcff.jpg"].error)
    assert table.loc[r"\udcff.mp4"].error.startswith(r"\udcff.mp4: not a video")
    assert r"\udcffgone.jpg: cannot be read" in table.loc[r"\udcffgone.jpg"].error
