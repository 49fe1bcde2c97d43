"""Files of unknown origin: what is taken, what is refused, and the maps of what was taken."""

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from fer_core import EMOTIONS, EmotionClassifier
from fer_core.cli.main import main
from fer_core.errors import ModelError, SettingsError
from fer_core.explain import Explainer
from fer_core.explain.gradcam import compute
from fer_core.models import card, registry
from fer_core.models.export import export_int8_apart
from fer_core.models.importing import (
    ORDERS,
    ImportOptions,
    import_model,
    keras_file,
    order_from,
    worker,
)
from fer_core.models.importing.inspection import check_keras
from fer_core.models.litert import LiteRTNetwork
from fer_core.system.settings import settings
from tests.conftest import shipped_heads

SIDE = 32


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (96, 96), np.uint8)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, crop: np.ndarray) -> Path:
    """Small Keras files, and Grad-CAM of the shipped models for ``crop``."""
    from tests.unit import build_networks

    folder = tmp_path_factory.mktemp("networks")
    build_networks.main(folder, crop)
    return folder


@pytest.fixture(scope="module")
def planted(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The planted network, taken in; kept outside the folders that each test gets anew."""
    patch = pytest.MonkeyPatch()
    patch.setenv("FER_HOME", str(tmp_path_factory.mktemp("home")))
    settings.cache_clear()
    order = ORDERS["FER-2013, as Kaggle numbers them"]
    folder = import_model(made / "planted.keras", ImportOptions("planted one", "0 to 1", order))
    patch.undo()
    settings.cache_clear()
    return folder


def test_answers_stay_the_same_in_our_order(planted: Path, made: Path) -> None:
    kept = np.load(made / "planted.npz")
    whole = np.round(kept["faces"][..., 0] * 255).astype(np.uint8)
    found = EmotionClassifier.load(planted).predict(whole)
    order = ORDERS["FER-2013, as Kaggle numbers them"]
    wanted = kept["answers"][:, [order.index(emotion) for emotion in EMOTIONS]]
    np.testing.assert_allclose(found, wanted, atol=0.01)
    assert np.ptp(wanted, axis=1).min() > 0.02
    assert planted.name == "planted-one"
    card = registry.load_card(planted)
    assert (card.input_size, card.channels, card.features) == (SIDE, 1, "features")
    assert {"model.keras", "model.tflite", "card.json"} == {f.name for f in planted.iterdir()}


def quarters(spoken: np.ndarray) -> np.ndarray:
    """Share of a map's strength in each quarter: top left, top right, bottom left and right."""
    half = spoken.shape[0] // 2
    parts = [spoken[:half, :half], spoken[:half, half:], spoken[half:, :half], spoken[half:, half:]]
    return np.array([np.abs(part).sum() for part in parts]) / np.abs(spoken).sum()


def test_maps_light_the_planted_quarter_and_agree(planted: Path) -> None:
    import keras

    faces = np.random.default_rng(2).integers(0, 256, (3, SIDE, SIDE), np.uint8)
    classifier = EmotionClassifier.load(planted)
    explainer = Explainer(classifier)
    logits, maps = explainer.logits_and_maps(faces)
    np.testing.assert_allclose(maps.mean(axis=(2, 3)) + explainer.bias, logits, atol=1e-4)
    for face in maps:
        for spoken in face:
            assert quarters(spoken)[0] > 0.99
    classes = logits.argmax(axis=1).tolist()
    network = keras.saving.load_model(planted / card.KERAS_FILE, compile=False)
    pixels = classifier.inputs(faces)
    gradients = compute(network, classifier.head, "features", pixels, classes)
    exact = np.maximum(maps[range(3), classes], 0) / maps[0, 0].size
    np.testing.assert_allclose(gradients, exact, atol=1e-4 * max(exact.max(), 1))
    assert quarters(gradients[0])[0] > 0.99


@pytest.mark.parametrize(("model", "head"), shipped_heads())
def test_grad_cam_agrees_on_shipped_heads(
    model: str, head: str, made: Path, crop: np.ndarray
) -> None:
    """Of every emotion: Grad-CAM is the positive part of the exact map, over its places."""
    maps = Explainer(EmotionClassifier.load(registry.SHIPPED / model, head)).maps([crop])[0]
    exact = np.maximum(maps, 0) / maps[0].size
    assert exact.max() > 0
    found = np.load(made / f"{model}-{head}.npy")
    np.testing.assert_allclose(found, exact, atol=2e-3 * exact.max())


def test_a_head_that_is_not_one_layer_says_so(made: Path, tmp_path: Path) -> None:
    classifier = converted(made / "flat.keras", tmp_path / "flat")
    assert classifier.card.channels == 3
    with pytest.raises(ModelError, match="Use Grad-CAM"):
        Explainer(classifier)


@pytest.mark.usefixtures("in_this_process")
def test_an_import_gets_its_8_bit_form(planted: Path) -> None:
    light = np.linspace(0, 255, 40)[:, None, None]
    faces = np.random.default_rng(5).uniform(0, light, (40, SIDE, SIDE)).astype(np.uint8)
    file = export_int8_apart(registry.load_card(planted), list(faces))
    assert file.name == card.INT8_FILE
    small = EmotionClassifier(registry.load_card(planted), form="int8").outputs(faces)
    file.unlink()  # the others find the folder as it was
    whole = EmotionClassifier.load(planted).outputs(faces)
    (head,) = registry.load_card(planted).heads
    off = np.abs(small[head] - whole[head]).max()
    assert 0 < off < 0.1 * np.ptp(whole[head], axis=0).max()


def test_six_answers_are_refused(made: Path, tmp_path: Path) -> None:
    plan = plan_of(title="six")
    with pytest.raises(ModelError, match=r"^six.keras: gives 6 values \(emotions\). Seven are"):
        worker.convert(str(made / "six.keras"), str(tmp_path / "model"), plan)
    assert list((tmp_path / "model").glob("*card*")) == []


def test_code_is_refused_before_keras_sees_it(made: Path) -> None:
    with pytest.raises(ModelError, match="Lambda layer, which can run any code"):
        check_keras(made / "evil.keras")


def test_an_exported_tflite_is_taken_back() -> None:
    folder = import_model(registry.SHIPPED / "mobilenetv2" / "model.tflite", ImportOptions("again"))
    card = registry.load_card(folder)
    assert set(card.heads) == {"fer2013", "ferplus"}
    with pytest.raises(ModelError, match="imported unchanged"):
        import_model(
            registry.SHIPPED / "mobilenetv2" / "model.tflite", ImportOptions("x", "0 to 1")
        )


def pack(file: Path, config: object = None, extra: dict[str, bytes] | None = None) -> Path:
    """A ``.keras`` whose description is ``config``."""
    members = {"config.json": json.dumps(config or layer("Functional")).encode(),
               "metadata.json": b"{}", "model.weights.h5": b""}  # fmt: skip
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (members | (extra or {})).items():
            archive.writestr(name, data)
    return file


def layer(kind: str, module: str = "keras.layers", **more: object) -> dict:
    return {"class_name": kind, "module": module, "config": {}, "registered_name": None, **more}


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (layer("Lambda"), "Lambda"),
        ({"config": {"layers": [layer("Conv2D"), layer("Lambda")]}}, "Lambda"),
        (layer("Dense", activation={"class_name": "__lambda__", "config": {}}), "__lambda__"),
        (layer("Mine", "my_package.layers", registered_name="mine>Mine"), "not part of Keras"),
        (layer("Mine", "keras.layers", registered_name="mine>Mine"), "a custom class"),
        (layer("function", "builtins", config="system"), "not part of Keras"),
        (layer("system", "os"), "not part of Keras"),
        (layer("run", "keras.src.utils.python_utils"), "not part of Keras"),
        (layer("TFSMLayer"), "TFSMLayer"),
        ([1, 2], "damaged"),
    ],
)
def test_descriptions_that_ask_for_code(tmp_path: Path, config: object, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        check_keras(pack(tmp_path / "bad.keras", config))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("../../outside.txt", "leads outside"),
        ("/etc/passwd", "leads outside"),
        ("assets/code.py", "does not need"),
        ("C:\\evil.txt", "leads outside"),
    ],
)
def test_members_that_should_not_be_there(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        check_keras(pack(tmp_path / "bad.keras", extra={name: b"x"}))


def test_ten_gigabytes_declared_are_refused(tmp_path: Path) -> None:
    file = pack(tmp_path / "large.keras")
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = b"so that the directory is written anew"
        archive.getinfo("model.weights.h5").file_size = 10_000_000_000
    with pytest.raises(ModelError, match=r"would unpack to 10\.0 GB; at most 1 GB"):
        import_model(file, ImportOptions("large"))


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.keras", b"no zip", r"not a .keras, .h5 or .tflite .*model.save\('model.keras'\)"),
        ("a.keras", b"", "not a .keras, .h5 or .tflite"),
        ("a.keras", b"PK\x03\x04 and no more", "not a .keras file that can be opened"),
        ("a.h5", b"x", "not a .keras, .h5 or .tflite"),
        ("a.pkl", b"x", "not a .keras, .h5 or .tflite"),
        ("saved_model.pb", b"x", r"tf_keras.models.load_model\('FOLDER'\).save\('model.h5'\)"),
        ("a.tflite", b"no model at all", "not a .keras, .h5 or .tflite"),
        ("a.tflite", b"\x1c\0\0\0TFL3 and no more", "cannot be opened"),
    ],
)
def test_other_files(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelError, match=says):
        import_model(tmp_path / name, ImportOptions("x"))
    assert not (settings().home / "models").exists()


