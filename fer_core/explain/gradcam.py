"""Grad-CAM for networks whose maps cannot be read off their export; in a process of its own.

Source: Selvaraju et al., Grad-CAM: visual explanations from deep networks via gradient-based
localization, 2017. On a head that is one dense layer on averaged features it gives the class
activation map, up to a factor and without what speaks against.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fer_core.errors import ModelError
from fer_core.explain.cam import Maps
from fer_core.images.crop import network_input
from fer_core.models.card import KERAS_FILE, ModelCard
from fer_core.system import isolated, temp_folders
from fer_core.system.parallel import Progress
from fer_core.types import Pixels

TIME_LIMIT_S: Final = 300


def possible(card: ModelCard) -> bool:
    """Whether the model has what Grad-CAM needs: a feature map, and the Keras original."""
    return bool(card.features) and (card.folder / KERAS_FILE).is_file()


def grad_cam(
    card: ModelCard,
    head: str,
    crops: Sequence[Pixels],
    classes: Sequence[int],
    progress: Progress | None = None,
) -> Maps:
    """Where the network saw an emotion; starts TensorFlow in another process, some 10 s.

    Args:
        card: A model with a ``model.keras``.
        head: The head asked.
        crops: N of them, uint8 (H, W) or (H, W, 3).
        classes: The place in ``EMOTIONS`` asked about, for each crop.
        progress: Where it raises, the work stops.

    Returns:
        float32 (N, h, w), at least 0.

    Raises:
        ModelError: The file cannot be opened, has no convolution, or it took too long.
        CancelledError: ``progress`` asked to stop.
    """
    if not card.features:
        raise ModelError(f"Model {card.name} has no feature map that Grad-CAM could look at.")
    with temp_folders.folder("gradcam") as name:
        asked, found = Path(name) / "asked.npz", Path(name) / "found.npy"
        values = network_input(crops, card.input_size, card.channels)
        np.savez(asked, pixels=values, classes=np.asarray(classes))
        command = [sys.executable, "-m", "fer_core.explain.gradcam", str(card.folder), head,
                   card.features, str(asked), str(found)]  # fmt: skip
        try:
            status, said = isolated.run(command, TIME_LIMIT_S, progress=progress)
        except TimeoutError as error:
            raise ModelError(
                f"{card.folder / KERAS_FILE}: Grad-CAM took longer than {TIME_LIMIT_S} s. Ask for "
                "fewer faces."
            ) from error
        if status:
            last = (said.strip().splitlines() or [f"exit status {status}"])[-1]
            raise ModelError(f"{card.folder / KERAS_FILE}: no Grad-CAM ({last}).")
        return np.asarray(np.load(found), np.float32)


def compute(
    model: Any, head: str, features: str, pixels: npt.NDArray[Any], classes: Sequence[int]
) -> Maps:
    """The maps (N, h, w) of a Keras model.

    Args:
        model: Takes ``pixels``.
        head: The layer that gives logits (N, 7).
        features: The layer that gives, or hands on, the feature map to look at.
        pixels: float32 (N, size, size, channels).
        classes: N places in ``EMOTIONS``.
    """
    import keras
    import tensorflow as tf

    layer = model.get_layer(features)
    watched = layer.input if isinstance(layer, keras.layers.Identity) else layer.output
    both = keras.Model(model.inputs, [watched, model.get_layer(head).output])
    with tf.GradientTape() as tape:
        maps, logits = both(tf.convert_to_tensor(pixels), training=False)
        asked = tf.gather(logits, tf.convert_to_tensor(classes), axis=1, batch_dims=1)
        total = tf.reduce_sum(asked)
    weights = tf.reduce_mean(tape.gradient(total, maps), axis=(1, 2), keepdims=True)
    return np.asarray(tf.nn.relu(tf.reduce_sum(maps * weights, axis=3)), np.float32)


def main() -> None:
    """The other process."""
    import keras

    parser = argparse.ArgumentParser()
    for name in ("folder", "head", "features", "asked", "found"):
        parser.add_argument(name)
    options = parser.parse_args()
    model = keras.saving.load_model(
        Path(options.folder) / KERAS_FILE, compile=False, safe_mode=True
    )
    with np.load(options.asked) as asked:
        pixels, classes = asked["pixels"], asked["classes"]
    maps = compute(model, options.head, options.features, pixels, classes)
    np.save(options.found, maps)


if __name__ == "__main__":
    main()
