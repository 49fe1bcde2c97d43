"""What only Keras can show: losses, augmentation, networks, the loop and its resume.

All in one module, and with the smallest networks, because importing TensorFlow takes seconds.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_core import augmentation
from fer_core.dataset import demo
from fer_core.errors import TrainingError
from fer_core.labels import EMOTIONS
from fer_core.training.config import Augmentation, TrainConfig
from fer_core.training.run import RunFolder
from fer_core.training.samples import Samples, check
from tests.training_kit import files_are_closed

keras = pytest.importorskip("keras")

from fer_core.training import batches, finish, loop, losses, networks, optimizer  # noqa: E402
from fer_core.training.augment import OPERATION, Augment, neutral  # noqa: E402
from fer_core.training.callbacks import averages, control, validation  # noqa: E402

NONE = Augmentation(
    flip=0, rotation=0, shift=0, zoom=0, brightness=0, contrast=0, noise=0, erasing=0, sharpness=0
)
TINY = TrainConfig(
    architecture="fernet", start="scratch", input_size=32, alpha=0.35, epochs=4, batch_size=16,
    readings=("fer2013", "ferplus"), learning_rate=3e-3, warmup_epochs=0.5, early_stopping=3,
    augmentation=Augmentation(mixup=0.2, cutmix=0.2, webcam=0.3),
)  # fmt: skip


def pictures(count: int, seed: int = 0) -> Samples:
    """A bright bar whose height on the picture is the class."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 7
    pixels = random.integers(0, 90, (count, 32, 32, 1)).astype(np.uint8)
    for row, label in enumerate(labels):
        pixels[row, 4 * label + 2 : 4 * label + 6] = 240
    votes = np.eye(7, dtype=np.float32)[labels]
    names = tuple(f"{row:03}.png" for row in range(count))
    return Samples(pixels, labels.astype(np.int64), votes, labels.astype(np.int64), names)


DATA = {"train": pictures(64), "validation": pictures(28, 1)}


@pytest.fixture(autouse=True)
def look_every_batch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(control, "EVERY", 0.0)
    yield
    keras.backend.clear_session()


@pytest.fixture
def uncompiled() -> Iterator[None]:
    """Compiling takes ten times as long as the trainings that use this do."""
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


LOGITS = np.array([[1.0, -2, 0.5, 3, 0, 0.2, -1], [0, 0, 0, 0, 0, 0, 0]], np.float32)
TARGETS = np.array([[0, 0, 0, 1, 0, 0, 0], [0.5, 0, 0, 0, 0.5, 0, 0]], np.float32)


def log_softmax(logits: Any) -> Any:
    powers = np.exp(logits)
    return np.log(powers / powers.sum(axis=1, keepdims=True))


def test_cross_entropy_by_hand() -> None:
    found = np.asarray(losses.cross_entropy(TARGETS, LOGITS))
    np.testing.assert_allclose(found, [-log_softmax(LOGITS)[0, 3], np.log(7)], rtol=1e-5)


def test_smoothing_by_hand() -> None:
    found = np.asarray(losses.smooth(TARGETS, 0.7))
    np.testing.assert_allclose(found[0], [0.1, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1], rtol=1e-6)


def test_focal_by_hand() -> None:
    """Even odds: (1 - 1/7)^2 times the cross-entropy; gamma 0 is the cross-entropy."""
    found = np.asarray(losses.focal(TARGETS, LOGITS, 2.0))
    assert found[1] == pytest.approx((6 / 7) ** 2 * np.log(7), rel=1e-5)
    np.testing.assert_allclose(
        np.asarray(losses.focal(TARGETS, LOGITS, 0.0)),
        np.asarray(losses.cross_entropy(TARGETS, LOGITS)), rtol=1e-5,
    )  # fmt: skip


