"""The ways into the dataset page: uploads, folders, files on the server, votes."""

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from streamlit.testing.v1 import AppTest

from fer_core.dataset import image_reading, numberings, store, vote_table
from fer_core.dataset.source import DatasetSource
from fer_core.errors import JobError
from fer_core.labels import EMOTIONS
from fer_core.system.settings import settings
from fer_core.training import runs
from fer_core.training.config import TrainConfig
from tests.page_kit import choose, lay_demo, open_ways, press, settle, texts


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("faces.zip", None, "have no training images"),
        ("faces.zip", b"no zip", "not a ZIP file"),
        ("fer2013.csv", b"emotion,pixels,Usage\n3,1 2 3,Training\n", "3 are there"),
        ("fer2013new.csv", b"x", "Choose one ZIP or one fer2013.csv"),
    ],
)
def test_uploads(name: str, data: bytes | None, says: str, tree: Path) -> None:
    if data is None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for place, file in (("happy/a", "train/happy/0.png"), ("happy/b", "train/happy/1.png"),
                                ("sad/c", "train/sad/0.png")):  # fmt: skip
                archive.write(tree / file, f"faces/train/{place}.png")
        data = buffer.getvalue()
    app = open_ways("dataset", "Upload")
    app.file_uploader(key="dataset_files").set_value([(name, data, "application/octet-stream")])
    press(app.run(), "Import")
    assert says in texts(app)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/nowhere/at/all", "there is no such folder"),
        ("TREE", "**surprise** have no training images"),
    ],
)
def test_folders(path: str, says: str, tree: Path) -> None:
    app = open_ways("dataset", "Folder")
    app.text_input(key="dataset_path").set_value(path.replace("TREE", str(tree)))
    press(app.run(), "Open the folder")
    assert says in texts(app)


@pytest.mark.parametrize("field", ["dataset_path", "dataset_votes"])
@pytest.mark.parametrize("path", ["~nobody-of-that-name/x", "x" * 5000])
def test_what_is_no_path_is_said(field: str, path: str) -> None:
    app = open_ways("dataset", "Folder")
    app.text_input(key=field).set_value(path).run()
    assert not app.exception
    assert "this path cannot be used" in texts(app)


def test_a_file_on_the_server_is_imported(tree: Path, tmp_path: Path) -> None:
    file = shutil.make_archive(str(tmp_path / "faces"), "zip", tree)
    app = open_ways("dataset", "Folder")
    app.text_input(key="dataset_path").set_value(file)
    press(app.run(), "Import the file")
    assert "have no training images" in texts(app)
    assert [one.name for one in store.stored()] == ["faces"]


def test_other_class_names_are_asked_for(tree: Path) -> None:
    shutil.copytree(tree / "train" / "sad", tree / "train" / "weeping")
    app = open_ways("dataset", "Folder")
    app.text_input(key="dataset_path").set_value(str(tree))
    app.run().selectbox(key=f"stands-{tree}-weeping").set_value("sad")
    press(app.run(), "Open the folder")
    assert app.metric[0].value == "25"


def happy_votes() -> str:
    """A table in which ten people call each training image angry."""
    words = (*vote_table.NAMES.values(), *vote_table.OTHER)
    head = "file," + ",".join(f"votes_{word}" for word in words)
    rows = [f"train/{label}/{n}.png,10{',0' * 9}" for label in EMOTIONS for n in range(10)]
    return "\n".join([head, *rows])


@pytest.mark.parametrize(
    ("name", "says"),
    [("labels.csv", "FER+ votes"), ("none.csv", "none.csv: cannot be read")],
)
def test_votes_from_elsewhere(tree: Path, tmp_path: Path, name: str, says: str) -> None:
    for label in ("angry", "fear", "neutral", "surprise"):
        shutil.copytree(tree / "train" / "happy", tree / "train" / label)
    (tmp_path / "labels.csv").write_text(happy_votes())
    app = open_ways("dataset", "Folder")
    app.text_input(key="dataset_path").set_value(str(tree))
    app.text_input(key="dataset_votes").set_value(str(tmp_path / name))
    press(app.run(), "Open the folder")
    if name == "labels.csv":
        choose(app, "dataset_part", "Audit")
        choose(app, "audit_part", "Labels")
        press(app, "Find label errors")
        app.toggle(key="suspects_all").set_value(True)
        settle(app.run())
    assert says in texts(app)