@pytest.mark.parametrize(
    ("damage", "message"),
    [("link", "point to another file"), ("outside", "point to another file"),
     ("bomb", "promise more")],
)  # fmt: skip
def test_weights_that_point_elsewhere(tmp_path: Path, damage: str, message: str) -> None:
    weights = tmp_path / "weights.h5"
    with h5py.File(weights, "w") as opened:
        globals()[damage](opened)
    file = pack(tmp_path / "bad.keras", extra={"model.weights.h5": weights.read_bytes()})
    with pytest.raises(ModelError, match=message):
        keras_file._check_weights(file, tmp_path)


def link(opened: h5py.File) -> None:
    opened.create_group("layers")["kernel"] = h5py.ExternalLink("/etc/hostname", "/x")


def outside(opened: h5py.File) -> None:
    opened.create_dataset("kernel", (4,), "u1", external=[("/etc/hostname", 0, 4)])


def bomb(opened: h5py.File) -> None:
    opened.create_dataset("kernel", (10**9,), "f4", chunks=(1000,))


def test_public_links_take_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FER_PUBLIC", "1")
    settings.cache_clear()
    with pytest.raises(SettingsError, match="public link"):
        import_model(tmp_path / "a.keras", ImportOptions("x"))


def test_options() -> None:
    words = "Anger, disgusted, fear, happiness, sadness, surprise, neutral"
    assert order_from(words) == ORDERS["FER-2013, as Kaggle numbers them"]
    with pytest.raises(ModelError, match="each of angry"):
        ImportOptions("x", order=order_from("happy, sad"))
    with pytest.raises(ModelError, match="Pixels must be"):
        ImportOptions("x", "0 to 7")
    with pytest.raises(ModelError, match="Colours must be RGB, BGR, grey"):
        ImportOptions("x", colours="HSV")


