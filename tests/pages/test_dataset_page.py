"""The dataset page driven as a user would, without a browser."""

import io
import shutil
import time
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fer_core import registry, runs
from fer_core.dataset import demo, scan, store, votes
from fer_core.errors import JobError
from fer_core.labels import EMOTIONS
from fer_core.train_command import open_dataset
from fer_core.training.config import TrainConfig
from tests.page_kit import choose, open_page, press, settle, texts

OTHERS = {f"decide-{emotion}" for emotion in EMOTIONS}


def alts(app: AppTest) -> list[str]:
    """What the pictures on the page show, for those who cannot see them."""
    return [one.alt for shown in app.image for one in shown.proto.imgs]


@pytest.fixture
def app(drawn: Path) -> AppTest:
    """The page with the demo open."""
    shutil.copytree(drawn, store.default_home() / demo.NAME)
    return press(open_page("dataset"), "Open the demo")


def test_an_empty_page_shows_the_way_in() -> None:
    app = open_page("dataset")
    assert not app.exception
    assert "Open the demo to look around" in texts(app)


def test_the_smallest_class_is_called_out(app: AppTest) -> None:
    said = texts(app)
    assert "**disgust** is the smallest class: 19 of 932 training images (2.0 %)" in said
    assert "happy has 12.9 times as many" in said
    assert [metric.value for metric in app.metric] == ["1,212", "12.9", "0"]
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
    ("way", "undersample", "targets"),
    [
        ("Largest", False, [245] * 7),
        ("Median", False, [125, 125, 125, 245, 177, 153, 125]),
        ("Median", True, [125] * 7),
        ("A number", False, [245] * 7),
        ("By hand", False, [125, 19, 115, 245, 177, 153, 98]),
    ],
)
def test_strategies_fill_the_targets(
    app: AppTest, way: str, undersample: bool, targets: list[int]
) -> None:
    choose(app, "dataset_part", "Upsample")
    choose(app, "how_far", way)
    app.toggle(key="undersample").set_value(undersample)
    settle(app.run())
    table = next(f.value for f in app.dataframe if "target" in f.value)
    assert table["target"].tolist() == targets
    assert table["emotion"].tolist() == list(EMOTIONS)
    (write,) = [button for button in app.button if button.label == "Write it"]
    assert write.disabled == (way == "By hand")


def test_a_number_below_the_largest_class_keeps_it_unless_told(app: AppTest) -> None:
    choose(app, "dataset_part", "Upsample")
    choose(app, "how_far", "A number")
    app.number_input(key="target_number").set_value(150)
    settle(app.run())
    table = next(f.value for f in app.dataframe if "target" in f.value)
    assert table["target"].tolist() == [150, 150, 150, 245, 177, 153, 150]


def test_apply_open_and_undo(app: AppTest) -> None:
    choose(app, "dataset_part", "Upsample")
    assert "783 images to make" in texts(app)
    assert "each disgust image would stand 12.9 times" in texts(app)
    press(app, "Write it")
    assert "demo-balanced is written" in texts(app)
    counts = scan(store.default_home() / "demo-balanced").counts()
    assert counts["train"].tolist() == [245] * 7
    assert counts["test"].tolist() == [20] * 7
    app.button(key="open-demo-balanced").click()
    settle(app.run())
    choose(app, "dataset_part", "Balance")
    assert "The training split is balanced: 245 to 245 a class" in texts(app)
    choose(app, "dataset_part", "Upsample")
    app.button(key="delete-demo-balanced").click()
    settle(app.run())
    said = texts(app)
    assert "demo-balanced is deleted" in said
    assert "Open the demo to look around" in said, "what has gone does not stay open"
    assert [one.name for one in store.stored()] == ["demo"]


def test_decisions_alone_make_a_version(app: AppTest) -> None:
    choose(app, "dataset_part", "Audit")
    press(app, "Look for copies")
    press(app, "Exclude these 12")
    choose(app, "dataset_part", "Upsample")
    choose(app, "how_far", "By hand")
    assert "as your 12 decisions leave it" in texts(app)
    app.text_input(key="new-1").set_value("no leaks")
    press(app.run(), "Write it")
    assert "no leaks is written" in texts(app)
    assert len(scan(store.default_home() / "no leaks")) == 1_200


