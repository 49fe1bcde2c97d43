"""Small Keras files to import, and Grad-CAM of the shipped models."""

from pathlib import Path

import keras
import numpy as np

from fer_core.explain.gradcam import compute
from fer_core.images.crop import network_input
from fer_core.models.registry import SHIPPED, load_card

SIDE = 32


def planted() -> keras.Model:
    """Sees nothing but the top left quarter; softmax, pixels 0 to 1, Kaggle's order."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            layers.Cropping2D(((0, SIDE // 2), (0, SIDE // 2))),
            layers.Conv2D(12, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(4),
            layers.ZeroPadding2D(((0, 4), (0, 4))),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.2),
            layers.Dense(7, activation="softmax", bias_initializer="random_normal"),
        ]
    )


def flat() -> keras.Model:
    """A network whose head is no single dense layer: Grad-CAM is the only way."""
    keras.utils.set_random_seed(4)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            layers.Conv2D(6, 3, strides=4, activation="relu"),
            layers.Flatten(),
            layers.Dense(7),
        ]
    )


def six() -> keras.Model:
    pixels = keras.Input((SIDE, SIDE, 1))
    return keras.Model(pixels, keras.layers.Dense(6)(keras.layers.Flatten()(pixels)))


def evil() -> keras.Model:
    pixels = keras.Input((SIDE, SIDE, 1))
    hidden = keras.layers.Lambda(lambda x: x * 2)(pixels)
    return keras.Model(pixels, keras.layers.Dense(7)(keras.layers.Flatten()(hidden)))


def main(folder: Path, crop: np.ndarray) -> None:
    for make in (planted, flat, six, evil):
        model = make()
        model.save(folder / f"{make.__name__}.keras")
        if make is planted:
            faces = np.random.default_rng(0).uniform(0, 1, (5, SIDE, SIDE, 1)).astype(np.float32)
            np.savez(folder / "planted.npz", faces=faces, answers=model.predict_on_batch(faces))
    for file in SHIPPED.glob("*/model.keras"):
        card = load_card(file.parent)
        model = keras.saving.load_model(file, compile=False)
        pixels = network_input([crop] * 7, card.input_size, card.channels)
        for head in card.heads:
            maps = compute(model, head, card.features, pixels, range(7))
            np.save(folder / f"{card.name}-{head}.npy", maps)
