import numpy as np
import pytest

from fer_core import EmotionClassifier
from fer_core.errors import ModelError
from fer_core.explain import Explainer, covering_map, nearest, overlay
from fer_core.explain.cam import heat
from fer_core.models import registry
from tests.conftest import shipped_heads


@pytest.fixture(scope="module")
def classifier() -> EmotionClassifier:
    return EmotionClassifier.load(registry.SHIPPED / registry.FIRST_CHOICE)


class Corner(EmotionClassifier):
    """Says happy as far as the top left quarter is bright."""

    def __init__(self) -> None:
        pass

    def predict(self, crops: list) -> np.ndarray:
        light = np.array([crop[: len(crop) // 2, : len(crop) // 2].mean() / 255 for crop in crops])
        found = np.zeros((len(crops), 7), np.float32)
        found[:, 3], found[:, 5] = light, 1 - light
        return found


@pytest.mark.parametrize(("model", "head"), shipped_heads())
def test_maps_add_up_to_the_logits(model: str, head: str) -> None:
    chosen = EmotionClassifier.load(registry.SHIPPED / model, head)
    explainer = Explainer(chosen)
    crops = np.random.default_rng(0).integers(0, 256, (4, 96, 96, 3), np.uint8)
    logits, maps = explainer.look(crops)
    assert maps.shape[:2] == (4, 7)
    np.testing.assert_allclose(maps.mean(axis=(2, 3)) + explainer.bias, logits, atol=1e-3)
    np.testing.assert_allclose(logits, chosen.outputs(crops)[head], atol=1e-4)


def test_other_networks_have_no_exact_maps(classifier: EmotionClassifier) -> None:
    class Other:
        def run(self, pixels: np.ndarray) -> dict:
            return classifier.network.run(pixels)

    with pytest.raises(ModelError, match="Use Grad-CAM"):
        Explainer(EmotionClassifier(classifier.card, network=Other()))


def test_covering_finds_the_part_that_matters() -> None:
    crop = np.full((40, 40), 60, np.uint8)
    crop[:20, :20] = 250
    found = covering_map(Corner(), crop, 3)
    assert found.shape == (7, 7)
    assert found[:3, :3].min() > 0.02
    assert np.abs(found[5:]).max() == np.abs(found[:, 5:]).max() == 0
    assert np.unravel_index(found.argmax(), found.shape) < (3, 3)


@pytest.mark.parametrize("shape", [(48, 48), (30, 50, 3)])
def test_overlays_are_bright_where_it_speaks(shape: tuple[int, ...]) -> None:
    spoken = np.zeros((4, 4), np.float32)
    spoken[0, 0] = 3
    spoken[3, 3] = -3
    found = overlay(np.zeros(shape, np.uint8), spoken, 64)
    assert (found.shape, found.dtype) == ((64, 64, 3), np.uint8)
    assert found[:8, :8].mean() > 60
    assert found[32:].max() == 0
    assert heat(-spoken - 9, 5, 5).max() == 0


def test_nearest_by_the_angle_about_the_mean() -> None:
    random = np.random.default_rng(1)
    features = random.normal(5, 1, (9000, 16)).astype(np.float16)
    queries = features[[7, 8500]] + np.float16(0.01)
    rows, cosines = nearest(queries, features, 3)
    assert rows[:, 0].tolist() == [7, 8500]
    assert (cosines[:, 0] > 0.99).all()
    assert (np.diff(cosines, axis=1) <= 0).all()
    assert nearest(queries, features[:2], 5)[0].shape == (2, 2)
