"""Run in a process of its own: small Keras files to import, and Grad-CAM of the shipped model."""

import sys
from pathlib import Path

import keras
import numpy as np

from fer_core.explain.gradcam import compute
from fer_core.registry import load_card

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


def main(folder: Path) -> None:
    for make in (planted, flat, six, evil):
        model = make()
        model.save(folder / f"{make.__name__}.keras")
        if make is planted:
            faces = np.random.default_rng(0).uniform(0, 1, (5, SIDE, SIDE, 1)).astype(np.float32)
            np.savez(folder / "planted.npz", faces=faces, answers=model.predict_on_batch(faces))
    card = load_card("mobilenetv2")
    model = keras.saving.load_model(card.folder / "model.keras", compile=False)
    pixels = np.load(folder / "crops.npy")
    classes = [3, 5]
    np.save(folder / "shipped.npy", compute(model, "fer2013", card.features, pixels, classes))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
