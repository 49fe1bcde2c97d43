"""The evaluation page driven as a user would, without a browser."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fer_core.dataset import demo, image_reading, scan, store, vote_table
from fer_core.dataset.decisions import parse
from fer_core.evaluation import Robustness, evaluate
from fer_core.evaluation.model_card import evaluation_report
from fer_core.evaluation.predictions import predict_dataset
from fer_core.evaluation.robustness import ALL_SEVERITIES
from fer_core.images.corruptions import CORRUPTIONS
from fer_core.models import registry
from fer_core.system.settings import settings
from pages._evaluate import html_report
from tests.page_kit import (
    choose,
    draw_demo_from,
    labelled,
    lay_demo,
    open_page,
    press,
    settle,
    texts,
)  # fmt: skip


@pytest.fixture(scope="session")
def cartoons(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo with votes and groups, and few training images."""
    folder = Path(shutil.copytree(drawn, tmp_path_factory.mktemp("cartoons") / demo.NAME))
    for number, file in enumerate(sorted((folder / "train").rglob("*.png"))):
        if number % 4:
            file.unlink()
    table = scan(folder).table[["file", "label"]]
    for word in (*vote_table.NAMES.values(), *vote_table.OTHER):
        table[f"votes_{word}"] = 0
    for emotion, word in vote_table.NAMES.items():
        table.loc[table["label"] == emotion, f"votes_{word}"] = 8
    table["group"] = np.where(np.arange(len(table)) % 3 == 0, "one", "two")
    table.drop(columns="label").to_csv(folder / "labels.csv", index=False)
    return folder


def part(app: AppTest, name: str) -> AppTest:
    return choose(app, "evaluate_part", name)


@pytest.fixture
def app(cartoons: Path, shared_predictions: None) -> AppTest:
    """The page with the demo open and evaluated."""
    lay_demo(cartoons)
    return press(press(open_page("evaluate"), "Open the demo"), "Evaluate")


def split_box(app: AppTest):
    """The select box of the images to evaluate on."""
    return labelled(app.selectbox, "Evaluated on")


def test_without_a_dataset_the_stored_test_results_are_shown() -> None:
    app = open_page("evaluate")
    stored = registry.load_card().head("fer2013").figures["test"]
    assert app.metric[0].value == f"{stored['accuracy']:.1%}"
    text = texts(app)
    assert "3,589 faces the model was never trained on" in text
    assert "Calibration (reliability diagram)" in text
    table = next(f.value for f in app.dataframe if "Recall" in f.value).set_index("Emotion")
    assert table.loc["fear", "Recall"] == stored["per_class"]["fear"]["recall"]
    labelled(app.selectbox, "Label set").set_value("ferplus")
    settle(app.run())
    assert (
        app.metric[0].value
        == f"{registry.load_card().head('ferplus').figures['test']['accuracy']:.1%}"
    )
    part(app, "Robustness")
    assert len(app.dataframe[-1].value) == 1 + len(CORRUPTIONS)
    part(app, "Report")
    assert "# Model card: mobilenetv2" in texts(app)
    for name in ("Errors", "Compare"):
        part(app, name)
        assert "Open a dataset below" in texts(app)


def test_a_card_of_the_first_version_is_shown(model_copy: Path) -> None:
    """It has no curves, no JPEG, and other names."""
    card = json.loads((model_copy / "card.json").read_text())
    for head in card["heads"].values():
        for figures in head["figures"].values():
            for key in ("reliability", "coverage_curve"):
                figures.pop(key)
            figures["answered"] = figures.pop("coverage")
            figures["accuracy_of_answered"] = figures.pop("selective_accuracy")
            for table in (figures["per_class"], figures["intervals"]["per_class"]):
                for values in table.values():
                    values["bias_ratio"] = values.pop("prediction_ratio")
    card["readings"], card["default_reading"] = card.pop("heads"), card.pop("default_head")
    card["robustness"] = {
        head: [
            {"strain": row.pop("corruption"), "level": row.pop("severity"), **row}
            for row in rows
            if row["corruption"] != "jpeg"
        ]
        for head, rows in card["robustness"].items()
    }
    folder = settings().home / "models" / "old"
    shutil.copytree(model_copy, folder)
    (folder / "card.json").write_text(json.dumps(card))
    app = open_page("evaluate")
    app.selectbox(key="evaluate_model").set_value("old")
    settle(app.run())
    assert app.metric[0].value.endswith("%")
    assert "reliability diagram" not in texts(app)
    part(app, "Robustness")
    assert len(app.dataframe[-1].value) == len(CORRUPTIONS)


