"""Starts from faces, several teachers, progressive sizes, sharpness, occlusions: tiny networks."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer_core.errors import TrainingError
from fer_core.images import occluders
from fer_core.models.classifier import EmotionClassifier
from fer_core.training.arrays import Samples
from fer_core.training.config import Augmentation, TrainConfig
from tests import training_kit as kit
from tests.pictures_kit import NONE

keras = pytest.importorskip("keras")

from fer_core.training import distillation, loop, networks  # noqa: E402
from fer_core.training.batches import Batches  # noqa: E402
from fer_core.training.callbacks.resume_state import TrainingState  # noqa: E402
from fer_core.training.run_folder import RunFolder  # noqa: E402
from fer_core.training.targets import make  # noqa: E402

FACES = {"architecture": "mobilenet", "alpha": 0.35, "input_size": 32, "heads": ("fer2013",)}


@pytest.fixture(autouse=True)
def clear_session() -> Iterator[None]:
    yield
    keras.backend.clear_session()


@pytest.fixture(scope="module")
def faces_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a MobileNet whose BatchNorm has seen something."""
    network = keras.applications.MobileNet((32, 32, 3), 0.35, include_top=False, weights=None)
    random = np.random.default_rng(0)
    network.set_weights([w + random.uniform(0, 0.2, w.shape) for w in network.get_weights()])
    file = tmp_path_factory.mktemp("faces") / "faces.weights.h5"
    network.save_weights(file)
    return file


@pytest.mark.parametrize("channels", [1, 3])
def test_a_start_from_faces_is_the_same_function_on_grey_images(
    faces_file: Path, channels: int
) -> None:
    original = keras.applications.MobileNet((32, 32, 3), 0.35, include_top=False, weights=None)
    original.load_weights(faces_file)
    network = networks.build(TrainConfig(**FACES, start=str(faces_file), channels=channels))
    grey = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 1)).astype(np.float32)
    features = keras.Model(network.inputs[0], network.get_layer(networks.FEATURES).output)
    for training in (False, True):  # BatchNorm's averages, and those of the batch
        expected = original(np.repeat(grey, 3, axis=3) / 127.5 - 1, training=training)
        got = features(np.repeat(grey, channels, axis=3), training=training)
        np.testing.assert_allclose(got, expected, atol=1e-3)