def test_logit_adjustment_by_hand() -> None:
    """With even logits the adjusted loss is that of answering the prior."""
    prior = np.array([0.1, 0.02, 0.18, 0.3, 0.2, 0.1, 0.1], np.float32)
    found = np.asarray(losses.logit_adjusted(TARGETS, LOGITS, prior, 1.0))
    assert found[1] == pytest.approx(-0.5 * np.log(0.1) - 0.5 * np.log(0.2), rel=1e-5)


def test_distillation_by_hand() -> None:
    soft = np.full((2, 7), 1 / 7, np.float32)
    found = np.asarray(losses.distillation(soft, LOGITS, 2.0))
    assert found[1] == pytest.approx(4 * np.log(7), rel=1e-5)


def test_reading_loss_mixes_labels_and_teachers() -> None:
    config = replace(TINY, label_smoothing=0.0, distill_weight=0.25, distill_temperature=1.0)
    loss = losses.ReadingLoss("fer2013", config, np.full(7, 1 / 7, np.float32))
    teachers = np.full((2, 7), 1 / 7, np.float32)
    both = np.concatenate([TARGETS, teachers], axis=1)
    wanted = 0.75 * losses.cross_entropy(TARGETS, LOGITS) + 0.25 * losses.cross_entropy(
        teachers, LOGITS
    )
    np.testing.assert_allclose(np.asarray(loss.call(both, LOGITS)), np.asarray(wanted), rtol=1e-5)


def change(pixels: Any, **columns: float) -> Any:
    """The layer's answer for a picture (S, S, 1) alone."""
    operations = neutral(1)
    for name, value in columns.items():
        operations[0, OPERATION.index(name)] = value
    return np.asarray(Augment(0)(pixels[None], operations))[0]


SCENE = np.clip(
    np.add.outer(3 * np.arange(48), 2 * np.arange(48)) % 200 + 20, 0, 255
).astype(np.uint8)[..., None]  # fmt: skip


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"flip": 1.0},
        {"angle": 10.0},
        {"shift_x": 0.1, "shift_y": -0.05},
        {"scale": 1.2},
        {"flip": 1.0, "angle": -12.0, "scale": 0.9, "shift_x": 0.05},
        {"brightness": 0.1, "contrast": 0.7},
        {"erase_x": 0.25, "erase_y": 0.5, "erase_width": 0.2, "erase_height": 0.3,
         "erase_value": 200.0},
    ],
)  # fmt: skip
def test_the_layer_changes_pictures_as_opencv_does(columns: dict[str, float]) -> None:
    operation = augmentation.Operation(**columns)  # type: ignore[arg-type]
    theirs = augmentation.apply(SCENE[..., 0], operation).astype(float)
    ours = change(SCENE, **columns)[..., 0]
    apart = np.abs(ours - theirs)
    assert np.median(apart) <= 1
    assert (apart > 12).mean() < 0.02  # on the scene's edges, where a 32nd of a pixel shows


def test_a_whole_spec_means_the_same_to_the_layer_and_to_opencv() -> None:
    """Noise is left out: its grain is drawn by each on its own."""
    spec, random = augmentation.Spec(noise=0, erasing=0.3), np.random.default_rng(1)
    faces = np.stack([demo.draw_face(EMOTIONS[row % 7], random) for row in range(70)])
    table = augmentation.draw(spec, len(faces), seed=3)
    operations = neutral(len(faces))
    for name in table.columns.drop("seed"):
        operations[:, OPERATION.index(name)] = table[name]
    ours = np.asarray(Augment(0)(faces[..., None], operations))[..., 0]
    steps = augmentation.operations(table)
    theirs = np.stack([augmentation.apply(f, s) for f, s in zip(faces, steps, strict=True)])
    apart = np.abs(ours - theirs.astype(float))
    unchanged = np.abs(faces - theirs.astype(float))
    assert np.median(apart, axis=(1, 2)).max() <= 1
    assert apart.mean() < 1
    assert unchanged.mean() > 20


def test_the_layers_noise_is_as_strong_as_asked() -> None:
    grey = np.full((48, 48, 1), 128, np.uint8)
    assert (change(grey, noise=10.0) - 128).std() == pytest.approx(10, rel=0.1)


