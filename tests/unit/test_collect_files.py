"""Collecting from photos and videos, over the same command as users give."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skimage.io

from fer_core import collect
from fer_core.cli.main import main
from fer_core.collect import Clip, FileOptions, labels
from fer_core.dataset import scan
from fer_core.dataset.store import default_home
from fer_core.errors import ImageError
from fer_core.images.codec import encode
from tests.clips import make_clip, wall
from tests.conftest import needs_yunet

pytestmark = needs_yunet


@pytest.fixture
def photos(tmp_path: Path, astronaut) -> Path:
    """A happy face, another framing of it, a wall, and a file that is no image."""
    root = tmp_path / "photos"
    (root / "happy").mkdir(parents=True)
    skimage.io.imsave(root / "happy" / "a.png", astronaut[:400])
    skimage.io.imsave(root / "b.png", astronaut[:420, 60:])
    skimage.io.imsave(root / "wall.png", wall(0), check_contrast=False)
    (root / "broken.jpg").write_bytes(b"no image")
    return root


def test_the_command_collects_labels_plans_and_writes(photos: Path, tmp_path: Path, capsys) -> None:
    packed = tmp_path / "out.zip"
    arguments = ["dataset", "make", str(photos), "--folder-labels", "--near-duplicates"]
    assert main([*arguments, "--zip", str(packed)]) == 1  # some files gave no face
    out = capsys.readouterr().out
    assert "2 new faces from 4 files." in out
    assert "2 files gave no face" in out
    assert "wall.png: no face was detected" in out
    assert "Faces left out, without a label: 1" in out
    assert "Training needs faces of two emotions or more. Labelled so far: happy." in out
    assert packed.is_file()
    index = scan(default_home() / "mine")
    manifest = pd.read_parquet(index.root / "manifest.parquet")
    assert manifest[["source", "label", "method"]].to_numpy().tolist() == [
        ["happy/a.png", "happy", "folder"]
    ]
    sources = collect.open_or_create("mine").sources().set_index("source")["note"]
    assert "not an image" in sources["broken.jpg"]


def test_the_same_photos_again_add_nothing_and_labels_stay(photos: Path, capsys) -> None:
    main(["dataset", "make", str(photos), "--plan-only"])
    table = photos.parent / "labels.csv"
    table.write_text("file,label\nb.png,sad\n")
    main(["dataset", "make", str(photos), "--plan-only", "--labels", str(table)])
    assert "0 new faces from 4 files. 2 were there already." in capsys.readouterr().out
    held = labels.states(collect.open_or_create("mine"))
    assert [state.label for state in held.values()] == ["sad"]
    assert not (default_home() / "mine").exists()


def test_a_folder_without_a_face_is_said(tmp_path: Path, capsys) -> None:
    (tmp_path / "walls").mkdir()
    skimage.io.imsave(tmp_path / "walls" / "wall.png", wall(0), check_contrast=False)
    assert main(["dataset", "make", str(tmp_path / "walls")]) == 2
    assert "holds no face" in capsys.readouterr().err


def test_a_photo_that_lost_its_end_gives_its_faces_and_a_sentence(
    tmp_path: Path, astronaut: np.ndarray
) -> None:
    (tmp_path / "cut.jpg").write_bytes(encode(astronaut)[:-2000])
    mine = collect.open_or_create("mine")
    report = collect.add_files(mine, [str(tmp_path / "cut.jpg")])
    assert (report.faces, report.problems) == (1, [])
    assert "1 file read in part: " in report.sentence
    assert "the end of the file is missing" in mine.sources()["note"][0]


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="No images and no videos"):
        collect.add_files(collect.open_or_create("mine"), [str(tmp_path / "empty")])


def test_a_video_gives_its_faces_by_person_and_time(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=75)
    mine = collect.open_or_create("mine")
    options = FileOptions(below=tmp_path, clip=Clip(2.0, on_change=False, start_s=1.0, end_s=2.6))
    steps: list[tuple[int, int]] = []
    report = collect.add_files(mine, [str(clip)], options, lambda *step: steps.append(step))
    faces = mine.faces()
    assert report.faces == len(faces) == 4
    assert faces["time_s"].between(1.0, 2.6).all()
    assert faces["time_s"].diff().dropna().between(0.45, 0.6).all()
    assert set(faces["person"]) == {"clip.mp4#1"}
    assert faces["frame"].tolist() == [round(25 * time_s) + 1 for time_s in faces["time_s"]]
    assert steps[-1][0] > 900


@pytest.mark.parametrize(
    ("clip", "message"),
    [(Clip(), "no face was detected"), (Clip(start_s=9.0), "ends at 0.4 s, before the start")],
)
def test_a_clip_with_nobody_is_said(tmp_path: Path, clip: Clip, message: str) -> None:
    file = make_clip(tmp_path / "wall.mp4", frames=10, picture=wall)
    mine = collect.open_or_create("mine")
    report = collect.add_files(mine, [str(file)], FileOptions(below=tmp_path, clip=clip))
    assert report.faces == 0
    assert message in report.problems[0][1]
    assert message in mine.sources()["note"][0]
