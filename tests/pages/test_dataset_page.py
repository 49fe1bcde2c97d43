"""The dataset page driven as a user would, without a browser: balance and upsampling."""

import shutil
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fer_core.dataset import recent, scan, store
from fer_core.dataset.source import DatasetSource
from fer_core.labels import EMOTIONS
from tests.page_kit import choose, labelled, open_page, press, settle, texts


def alts(app: AppTest) -> list[str]:
    """What the pictures on the page show, for those who cannot see them."""
    return [one.alt for shown in app.image for one in shown.proto.imgs]


def targets_of(app: AppTest) -> dict[str, int]:
    """The targets as the chart's table shows them."""
    table = next(frame.value for frame in app.dataframe if "after" in frame.value)
    return dict(zip(table.iloc[:, 0], map(int, table["after"]), strict=True))


def test_a_first_visit_opens_the_demo_and_a_later_one_the_dataset_used_last(tree: Path) -> None:
    said = texts(open_page("dataset"))
    assert "Dataset **demo** · 1,212 images" in said
    assert "Faces drawn by code, to try the pages" in said
    recent.remember(DatasetSource(str(tree)))
    for name in ("dataset", "train"):
        said = texts(open_page(name))
        assert "Dataset **tree** · 20 images" in said
        assert "train 18 · test 2 · used last" in said


def test_a_dataset_used_last_that_is_empty_now_leaves_the_ways_in(tree: Path) -> None:
    recent.remember(DatasetSource(str(tree)))
    for image in tree.rglob("*.png"):
        image.unlink()
    assert "Open the demo to look around" in texts(open_page("dataset"))


def test_the_smallest_class_is_called_out(app: AppTest) -> None:
    said = texts(app)
    assert "**disgust** is the smallest class: 19 of 932 training images (2.0%)" in said
    assert "happy has 12.9 times as many" in said
    assert [metric.value for metric in app.metric] == ["1,212", "12.9 : 1", "0"]
    figures = next(f.value for f in app.dataframe if "emotion" in f.value).set_index("emotion")
    assert figures.loc["disgust", "training images"] == 19
    assert figures.loc["disgust", "class weight"] == pytest.approx(932 / 7 / 19, abs=0.01)


def test_the_gallery_pages_through_a_class(app: AppTest) -> None:
    assert "1 to 60 of 165" in texts(app)
    app.selectbox(key="gallery_class").set_value("disgust")
    app.selectbox(key="gallery_split").set_value("train")
    assert "1 to 19 of 19" in texts(settle(app.run()))
    app.selectbox(key="gallery_class").set_value("happy")
    settle(app.run())
    app.pagination[0].set_value(2)
    assert "61 to 120 of 245" in texts(settle(app.run()))


@pytest.mark.parametrize(
    ("strategy", "undersample", "targets"),
    [
        ("Largest", False, [245] * 7),
        ("Median", False, [125, 125, 125, 245, 177, 153, 125]),
        ("Median", True, [125] * 7),
        ("Number", False, [245] * 7),
        ("Custom", False, [125, 19, 115, 245, 177, 153, 98]),
    ],
)
def test_strategies_set_the_targets(
    app: AppTest, strategy: str, undersample: bool, targets: list[int]
) -> None:
    choose(app, "dataset_part", "Upsample")
    choose(app, "how_far", strategy)
    app.toggle(key="undersample").set_value(undersample)
    settle(app.run())
    assert targets_of(app) == dict(zip(EMOTIONS, targets, strict=True))
    assert app.button(key="create_version").disabled == (strategy == "Custom")


def test_custom_targets_are_typed_in(app: AppTest) -> None:
    choose(app, "dataset_part", "Upsample")
    choose(app, "how_far", "Custom")
    labelled(app.number_input, "disgust").set_value(200)
    settle(app.run())
    assert targets_of(app)["disgust"] == 200
    assert "81 images to make" in texts(app) or "181 images to make" in texts(app)
    labelled(app.number_input, "disgust").set_value(3)
    assert "is below its 19 images" in texts(settle(app.run()))
    app.toggle(key="undersample").set_value(True)
    settle(app.run())
    assert targets_of(app)["disgust"] == 3


def test_a_number_below_the_largest_class_keeps_it_unless_told(app: AppTest) -> None:
    choose(app, "dataset_part", "Upsample")
    choose(app, "how_far", "Number")
    labelled(app.number_input, "Images a class").set_value(150)
    settle(app.run())
    assert list(targets_of(app).values()) == [150, 150, 150, 245, 177, 153, 150]


