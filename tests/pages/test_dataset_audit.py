"""The dataset page's audit: copies, labels, odd pictures, and the report."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fer_core.labels import EMOTIONS
from fer_core.models import registry
from tests.conftest import needs_yunet
from tests.page_kit import choose, open_ways, press, settle, texts

OTHERS = {f"decide-{emotion}" for emotion in EMOTIONS}


def test_leaks_are_found_excluded_and_undone(app: AppTest) -> None:
    choose(app, "dataset_part", "Audit")
    press(app, "Find duplicates")
    assert "**Leakage:** 12 training images" in texts(app)
    press(app, "Exclude these 12")
    said = texts(app)
    assert "No training image has a duplicate in another split" in said
    assert "12 excluded" in said
    choose(app, "dataset_part", "Balance")
    assert app.metric[0].value == "1,200"
    assert "Your 12 decisions are applied; they exclude 12 images" in texts(app)
    choose(app, "dataset_part", "Audit")
    press(app, "Undo the last one")
    assert "0 excluded" in texts(app)
    assert "**Leakage:** 12 training images" in texts(app)


def test_pairs_are_decided_one_by_one(app: AppTest) -> None:
    choose(app, "dataset_part", "Audit")
    press(app, "Find duplicates")
    assert "12 pairs in 12 groups" in texts(app)
    for label in ("Keep both", "Exclude left"):
        next(b for b in app.button if b.label == label).click()
        settle(app.run())
    said = texts(app)
    assert "10 pairs in 10 groups" in said
    assert "1 excluded, 0 relabelled, 2 kept" in said
    choose(app, "duplicates_filter", "Two labels")
    assert "No such pairs" in texts(app)
    choose(app, "duplicates_filter", "All")
    app.toggle(key="duplicates_least").set_value(True)
    settle(app.run())
    next(b for b in app.button if b.label == "Exclude right").click()
    settle(app.run())
    assert "9 pairs in 9 groups" in texts(app)
    press(app, "Exclude all 9 redundant training images")
    assert "0 pairs in 0 groups" in texts(app)
    app.slider(key="duplicates_most").set_value(0.09)
    settle(app.run())
    assert "Largest difference" in [slider.label for slider in app.slider]


@pytest.mark.usefixtures("shared_predictions")
def test_labels_are_judged_and_decided(app: AppTest) -> None:
    choose(app, "dataset_part", "Audit")
    choose(app, "audit_part", "Labels")
    press(app, "Find label errors")
    assert "labels are flagged" in texts(app)
    before = int(texts(app).split(" labels reviewed")[0].split()[-1].replace(",", ""))
    for key in ("decide-keep", "decide-relabel", "decide-exclude", "decide-skip"):
        app.button(key=key).click()
        settle(app.run())
    said = texts(app)
    assert "1 excluded, 1 relabelled, 1 kept" in said
    assert f"4 of {before} labels reviewed" in said
    app.button(key=next(b.key for b in app.button if b.key in OTHERS)).click()
    settle(app.run())
    assert "2 relabelled" in texts(app)
    app.toggle(key="suspects_all").set_value(True)
    app.selectbox(key="suspects_given").set_value("happy")
    app.selectbox(key="suspects_says").set_value("happy")
    settle(app.run())
    assert "Label **happy**" in texts(app)
    assert "Suggested **happy**" in texts(app)
    assert app.button(key="decide-relabel").disabled, "it has that label already"


@pytest.mark.usefixtures("shared_predictions")
def test_labels_are_judged_by_a_models_own_answers(app: AppTest) -> None:
    choose(app, "dataset_part", "Audit")
    choose(app, "audit_part", "Labels")
    assert "mobilenetv2 itself" in app.selectbox(key="audit_model").options
    app.selectbox(key="audit_model").set_value(str(registry.find_model("mobilenetv2")))
    settle(app.run())
    assert "Use it on images that it has not seen" in texts(app)
    press(app, "Find label errors")
    assert "labels are flagged" in texts(app)
    app.selectbox(key="audit_split").set_value("test")
    press(app.run(), "Find label errors")
    assert "of 140 labels are flagged" in texts(app)


def test_blank_pictures_are_found(app: AppTest) -> None:
    choose(app, "dataset_part", "Audit")
    choose(app, "audit_part", "Images")
    assert "2 images are blank" in texts(app)
    for label in ("Keep", "Exclude"):
        next(b for b in app.button if b.label == label and b.key.startswith("issue-")).click()
        settle(app.run())
    said = texts(app)
    assert "0 still to decide" in said
    assert "1 excluded, 0 relabelled, 1 kept" in said
    press(app, "Undo the last one")
    press(app, "Exclude all 1")
    assert "1 excluded, 0 relabelled, 1 kept" in texts(app)


@needs_yunet
def test_pictures_without_a_face_are_searched(tree: Path) -> None:
    app = open_ways("dataset", "Folder")
    app.text_input(key="dataset_path").set_value(str(tree))
    press(app.run(), "Open the folder")
    choose(app, "dataset_part", "Audit")
    choose(app, "audit_part", "Images")
    press(app, "Detect the face in every image")
    said = texts(app)
    assert "unreadable or show no face; 20 still to decide" in said
    assert "No face found." in said


DECISION = "file,given,action,label,reason\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{DECISION}train/neutral/blank-0.png,neutral,exclude,,picture\nelsewhere.png,sad,keep,,label\n",
         "1 decisions are imported"),
        ("a,b\n1,2\n", "mine.csv: not a table of decisions"),
    ],
)  # fmt: skip
def test_decisions_are_imported_from_a_file(app: AppTest, text: str, says: str) -> None:
    choose(app, "dataset_part", "Audit")
    app.file_uploader(key="decisions_file").set_value([("mine.csv", text.encode(), "text/csv")])
    press(app.run(), "Add them")
    said = texts(app)
    assert says in said
    assert f"{int('imported' in says)} excluded" in said


def test_the_report_says_what_was_not_looked_for(app: AppTest) -> None:
    choose(app, "dataset_part", "Report")
    assert "# Dataset card: demo" in texts(app)
    assert "Not checked." in texts(app)