def test_work_that_takes_long_can_be_stopped(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages._dataset.state.QUICK_S", 0.0)
    monkeypatch.setattr("pages._dataset.state.Running.patience_s", 0.0)

    def slow(index, recipe, name, home, report):
        for done in range(1_000):
            report(done, 1_000)
            time.sleep(0.05)

    monkeypatch.setattr("fer_core.balance.apply", slow)
    choose(app, "dataset_part", "Upsample")
    (write,) = [button for button in app.button if button.label == "Write it"]
    write.click().run()
    app.button(key="dataset_stop").click()
    settle(app.run())
    assert "Making images: stopped. Nothing of it was kept." in texts(app)
    assert [one.name for one in store.stored()] == ["demo"]


def test_ranges_that_are_all_off_are_refused(app: AppTest) -> None:
    choose(app, "dataset_part", "Upsample")
    for slider in app.slider:
        slider.set_value(0.0)
    press(app.run(), "Write it")
    assert "Every augmentation is off" in texts(app)
    assert [one.name for one in store.stored()] == ["demo"]


def test_the_preview_follows_its_buttons(app: AppTest) -> None:
    choose(app, "dataset_part", "Upsample")
    for label in ("Another picture", "New seed"):
        press(app, label)
    assert app.session_state["preview_row"] == app.session_state["preview_seed"] == 1
    app.selectbox(key="preview_class").set_value("happy")
    settle(app.run())
    assert sum(str(alt).startswith("train/happy/") for alt in alts(app)) == 13


def test_leaks_are_found_excluded_and_undone(app: AppTest) -> None:
    choose(app, "dataset_part", "Audit")
    press(app, "Look for copies")
    assert "**Leakage:** 12 training images" in texts(app)
    press(app, "Exclude these 12")
    said = texts(app)
    assert "No training image has a copy in another split" in said
    assert "12 excluded" in said
    choose(app, "dataset_part", "Balance")
    assert app.metric[0].value == "1,200"
    assert "Seen through your 12 decisions, which leave out 12 images" in texts(app)
    choose(app, "dataset_part", "Audit")
    press(app, "Undo the last one")
    assert "0 excluded" in texts(app)
    assert "**Leakage:** 12 training images" in texts(app)


def test_pairs_are_decided_one_by_one(app: AppTest) -> None:
    choose(app, "dataset_part", "Audit")
    press(app, "Look for copies")
    assert "12 pairs in 12 groups" in texts(app)
    for label in ("Keep both", "Exclude left"):
        next(b for b in app.button if b.label == label).click()
        settle(app.run())
    said = texts(app)
    assert "10 pairs in 10 groups" in said
    assert "1 excluded, 0 relabelled, 2 kept" in said
    choose(app, "copies_filter", "Two labels")
    assert "No such pairs" in texts(app)
    choose(app, "copies_filter", "All")
    app.toggle(key="copies_least").set_value(True)
    settle(app.run())
    next(b for b in app.button if b.label == "Exclude right").click()
    settle(app.run())
    assert "9 pairs in 9 groups" in texts(app)
    press(app, "Exclude all 9 surplus training images")
    assert "0 pairs in 0 groups" in texts(app)
    app.slider(key="copies_most").set_value(0.09)
    settle(app.run())
    assert "Largest difference" in [slider.label for slider in app.slider]


def test_labels_are_judged_and_decided(app: AppTest) -> None:
    choose(app, "dataset_part", "Audit")
    choose(app, "audit_part", "Labels")
    press(app, "Judge the labels")
    assert "labels are flagged" in texts(app)
    before = int(texts(app).split(" are left to look at")[0].split()[-3].replace(",", ""))
    for key in ("decide-keep", "decide-relabel", "decide-exclude", "decide-skip"):
        app.button(key=key).click()
        settle(app.run())
    said = texts(app)
    assert "1 excluded, 1 relabelled, 1 kept" in said
    assert f"{before - 4} of {before} are left" in said
    app.button(key=next(b.key for b in app.button if b.key in OTHERS)).click()
    settle(app.run())
    assert "2 relabelled" in texts(app)
    app.toggle(key="suspects_all").set_value(True)
    app.selectbox(key="suspects_given").set_value("happy")
    app.selectbox(key="suspects_says").set_value("happy")
    settle(app.run())
    assert "Given **happy**" in texts(app)
    assert "Suggested **happy**" in texts(app)
    assert app.button(key="decide-relabel").disabled, "it has that label already"


def test_labels_are_judged_by_a_models_own_answers(app: AppTest) -> None:
    choose(app, "dataset_part", "Audit")
    choose(app, "audit_part", "Labels")
    assert "What mobilenetv2 answers itself" in app.selectbox(key="judge").options
    app.selectbox(key="judge").set_value(str(registry.find_model("mobilenetv2")))
    settle(app.run())
    assert "judge pictures by it that it has not seen" in texts(app)
    press(app, "Judge the labels")
    assert "labels are flagged" in texts(app)


def test_blank_pictures_are_found(app: AppTest) -> None:
    choose(app, "dataset_part", "Audit")
    choose(app, "audit_part", "Pictures")
    assert "2 pictures are blank" in texts(app)
    for label in ("Keep", "Exclude"):
        next(b for b in app.button if b.label == label and b.key.startswith("odd-")).click()
        settle(app.run())
    said = texts(app)
    assert "0 are left to decide" in said
    assert "1 excluded, 0 relabelled, 1 kept" in said
    press(app, "Undo the last one")
    press(app, "Exclude all 1")
    assert "1 excluded, 0 relabelled, 1 kept" in texts(app)


def test_pictures_without_a_face_are_searched(tree: Path) -> None:
    app = choose(open_page("dataset"), "dataset_way", "Folder")
    app.text_input(key="dataset_path").set_value(str(tree))
    press(app.run(), "Open the folder")
    choose(app, "dataset_part", "Audit")
    choose(app, "audit_part", "Pictures")
    press(app, "Search every picture for a face")
    said = texts(app)
    assert "unreadable or show no face; 20 are left to decide" in said
    assert "No face found." in said


DECISION = "file,given,action,label,reason\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{DECISION}train/neutral/blank-0.png,neutral,exclude,,picture\nelsewhere.png,sad,keep,,label\n",
         "1 decisions are taken in"),
        ("a,b\n1,2\n", "mine.csv: not a table of decisions"),
    ],
)  # fmt: skip
def test_decisions_are_taken_in_from_a_file(app: AppTest, text: str, says: str) -> None:
    choose(app, "dataset_part", "Audit")
    app.file_uploader(key="decisions_file").set_value([("mine.csv", text.encode(), "text/csv")])
    press(app.run(), "Add them")
    said = texts(app)
    assert says in said
    assert f"{int('taken' in says)} excluded" in said


