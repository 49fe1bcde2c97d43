"""Make one: collect, label and write a dataset on the dataset page."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fer_core import collect
from fer_core.collect import Face, labels
from fer_core.collect.collection import Suggester
from fer_core.dataset import corrections, store
from fer_core.errors import DownloadError
from fer_core.images import encode
from fer_core.images.boxes import Box
from fer_core.live.browser_files import BrowserFiles
from fer_core.recognition import Detection
from fer_core.system.settings import settings
from fer_core.training.presets import OWN_FACES
from pages._live import device_page
from tests.conftest import needs_yunet
from tests.page_kit import choose, open_page, press, settle, texts


def start(name: str = "mine") -> AppTest:
    """The page with a collection open."""
    app = press(open_page("dataset"), "Change")
    app = choose(app, "dataset_way", "Make one")
    app.text_input(key="collection_name").set_value(name)
    return press(app, "Start")


def fill(picture, people: int = 4) -> collect.Collection:
    """Four labelled faces of each person, two of them happy, and one without a label."""
    collection = collect.open_or_create("mine")
    even = np.full(7, 1 / 7, np.float32)
    detection = Detection(Box(0, 0, 90, 90), 0.9)
    faces = [
        Face(picture(10 * person + number), "photo", f"{person}.jpg", f"p{person}", detection, even)
        for person in range(people)
        for number in range(5)
    ]
    files = collection.add(faces, Suggester("mobilenetv2", "fer2013", "yunet")).files
    entries = [
        labels.Entry(file, ("happy", "sad")[at % 2], by="anna")
        for at, file in enumerate(files)
        if at % 5 < 4
    ]
    labels.add(collection, entries)
    return collection


@needs_yunet
def test_photos_are_added_from_nothing(astronaut) -> None:
    app = start()
    assert "Making **mine** · 0 faces" in texts(app)
    app.file_uploader(key="make_photos").set_value(
        [("a.png", encode(astronaut, ".png"), "image/png")]
    )
    app = press(app.run(), "Add the faces")
    assert "1 new face from 1 file." in texts(app)
    assert "Making **mine** · 1 faces" in texts(app)
    assert collect.open_or_create("mine").faces()["source"].tolist() == ["a.png"]


def test_a_folder_that_is_not_there_is_said() -> None:
    app = start()
    app.text_input(key="make_folder").set_value("/nowhere/at/all")
    app = press(app.run(), "Add the faces")
    assert "/nowhere/at/all" in texts(app)
    assert "0 faces" in texts(app)


def test_faces_corrected_on_the_live_page_are_added_with_their_labels(picture) -> None:
    for seed, emotion in enumerate(("happy", "sad", "sad")):
        corrections.save(np.repeat(picture(seed)[..., None], 3, axis=2), emotion)
    app = press(start(), "Add the 3 faces corrected")
    assert "3 corrected faces are new here" in texts(app)
    collection = collect.open_or_create("mine")
    table = labels.label_table(collection.faces(), labels.states(collection))
    assert table["label"].tolist() == ["happy", "sad", "sad"]
    assert set(table["method"]) == {"correction"}
    assert "0 corrected faces are new" in texts(press(app, "Add the 3 faces corrected"))


@pytest.mark.parametrize("part", ["Label", "Finish"])
def test_an_empty_collection_says_what_to_do(part: str) -> None:
    assert "There are no faces yet" in texts(choose(start(), "make_part", part))


def test_the_plan_comes_first_then_the_dataset_then_training(picture, monkeypatch) -> None:
    write = collect.write
    slowly = lambda *a, **k: time.sleep(1.2) or write(*a, **k)  # noqa: E731  # progress is shown
    monkeypatch.setattr(collect, "write", slowly)
    fill(picture)
    app = choose(start(), "make_part", "Finish")
    assert "train 8, validation 4, test 4 images." in texts(app)
    assert "The test split is small" in texts(app)
    assert "Left out: 4 without a label." in texts(app)
    assert not (store.default_home() / "mine").exists()
    app = press(app, "Write the dataset")
    assert app.segmented_control(key="make_part").value == "Finish"
    assert "mine is written and open." in texts(app)
    manifest = pd.read_parquet(store.default_home() / "mine" / store.MANIFEST)
    assert len(manifest) == 16
    app = press(app, "Train on it")
    assert app.session_state["train_preset"] == OWN_FACES
    assert app.title[0].value == "Train"


def test_other_persons_give_another_plan(picture) -> None:
    fill(picture)
    app = choose(start(), "make_part", "Finish")
    app = settle(app.selectbox(key="person_rule").set_value("folder").run())
    assert "too little for a validation and test split: the faces show 1 person" in texts(app)


def test_limits_set_faces_aside(picture) -> None:
    fill(picture)
    app = start()
    app = settle(app.slider(key="limit-side").set_value(120.0).run())
    assert any("20 too small" in expander.label for expander in app.expander)


def test_a_collection_is_continued_and_deleted(picture) -> None:
    fill(picture)
    app = press(start(), "Close")
    app = press(press(app, "Change"), "mine")
    assert "Making **mine** · 20 faces, 16 labelled" in texts(app)
    app = press(app, "Delete the collection")
    assert collect.collections() == ()


def test_the_webcam_says_what_is_sent_and_what_the_server_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def prepare(*_) -> BrowserFiles:
        raise DownloadError("npm is not installed.")

    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)
    monkeypatch.setattr(device_page, "prepare", prepare)
    app = choose(start(), "make_way", "Webcam")
    assert "The video goes to the server." in texts(app)
    app = choose(app, "capture_mode", "On this device")
    assert not app.exception
    assert "Frames stay on this device. While a button is held, the faces are sent" in texts(app)
    assert "npm is not installed. Choose another mode above." in texts(app)


def test_a_name_that_is_no_folder_is_refused() -> None:
    assert "cannot be the name" in texts(start("a/b"))


def test_a_public_link_offers_no_making(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.cache_clear()
    app = press(open_page("dataset"), "Change")
    assert "Make one" not in app.button_group(key="dataset_way").options