def test_another_dataset_brings_its_own_name_and_number(app: AppTest, tree: Path) -> None:
    shutil.copytree(tree, store.default_home() / "small")
    choose(app, "dataset_part", "Upsample")
    choose(app, "how_far", "Number")
    assert labelled(app.text_input, "Name").value == "demo-balanced"
    press(app, "Change")
    choose(app, "dataset_way", "Saved datasets")
    app.selectbox(key="dataset_kept").set_value("small")
    app.run().button(key="open_saved").click()
    settle(app.run())
    assert labelled(app.text_input, "Name").value == "small-balanced"
    assert labelled(app.number_input, "Images a class").value == 10


def test_apply_open_and_undo(app: AppTest) -> None:
    choose(app, "dataset_part", "Upsample")
    assert "783 images to make" in texts(app)
    assert "each disgust image is used 12.9 times" in texts(app)
    press(app, "Create")
    assert "**demo-balanced** is created and open: 1,995 images, balanced from demo." in texts(app)
    assert [b.label for b in app.button if b.key == "back_to_origin"] == ["Back to demo"]
    assert app.session_state["dataset"].name == "demo-balanced"
    counts = scan(store.default_home() / "demo-balanced").counts()
    assert counts["train"].tolist() == [245] * 7
    assert counts["test"].tolist() == [20] * 7
    choose(app, "dataset_part", "Balance")
    assert "The training split is balanced: 245 to 245 a class" in texts(app)
    choose(app, "dataset_part", "Upsample")
    app.button(key="delete-demo-balanced").click()
    settle(app.run())
    said = texts(app)
    assert "demo-balanced is deleted" in said
    assert "Open the demo to look around" in said, "a deleted dataset does not stay open"
    assert [one.name for one in store.stored()] == ["demo"]


def test_decisions_alone_make_a_version(app: AppTest) -> None:
    choose(app, "dataset_part", "Audit")
    press(app, "Find duplicates")
    press(app, "Exclude these 12")
    choose(app, "dataset_part", "Upsample")
    choose(app, "how_far", "Custom")
    assert "Your 12 decisions are applied to the new version" in texts(app)
    labelled(app.text_input, "Name").set_value("no leaks")
    press(app.run(), "Create")
    assert "**no leaks** is created and open" in texts(app)
    assert len(scan(store.default_home() / "no leaks")) == 1_200


def test_work_that_takes_long_can_be_stopped(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages._components.background.QUICK_S", 0.0)
    monkeypatch.setattr("pages._components.background.Running.patience_s", 0.0)

    def slow(index, recipe, name, home, report):
        for done in range(1_000):
            report(done, 1_000)
            time.sleep(0.05)

    monkeypatch.setattr("fer_core.balance.apply", slow)
    choose(app, "dataset_part", "Upsample")
    app.button(key="create_version").click().run()
    app.button(key="background_stop").click()
    settle(app.run())
    assert "Making images: stopped. Nothing of it was stored." in texts(app)
    assert [one.name for one in store.stored()] == ["demo"]


def test_ranges_that_are_all_off_are_refused(app: AppTest) -> None:
    choose(app, "dataset_part", "Upsample")
    for slider in app.slider:
        slider.set_value(0.0)
    press(app.run(), "Create")
    assert "Every augmentation is off" in texts(app)
    assert [one.name for one in store.stored()] == ["demo"]


def test_the_preview_follows_its_buttons(app: AppTest) -> None:
    choose(app, "dataset_part", "Upsample")
    for label in ("Another image", "New seed"):
        press(app, label)
    assert app.session_state["preview_row"] == app.session_state["preview_seed"] == 1
    app.selectbox(key="preview_class").set_value("happy")
    settle(app.run())
    assert sum(str(alt).startswith("train/happy/") for alt in alts(app)) == 13


def test_public_pages_store_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from fer_core.system.settings import settings

    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.cache_clear()
    app = open_page("dataset")
    assert "Dataset **demo**" in texts(app)
    press(app, "Change")
    assert app.button_group(key="dataset_way").options == ["Demo", "Upload"]
    press(app, "Cancel")
    choose(app, "dataset_part", "Upsample")
    assert "stores nothing" in texts(app)
    assert not [button for button in app.button if button.key == "create_version"]
    choose(app, "dataset_part", "Audit")
    press(app, "Find duplicates")
    press(app, "Exclude these 12")
    assert "12 excluded" in texts(app)
    assert not (tmp_path / "home").exists()