def test_the_report_says_what_was_not_looked_for(app: AppTest) -> None:
    choose(app, "dataset_part", "Report")
    assert "# Dataset card: demo" in texts(app)
    assert "Not looked for." in texts(app)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("faces.zip", None, "has no training images at all"),
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
    app = choose(open_page("dataset"), "dataset_way", "Upload")
    app.file_uploader(key="dataset_files").set_value([(name, data, "application/octet-stream")])
    press(app.run(), "Import")
    assert says in texts(app)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/nowhere/at/all", "there is no such folder"),
        ("TREE", "**angry** has no training images at all"),
    ],
)
def test_folders(path: str, says: str, tree: Path) -> None:
    app = choose(open_page("dataset"), "dataset_way", "Folder")
    app.text_input(key="dataset_path").set_value(path.replace("TREE", str(tree)))
    press(app.run(), "Open the folder")
    assert says in texts(app)


def test_a_file_on_the_server_is_imported(tree: Path, tmp_path: Path) -> None:
    file = shutil.make_archive(str(tmp_path / "faces"), "zip", tree)
    app = choose(open_page("dataset"), "dataset_way", "Folder")
    app.text_input(key="dataset_path").set_value(file)
    press(app.run(), "Import the file")
    assert "has no training images at all" in texts(app)
    assert [one.name for one in store.stored()] == ["faces"]