def test_a_model_without_stored_results_says_so(model_copy: Path) -> None:
    card = json.loads((model_copy / "card.json").read_text())
    for head in card["heads"].values():
        head["figures"] = {}
    card.pop("robustness")
    folder = settings().home / "models" / "bare"
    shutil.copytree(model_copy, folder)
    (folder / "card.json").write_text(json.dumps(card))
    app = open_page("evaluate")
    app.selectbox(key="evaluate_model").set_value("bare")
    assert "holds no test results" in texts(settle(app.run()))
    part(app, "Robustness")
    assert "holds no robustness" in texts(app)


def test_the_demo_says_that_drawn_faces_are_no_measure(cartoons: Path) -> None:
    lay_demo(cartoons)
    app = press(open_page("evaluate"), "Open the demo")
    assert split_box(app).value == "test"
    assert "it is no measure of the model" in texts(app)
    assert not app.metric
    split_box(app).set_value("stored")
    settle(app.run())
    assert app.metric[0].label == "Accuracy"
    assert "no measure of the model" not in texts(app)


def test_a_dataset_that_a_page_opened_by_itself_leaves_the_stored_results_first(
    cartoons: Path,
) -> None:
    lay_demo(cartoons)
    app = open_page("dataset")
    settle(app.switch_page("pages/evaluate.py").run())
    assert split_box(app).value == "stored"
    assert split_box(app).options[1:] == [
        f"demo, {split} split" for split in ("test", "validation", "training")
    ]
    assert app.metric[0].label == "Accuracy"


def test_metrics_are_those_of_the_core(app: AppTest) -> None:
    index = scan(store.default_home() / demo.NAME).split("test")
    card = registry.load_card()
    probabilities = predict_dataset(card, index).probabilities(card, "fer2013")
    wanted = evaluate(probabilities, index.label_codes())
    assert app.metric[0].value == f"{wanted.metrics.accuracy * 100:.1f}%"
    assert app.metric[1].value == f"{wanted.metrics.macro_f1:.3f}"
    table = next(f.value for f in app.dataframe if "Recall" in f.value).set_index("Emotion")
    assert table.loc["sad", "Recall"] == pytest.approx(wanted.metrics.per_class["sad"].recall)
    said = texts(app)
    assert "Predicted and true share differ most" in said
    assert "140 of 140 images evaluated." in said
    assert "Largest gap" in said


def test_each_group_has_every_figure(app: AppTest) -> None:
    folder = store.default_home() / demo.NAME
    index, card = scan(folder).split("test"), registry.load_card()
    groups = pd.read_csv(folder / "labels.csv").set_index("file")["group"]
    two = (index.table["file"].map(groups) == "two").to_numpy()
    probabilities = predict_dataset(card, index).probabilities(card, "fer2013")
    wanted = evaluate(probabilities[two], index.label_codes()[two])
    app.selectbox(key="group_chosen").set_value("two")
    settle(app.run())
    overview = next(f.value for f in app.dataframe if "Group" in f.value).set_index("Group")
    assert overview.loc["two", "Accuracy"] == f"{wanted.metrics.accuracy * 100:.1f}%"
    reach = wanted.intervals.macro_f1
    assert overview.loc["two", "Macro-F1, 95% range"] == f"{reach.low:.3f}–{reach.high:.3f}"
    table = [f.value for f in app.dataframe if "Recall" in f.value][-1].set_index("Emotion")
    for emotion, figures in wanted.metrics.per_class.items():
        assert table.loc[emotion, "Images"] == figures.n
        assert table.loc[emotion, "F1"] == pytest.approx(figures.f1)


