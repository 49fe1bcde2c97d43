"""Pages driven as a user would, without a browser."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fer_core import EMOTIONS, EmotionClassifier
from fer_core.dataset import demo
from fer_core.explain import Explainer
from fer_core.explain.cam import consistent_map, mirror
from fer_core.images.codec import encode
from fer_core.models import card, registry
from fer_core.system.settings import settings
from tests.page_kit import lay_demo, open_page, settle, texts


def upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    app.file_uploader[0].set_value([(name, data, "image/jpeg") for name, data in files])
    return app.run()


@pytest.fixture
def face(astronaut: np.ndarray) -> bytes:
    return encode(astronaut)


def test_home_says_what_it_is_and_how_good() -> None:
    app = open_page("home")
    assert not app.exception
    said = texts(app)
    for part in ("FER Studio", "Art. 5(1)(f)", "Art. 50(3)", "not stored", "happy"):
        assert part in said
    figures = registry.load_card().heads["fer2013"].figures["test"]
    assert f"Right on {figures['accuracy'] * 100:.0f} of 100 faces it never saw" in said
    recalls = app.dataframe[0].value.set_index("")["found, percent"]
    assert recalls["fear"] == pytest.approx(100 * figures["per_class"]["fear"]["recall"])
    assert "make app" not in said


def test_home_reads_the_photo_that_is_dropped(face: bytes) -> None:
    wall = encode(np.full((200, 300, 3), 180, np.uint8))
    app = open_page("home")
    for data, says in (
        (wall, "No face found"),
        (b"text", "not an image"),
        (face, "1 face"),
    ):
        app.file_uploader(key="home_photo").set_value([("photo.jpg", data, "image/jpeg")])
        assert says in texts(app.run())
        assert not app.exception


def test_home_opens_the_demo_in_one_click(drawn: Path) -> None:
    lay_demo(drawn)
    app = open_page("home")
    app.button(key="home_demo").click().run()
    assert not app.exception
    settle(app)
    assert app.title[0].value == "Dataset"
    assert app.session_state["dataset"].name == demo.NAME


def test_a_public_home_offers_no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.cache_clear()
    app = open_page("home")
    assert not app.exception
    assert "Training runs on your own computer" in texts(app)
    assert str(settings().home) not in texts(app)


def test_photos_starts_with_the_notice_and_an_example() -> None:
    app = open_page("upload")
    assert not app.exception
    assert "An expression is not a feeling" in texts(app)
    app.button[0].click().run()
    assert not app.exception
    assert "1 photo, 1 face" in texts(app)
    assert "happy" in texts(app)


def test_a_new_threshold_counts_for_what_is_shown(model_copy: Path) -> None:
    home = settings().home / "models"
    home.mkdir(parents=True)
    folder = model_copy.rename(home / "mine")
    registry.promote("mine")
    app = open_page("upload")
    app.button[0].click().run()
    assert "uncertain (" not in texts(app)
    card = json.loads((folder / "card.json").read_text())
    for head in card["heads"].values():
        for calibration in (head, *head.get("calibrations", {}).values()):
            calibration["abstain_below"] = 1.0
    (folder / "card.json").write_text(json.dumps(card))
    assert "uncertain (" in texts(app.run())


def test_each_photo_gets_its_answer_and_each_bad_file_its_line(face: bytes) -> None:
    wall = encode(np.full((200, 300, 3), 180, np.uint8))
    app = upload(
        open_page("upload"),
        ("a.jpg", face),
        ("bad.jpg", b"text"),
        ("wall.jpg", wall),
        ("zero.jpg", b""),
    )
    assert not app.exception
    assert "4 photos, 1 face, 1 without a face, 2 could not be read" in texts(app)
    (errors,) = [element.value for element in app.error]
    bad, zero = errors.splitlines()
    assert bad.startswith("- bad.jpg: not an image")
    assert zero.startswith("- zero.jpg: the file is empty")
    assert "No face found" in texts(app)
    (table,) = [frame.value for frame in app.dataframe if "photo" in frame.value]
    assert table.photo.tolist() == ["a.jpg", "wall.jpg"]
    assert table.emotion.tolist() == ["happy", "no face"]
    assert "error" not in table


def test_results_stay_until_cleared(face: bytes) -> None:
    app = upload(open_page("upload"), ("a.jpg", face))
    app.switch_page("pages/home.py").run()
    app.switch_page("pages/upload.py").run()
    assert "1 photo, 1 face" in texts(app)
    next(button for button in app.button if button.label == "Clear").click().run()
    assert "1 photo" not in texts(app)
    assert not app.exception


def test_a_face_crop_is_read_without_searching(astronaut: np.ndarray) -> None:
    crop = encode(np.ascontiguousarray(astronaut[75:185, 172:282]), ".png")
    app = upload(open_page("upload"), ("crop.png", crop))
    app.toggle[0].set_value(True).run()
    assert not app.exception
    assert "analysed as a face crop" in texts(app)
    assert "1 photo, 1 face" in texts(app)


def test_the_other_reading_reads_again(face: bytes) -> None:
    app = upload(open_page("upload"), ("a.jpg", face))
    first = app.dataframe[0].value.happy[0]
    app.selectbox(key="head").set_value("ferplus").run()
    assert not app.exception
    assert app.dataframe[0].value.happy[0] != first


def test_results_that_cannot_be_read_again_say_so(face: bytes) -> None:
    """After a visit to another page the upload field is empty, and the results are there."""
    app = upload(open_page("upload"), ("a.jpg", face))
    assert any(toggle.label == "Why?" for toggle in app.toggle)
    app.switch_page("pages/home.py").run()
    app.switch_page("pages/upload.py").run()
    assert "belong to another model" not in texts(app)
    app.selectbox(key="head").set_value("ferplus").run()
    assert not app.exception
    assert "Some results belong to another model or other settings" in texts(app)
    assert not any(toggle.label == "Why?" for toggle in app.toggle), (
        "it would explain another prediction"
    )
    before = app.dataframe[0].value.happy[0]
    next(button for button in app.button if button.label == "Analyse them again").click().run()
    assert not app.exception
    assert "belong to another model" not in texts(app)
    assert app.dataframe[0].value.happy[0] != before
    assert any(toggle.label == "Why?" for toggle in app.toggle)
    app.switch_page("pages/home.py").run()
    app.switch_page("pages/upload.py").run()
    assert app.selectbox(key="head").value == "ferplus"
    assert "belong to another model" not in texts(app)


def test_files_beyond_the_memory_of_a_visit_are_to_be_added_again(
    face: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages._upload.photos.MAX_KEPT_BYTES", len(face))
    app = upload(open_page("upload"), ("a.jpg", face), ("b.jpg", face))
    app.switch_page("pages/home.py").run()
    app.switch_page("pages/upload.py").run()
    app.selectbox(key="head").set_value("ferplus").run()
    next(button for button in app.button if button.label == "Analyse them again").click().run()
    assert "Add these photos again to analyse them again" in texts(app)
    assert not any(button.label == "Analyse them again" for button in app.button)


def test_several_photos_have_a_chart_and_a_filter(face: bytes) -> None:
    wall = encode(np.full((200, 300, 3), 180, np.uint8))
    app = upload(open_page("upload"), ("a.jpg", face), ("wall.jpg", wall))
    assert "Faces by emotion" in texts(app)
    choice = app.segmented_control(key="photo_filter")
    assert sum("wall.jpg ·" in element.value for element in app.caption) == 1
    choice.set_value("Uncertain").run()
    assert "No photo has an uncertain face." in texts(app)
    app.segmented_control(key="photo_filter").set_value("No face").run()
    assert not any("a.jpg ·" in element.value for element in app.caption)
    assert any("wall.jpg ·" in element.value for element in app.caption)


def test_another_source_and_back_keeps_results_and_shows_what_holds(face: bytes) -> None:
    """``st.stop`` kept the state of fields that the browser draws anew: see ``page_end``."""
    wall = encode(np.full((200, 300, 3), 180, np.uint8))
    app = upload(open_page("upload"), ("a.jpg", face), ("wall.jpg", wall))
    app.segmented_control(key="photo_filter").set_value("No face").run()
    app.segmented_control(key="way").set_value("Video").run()
    app.segmented_control(key="way").set_value("Photos").run()
    assert app.segmented_control(key="photo_filter").value == "All"
    assert not app.file_uploader[0].value
    app.run()
    assert "2 photos, 1 face" in texts(app)


def test_a_photo_that_lost_its_end_has_a_note(face: bytes) -> None:
    app = upload(open_page("upload"), ("cut.jpg", face[:-2]))
    assert "1 photo, 1 face" in texts(app)
    assert [element.value for element in app.warning] == [
        "cut.jpg: the end of the file is missing; the rest was read."
    ]


def test_many_photos_are_paged(face: bytes) -> None:
    app = upload(open_page("upload"), *((f"{i}.jpg", face) for i in range(7)))
    assert not app.exception
    assert "7 photos, 7 faces" in texts(app)
    assert sum(".jpg ·" in element.value for element in app.caption) == 5


@pytest.mark.parametrize("damage", ["labels", "missing", "junk"])
def test_a_damaged_model_is_said_on_the_page(damage: str) -> None:
    folder = settings().home / "models" / "mobilenetv2"
    shutil.copytree(registry.SHIPPED / "mobilenetv2", folder)
    if damage == "labels":
        card = json.loads((folder / "card.json").read_text())
        (folder / "card.json").write_text(json.dumps(card | {"labels": ["happy"]}))
    elif damage == "missing":
        (folder / "model.tflite").unlink()
    else:
        (folder / "model.tflite").write_bytes(b"junk")
    app = open_page("upload")
    if app.button:
        app.button[0].click().run()
    assert not app.exception
    assert len(app.error) == 1
    assert str(folder) in app.error[0].value.replace("\\", "")


def test_no_model_at_all_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(registry, "SHIPPED", tmp_path / "nothing")
    for name in ("home", "upload"):
        app = open_page(name)
        assert not app.exception
        assert "There is no model 'mobilenetv2'" in app.error[0].value


def test_why_a_face_was_read_so() -> None:
    app = open_page("upload")
    next(button for button in app.button if button.label.startswith("Try")).click()
    app.run()
    (why,) = [toggle for toggle in app.toggle if toggle.label == "Why?"]
    why.set_value(True)
    app.run()
    assert not app.exception
    assert "For *happy*. Occlusion map" in "\n".join(str(one.value) for one in app.caption)


def test_a_network_without_a_map_of_its_own_has_grad_cam() -> None:
    """What Grad-CAM finds of such a network is what the exact map of its like shows."""
    shipped = registry.SHIPPED / "fernet"
    folder = settings().home / "models" / "mobilenetv2"
    shutil.copytree(shipped, folder)
    shutil.copy(folder / card.INT8_FILE, folder / card.LITERT_FILE)
    app = open_page("upload")
    next(button for button in app.button if button.label.startswith("Try")).click()
    app.run()
    next(toggle for toggle in app.toggle if toggle.label == "Why?").set_value(True)
    app.run()
    assert "has no activation map" in texts(app)
    next(button for button in app.button if button.label.startswith("Compute Grad-CAM")).click()
    app.run(timeout=120)
    assert not app.exception
    assert "has no activation map" not in texts(app)
    (found,) = app.session_state["grad_cams"].values()
    crop = app.session_state["photos"]["example"].photo.faces[0].crop
    explainer = Explainer(EmotionClassifier.load(shipped))
    exact = explainer.maps([crop, mirror(crop)])[:, EMOTIONS.index("happy")]
    expected = consistent_map(*(np.maximum(exact, 0) / exact[0].size))
    np.testing.assert_allclose(found, expected, atol=0.01 * expected.max())
