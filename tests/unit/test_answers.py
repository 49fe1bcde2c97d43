from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer_core import EmotionClassifier, Recognizer
from fer_core.dataset import DatasetIndex, image_reading, scan
from fer_core.dataset.discover import unknown_classes
from fer_core.errors import CancelledError, DatasetError, ModelError
from fer_core.evaluation.predictions import forms_of, open_form, predict_dataset
from fer_core.images.codec import decode
from fer_core.images.crop import network_input, whole_face
from fer_core.models import registry
from fer_core.models.litert import _dequantize, _quantize
from fer_core.system.settings import settings
from fer_core.training import arrays
from fer_core.types import Pixels


def test_predictions_are_those_of_the_classifier(tree: Path) -> None:
    index, card = scan(tree), registry.load_card()
    predictions = predict_dataset(card, index)
    crops = [image_reading.read(index.path(row)) for row in range(len(index))]
    for head in card.heads:
        wanted = EmotionClassifier.load(head=head, mirror=True).predict(crops)
        np.testing.assert_allclose(predictions.probabilities(card, head), wanted, atol=1e-5)
    assert predictions.features is not None
    assert predictions.features.shape == (20, 1280)


@pytest.fixture
def oblong(tmp_path: Path, picture: Callable[[int], Pixels]) -> DatasetIndex:
    """A high picture in grey and a wide one in colours."""
    high, wide = picture(0)[:, 8:40], np.stack([picture(seed)[10:34] for seed in range(3)], axis=-1)
    for label, one in (("happy", high), ("sad", wide)):
        (tmp_path / "oblong" / label).mkdir(parents=True)
        (tmp_path / "oblong" / label / "0.png").write_bytes(image_reading.png(one))
    return scan(tmp_path / "oblong")


def test_pictures_that_are_not_square_are_judged_as_recognised(oblong: DatasetIndex) -> None:
    card, recognizer = registry.load_card(), Recognizer.load(detector="haar", mirror=True)
    found = predict_dataset(card, oblong).probabilities(card, recognizer.classifier.head)
    for row, given in enumerate(found):
        rgb = decode(oblong.path(row).read_bytes(), "0.png")
        wanted = recognizer.recognize_crop(rgb).probabilities
        np.testing.assert_allclose(given, wanted, atol=1e-5)


def test_pictures_that_are_not_square_are_learnt_as_recognised(oblong: DatasetIndex) -> None:
    found = arrays.load(oblong, "train", 48, 3).pixels
    read = [decode(oblong.path(row).read_bytes(), "0.png") for row in range(2)]
    wanted = network_input(map(whole_face, read), 48, 3)
    assert np.abs(found - wanted).max() <= 1
    assert (found[0, :, 0] == found[0, :, 7]).all()  # the edge, repeated
    assert (found[1, 0] == found[1, 11]).all()


def test_square_pictures_are_learnt_and_judged_as_they_are(tree: Path) -> None:
    index = scan(tree)
    for row, crop in enumerate(image_reading.crops(index, range(len(index)), 48)):
        np.testing.assert_array_equal(crop, image_reading.read(index.path(row)))


def test_predictions_to_stretched_pictures_are_not_used(oblong: DatasetIndex, tree: Path) -> None:
    """Only they: what was kept of square pictures still holds."""
    for index, is_same in ((oblong, False), (scan(tree), True)):
        digests = index.table["digest"].to_numpy().tobytes()
        assert (image_reading.fingerprint(index) == digests) == is_same


def test_predictions_are_kept_by_content(tree: Path, model_copy: Path) -> None:
    index, card = scan(tree), registry.load_card(model_copy)
    first = predict_dataset(card, index)
    seen: list = []
    again = predict_dataset(card, index, progress=lambda *at: seen.append(at))
    assert not seen
    np.testing.assert_array_equal(first.logits["fer2013"], again.logits["fer2013"])
    np.testing.assert_array_equal(first.features, again.features)
    (file,) = (settings().cache / "predictions").glob("*.npz")
    whole = file.read_bytes()
    flipped = bytes(255 - one if 900 < at < 990 else one for at, one in enumerate(whole))
    for damaged in (b"damaged", whole[: len(whole) // 2], b"PK" + whole[2:-30], flipped):
        file.write_bytes(damaged)
        again = predict_dataset(card, index)
        np.testing.assert_array_equal(again.logits["ferplus"], first.logits["ferplus"])
    predict_dataset(card, index.split("train"), progress=lambda *at: seen.append(at))
    assert seen == [(18, 18)]


def test_a_model_that_has_gone(tree: Path, model_copy: Path) -> None:
    index, card = scan(tree), registry.load_card(model_copy)
    (model_copy / "model.tflite").unlink()
    assert forms_of(card) == tuple(
        form
        for form in ("fp16", "int8", "keras")
        if (model_copy / f"model{'_int8.tflite' if form == 'int8' else '.keras'}").is_file()
    )
    with pytest.raises(ModelError, match="Choose another model"):
        predict_dataset(card, index)
    with pytest.raises(ModelError, match="missing, damaged"):
        open_form(card)


def test_an_empty_split_and_a_stop(tree: Path) -> None:
    index, card = scan(tree), registry.load_card()
    with pytest.raises(DatasetError, match="Choose another one"):
        predict_dataset(card, index.split("validation"))

    def stop(done: int, total: int) -> None:
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        predict_dataset(card, index, progress=stop)
    assert not (settings().cache / "predictions").exists()


def test_quantised_values_come_back() -> None:
    form = {"dtype": np.int8, "quantization": (0.5, -3)}
    values = np.array([[0, 10, 60, 200, -100]], np.float32)
    packed = _quantize(values, form)
    assert packed.tolist() == [[-3, 17, 117, 127, -128]]
    assert _dequantize(packed, form).tolist() == [[0, 10, 60, 65, -62.5]]


def test_other_folder_names_can_be_mapped(tree: Path) -> None:
    (tree / "train" / "sad").rename(tree / "train" / "Crying")
    assert unknown_classes(tree) == {"crying": 5}
    assert "sad" not in scan(tree).table["label"].astype("str").tolist()
    mapped = scan(tree, classes={"crying": "sad"})
    assert mapped.counts().loc["sad", "train"] == 5
    assert unknown_classes(tree / "nowhere") == {}