def test_a_cell_shows_its_images(app: AppTest) -> None:
    index = scan(store.default_home() / demo.NAME).split("test")
    card = registry.load_card()
    answers = predict_dataset(card, index).probabilities(card, "fer2013").argmax(axis=1)
    pairs = pd.Series(list(zip(index.label_codes(), answers, strict=True))).value_counts()
    (true, said), count = pairs.index[0], pairs.iloc[0]
    names = registry.EMOTIONS
    app.selectbox(key="cell_true").set_value(names[true])
    app.selectbox(key="cell_predicted").set_value(names[said])
    shown = min(count, 24)
    assert f"1 to {shown} of {count} {names[true]} faces predicted as" in texts(settle(app.run()))


def test_label_set_and_ground_truth_are_chosen_apart(app: AppTest) -> None:
    before = [metric.value for metric in app.metric]
    app.selectbox(key="head-mobilenetv2").set_value("ferplus")
    settle(app.run())
    assert app.selectbox(key="truth-ferplus-2").value == "ferplus"
    assert [metric.value for metric in app.metric] != before
    assert not [button for button in app.button if button.label.startswith("Evaluate")]


def test_the_threshold_is_saved_in_a_card_of_ones_own(app: AppTest) -> None:
    (slider,) = app.slider
    slider.set_value(0.3)
    app.run()
    press(app, "Save into")
    card = registry.load_card()
    assert card.folder == settings().home / "models" / "mobilenetv2"
    assert card.head("fer2013").abstain_below == 0.3


def test_errors_can_be_decided(app: AppTest) -> None:
    part(app, "Errors")
    said = texts(app)
    assert "errors, most confident first" in said
    assert "FER+ votes: 8" in said
    before = int(said.split(" errors, most confident first")[0].split("\n")[-1].replace(",", ""))
    settle(next(one for one in app.button if one.label.startswith("Label is")).click().run())
    assert f"{before - 1} errors" in texts(app)
    (file,) = (settings().home / "decisions").rglob("decisions.csv")
    (made,) = parse(file.read_bytes())
    assert (made.action, made.reason) == ("relabel", "label")
    press(app, "Find the most similar of the 233")
    assert "Most similar training images" in texts(app)


def test_images_that_have_gone_are_named(app: AppTest) -> None:
    shutil.rmtree(store.default_home() / demo.NAME / "test")
    part(app, "Errors")
    assert "cannot be read" in texts(app)


def test_two_models_are_compared_by_name(app: AppTest) -> None:
    part(app, "Compare")
    assert labelled(app.selectbox, "Compare with").value == "fernet"
    press(app, "Evaluate fernet")
    said = texts(app)
    assert "McNemar" in said
    assert "fernet is" in said or "mobilenetv2" in said
    assert "accurate" in said
    assert any(str(s.value).startswith("Newly wrong") for s in app.subheader)


def test_the_report_holds_everything(app: AppTest) -> None:
    accuracy = app.metric[0].value
    part(app, "Report")
    said = texts(app)
    assert "# Model card: mobilenetv2" in said
    assert "Largest gap" in said
    assert "Art. 5(1)(f)" in said
    (result,) = app.session_state["evaluations"].values()
    rows = [Robustness("", 0.0, 0.61, 0.5, 0.0)]
    rows += [Robustness(*condition, 0.43, 0.4, 0.18) for condition in ALL_SEVERITIES]
    groups = {"one": result.evaluation, "<b>": result.evaluation}
    charts = html_report.figures(result.evaluation, rows)
    account = result.exclusions
    report = evaluation_report("mine", "demo", result.evaluation, account, groups, charts)
    assert f"Accuracy {accuracy}" in report
    assert account.lines()[0] in report
    assert report.count("<figcaption>") == 6 + len(CORRUPTIONS)
    assert report.count("<table>") == 1 + 1 + len(groups)
    assert "<h3>&lt;b&gt;</h3>" in report
    assert "labels name no groups" in evaluation_report(
        "mine", "demo", result.evaluation, account, {}, ()
    )


def test_groups_that_cannot_be_read_are_said_and_the_report_goes_on(app: AppTest) -> None:
    folder = store.default_home() / demo.NAME
    (folder / "labels.csv").unlink()
    (folder / "labels.csv").write_text("group\nx\n")
    part(app, "Report")
    warning = app.warning[-1].value  # the first is of the demo
    assert "labels.csv: the groups cannot be read" in warning
    assert "The report goes on without groups." in warning
    assert "# Model card: mobilenetv2" in texts(app)
    part(app, "Metrics")
    assert "labels.csv: the groups cannot be read" in texts(app)
    assert str(folder) not in texts(app)