def plan_of(**more: object) -> dict:
    return {"scale": 1 / 255, "offset": 0.0, "colours": "RGB", "size": None, "title": "x",
            "order": list(range(7))} | more  # fmt: skip


def converted(file: Path, folder: Path, **more: object) -> EmotionClassifier:
    """The file as a classifier, converted in this process."""
    worker.convert(str(file), str(folder), plan_of(**more))
    return EmotionClassifier.load(folder)


FACES = np.random.default_rng(7).integers(0, 256, (3, 24, 24, 3), np.uint8)
GREY = FACES[..., 0]


def predictions(made: Path, name: str) -> np.ndarray:
    """What the network itself gave for FACES, in 0 to 1."""
    return np.load(made / f"{name}.npy")


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("name", "distribution"),
    [
        ("sigmoid.keras", lambda p: softmax(np.log(p / (1 - p)))),
        ("sigmoid.h5", lambda p: softmax(np.log(p / (1 - p)))),
        ("sigmoid-layer.keras", lambda p: softmax(np.log(p / (1 - p)))),
        ("nested.keras", lambda p: p),
        ("nested.h5", lambda p: p),
        ("mean.keras", lambda p: p),  # the mean of two networks with a softmax each
        ("log-softmax.keras", np.exp),
        ("mixed.keras", lambda p: p),
        ("fixed.keras", lambda p: p),
        ("keras-2.keras", lambda p: p),
        ("keras-2.h5", lambda p: p),
    ],
)  # fmt: skip
def test_other_peoples_networks_mean_what_they_meant(
    siblings: Path, tmp_path: Path, name: str, distribution
) -> None:
    """However they end, are built and were saved: the same probabilities as where they come from."""
    classifier = converted(siblings / name, tmp_path / "model")
    expected = distribution(predictions(siblings, name.partition(".")[0]))
    expected = expected / expected.sum(axis=1, keepdims=True)
    tolerance = 0.01 if name.startswith("mixed") else 1e-3  # it was computed in 16 bits there
    np.testing.assert_allclose(classifier.predict(GREY), expected, atol=tolerance)
    assert np.ptp(expected, axis=1).min() > 0.05
    assert len(classifier.predict(np.concatenate([GREY] * 7))) == 21  # any number of faces