def test_other_class_names_are_asked_for(tree: Path) -> None:
    shutil.copytree(tree / "train" / "sad", tree / "train" / "weeping")
    app = choose(open_page("dataset"), "dataset_way", "Folder")
    app.text_input(key="dataset_path").set_value(str(tree))
    app.run().selectbox(key=f"stands-{tree}-weeping").set_value("sad")
    press(app.run(), "Open the folder")
    assert app.metric[0].value == "25"


def happy_votes() -> str:
    """A table in which ten people call each happy training picture angry."""
    words = (*votes.NAMES.values(), *votes.OTHER)
    head = "file," + ",".join(f"votes_{word}" for word in words)
    return "\n".join([head, *(f"train/happy/{n}.png,10{',0' * 9}" for n in range(10))])


@pytest.mark.parametrize(
    ("name", "says"),
    [("labels.csv", "How FER+ annotators voted"), ("none.csv", "none.csv: cannot be read")],
)
def test_votes_from_elsewhere(tree: Path, tmp_path: Path, name: str, says: str) -> None:
    for label in ("angry", "fear", "neutral", "surprise"):
        shutil.copytree(tree / "train" / "happy", tree / "train" / label)
    (tmp_path / "labels.csv").write_text(happy_votes())
    app = choose(open_page("dataset"), "dataset_way", "Folder")
    app.text_input(key="dataset_path").set_value(str(tree))
    app.text_input(key="dataset_votes").set_value(str(tmp_path / name))
    press(app.run(), "Open the folder")
    if name == "labels.csv":
        choose(app, "dataset_part", "Audit")
        choose(app, "audit_part", "Labels")
        press(app, "Judge the labels")
        app.toggle(key="suspects_all").set_value(True)
        settle(app.run())
    assert says in texts(app)


def test_training_sees_the_folder_as_the_page_does(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = []

    def caught(config: TrainConfig, source: runs.Source, title: str) -> None:
        sources.append(source)
        raise JobError("caught")

    monkeypatch.setattr(runs, "start", caught)
    shutil.copytree(tree / "train" / "sad", tree / "train" / "weeping")
    (tmp_path / "mine.csv").write_text(happy_votes())
    app = choose(open_page("dataset"), "dataset_way", "Folder")
    app.text_input(key="dataset_votes").set_value(str(tmp_path / "mine.csv"))
    app.text_input(key="dataset_path").set_value(str(tree))
    app.run().selectbox(key=f"stands-{tree}-weeping").set_value("sad")
    press(app.run(), "Open the folder")
    shown = app.session_state["dataset"].index
    app.switch_page("pages/train.py").run()
    press(app, "Start training")
    (source,) = sources
    index = open_dataset({name: getattr(source, name) for name in source.__slots__})
    seen, given = (one.table.set_index("file")["label"].astype("str") for one in (index, shown))
    assert seen.equals(given.reindex(seen.index))
    assert (seen == "sad").sum() >= 5
    assert index.votes is not None
    assert index.votes["angry"].max() == 10


def test_what_is_kept_can_be_opened(drawn: Path) -> None:
    shutil.copytree(drawn, store.default_home() / demo.NAME)
    app = choose(open_page("dataset"), "dataset_way", "Kept here")
    press(app, "Open it")
    assert "**disgust** is the smallest class" in texts(app)


def test_public_pages_store_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from fer_core.settings import settings

    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.cache_clear()
    app = open_page("dataset")
    assert app.button_group(key="dataset_way").options == ["Demo", "Upload"]
    press(app, "Open the demo")
    choose(app, "dataset_part", "Upsample")
    assert "nothing is stored" in texts(app)
    assert not [button for button in app.button if button.label == "Write it"]
    choose(app, "dataset_part", "Audit")
    press(app, "Look for copies")
    press(app, "Exclude these 12")
    assert "12 excluded" in texts(app)
    assert not (tmp_path / "home").exists()
