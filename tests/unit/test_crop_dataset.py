"""Photos are told from face crops, and their faces become a new dataset."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import skimage.data

from fer_core.cli.main import main
from fer_core.dataset import image_reading, scan, store
from fer_core.errors import DatasetError
from fer_core.images.crop import face_crop
from fer_core.recognition import crop_dataset
from fer_core.recognition.detection import choose_detector
from fer_core.types import Pixels
from tests.conftest import needs_yunet

ASTRONAUT = skimage.data.astronaut()
BLANK = np.full((300, 400, 3), 90, np.uint8)


def two_faces() -> Pixels:
    """The astronaut beside her smaller copy, uint8 (512, 1024, 3)."""
    canvas = np.full((512, 1024, 3), 60, np.uint8)
    canvas[:, :512] = ASTRONAUT
    canvas[100:356, 600:856] = cv2.resize(ASTRONAUT, (256, 256))
    return canvas


def make(root: Path, images: dict[str, Pixels]) -> Path:
    for name, image in images.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(image_reading.png(image))
    return root


def shifted(count: int, folder: str = "test/happy") -> dict[str, Pixels]:
    return {f"{folder}/{n}.png": np.roll(ASTRONAUT, 3 * n, axis=1) for n in range(count)}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return make(tmp_path / "photos", shifted(8))


def crop_of(image: Pixels, side: int, margin: float = 0.0) -> Pixels:
    face = choose_detector().detector.detect(image)[0]
    return face_crop(image, face.box, side, face.roll, margin)


def test_photos_are_recognized(photos: Path) -> None:
    check = crop_dataset.check_photos(scan(photos))
    assert check.are_photos
    assert check.sampled == check.photos == 8
    assert "These are photos, not face crops: in 8 of 8 sampled images" in check.sentence


@pytest.mark.parametrize(("side", "margin"), [(48, 0.0), (224, 0.0), (512, 0.1), (300, 0.2)])
def test_face_crops_of_any_size_are_no_photos(tmp_path: Path, side: int, margin: float) -> None:
    crop = crop_of(ASTRONAUT, side, margin)
    root = make(tmp_path / "crops", {f"train/happy/{n}.png": crop - np.uint8(n) for n in range(4)})
    check = crop_dataset.check_photos(scan(root))
    assert (check.are_photos, check.sentence) == (False, "")


def test_small_square_images_need_no_detector(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crop_dataset, "choose_detector", lambda: pytest.fail("not needed"))
    assert crop_dataset.check_photos(scan(tree)) == crop_dataset.PhotoCheck()


def test_a_few_photos_among_crops_do_not_make_it_a_dataset_of_photos(tree: Path) -> None:
    make(tree, shifted(2, "train/happy/more"))
    assert not crop_dataset.check_photos(scan(tree)).are_photos


@needs_yunet
def test_the_largest_face_of_each_photo_is_cut(tmp_path: Path) -> None:
    root = make(tmp_path / "mine", {
        "train/happy/a.png": ASTRONAUT, "train/sad/b.png": two_faces(),
        "test/happy/ada/c.png": ASTRONAUT, "test/happy/eve/c.png": ASTRONAUT[:, ::-1].copy(),
        "test/sad/wall.png": BLANK,
    })  # fmt: skip
    cropped = crop_dataset.crop_dataset(scan(root))
    assert cropped.folder == store.default_home() / "mine-faces"
    assert (cropped.faces, cropped.without_face) == (4, ("test/sad/wall.png",))
    index = scan(cropped.folder)
    assert index.table["file"].tolist() == [
        "test/happy/c-2.png", "test/happy/c.png", "train/happy/a.png", "train/sad/b.png",
    ]  # fmt: skip
    assert index.notes == (
        "Imported from mine: 1 photo in which no face was detected: test/sad/wall.png.",
    )
    faces = [image_reading.read(index.path(row)) for row in range(4)]
    assert all(face.shape[0] == face.shape[1] for face in faces)
    expected = crop_of(ASTRONAUT, faces[2].shape[0], -0.015)
    assert np.abs(faces[2].astype(int) - expected).mean() < 3
    assert faces[3].shape[0] > 100, "the larger of the two"
    about = json.loads((cropped.folder / "version.json").read_text())
    assert about["without_face"] == ["test/sad/wall.png"]
    manifest = pd.read_parquet(cropped.folder / store.MANIFEST).set_index("file")
    assert manifest.loc["train/sad/b.png", "source"] == "train/sad/b.png"
    assert not crop_dataset.check_photos(index).are_photos


def test_photos_that_gave_no_face_are_said_when_the_faces_are_opened(tmp_path: Path) -> None:
    root = make(tmp_path / "data", shifted(2) | {"test/sad/wall.png": BLANK})
    (root / "test" / "happy" / "damaged.png").write_bytes(b"no image")
    cropped = crop_dataset.crop_dataset(scan(root), home=tmp_path / "home")
    notes = " ".join(scan(cropped.folder).notes)
    assert "Imported from data: 1 photo in which no face was detected: test/sad/wall.png." in notes
    assert "1 photo that cannot be read: test/happy/damaged.png." in notes


@needs_yunet
def test_every_face_can_be_cut(tmp_path: Path) -> None:
    root = make(tmp_path / "mine", {"train/happy/a.png": two_faces(), "train/sad/b.png": ASTRONAUT})
    cropped = crop_dataset.crop_dataset(scan(root), "all", every_face=True)
    files = sorted(p.name for p in cropped.folder.rglob("*.png"))
    assert files == ["a-face-2.png", "a.png", "b.png"]


def test_votes_go_with_the_faces(tmp_path: Path) -> None:
    root = make(tmp_path / "mine", {"train/happy/a.png": BLANK, "train/sad/b.png": ASTRONAUT})
    (root / "labels.csv").write_text(
        "file,votes_neutral,votes_happiness,votes_surprise,votes_sadness,votes_anger,"
        "votes_disgust,votes_fear,votes_contempt,votes_unknown,votes_nf\n"
        "train/happy/a.png,0,10,0,0,0,0,0,0,0,0\ntrain/sad/b.png,2,8,0,0,0,0,0,0,0,0\n"
    )
    index = scan(crop_dataset.crop_dataset(scan(root)).folder)
    assert index.votes is not None
    assert index.votes[["happy", "neutral"]].to_numpy().tolist() == [[8, 2]]


def test_grey_photos_and_tight_crops_are_cut_too(tmp_path: Path) -> None:
    grey = cv2.cvtColor(ASTRONAUT, cv2.COLOR_RGB2GRAY)
    tight = crop_of(ASTRONAUT, 200, -0.05)
    root = make(tmp_path / "mine", {"train/happy/a.png": grey, "train/sad/b.png": tight})
    cropped = crop_dataset.crop_dataset(scan(root))
    assert cropped.without_face == ()
    assert image_reading.read(cropped.folder / "train/happy/a.png").ndim == 2


def test_photos_without_any_face_leave_nothing(tmp_path: Path) -> None:
    root = make(tmp_path / "mine", {"train/happy/a.png": BLANK})
    with pytest.raises(DatasetError, match="no face was detected in any of 1 images"):
        crop_dataset.crop_dataset(scan(root))
    assert not list(store.default_home().glob("*mine*"))


def test_the_command_lists_photos_without_a_face(
    photos: Path, capsys: pytest.CaptureFixture
) -> None:
    make(photos, {"test/sad/wall.png": BLANK})
    assert main(["dataset", "scan", str(photos)]) == 0
    assert "Cut the faces out: python -m fer_core dataset crop" in capsys.readouterr().out
    assert main(["dataset", "crop", str(photos), "--name", "mine"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(store.default_home() / "mine")
    assert lines[1:] == ["8 faces; 1 photo without a detected face:", "test/sad/wall.png"]


@pytest.mark.parametrize("command", ["audit", "train", "sweep"])
def test_photos_are_refused_with_what_to_do(
    photos: Path, tmp_path: Path, command: str, capsys: pytest.CaptureFixture
) -> None:
    sweep = tmp_path / "sweep.yaml"
    sweep.write_text(f"data: {photos}\nbase: fernet\nfields:\n  dropout: [0.1, 0.2]\n")
    arguments = {
        "audit": ["dataset", "audit", str(photos)],
        "train": ["train", "--run", str(tmp_path / "run"), "--data", str(photos),
                  "--config", "fernet"],
        "sweep": ["sweep", "--config", str(sweep)],
    }[command]  # fmt: skip
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "These are photos, not face crops" in error
    assert f"dataset crop {photos}, or add --detect" in error


def test_evaluate_cuts_the_faces_out(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    command = ["evaluate", "--data", str(photos), "--form", "fp32", "--head", "fer2013",
               "--json", str(tmp_path / "metrics.json")]  # fmt: skip
    assert main([*command, "--no-detect"]) == 0
    assert "note: These are photos" not in capsys.readouterr().err
    for _ in range(2):  # the second time they are there already
        assert main(command) == 0
        output = capsys.readouterr()
        assert "8 faces cut out of 8 images" in output.err
        metrics = json.loads((tmp_path / "metrics.json").read_text())["evaluations"]
        assert [values["accuracy"] for values in metrics.values()] == [1.0]
    assert not store.default_home().exists(), "the user's datasets are left alone"