def test_a_sure_sigmoid_stays_sure(siblings: Path, tmp_path: Path) -> None:
    probabilities = converted(siblings / "sure.keras", tmp_path / "model").predict(GREY)
    assert probabilities[:, EMOTIONS.index("happy")].min() > 0.95


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("tanh.keras", r"ends in tanh, .*Dense\(7, activation='softmax'\)"),
        ("weights.h5", r"weights without their network\. .*model\.save\('model\.keras'\)"),
        ("operation.h5", "holds TFOpLambda, which Keras 3 does not have"),
        ("reshaped.keras", r"one image at a time|fixed number of images .*model\.save"),
        ("open.keras", "any size. Give the size"),
        ("lambda.h5", "Lambda layer, which can run any code"),
    ],
)
def test_what_cannot_be_imported_says_what_to_do(
    siblings: Path, tmp_path: Path, name: str, says: str
) -> None:
    with pytest.raises(ModelError, match=says):
        converted(siblings / name, tmp_path / "model")


@pytest.mark.parametrize("colours", ["RGB", "BGR", "grey"])
def test_colours_and_size_that_the_file_leaves_open(
    siblings: Path, tmp_path: Path, colours: str
) -> None:
    classifier = converted(siblings / "open.keras", tmp_path / "model", colours=colours, size=24)
    expected = predictions(siblings, f"open-{colours}")
    np.testing.assert_allclose(classifier.predict(FACES), expected, atol=1e-3)


def test_a_lite_file_of_one_image_runs_them_one_by_one(siblings: Path) -> None:
    network = LiteRTNetwork(siblings / "one.tflite")
    pixels = GREY[..., None].astype(np.float32) / 255
    expected = np.load(siblings / "one.npy")
    np.testing.assert_allclose(network.run(pixels)["output_0"], expected, atol=1e-4)


def test_a_lite_file_that_gives_probabilities_is_refused(siblings: Path, tmp_path: Path) -> None:
    for name in ("one.tflite", "sigmoid.tflite"):
        with pytest.raises(ModelError, match="gives probabilities; logits are needed"):
            converted(siblings / name, tmp_path / name, scale=1)


@pytest.mark.usefixtures("in_this_process")
def test_the_command_imports(siblings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(siblings / "open.keras")
    words = ["models", "import", file, "--name", "theirs", "--labels", "fer2013"]
    assert main(words) == 2
    assert "Give the size" in capsys.readouterr().err
    assert main([*words, "--pixels", "0-1", "--colours", "BGR", "--size", "24"]) == 0
    assert "theirs is imported" in capsys.readouterr().out
    expected = predictions(siblings, "open-BGR")
    order = ORDERS["FER-2013, as Kaggle numbers them"]
    expected = expected[:, [order.index(emotion) for emotion in EMOTIONS]]
    found = EmotionClassifier.load("theirs").predict(FACES)
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.fixture(scope="module")
def siblings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Networks as other people save them."""
    from tests.unit import build_siblings

    folder = tmp_path_factory.mktemp("siblings")
    build_siblings.main(folder, FACES)
    return folder
