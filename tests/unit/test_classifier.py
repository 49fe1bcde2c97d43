import json
import threading
from pathlib import Path

import numpy as np
import pytest

from fer_core import EmotionClassifier
from fer_core.errors import ModelError
from fer_core.models.card import LITERT_FILE
from fer_core.models.softmax import softmax


@pytest.fixture(scope="module")
def classifier() -> EmotionClassifier:
    return EmotionClassifier.load("mobilenetv2")


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize(
    "crops",
    [
        noise(0, 48, 48),
        noise(0, 48, 48, 3),
        noise(1, 48, 48),
        noise(3, 96, 96, 3),
        noise(2, 200, 100, 3),
        noise(17, 48, 48),
        noise(33, 32, 32, 3),
        [noise(20, 20), noise(300, 200, 3)],
        [],
    ],
    ids=[
        "none",
        "none-rgb",
        "grey",
        "rgb",
        "large",
        "past-a-batch",
        "two-batches",
        "mixed",
        "list",
    ],
)
def test_rows_are_probabilities(classifier: EmotionClassifier, crops: np.ndarray) -> None:
    found = classifier.predict(crops)
    assert found.shape == (len(crops), 7)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert (found >= 0).all()


def test_a_batch_gives_what_single_crops_give(classifier: EmotionClassifier) -> None:
    crops = noise(20, 96, 96, 3)
    one_by_one = np.concatenate([classifier.predict(crops[i : i + 1]) for i in range(20)])
    np.testing.assert_allclose(classifier.predict(crops), one_by_one, atol=1e-4)


@pytest.mark.parametrize(
    "crops",
    [
        np.zeros((2, 48, 48), np.float32),
        np.zeros((48, 48), np.uint8),
        np.zeros((2, 48, 48, 4), np.uint8),
        np.zeros((1, 2, 48, 48, 3), np.uint8),
        np.zeros((1, 0, 48), np.uint8),
    ],
)
def test_other_arrays_are_refused(classifier: EmotionClassifier, crops: np.ndarray) -> None:
    with pytest.raises(ValueError, match="Received"):
        classifier.predict(crops)


def test_threads_share_one_classifier(classifier: EmotionClassifier) -> None:
    """Twenty at once get bit for bit what one gets."""
    crops = [noise(1 + i % 5, 48, 48) for i in range(40)]
    expected = [classifier.predict(c) for c in crops]
    found: dict[int, np.ndarray] = {}
    together = threading.Barrier(20)

    def work(start: int) -> None:
        together.wait()
        for i in range(start, 40, 20):
            found[i] = classifier.predict(crops[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, rows in enumerate(expected):
        np.testing.assert_array_equal(found[i], rows)


def test_readings_differ() -> None:
    crops = noise(2, 48, 48)
    card = EmotionClassifier.load("mobilenetv2").card
    answers = [EmotionClassifier.load("mobilenetv2", name).predict(crops) for name in card.heads]
    assert len(answers) == 2
    assert np.abs(answers[0] - answers[1]).max() > 0.01


def test_temperature_softens(model_copy: Path) -> None:
    crops = noise(1, 48, 48)
    sharp = EmotionClassifier.load(model_copy).predict(crops)
    card = json.loads((model_copy / "card.json").read_text())
    card["heads"]["fer2013"]["temperature"] *= 3
    (model_copy / "card.json").write_text(json.dumps(card))
    soft = EmotionClassifier.load(model_copy).predict(crops)
    assert soft.max() < sharp.max()
    assert soft.argmax() == sharp.argmax()


@pytest.mark.parametrize("content", [None, b"", b"junk", "half"])
def test_a_damaged_network_is_named(model_copy: Path, content: bytes | str | None) -> None:
    file = model_copy / LITERT_FILE
    if content is None:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:100_000] if content == "half" else content)
    with pytest.raises(ModelError, match=r"model\.tflite"):
        EmotionClassifier.load(model_copy)


def test_a_network_that_does_not_fit_its_card_is_refused(model_copy: Path) -> None:
    card = json.loads((model_copy / "card.json").read_text())
    card["channels"] = 3
    (model_copy / "card.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="does not fit its card"):
        EmotionClassifier.load(model_copy)


def test_softmax_survives_large_logits() -> None:
    rows = softmax(np.array([[1000, 0, 0], [-1000, -1000, -1000]], np.float32))
    np.testing.assert_allclose(rows, [[1, 0, 0], [1 / 3] * 3], atol=1e-6)
    assert softmax(np.empty((0, 7), np.float32)).shape == (0, 7)