def test_mixing_takes_the_mirrored_place_of_the_batch() -> None:
    pixels = np.stack([np.full((8, 8, 1), v, np.uint8) for v in (0, 200)])
    operations = neutral(2)
    operations[0, OPERATION.index("mix_share")] = 0.25
    blended = np.asarray(Augment(0)(pixels, operations))
    assert np.unique(blended[0]).tolist() == [50.0]
    assert np.unique(blended[1]).tolist() == [200.0]
    for name, value in {"mix_x": 0.0, "mix_y": 0.5, "mix_width": 1.0, "mix_height": 0.5}.items():
        operations[0, OPERATION.index(name)] = value
    cut = np.asarray(Augment(0)(pixels, operations))[0, :, :, 0]
    assert (cut[:4] == 0).all()
    assert (cut[4:] == 200).all()


def test_batches_depend_on_seed_epoch_and_step_alone() -> None:
    goal = batches_targets()
    whole = batches.Batches(DATA["train"], goal, TINY, epoch=2)
    rest = batches.Batches(DATA["train"], goal, TINY, epoch=2, first=3)
    assert len(whole) == 4
    assert len(rest) == 1
    for ours, theirs in zip(whole[3], rest[0], strict=True):
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])
    other = batches.Batches(DATA["train"], goal, TINY, epoch=1)
    assert not np.array_equal(whole[0][0]["pixels"], other[0][0]["pixels"])


def batches_targets() -> Any:
    from fer_core.training import targets

    return targets.make(DATA["train"], TINY)


def test_mixed_targets_have_the_share_of_the_pixels() -> None:
    config = replace(TINY, augmentation=replace(NONE, cutmix=1.0))
    inputs, goal, _ = batches.Batches(DATA["train"], batches_targets(), config, 0)[0]
    share = inputs["operations"][:, OPERATION.index("mix_share")]
    assert ((share > 0) & (share < 0.5)).all()
    np.testing.assert_allclose(goal["fer2013"].sum(axis=1), 1, rtol=1e-5)
    own = goal["fer2013"].max(axis=1)
    assert (own >= 1 - share - 1e-5).all()


@pytest.mark.parametrize("architecture", ["mobilenetv2", "fernet"])
def test_networks_give_logits_of_every_reading(architecture: str) -> None:
    config = replace(TINY, architecture=architecture)
    network = networks.build(config)
    logits = network.predict_on_batch(np.zeros((2, 32, 32, 1), np.float32))
    assert {name: np.shape(v) for name, v in logits.items()} == {
        "fer2013": (2, 7), "ferplus": (2, 7),
    }  # fmt: skip
    kinds = {type(layer).__module__.split(".")[0] for layer in network.layers}
    assert kinds == {"keras"}


def test_fernet_stays_small() -> None:
    config = TrainConfig(architecture="fernet", start="scratch", input_size=48)
    assert networks.build(config).count_params() <= 1_500_000


def test_batchnorm_follows_the_weights() -> None:
    network = networks.build(replace(TINY, architecture="mobilenetv2"))
    norms = [x for x in network.layers if "BatchNorm" in type(x).__name__]
    assert norms
    assert {x.momentum for x in norms} == {0.9}


def test_stride_one_stem_doubles_the_feature_map() -> None:
    plain, fine = (
        networks.build(replace(TINY, architecture="mobilenetv2", stride1_stem=on))
        .get_layer("features")
        .output.shape[1]
        for on in (False, True)
    )
    assert (plain, fine) == (1, 2)


def test_a_start_from_another_architecture_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"mobilenetv2 96x96x1 .*; this run is for fernet 32"):
        networks.build(replace(TINY, architecture="fernet", start="mobilenetv2"))


@pytest.mark.parametrize("start", ["nowhere", "nowhere.weights.h5"])
def test_a_start_that_does_not_exist_is_refused(start: str) -> None:
    with pytest.raises(TrainingError, match="start"):
        networks.build(replace(TINY, architecture="mobilenetv2", start=start))