def test_training_sees_the_folder_as_the_page_does(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = []

    def caught(config: TrainConfig, source: DatasetSource, title: str, needed: int) -> None:
        sources.append(source)
        raise JobError("caught")

    monkeypatch.setattr(runs, "start", caught)
    shutil.copytree(tree / "train" / "sad", tree / "train" / "weeping")
    (tmp_path / "mine.csv").write_text(happy_votes())
    app = open_ways("dataset", "Folder")
    app.text_input(key="dataset_votes").set_value(str(tmp_path / "mine.csv"))
    app.text_input(key="dataset_path").set_value(str(tree))
    app.run().selectbox(key=f"stands-{tree}-weeping").set_value("sad")
    press(app.run(), "Open the folder")
    shown = app.session_state["dataset"].index
    app.switch_page("pages/train.py").run()
    press(app, "Start training")
    (source,) = sources
    index = source.open()
    seen, given = (one.table.set_index("file")["label"].astype("str") for one in (index, shown))
    assert seen.equals(given.reindex(seen.index))
    assert (seen == "sad").sum() >= 5
    assert index.votes is not None
    assert index.votes["angry"].max() == 10


def test_what_is_kept_can_be_opened(drawn: Path) -> None:
    lay_demo(drawn)
    app = open_ways("dataset", "Saved datasets")
    app.button(key="open_saved").click()
    settle(app.run())
    assert "**disgust** is the smallest class" in texts(app)


def test_the_open_dataset_survives_a_reload(tree: Path) -> None:
    app = open_ways("dataset", "Folder")
    app.text_input(key="dataset_path").set_value(str(tree))
    press(app.run(), "Open the folder")
    assert app.query_params["data"] == "tree"
    reloaded = open_ways("dataset", "Demo")
    assert "dataset" not in reloaded.session_state
    reloaded.query_params["data"] = "tree"
    settle(reloaded.run())
    assert reloaded.session_state["dataset"].index.root == tree
    by_button = press(open_ways("dataset", "Demo"), "tree")
    assert by_button.session_state["dataset"].index.root == tree


def test_an_address_opens_no_folder_that_was_never_opened(tree: Path) -> None:
    app = open_ways("dataset", "Demo")
    app.query_params["data"] = str(tree)
    settle(app.run())
    assert "dataset" not in app.session_state
    app.query_params["data"] = "tree"
    settle(app.run())
    assert "dataset" not in app.session_state


def test_the_bar_names_the_dataset_and_changes_it(app: AppTest) -> None:
    assert "Dataset **demo** · 1,212 images" in texts(app)
    assert not [group for group in app.button_group if group.key == "dataset_way"]
    press(app, "Change")
    assert app.button_group(key="dataset_way").options[0] == "Demo"
    press(app, "Cancel")
    assert "Dataset **demo**" in texts(app)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six photos of an astronaut, and one without a face."""
    root = tmp_path / "holiday"
    for number in range(6):
        folder = root / "train" / ("happy", "sad")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        moved = np.roll(skimage.data.astronaut(), 3 * number, axis=1)
        (folder / f"{number}.png").write_bytes(image_reading.png(moved))
    wall = np.full((300, 400, 3), 90, np.uint8)
    (root / "train" / "sad" / "wall.png").write_bytes(image_reading.png(wall))
    return root


def open_photos(photos: Path, page: str = "dataset") -> AppTest:
    app = open_ways(page, "Folder")
    app.text_input(key="dataset_path").set_value(str(photos))
    return press(app.run(), "Open the folder")


def test_faces_are_cut_out_of_photos(photos: Path) -> None:
    app = open_photos(photos)
    assert "These are photos, not face crops" in texts(app)
    press(app, "Cut out the faces")
    said = texts(app)
    assert "Dataset **holiday-faces** · 6 images · faces cut from holiday" in said
    assert "In 1 no face was detected" in said
    assert "These are photos" not in said
    files = next(frame.value for frame in app.dataframe if list(frame.value) == ["file"])
    assert files["file"].tolist() == ["train/sad/wall.png"]


def test_photos_are_neither_trained_on_nor_evaluated(photos: Path) -> None:
    app = open_photos(photos, "train")
    assert "These are photos, not face crops" in texts(app)
    assert not [button for button in app.button if button.label == "Start training"]
    press(app, "They are face crops")
    assert "These are photos" not in texts(app)
    assert [button for button in app.button if button.label == "Start training"]


def test_public_links_keep_the_open_dataset_alone(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.cache_clear()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for emotion in ("happy", "sad"):
            archive.write(tree / f"train/{emotion}/0.png", f"train/{emotion}/0.png")

    def upload(app: AppTest, name: str, data: bytes) -> list[str]:
        if "dataset" in app.session_state and "dataset_change" not in app.session_state:
            press(app, "Change")
        app.file_uploader(key="dataset_files").set_value([(name, data, "application/zip")])
        press(app.run(), "Import")
        home = Path(app.session_state["dataset_folder"].name)
        return [one.name for one in home.iterdir() if one.is_dir()]

    app = open_ways("dataset", "Upload")
    assert upload(app, "one.zip", buffer.getvalue()) == ["one"]
    assert upload(app, "two.zip", buffer.getvalue()) == ["two"]
    assert upload(app, "bad.zip", b"no zip") == ["two"]  # which is still open
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("labels.csv", "file,votes_anger\na,x\n")
    assert upload(app, "three.zip", buffer.getvalue()) == ["three"]
    assert "labels.csv was not used: the votes cannot be read" in texts(app)
    assert Path(app.session_state["dataset_folder"].name).name not in texts(app)
    assert app.session_state["dataset"].index.root.name == "three"


def test_a_zip_asks_for_classes_of_other_names(tree: Path) -> None:
    """The answer is applied to the import; what is left out by decision is said."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for number, name in enumerate(("happy", "weeping", "cats")):
            packed.write(tree / f"train/happy/{number}.png", f"faces/train/{name}/{number}.png")
    app = open_ways("dataset", "Upload")
    upload = ("faces.zip", buffer.getvalue(), "application/zip")
    app.file_uploader(key="dataset_files").set_value([upload])
    app.run().selectbox(key="stands-faces.zip-weeping").set_value("sad")
    press(app.run(), "Import")
    index = app.session_state["dataset"].index
    assert sorted(index.table["label"]) == ["happy", "sad"]
    assert any("1 file of a class that is none of the seven" in note for note in index.notes)
    assert "1 file of a class that is none of the seven emotions: faces/train/cats" in texts(app)


def numbered(tree: Path, name: str) -> bytes:
    """Return a ZIP of the folders 1 and 2, its images named by a pattern with a number."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for split in ("train", "test"):
            for number, emotion in enumerate(("happy", "sad"), 1):
                file = tree / "train" / emotion / "0.png"
                packed.write(file, f"faces/{split}/{number}/" + name.format(split, number))
    return buffer.getvalue()


def test_numbered_classes_are_recognized_by_their_images_names(tree: Path) -> None:
    """RAF-DB's names tell its numbering: nobody is asked, and what was recognised is said."""
    app = open_ways("dataset", "Upload")
    upload = ("faces.zip", numbered(tree, "{}_{:05}_aligned.png"), "application/zip")
    app.file_uploader(key="dataset_files").set_value([upload])
    press(app.run(), "Import")
    assert sorted(app.session_state["dataset"].index.table["label"]) == [
        "fear", "fear", "surprise", "surprise",
    ]  # fmt: skip
    assert "RAF-DB numbering: 1 is surprise" in texts(app)


@pytest.mark.parametrize("way", ["Upload", "Folder"])
def test_numbered_classes_whose_names_tell_nothing_wait_for_a_choice(
    way: str, tree: Path, tmp_path: Path
) -> None:
    data, title = numbered(tree, "{}-{}.png"), "faces.zip"
    app = open_ways("dataset", way)
    if way == "Upload":
        app.file_uploader(key="dataset_files").set_value([(title, data, "application/zip")])
    else:
        zipfile.ZipFile(io.BytesIO(data)).extractall(tmp_path / "given")
        title = str(tmp_path / "given")
        app.text_input(key="dataset_path").set_value(title)
    label = "Import" if way == "Upload" else "Open the folder"
    press(app.run(), label)
    assert "dataset" not in app.session_state
    assert "on the page with Numbers as in" in texts(app)
    app.selectbox(key=f"numbering-{title}").set_value(numberings.RAF_DB)
    press(app.run(), label)
    assert set(app.session_state["dataset"].index.table["label"]) == {"surprise", "fear"}
