"""The training loop: it learns, stops, refuses, and watches validation."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fer_core.errors import TrainingError
from fer_core.labels import EMOTIONS
from fer_core.models.card import FORMS
from fer_core.training.arrays import check
from fer_core.training.run_folder import RunFolder
from tests.pictures_kit import DATA, NONE, TINY
from tests.training_kit import files_are_closed

keras = pytest.importorskip("keras")

from fer_core.training import estimate, loop, losses, networks, optimizer, package_model  # noqa: E402
from fer_core.training.callbacks import ema, interrupt, validation  # noqa: E402


@pytest.fixture(autouse=True)
def look_every_batch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(interrupt, "INTERVAL_S", 0.0)
    yield
    keras.backend.clear_session()


def test_refreshed_batchnorm_has_the_means_of_the_data() -> None:
    inputs = keras.Input((32, 32, 1))
    norm = keras.layers.BatchNormalization(momentum=0.999)
    network = keras.Model(inputs, norm(inputs))
    ema.refresh_batchnorm(network, DATA["train"], 4, 16)
    assert float(np.asarray(norm.moving_mean)[0]) == pytest.approx(
        DATA["train"].pixels.mean(), rel=1e-4
    )
    assert norm.momentum == 0.999


def test_a_network_learns_and_becomes_a_model(tmp_path: Path) -> None:
    """From config to a model folder that the recogniser opens; the test split has no votes."""
    from fer_core import EmotionClassifier

    config = replace(
        TINY, epochs=12, early_stopping=0, augmentation=NONE, learning_rate=2e-3
    )  # fmt: skip
    folder = RunFolder(tmp_path / "run")
    epochs: list[Any] = []
    assert loop.train(config, folder.root, DATA, on_epoch=epochs.append) == loop.FINISHED
    lines = folder.epochs()
    assert epochs == lines
    assert [line["epoch"] for line in lines] == list(range(12))
    assert max(line["val_accuracy"] for line in lines) > 0.9
    assert np.sum(lines[-1]["confusion"]) == 28
    known = DATA["validation"]
    test = replace(known, votes=np.zeros_like(known.votes), majority=np.full(len(known.labels), -1))
    samples = {"validation": known, "test": test}
    model = package_model.package(folder, config, samples, about(tmp_path))
    classifier = EmotionClassifier.load(model)
    figures = {name: set(one.figures) for name, one in classifier.card.heads.items()}
    assert figures == {"fer2013": {"validation", "test"}, "ferplus": {"validation"}}
    found = classifier.predict(DATA["validation"].pixels[..., 0])
    assert (found.argmax(axis=1) == DATA["validation"].labels).mean() > 0.9
    has_int8 = (model / FORMS["int8"]).is_file()  # it is left out where LiteRT crashes with it
    assert has_int8 != any("8-bit" in limit for limit in classifier.card.facts["limits"])
    forms = ("fp32", "fp16", "int8")[: 3 if has_int8 else 2]
    sizes = [(model / FORMS[form]).stat().st_size for form in forms]
    assert sizes == sorted(sizes, reverse=True)
    outputs = classifier.outputs(DATA["validation"].pixels[..., 0])
    assert outputs["quality"].shape == (28, len(classifier.card.quality.reasons))
    keys = set(classifier.card.heads["fer2013"].calibrations)
    assert keys == {"fp32_mirror"} | ({"int8", "int8_mirror"} if has_int8 else set())
    assert {row["corruption"] for row in classifier.card.facts["robustness"]["fer2013"]} >= {"mask"}
    continued = replace(config, start=str(model), input_size=64)
    assert set(networks.build(continued).output_names) == {"fer2013", "ferplus"}


def about(folder: Path) -> Any:
    """The index of ``DATA``; its test split has no votes."""
    from fer_core.dataset import image_reading, scan

    for split, samples in (*DATA.items(), ("test", DATA["validation"])):
        for number, (face, label) in enumerate(zip(samples.pixels, samples.labels, strict=True)):
            file = folder / "faces" / split / EMOTIONS[label] / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(image_reading.png(face[..., 0]))
    index = scan(folder / "faces")
    votes = pd.DataFrame(np.eye(7, dtype=np.int64)[index.label_codes()] * 10, columns=EMOTIONS)
    votes[index.table["split"].to_numpy() == "test"] = 0
    return replace(index, votes=votes.assign(other=0))


def test_the_rate_is_that_of_keras_cosine() -> None:
    theirs = keras.optimizers.schedules.CosineDecay(
        1e-5, 80, alpha=1e-3, warmup_target=1e-3, warmup_steps=20
    )
    ours = optimizer.Cosine(1e-3, 20, 80)
    for step in (0, 1, 19, 20, 21, 60, 99, 100, 150):
        assert float(ours(step)) == pytest.approx(float(theirs(step)), rel=1e-5)


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_adamw_steps_as_keras_own_does(ema: float) -> None:
    config = replace(TINY, ema=ema, weight_decay=0.01)
    ours = optimizer.make(config, 4, heads_only=False)
    assert isinstance(ours, optimizer.FusedAdamW)
    theirs = keras.optimizers.AdamW(
        optimizer.Cosine(3e-3, 2, 14), weight_decay=0.01, use_ema=ema > 0, ema_momentum=ema or 0.99
    )
    random = np.random.default_rng(0)
    shapes = ((3, 3, 1, 8), (8,), (8, 7))
    values = [random.normal(0, 1, shape).astype(np.float32) for shape in shapes]
    steps = [[random.normal(0, 1, shape).astype(np.float32) for shape in shapes] for _ in range(5)]
    variables = []
    for one in (ours, theirs):
        weights = [keras.Variable(value) for value in values]
        for gradients in steps:
            one.apply([keras.ops.convert_to_tensor(gradient) for gradient in gradients], weights)
        variables.append([np.asarray(v) for v in (*weights, *one.variables)])
    assert len(variables[0]) == len(variables[1])
    for mine, yours in zip(*variables, strict=True):
        np.testing.assert_allclose(mine, yours, rtol=1e-5, atol=1e-7)
    assert np.abs(variables[0][0] - values[0]).max() > 1e-3


@pytest.mark.usefixtures("small_fernet")
def test_the_first_step_is_traced_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traced, whole = [], losses.HeadLoss.call

    def count(self, y_true, y_pred):
        traced.append(not tensorflow.executing_eagerly())
        return whole(self, y_true, y_pred)

    tensorflow = pytest.importorskip("tensorflow")
    monkeypatch.setattr(losses.HeadLoss, "call", count)
    loop.train(replace(TINY, epochs=2), tmp_path / "run", DATA)
    assert sum(traced) == len(TINY.heads)


@pytest.mark.usefixtures("uncompiled", "small_fernet")
def test_an_estimate_times_the_epochs_in_which_all_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions, real = [], loop.Session.open
    monkeypatch.setattr(
        loop.Session, "open", lambda *given: sessions.append(real(*given)) or sessions[0]
    )
    estimate.measure(replace(TINY, epochs=3, head_epochs=2))
    assert not sessions[0].heads_only
    assert len(sessions[0].model.trainable_variables) > 4


@pytest.mark.usefixtures("uncompiled", "small_fernet")
def test_stop_keeps_the_best(tmp_path: Path) -> None:
    asked = iter([""] * 5 + ["stop"])
    config = replace(TINY, tensorboard=True)
    with files_are_closed():
        assert loop.train(config, tmp_path, DATA, request=lambda: next(asked)) == loop.STOPPED
    assert keras.saving.load_model(tmp_path / "best.keras").count_params() > 0


@pytest.mark.usefixtures("uncompiled", "small_fernet")
def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    config = replace(TINY, learning_rate=1.0, optimizer="sgd", weight_decay=0.0, epochs=1)
    broken = replace(DATA["train"], votes=np.full((64, 7), np.nan, np.float32))
    with files_are_closed(), pytest.raises(TrainingError, match="The loss is NaN"):
        loop.train(config, tmp_path, {**DATA, "train": broken})


def test_a_run_is_not_started_over_another(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"epoch": 0}) + "\n")
    with pytest.raises(TrainingError, match="holds a run already"):
        loop.train(TINY, tmp_path, DATA)


def test_one_class_is_not_enough() -> None:
    one = replace(DATA["train"], labels=np.zeros(64, np.int64))
    with pytest.raises(TrainingError, match="one class only"):
        check({"train": one}, ("fer2013",))


def test_votes_are_needed_for_their_reading() -> None:
    with pytest.raises(TrainingError, match="needs FER\\+ votes"):
        check({"train": replace(DATA["train"], votes=None)}, ("fer2013", "ferplus"))


def test_validation_lists_the_surest_mistakes() -> None:
    inputs = keras.Input((32, 32, 1))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    always = keras.layers.Dense(7, bias_initializer=keras.initializers.Constant([0, 0, 0, 5, 0, 0, 0]),
                                kernel_initializer="zeros", name="fer2013")(mean)  # fmt: skip
    watcher = validation.Validation(
        keras.Model(inputs, {"fer2013": always}), DATA["validation"], ("fer2013",)
    )
    logs: dict[str, float] = {}
    watcher.on_epoch_end(0, logs)
    assert logs["val_accuracy"] == pytest.approx(1 / 7)
    assert watcher.detail["recall"]["happy"] == 1
    assert len(watcher.detail["mistakes"]) == 24
    assert {error["predicted"] for error in watcher.detail["mistakes"]} == {3}