def test_votes_and_groups_can_be_added(cartoons: Path) -> None:
    lay_demo(cartoons)
    labels = (store.default_home() / demo.NAME / "labels.csv").read_bytes()
    (store.default_home() / demo.NAME / "labels.csv").unlink()
    app = press(press(open_page("evaluate"), "Open the demo"), "Evaluate")
    assert app.selectbox(key="truth-fer2013-1").options == ["The dataset's labels"]
    assert "FER-2013 names none" in texts(app)
    for name, data, says in (
        ("labels.csv", b"file,group\nother.png,x\n", "no groups of these images"),
        ("labels.csv", b"group\nx\n", "needs the columns file and group"),
        ("labels.csv", labels, "labels.csv is imported"),
    ):
        app.file_uploader(key="labels_file").set_value([(name, data, "text/csv")])
        press(app.run(), "Add")
        assert says in texts(app)
    assert "Largest gap" in texts(app)
    assert len(app.selectbox(key="truth-fer2013-2").options) == 2


def test_one_class_only_and_unreadable_files_are_said(cartoons: Path) -> None:
    root = store.default_home() / "happy-only"
    shutil.copytree(cartoons / "test" / "happy", root / "test" / "happy")
    (root / "test" / "happy" / "broken.png").write_bytes(b"no picture")
    (root / "train" / "sad").mkdir(parents=True)
    (root / "train" / "sad" / "broken.png").write_bytes(b"no picture")
    app = open_page("evaluate")
    app.button_group(key="dataset_way").set_value("Saved datasets")
    settle(app.run()).button(key="open_saved").click()
    press(settle(app.run()), "Evaluate")
    assert "All images are happy: metrics need a split" in texts(app)
    assert "left out: 1 unreadable." in texts(app)
    assert "No images of angry" in texts(app)
    assert split_box(app).options == [
        "happy-only, test split",
        "Test results stored with the model",
    ]  # the other has no image


def test_other_class_names_are_asked_about(tree: Path) -> None:
    (tree / "test" / "happy").rename(tree / "test" / "Grinning")
    app = open_page("evaluate")
    app.button_group(key="dataset_way").set_value("Folder")
    settle(app.run())
    app.text_input(key="dataset_path").set_value(str(tree))
    settle(app.run())
    (stands,) = [box for box in app.selectbox if box.label.startswith("grinning")]
    stands.set_value("happy")
    press(press(settle(app.run()), "Open the folder"), "Evaluate")
    assert split_box(app).value == "test"
    assert "2 of 2 images evaluated." in texts(app)
    assert "All images are happy" in texts(app)


def test_photos_are_cut_before_they_are_evaluated(tmp_path: Path, astronaut: np.ndarray) -> None:
    root = tmp_path / "photos"
    for number in range(6):
        file = root / "test" / "happy" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(image_reading.png(np.roll(astronaut, 3 * number, axis=1)))
    (root / "test" / "sad").mkdir()
    wall = np.full((512, 512, 3), 90, np.uint8)
    (root / "test" / "sad" / "wall.png").write_bytes(image_reading.png(wall))
    app = open_page("evaluate")
    app.button_group(key="dataset_way").set_value("Folder")
    settle(app.run())
    app.text_input(key="dataset_path").set_value(str(root))
    press(settle(app.run()), "Open the folder")
    assert "These are photos, not face crops" in texts(app)
    assert not [button for button in app.button if button.label.startswith("Evaluate (")]
    press(press(app, "Cut out the faces"), "Evaluate")
    assert app.metric[0].value == "100.0%"
    assert "6 of 6 images evaluated." in texts(app)
    assert "1 photo in which no face was detected: test/sad/wall.png." in texts(app)


def test_a_model_removed_meanwhile(app: AppTest) -> None:
    folder = settings().home / "models" / "gone"
    shutil.copytree(registry.SHIPPED / "mobilenetv2", folder)
    app.run()
    app.selectbox(key="evaluate_model").set_value("gone")
    settle(app.run())
    shutil.rmtree(folder)
    app.run()
    assert not app.exception
    assert app.selectbox(key="evaluate_model").value == "mobilenetv2"