def test_a_start_file_of_another_network_is_one_sentence(faces_file: Path) -> None:
    config = TrainConfig(**{**FACES, "architecture": "mobilenetv2"}, start=str(faces_file))
    with pytest.raises(
        TrainingError, match=r"start: .*does not fit mobilenetv2 of width 0\.35"
    ) as e:
        networks.build(config)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"architecture": "mobilenet", "start": "imagenet"}, "start must be scratch, a .weights.h5"),
        ({"architecture": "fernet-large", "start": "x.weights.h5"}, "scratch or a model for fernet-l"),
        ({"teachers": ("a", "b"), "teacher_weights": (1.0,)}, "each of the 2 teachers"),
        ({"teachers": ("a",), "teacher_weights": (0.0,)}, "above 0"),
        ({"small_epochs": 2, "small_size": 48}, "a multiple of 32 below"),
        ({"small_epochs": 2, "small_size": 96}, "a multiple of 32 below"),
        ({"small_epochs": 15, "small_size": 64}, "fewer than epochs"),
        ({"sam": -1.0}, "sam must be"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused(fields: dict, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        TrainConfig(**fields)


def test_the_large_fernet_is_a_teacher_of_four_to_six_million() -> None:
    config = TrainConfig(architecture="fernet-large", start="scratch", input_size=48)
    assert 4e6 <= networks.build(config).count_params() <= 6e6


def test_teachers_count_by_their_weights(tmp_path: Path) -> None:
    few = kit.samples(3, 1)
    names = ("mobilenetv2", "fernet")
    config = TrainConfig(teachers=names, teacher_weights=(3.0, 1.0), heads=("fer2013",))
    mean = distillation.logits(config, few, tmp_path)["fer2013"]
    parts = []
    for name in names:
        classifier = EmotionClassifier.load(name, "fer2013")
        crops = [face[..., 0] for face in few.pixels]
        both = [classifier.outputs(c)["fer2013"] for c in (crops, [c[:, ::-1] for c in crops])]
        parts.append(sum(both) / 2 / classifier.card.heads["fer2013"].temperature)
    np.testing.assert_allclose(mean, 0.75 * parts[0] + 0.25 * parts[1], atol=1e-3)
    assert len(list(tmp_path.iterdir())) == 2
    gone = replace(config, teachers=("mobilenetv2", "gone"))
    with pytest.raises(TrainingError, match="teachers: There is no model 'gone'"):
        distillation.logits(gone, few, tmp_path)


def large(count: int, seed: int) -> Samples:
    small = kit.samples(count, seed)
    return replace(small, pixels=small.pixels.repeat(2, axis=1).repeat(2, axis=2))


@pytest.mark.usefixtures("uncompiled", "small_fernet")
def test_small_epochs_train_the_same_weights_and_resume(tmp_path: Path) -> None:
    data = {"train": large(16, 1), "validation": large(14, 2)}
    fields = {"input_size": 64, "small_size": 32, "small_epochs": 1, "epochs": 2}
    config = kit.config("fernet", **fields)
    session = loop.Session.open(config, RunFolder(tmp_path), data, TrainingState())
    assert session.model.get_layer("small").output.shape[1:3] == (32, 32)
    shared = {id(weight) for weight in session.model.trainable_weights}
    assert shared == {id(weight) for weight in session.network.trainable_weights}
    assert loop.train(config, tmp_path / "once", data) == loop.FINISHED
    assert loop.train(config, tmp_path / "parts", data, until=1) == loop.PAUSED
    assert loop.train(config, tmp_path / "parts", data, resume=True) == loop.FINISHED
    once, parts = (
        keras.saving.load_model(RunFolder(tmp_path / name).best, compile=False)
        for name in ("once", "parts")
    )
    assert once.inputs[0].shape[1] == 64
    for a, b in zip(once.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def step(sam: float) -> tuple[list, list]:
    """The weights before and after one step of plain SGD, without dropout or noise."""
    config = kit.config(
        "fernet", sam=sam, optimizer="sgd", schedule="constant", weight_decay=0.0, dropout=0.0,
        augmentation=NONE, learning_rate=0.01,
    )  # fmt: skip
    keras.utils.set_random_seed(3)
    network = networks.build(config)
    model = loop.with_augmentation(network, config, loop.Augment(3, name="augment"))
    y_true = make(kit.samples(16, 1), config)
    model.compile(loop.optimizer.make(config, 1, heads_only=False),
                  loss={"fer2013": loop.HeadLoss("fer2013", config, y_true.prior)})  # fmt: skip
    initial = network.get_weights()
    model.train_on_batch(*Batches(kit.samples(16, 1), y_true, config, 0)[0])
    return initial, network.get_weights()


@pytest.mark.usefixtures("uncompiled", "small_fernet")
def test_sam_steps_with_the_gradient_nearby() -> None:
    """A radius of nearly 0 is a plain step; a larger one steps elsewhere and moves back first."""
    (start, plain), (_, near), (_, far) = step(0.0), step(1e-6), step(0.5)
    for a, b in zip(plain, near, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    moved = [np.abs(a - b).max() for a, b in zip(plain, far, strict=True)]
    assert max(moved) > 1e-3
    assert max(np.abs(a - b).max() for a, b in zip(start, far, strict=True)) < 1


def test_occlusions_cover_the_share_that_is_asked_for() -> None:
    config = kit.config("fernet", augmentation=Augmentation(occlusion=0.5), batch_size=64)
    samples = kit.samples(64, 5)
    batches = Batches(samples, make(samples, config), config, 0)
    inputs, *_ = batches[0]
    changed = (inputs["pixels"] != samples.pixels[batches.order]).any(axis=(1, 2, 3))
    assert 0.3 < changed.mean() < 0.7
    again, *_ = Batches(samples, make(samples, config), config, 0)[0]
    np.testing.assert_array_equal(inputs["pixels"], again["pixels"])


@pytest.mark.parametrize("shape", [(48, 48), (64, 64, 1), (48, 48, 3)])
def test_a_mask_and_a_hand_cover_the_lower_half_only(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    face = random.integers(60, 190, shape, np.uint8)
    for occluder in (occluders.mask, occluders.hand):
        for _ in range(10):
            covered = occluder(face, 50, random)
            assert (covered.shape, covered.dtype) == (shape, np.uint8)
            changed = (covered != face).reshape(*shape[:2], -1).any(axis=2).mean(axis=1)
            assert changed[: int(0.35 * shape[0])].max() == 0, "the eyes stay free"
            assert changed[int(0.7 * shape[0]) :].mean() > 0.6
