"""Grad-CAM for networks whose maps cannot be read off their export, in a process of its own.

Source: Selvaraju et al., Grad-CAM: visual explanations from deep networks via gradient-based
localization, 2017. On a head that is one dense layer on averaged features it gives the class
activation map, up to a factor and without its negative values.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fer_core.errors import ModelError
from fer_core.explain.cam import consistent_map, mirror
from fer_core.images.crop import network_input
from fer_core.models.card import KERAS_FILE, ModelCard
from fer_core.system import isolated
from fer_core.system.extras import training_available
from fer_core.system.parallel import Progress
from fer_core.types import Floats, Pixels

TIME_LIMIT_S: Final = 300


def supports_grad_cam(card: ModelCard) -> bool:
    """Return True for a model with a feature map and the Keras original."""
    return bool(card.features) and (card.folder / KERAS_FILE).is_file() and training_available()


def grad_cam(
    card: ModelCard,
    head: str,
    crops: Sequence[Pixels],
    classes: Sequence[int],
    progress: Progress | None = None,
) -> list[Floats | None]:
    """Compute the Grad-CAM of each face; starts TensorFlow in another process, some 10 s.

    Args:
        card: A model with a ``model.keras``.
        head: The head whose logit is explained.
        crops: N of them, uint8 (H, W) or (H, W, 3).
        classes: N positions in ``EMOTIONS``.
        progress: The work stops where it raises.

    Returns:
        float32 (h, w), at least 0, for each crop; None where the mirrored face does not give the
        mirrored map, see ``cam.consistent_map``.

    Raises:
        ModelError: The file cannot be opened, has no convolution, or it took too long.
        CancelledError: ``progress`` asked to stop.
    """
    if not card.features:
        raise ModelError(f"Model {card.name} has no feature map for Grad-CAM.")
    file = card.folder / KERAS_FILE
    both = [*crops, *map(mirror, crops)]
    maps = isolated.call(
        "fer_core.explain.gradcam:compute_from_file",
        {
            "file": str(file),
            "head": head,
            "features": card.features,
            "pixels": network_input(both, card.input_size, card.channels),
            "classes": [int(number) for number in classes] * 2,
        },
        TIME_LIMIT_S,
        error=lambda reason: ModelError(
            f"{file}: Grad-CAM failed ({reason}). Fewer faces need less time and memory."
        ),
        progress=progress,
        imports_tensorflow=True,
    )
    maps = np.asarray(maps, np.float32)
    pairs = zip(maps[: len(crops)], maps[len(crops) :], strict=True)
    return [consistent_map(*pair) for pair in pairs]


def compute(
    model: Any, head: str, features: str, pixels: npt.NDArray[Any], classes: Sequence[int]
) -> Floats:
    """Compute the maps of a Keras model, float32 (N, h, w).

    Args:
        model: Takes ``pixels``.
        head: The layer that gives logits (N, 7).
        features: The layer that gives, or hands on, the feature map.
        pixels: float32 (N, size, size, channels), 0..255.
        classes: N positions in ``EMOTIONS``.
    """
    import keras
    import tensorflow as tf

    layer = model.get_layer(features)
    watched = layer.input if isinstance(layer, keras.layers.Identity) else layer.output
    both = keras.Model(model.inputs, [watched, model.get_layer(head).output])
    with tf.GradientTape() as tape:
        maps, logits = both(tf.convert_to_tensor(pixels), training=False)
        explained = tf.gather(logits, tf.convert_to_tensor(classes), axis=1, batch_dims=1)
        total = tf.reduce_sum(explained)
    weights = tf.reduce_mean(tape.gradient(total, maps), axis=(1, 2), keepdims=True)
    return np.asarray(tf.nn.relu(tf.reduce_sum(maps * weights, axis=3)), np.float32)


def compute_from_file(
    file: str, head: str, features: str, pixels: npt.NDArray[Any], classes: Sequence[int]
) -> Floats:
    """Return ``compute`` of the Keras model in ``file``; called in a process of its own.

    Args:
        file: A ``.keras`` file.
        head: The layer that gives logits (N, 7).
        features: The layer that gives, or hands on, the feature map.
        pixels: float32 (N, size, size, channels), 0..255.
        classes: N positions in ``EMOTIONS``.

    Returns:
        float32 (N, h, w), at least 0.
    """
    import keras

    model = keras.saving.load_model(Path(file), compile=False, safe_mode=True)
    return compute(model, head, features, pixels, classes)