def test_a_damaged_model_is_named(app: AppTest) -> None:
    folder = settings().home / "models" / "bad"
    shutil.copytree(registry.SHIPPED / "mobilenetv2", folder)
    (folder / "model.tflite").write_bytes(b"broken")
    app.run()
    app.selectbox(key="evaluate_model").set_value("bad")
    settle(app.run())
    press(app, "Evaluate")
    assert "bad/model.tflite is missing, damaged" in texts(app)


def test_a_model_removed_while_it_is_evaluated(cartoons: Path) -> None:
    folder = settings().home / "models" / "gone"
    shutil.copytree(registry.SHIPPED / "mobilenetv2", folder)
    lay_demo(cartoons)
    app = press(open_page("evaluate"), "Open the demo")
    app.selectbox(key="evaluate_model").set_value("gone")
    split_box(app).set_value("train")
    settle(app.run())
    next(button for button in app.button if button.label.startswith("Evaluate")).click().run()
    shutil.rmtree(folder)
    settle(app.run())
    assert app.selectbox(key="evaluate_model").value == "mobilenetv2"
    press(app, "Evaluate")
    assert app.metric[0].label == "Accuracy"


def test_models_are_listed_kept_promoted_and_deleted() -> None:
    before = registry.model_folders()
    app = open_page("models")
    listed = app.dataframe[0].value["model"].tolist()
    assert listed[0] == "mobilenetv2 (in use)"
    assert len(listed) == len(before)
    labelled(app.text_input, "Name of the copy").set_value("mine")
    press(app.run(), "Save to my models")
    assert "Saved as mine" in texts(app)
    app.selectbox(key="model_chosen").set_value("mine")
    settle(app.run())
    app.text_input(key="name-mine").set_value("ours")
    press(app.run(), "Rename")
    assert "mine is renamed to ours" in texts(app)
    app.selectbox(key="model_chosen").set_value("ours")
    settle(app.run())
    press(app, "Use this model")
    assert registry.default_model() == "ours"
    app.button(key="use-fernet").click()
    settle(app.run())
    assert registry.default_model() == "fernet"
    app.button(key="use-ours").click()
    settle(app.run())
    press(app, "Restore fernet")
    assert registry.default_model() == "fernet"
    press(app, "Measure speed")
    assert (app.dataframe[0].value["one face, ms"] > 0).all()
    app.selectbox(key="model_chosen").set_value("ours")
    settle(app.run())
    press(app, "Delete")
    assert "ours is deleted" in texts(app)
    assert registry.model_folders() == before


def test_imports_that_ask_for_code_are_refused(tmp_path: Path) -> None:
    import zipfile

    lambda_layer = {"class_name": "Lambda", "module": "keras.layers", "config": {}}
    with zipfile.ZipFile(tmp_path / "evil.keras", "w") as archive:
        for name, text in (("config.json", json.dumps(lambda_layer)), ("metadata.json", "{}"),
                           ("model.weights.h5", "")):  # fmt: skip
            archive.writestr(name, text)
    app = open_page("models")
    data = (tmp_path / "evil.keras").read_bytes()
    app.file_uploader(key="model_file").set_value([("evil.keras", data, "application/zip")])
    app.run()
    assert (
        app.text_input(
            key=next(box.key for box in app.text_input if box.key.startswith("import_name"))
        ).value
        == "evil"
    )
    press(app.run(), "Import")
    assert "evil.keras: holds a Lambda layer" in texts(app)


def test_public_pages_look_and_do_not_touch(
    cartoons: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.cache_clear()
    draw_demo_from(cartoons, monkeypatch)  # with few training images
    app = press(press(open_page("evaluate"), "Open the demo"), "Evaluate")
    assert "models are not changed" in texts(app)
    press(part(app, "Errors"), "Find the most similar")
    assert "Most similar training images" in texts(app)
    assert not list((tmp_path / "cache").glob("predictions/*"))
    settle(app.switch_page("pages/models.py").run())
    assert "can be viewed but not changed" in texts(app)
    labels = {button.label for button in app.button}
    assert not labels & {"Save to my models", "Import", "Use this model", "Restore previous model"}
    assert not (tmp_path / "home").exists()
