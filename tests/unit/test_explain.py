import numpy as np
import pytest

from fer_core import EmotionClassifier
from fer_core.errors import ModelError
from fer_core.explain import Explainer, activation_maps, nearest, occlusion_map, overlay
from fer_core.explain.cam import MIN_AGREEMENT, consistent_map, enlarge_map, mirror
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
    logits, maps = explainer.logits_and_maps(crops)
    assert maps.shape[:2] == (4, 7)
    np.testing.assert_allclose(maps.mean(axis=(2, 3)) + explainer.bias, logits, atol=1e-3)
    np.testing.assert_allclose(logits, chosen.outputs(crops)[head], atol=1e-4)


def test_other_networks_have_no_exact_maps(classifier: EmotionClassifier) -> None:
    class Other:
        def run(self, pixels: np.ndarray) -> dict:
            return classifier.network.run(pixels)

    with pytest.raises(ModelError, match="Use Grad-CAM"):
        Explainer(EmotionClassifier(classifier.card, network=Other()))


@pytest.mark.parametrize(("model", "head"), shipped_heads())
def test_a_mirrored_face_gives_the_mirrored_map(
    model: str, head: str, astronaut: np.ndarray
) -> None:
    classifier = EmotionClassifier.load(registry.SHIPPED / model, head)
    crops = [np.ascontiguousarray(astronaut[65:195, 160 + dx : 290 + dx]) for dx in (-12, 0, 12)]
    labels = [3] * len(crops)
    maps = activation_maps(classifier, crops, labels)
    mirrored = activation_maps(classifier, [mirror(crop) for crop in crops], labels)
    for heat, other in zip(maps, mirrored, strict=True):
        assert (heat is None) == (other is None)
        if heat is not None and other is not None:
            np.testing.assert_allclose(heat, other[:, ::-1], atol=1e-3 * np.abs(heat).max())
    if model == "fernet":  # whose maps follow the face
        assert any(heat is not None for heat in maps)


def test_a_map_that_stays_where_it_is_when_the_face_is_mirrored_is_left_out() -> None:
    face = np.float32([[5, 1, 0, 0], [4, 2, 0, 0]])
    assert consistent_map(face, face) is None
    assert consistent_map(np.ones((4, 4), np.float32), np.ones((4, 4), np.float32)) is None
    np.testing.assert_array_equal(consistent_map(face, face[:, ::-1]), face)
    noisy = face[:, ::-1] + np.float32([0.2, -0.1, 0.3, 0])
    heat = consistent_map(face, noisy)
    np.testing.assert_allclose(heat, (face + noisy[:, ::-1]) / 2)
    assert 0 < MIN_AGREEMENT < 1


def test_occlusion_shows_the_part_that_matters() -> None:
    crop = np.full((40, 40), 60, np.uint8)
    crop[:20, :20] = 250
    found = occlusion_map(Corner(), crop, 3)
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
    assert enlarge_map(-spoken - 9, 5, 5).max() == 0


def test_nearest_by_the_angle_about_the_mean() -> None:
    random = np.random.default_rng(1)
    features = random.normal(5, 1, (9000, 16)).astype(np.float16)
    queries = features[[7, 8500]] + np.float16(0.01)
    rows, cosines = nearest(queries, features, 3)
    assert rows[:, 0].tolist() == [7, 8500]
    assert (cosines[:, 0] > 0.99).all()
    assert (np.diff(cosines, axis=1) <= 0).all()
    assert nearest(queries, features[:2], 5)[0].shape == (2, 2)
