"""The training page driven as a user would, without a browser and without the minutes."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fer_core import balance
from fer_core.dataset.source import DatasetSource
from fer_core.models import registry
from fer_core.models import store as model_store
from fer_core.system import memory_limit
from fer_core.system.jobs import Job, State
from fer_core.system.settings import settings
from fer_core.training import estimate, imagenet, run_archive, runs
from fer_core.training.presets import PRESETS
from pages._train import model_view, new_run_view
from tests.conftest import ROOT
from tests.page_kit import choose, lay_demo, open_page, open_ways, press, settle, texts
from tests.run_kit import line, made


@pytest.fixture(autouse=True)
def no_run_is_left() -> Iterator[None]:
    yield
    for one in runs.store().list():
        runs.discard(one.name)


def part(app: AppTest, name: str) -> AppTest:
    return choose(app, "train_part", name)


@pytest.fixture
def ready(drawn: Path) -> AppTest:
    """The page with the demo open and nothing trained."""
    lay_demo(drawn)
    return open_page("train")


def test_without_a_run_the_lists_say_so() -> None:
    app = open_page("train")
    assert "There is no run yet" in texts(part(app, "Current run"))
    assert "There is no run yet" in texts(part(app, "Runs"))


def test_an_imbalanced_dataset_is_named_with_its_remedies(ready: AppTest) -> None:
    assert "This dataset is imbalanced (12.9 : 1)" in texts(ready)
    assert [b.label for b in ready.button if b.key == "create_balanced"]
    press(ready, "Use class weights")
    (choice,) = [box for box in ready.selectbox if box.label == "Imbalance"]
    assert choice.value == "Class weights"
    index = ready.session_state["dataset"].index
    plan = balance.plan(balance.train_counts(index))
    balance.apply(index, balance.Recipe(plan), "even")
    press(settle(ready.run()), "Use the balanced version (even)")
    said = texts(ready)
    assert "Dataset **even** · 1,995 images · balanced from demo" in said
    assert "This dataset is imbalanced" not in said
    assert "This version holds augmented images already" in said


def test_what_it_will_cost_is_said_before_the_start(ready: AppTest) -> None:
    said = texts(ready)
    assert "Parameters: 1,100,000" in said
    assert "One epoch, about: 2 s" in said  # 932 / 500 + 140 / 2000
    assert "All epochs, about: 12 s" in said
    assert "Memory, about: 0.9 GB" in said


def test_too_little_memory_is_said_before_the_start(
    ready: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = "needs about 0.9 GB of memory, and this machine has"
    with monkeypatch.context() as patch:
        patch.setattr(memory_limit, "free", lambda: 500_000_000)
        assert f"Training {needs}" in texts(ready.run())
        assert needs in texts(settle(press(ready, "Start training")))
    assert runs.store().list() == ()
    assert needs not in texts(ready.run())


def test_what_it_will_cost_is_said_where_nothing_can_be_written_down(
    drawn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = estimate.Estimate(1_100_000, 500.0, 2000.0, 900, 2304)
    asked = []
    monkeypatch.setattr(estimate, "cached", lambda config: None)
    monkeypatch.setattr(
        estimate, "estimate", lambda config, progress: asked.append(config) or measured
    )
    lay_demo(drawn)
    app = open_page("train")
    assert not asked, "a visit alone starts no measurement"
    app = press(app, "Measure time and memory")
    app.session_state["train_measurement"].task.is_done(wait_s=10)
    assert "Parameters: 1,100,000" in texts(app.run())
    assert len(asked) == 1


def test_the_command_has_what_folders_stand_for() -> None:
    source = DatasetSource("/data", votes="votes.csv", classes={"laughing out loud": "happy"})
    assert new_run_view._command(source) == (
        "python -m fer_core train --run RUN --config config.yaml --data /data "
        "--classes 'laughing out loud=happy' --votes votes.csv"
    )


def test_presets_and_fields_make_the_config(ready: AppTest) -> None:
    app = ready.button(key="preset-Standard").click().run()
    assert app.selectbox(key="Standard-architecture").value == "mobilenetv2"
    assert not any(s.label == "Learns from" for s in app.selectbox), "the demo has no votes"
    app.selectbox(key="Standard-schedule").set_value("constant").run()
    app.number_input(key="Standard-reduce_lr").set_value(2).run()
    app.selectbox(key="Standard-imbalance").set_value("Focal loss").run()
    app.number_input(key="Standard-augmentation-noise").set_value(3.5)
    app.number_input(key="Standard-epochs").set_value(4).run()
    shown = next(c.value for c in app.code if "version:" in c.value)
    for text in ("reduce_lr: 2", "loss: focal", "noise: 3.5", "epochs: 4", "- fer2013\n",
                 "schedule: constant"):  # fmt: skip
        assert text in shown
    assert "ferplus\n" not in shown
    app.number_input(key="Standard-head_epochs").set_value(4).run()
    assert "must be fewer than epochs (4)" in texts(app)
    assert not [b for b in app.button if b.label == "Start training"]


def test_presets_work_without_the_internet_and_say_what_they_are(ready: AppTest) -> None:
    said = texts(ready)
    for words in ("FERNet (small), 6 epochs, about 12 s here", "MobileNetV2, 15 epochs"):
        assert words in said
    assert {preset.config.start for preset in PRESETS.values()} == {"scratch", "mobilenetv2"}
    assert ready.button(key="preset-Quick look").label == "Selected"
    ready.selectbox(key="Quick look-imbalance").set_value("Class weights").run()
    assert "class_weights: balanced" in next(c.value for c in ready.code if "version:" in c.value)


def test_missing_imagenet_weights_are_told_before_a_run_is_made(
    ready: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(imagenet, "ADDRESS", "http://127.0.0.1:9")  # nothing listens there
    app = ready.button(key="preset-Standard").click().run()
    app.selectbox(key="Standard-start-mobilenetv2").set_value("imagenet").run()
    app = settle(press(app, "Start training"))
    assert "The ImageNet weights could not be downloaded" in texts(app)
    assert runs.all_runs() == ()
    app = app.button(key="no-file").click().run()
    path = app.text_input(key="Standard-weights-file")
    path.set_value(str(tmp_path / "none.weights.h5")).run()
    assert "There is no file" in texts(app)
    weights = tmp_path / "mine.weights.h5"
    weights.write_bytes(b"weights")
    app.text_input(key="Standard-weights-file").set_value(str(weights)).run()
    assert f"start: {weights}" in next(c.value for c in app.code if "version:" in c.value)


def test_a_fresh_model_is_tried_beside_the_one_in_use() -> None:
    made("Mine", model=True)
    app = part(open_page("train"), "Current run")
    photo = (ROOT / "docs" / "images" / "astronaut.jpg").read_bytes()
    app.file_uploader(key="try-photo-Mine").set_value([("me.jpg", photo, "image/jpeg")])
    app.run(timeout=120)
    assert not app.exception
    said = texts(app)
    assert "**This run**" in said
    assert "**In use: mobilenetv2**" in said
    bars = [
        chart for chart in app.get("plotly_chart") if chart.proto.id and "try-" in chart.proto.id
    ]
    assert len(bars) == 2


def test_without_a_previous_model_nothing_is_offered_to_restore() -> None:
    made("Mine", model=True)
    app = part(open_page("train"), "Current run")
    assert next(b for b in app.button if b.label == "Restore previous model").disabled


def test_before_the_first_epoch_ends_steps_and_loss_are_shown() -> None:
    def script() -> None:
        import dataclasses
        import json

        import streamlit as st

        from fer_core.system.jobs import State
        from fer_core.training import runs
        from pages._train import charts, watch_view

        run = runs.load("Mine")
        run.folder.environment.write_text(json.dumps({"sessions": []}))
        for note in ("", "Reading the images", runs.TRAINING):
            progress = dataclasses.replace(run.job.progress, note=note)
            job = dataclasses.replace(run.job, state=State.RUNNING, progress=progress)
            watch_view._progress(run, job, {})
            st.write("---")
        epoch = {"epoch": 0, "epochs": 4, "step": 3, "steps": 10, "images_per_second": 40.0,
                 "seconds_left": 60, "curve": [[1, 2.0], [2, 1.95], [3, 1.9]]}  # fmt: skip
        watch_view._progress(run, job, epoch)
        st.write(charts.step_loss(epoch)["data"][0]["y"])

    made("Mine", epochs=0)
    app = AppTest.from_function(script).run()
    assert not app.exception, app.exception
    steps = [caption.value for caption in app.caption]
    current = [text.split(":material/pending: ")[1].split(" →")[0] for text in steps]
    assert current == ["Start TensorFlow", "Read the images", "Compile the first step", "Train"]
    bars = [bar.proto.text for bar in app.get("progress")]
    assert "Compiling the first step …" in bars[2]
    assert bars[3].startswith("Epoch 1 of 4: step 3 of 10, 40 images/s, about 60 s left · ")
    assert "since the start" in bars[0]
    assert json.loads(app.json[0].value) == [2.0, 1.95, 1.9]


def test_a_model_to_go_on_from_brings_its_input_size(ready: AppTest) -> None:
    app = ready.button(key="preset-Quick look").click().run()
    assert app.number_input(key="Quick look-scratch-input_size").value == 48
    app = app.selectbox(key="Quick look-architecture").set_value("mobilenetv2").run()
    app = app.selectbox(key="Quick look-start-mobilenetv2").set_value("mobilenetv2").run()
    size = registry.load_card("mobilenetv2").input_size
    assert app.number_input(key="Quick look-mobilenetv2-input_size").value == size
    assert f"input_size: {size}" in next(c.value for c in app.code if "version:" in c.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"epochs: many", "mine.yaml: epochs must be a whole number from 1 to 10000"),
        (b"version: 9", "mine.yaml: this program reads configs of version 1"),
        (b"epoks: 3", "mine.yaml: there is no field epoks"),
        (b"[1, 2]", "mine.yaml: must hold fields such as"),
        (b"a: [", "mine.yaml: "),
        (b"\xff\xfe\x00", "mine.yaml: "),
    ],
)
def test_a_bad_config_file_is_named_with_its_field(ready: AppTest, text: bytes, says: str) -> None:
    app = ready.button(key="preset-From a file").click().run()
    app.file_uploader(key="train_config_file").set_value([("mine.yaml", text, "text/yaml")]).run()
    assert not app.exception
    assert says in texts(app)


def test_a_file_may_name_its_readings_in_any_order() -> None:
    def script() -> None:
        import streamlit as st

        from pages._train import new_run_view

        for number, heads in enumerate((["ferplus", "fer2013"], ["ferplus"])):
            values = {"heads": heads, "start": "scratch"}
            new_run_view._labels(values, str(number), has_votes=True)
            st.write(" ".join(values["heads"]))

    app = AppTest.from_function(script).run()
    assert not app.exception, app.exception
    assert [one.value for one in app.markdown] == ["ferplus fer2013", "ferplus"]


def test_a_start_is_watched_and_a_second_one_refused(ready: AppTest) -> None:
    app = press(ready, "Start training")
    assert app.session_state["train_part"] == "Current run"
    (run,) = runs.all_runs()
    assert run.job.state.is_active
    assert run.folder.source()["data"] == "demo"
    assert [b.label for b in app.button][:3] == ["Pause", "Stop and keep the best", "Stop now"]
    assert open_page("train").button_group(key="train_part").value == "Current run", (
        "a refresh finds it again"
    )
    app = part(app, "New run")
    assert "one run at a time" in texts(app)
    assert next(b for b in app.button if b.label == "Start training").disabled
    app = press(part(app, "Current run"), "Discard for good")
    assert "The run is deleted." in texts(app)
    assert runs.all_runs() == ()


@pytest.mark.parametrize(
    ("state", "says", "buttons"),
    [
        (State.FINISHED, "Best accuracy: 42.0%", ["Use this model", "Train longer"]),
        (State.PAUSED, "paused", ["Resume"]),
        (State.INTERRUPTED, "at most the current epoch is trained again", ["Resume"]),
        (State.FAILED, "failed", ["Resume"]),
    ],
)
def test_each_state_offers_what_can_be_done(state: State, says: str, buttons: list) -> None:
    made("Mine", state=state, model=state is State.FINISHED)
    app = part(open_page("train"), "Current run")
    assert says in texts(app)
    labels = [button.label for button in app.button]
    assert set(buttons) <= set(labels)
    assert "Pause" not in labels


def test_callbacks_and_seams_are_shown() -> None:
    run = made("Mine", epochs=0, schedule="constant", early_stopping=4, reduce_lr=2)
    lines = [line(n, session=n // 2, learning_rate=1e-3 if n < 2 else 5e-4) for n in range(4)]
    run.folder.metrics.write_text("".join(json.dumps(one) + "\n" for one in lines) + '{"epo')
    said = texts(part(open_page("train"), "Current run"))
    assert "EarlyStopping: waited 1 of 4 epochs" in said
    assert "After epoch 2 the learning rate fell from 0.001 to 0.0005" in said
    assert "resumed before epoch 3" in said


def test_promotion_reaches_photos_with_its_banner_and_back() -> None:
    made("Mine", model=True)
    app = press(part(open_page("train"), "Current run"), "Use this model")
    assert "Mine is in use on every page." in texts(app)
    assert registry.default_model() == "Mine"
    assert "**Mine** was trained on the demo's drawn faces" in texts(open_page("upload"))
    app = press(part(open_page("train"), "Current run"), "Restore mobilenetv2")
    assert registry.default_model() == registry.FIRST_CHOICE
    assert "drawn faces" not in texts(open_page("upload"))


def test_a_model_is_compared_with_the_one_in_use() -> None:
    made("Mine", model=True)
    app = press(part(open_page("train"), "Current run"), "Compare with the model in use")
    assert app.title[0].value == "Evaluate"
    key = f"compare_model-{registry.FIRST_CHOICE}"  # of the select box that names the second
    chosen = [app.session_state["evaluate_model"], app.session_state[key]]
    assert chosen == [registry.FIRST_CHOICE, "run Mine"]
    assert app.button_group(key="evaluate_part").value == "Compare"
    assert chosen[1] in {entry.name for entry in model_store.entries()}


def test_a_damaged_run_is_named_and_can_be_deleted() -> None:
    made("Mine").folder.config.write_text("epochs: many")
    app = part(open_page("train"), "Current run")
    assert "config.yaml: epochs must be a whole number" in texts(app)
    app = press(app, "Discard for good")
    assert runs.store().list() == ()


def test_the_list_compares_renames_and_deletes() -> None:
    made("One")
    made("Two", epochs=2, learning_rate=5e-3)
    app = part(open_page("train"), "Runs")
    table = app.dataframe[0].value
    differences = next(frame.value for frame in app.dataframe if "field" in frame.value)
    assert dict(zip(table["run"], table["accuracy"].round(1), strict=True)) == {
        "One": 42,
        "Two": 34,
    }
    assert differences["field"].tolist() == ["learning_rate"]
    app.selectbox(key="runs_one").set_value("One").run()
    app.text_input(key="title-One").set_value("Renamed").run()
    app = press(app, "Save")
    assert "Renamed" in set(app.dataframe[0].value["run"])
    app = press(app, "Delete for good")
    assert [run.job.title for run in runs.all_runs()] == ["Two"]


def test_runs_of_one_title_are_told_apart() -> None:
    for name in ("One", "Two"):
        made(name)
        runs.store().rename(name, "FERNet on demo")
    app = part(open_page("train"), "Runs")
    shown = app.selectbox(key="runs_one")
    assert len(set(shown.options)) == 2
    first, second = (run.job.name for run in runs.all_runs())
    assert shown.value == first
    assert app.run().selectbox(key="runs_one").value == first
    assert app.selectbox(key="runs_one").set_value(second).run().selectbox(
        key="runs_one"
    ).value == (second)
    curves = next(one.value for one in app.dataframe if "epoch" in one.value)
    assert len(curves.columns) == 3


def test_a_second_press_puts_nothing_to_use_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made("Best", model=True)
    monkeypatch.setattr(model_view.st, "session_state", {})
    for _ in range(2):
        model_view._promote("Best", "best")
        assert model_view.st.session_state["messages"][-1].text.startswith("best is in use")
    own = [one.name for one in model_store.entries() if one.kind == "own"]
    assert own == ["best"]
    os.utime(runs.load("Best").folder.model / "card.json", (0, 0))  # trained on
    model_view._promote("Best", "best")
    assert registry.default_model() == "best-2"


def test_a_second_press_shows_the_run_that_was_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []

    def start(*_: object) -> Job:
        begun.append(made("First", state=State.RUNNING).job)
        return begun[0]

    monkeypatch.setattr(new_run_view.st, "session_state", {})
    monkeypatch.setattr(new_run_view.st, "rerun", lambda: None)
    monkeypatch.setattr(runs, "start", start)
    monkeypatch.setattr(runs, "active", lambda: begun[0] if begun else None)
    for _ in range(2):
        new_run_view._start_run(PRESETS["Quick look"].config, DatasetSource("demo"), "First")
        assert new_run_view.st.session_state["train_next"] == "First"
    assert len(begun) == 1
    assert "messages" not in new_run_view.st.session_state


def test_a_run_is_taken_in() -> None:
    made("Far away")
    data = run_archive.pack("Far-away")
    runs.discard("Far-away")
    app = part(open_page("train"), "Runs")
    app.file_uploader(key="run_zip").set_value([("far.zip", data, "application/zip")]).run()
    app = press(app, "Import")
    assert app.session_state["train_part"] == "Current run"
    assert "Best accuracy: 42.0%" in texts(app)


def test_one_class_cannot_be_trained(tree: Path) -> None:
    shutil.rmtree(tree / "train" / "disgust")
    shutil.rmtree(tree / "train" / "sad")
    app = open_ways("train", "Folder")
    app.text_input(key="dataset_path").set_value(str(tree)).run()
    app = press(app, "Open the folder")
    assert "images of two emotions or more" in texts(app)


def test_public_pages_only_explain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.cache_clear()
    app = open_page("train")
    assert "not possible on this public page" in texts(app)
    assert not app.button
    assert not app.code
    said = texts(app)
    assert "A finished run" in said
    assert "Epochs: 12 of 12" in said