def test_refreshed_batchnorm_has_the_means_of_the_data() -> None:
    inputs = keras.Input((32, 32, 1))
    norm = keras.layers.BatchNormalization(momentum=0.999)
    network = keras.Model(inputs, norm(inputs))
    averages.refresh_batchnorm(network, DATA["train"], 4, 16)
    assert float(np.asarray(norm.moving_mean)[0]) == pytest.approx(
        DATA["train"].pixels.mean(), rel=1e-4
    )
    assert norm.momentum == 0.999


def test_a_network_learns_and_becomes_a_model(tmp_path: Path) -> None:
    """From config to a model folder that the recogniser opens."""
    from fer_core import EmotionClassifier

    config = replace(
        TINY, epochs=12, early_stopping=0, augmentation=NONE, learning_rate=2e-3
    )  # fmt: skip
    folder = RunFolder(tmp_path / "run")
    assert loop.train(config, folder.root, DATA) == loop.FINISHED
    lines = folder.epochs()
    assert [line["epoch"] for line in lines] == list(range(12))
    assert max(line["val_accuracy"] for line in lines) > 0.9
    assert np.sum(lines[-1]["confusion"]) == 28
    model = finish.finish(folder, config, {"validation": DATA["validation"]}, about(tmp_path))
    classifier = EmotionClassifier.load(model)
    found = classifier.predict(DATA["validation"].pixels[..., 0])
    assert (found.argmax(axis=1) == DATA["validation"].labels).mean() > 0.9
    assert (model / "model_int8.tflite").stat().st_size < (model / "model.tflite").stat().st_size


def about(folder: Path) -> Any:
    """An index of one picture a class, for the card."""
    from fer_core.dataset import pixels, scan
    from fer_core.labels import EMOTIONS

    for name in EMOTIONS:
        (folder / "faces" / "train" / name).mkdir(parents=True)
        (folder / "faces" / "train" / name / "1.png").write_bytes(
            pixels.png(np.zeros((32, 32), np.uint8))
        )
    return scan(folder / "faces")


def test_the_rate_is_that_of_keras_cosine() -> None:
    theirs = keras.optimizers.schedules.CosineDecay(
        1e-5, 80, alpha=1e-3, warmup_target=1e-3, warmup_steps=20
    )
    ours = optimizer.Cosine(1e-3, 20, 80)
    for step in (0, 1, 19, 20, 21, 60, 99, 100, 150):
        assert float(ours(step)) == pytest.approx(float(theirs(step)), rel=1e-5)


def test_the_first_step_is_traced_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traced, whole = [], losses.ReadingLoss.call

    def count(self, y_true, y_pred):
        traced.append(not tensorflow.executing_eagerly())
        return whole(self, y_true, y_pred)

    tensorflow = pytest.importorskip("tensorflow")
    monkeypatch.setattr(losses.ReadingLoss, "call", count)
    loop.train(replace(TINY, epochs=2), tmp_path / "run", DATA)
    assert sum(traced) == len(TINY.readings)


@pytest.mark.usefixtures("uncompiled")
def test_stop_keeps_the_best(tmp_path: Path) -> None:
    asked = iter([""] * 5 + ["stop"])
    config = replace(TINY, tensorboard=True)
    with files_are_closed():
        assert loop.train(config, tmp_path, DATA, request=lambda: next(asked)) == loop.STOPPED
    assert keras.saving.load_model(tmp_path / "best.keras").count_params() > 0


@pytest.mark.usefixtures("uncompiled")
def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    config = replace(TINY, learning_rate=1.0, optimizer="sgd", weight_decay=0.0, epochs=1)
    broken = replace(DATA["train"], votes=np.full((64, 7), np.nan, np.float32))
    with files_are_closed(), pytest.raises(TrainingError, match="not a number any more"):
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
    assert {one["answer"] for one in watcher.detail["mistakes"]} == {3}
