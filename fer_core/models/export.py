"""Convert a Keras model to the LiteRT files that run."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fer_core.errors import ModelError
from fer_core.images.crop import network_input
from fer_core.models import keras_model, registry
from fer_core.models import store as model_store
from fer_core.models.card import FP16_FILE, INT8_FILE, LITERT_FILE, ModelCard
from fer_core.models.litert import LiteRTNetwork
from fer_core.system import isolated, temp_folders
from fer_core.system.files import write_bytes
from fer_core.system.parallel import Progress
from fer_core.types import Pixels

CALIBRATION: Final = 200
"""Images whose activations set the ranges of the integers. More images bring outliers that widen
the ranges: on PublicTest 200, 500 and 1,500 lost 0.1, 0.2 and 0.4 points on FER-2013's labels."""

TIME_LIMIT_S: Final = 600
CHECK_LIMIT_S: Final = 120


def export(card: ModelCard) -> Path:
    """Re-create ``model.tflite`` of a model folder from its ``model.keras``.

    The export takes float32 pixels (N, size, size, channels) in 0..255 and gives the logits
    (N, 7) of every head, and under ``features`` the last feature map (N, h, w, c).

    Returns:
        The file written.

    Raises:
        ModelError: There is no ``model.keras``, it cannot be opened, or it lacks a layer that
            the card names.
    """
    with _converter_of(card) as converter:
        return _convert(converter, card.folder / LITERT_FILE)


def export_int8(card: ModelCard, pixels: npt.NDArray[np.uint8]) -> Path:
    """Re-create ``model_int8.tflite``: 8-bit weights and activations, float in and out.

    Args:
        card: The model.
        pixels: uint8 (N, size, size, channels), images as the network gets them; some of them
            set the range of each activation.

    Raises:
        ModelError: As for ``export``.
    """
    with _converter_of(card) as converter:
        return _convert_int8(converter, card.folder / INT8_FILE, pixels)


def export_all(card: ModelCard, pixels: npt.NDArray[np.uint8] | None) -> tuple[Path, ...]:
    """Re-create ``model.tflite``, ``model_fp16.tflite`` and ``model_int8.tflite`` of a model.

    ``model_fp16.tflite`` has weights of 16 bits and half the size of ``model.tflite``.

    Args:
        card: The model.
        pixels: uint8 (N, size, size, channels), as for ``export_int8``; without them there is no
            file of 8 bits.

    Returns:
        The files written.

    Raises:
        ModelError: As for ``export``.
    """
    import tensorflow as tf

    with _converter_of(card) as converter:
        full = _convert(converter, card.folder / LITERT_FILE)
        half = _convert(converter, card.folder / FP16_FILE, types=[tf.float16])
        if pixels is None:
            return full, half
        return full, half, _convert_int8(converter, card.folder / INT8_FILE, pixels)


def export_int8_apart(
    card: ModelCard, crops: Sequence[Pixels], progress: Progress | None = None
) -> Path:
    """Run ``export_int8`` in a process of its own: TensorFlow is not loaded here.

    Args:
        card: The model.
        crops: Face crops, uint8 (H, W) or (H, W, 3).
        progress: Where it raises, the work stops.

    Raises:
        ModelError: As for ``export``, or it took too long.
        SettingsError: This is a public link.
        CancelledError: ``progress`` asked to stop.
    """
    model_store.check_may_change()
    file = card.folder / INT8_FILE
    pixels = network_input(crops, card.input_size, card.channels).astype(np.uint8)
    isolated.call(
        "fer_core.models.export:export_int8_of_folder",
        {"folder": str(card.folder), "pixels": pixels},
        TIME_LIMIT_S,
        error=lambda reason: ModelError(f"{file}: cannot be made ({reason})."),
        progress=progress,
        imports_tensorflow=True,
    )
    return file


def export_int8_of_folder(folder: str, pixels: npt.NDArray[np.uint8]) -> None:
    """Run ``export_int8`` for a model folder; called in a process of its own.

    Args:
        folder: The model's folder.
        pixels: uint8 (N, size, size, channels).
    """
    export_int8(registry.load_card(folder), pixels)


def int8_runs(card: ModelCard) -> bool:
    """Return True if the 8-bit file runs; LiteRT's kernels can crash, so in another process.

    Seen with a network of few channels at 32 pixels, LiteRT 2.3 on a processor with AMX: "double
    free or corruption".
    """
    try:
        isolated.call(
            "fer_core.models.export:run_int8",
            {"folder": str(card.folder)},
            CHECK_LIMIT_S,
            error=ModelError,
        )
    except ModelError:
        return False
    return True


def run_int8(folder: str) -> None:
    """Run the 8-bit file of a model folder on noise; called in a process of its own."""
    card = registry.load_card(folder)
    shape = (16, card.input_size, card.input_size, card.channels)
    noise = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    network = LiteRTNetwork(card.folder / INT8_FILE, threads=1)
    for count in (1, 16, 2):
        network.run(noise[:count])


@contextmanager
def _converter_of(card: ModelCard) -> Iterator[Any]:
    """Return a converter of a model's Keras original, with the settings of Keras' own export.

    That export writes a SavedModel for each file, which takes longer than the conversion.
    """
    import tensorflow as tf

    model = keras_model.load(card)
    with temp_folders.folder("export") as folder:
        model.export(folder, format="tf_saved_model", verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS,
        ]  # fmt: skip
        converter.experimental_enable_resource_variables = True
        yield converter


def _convert(converter: Any, file: Path, types: Sequence[Any] = (), examples: Any = None) -> Path:
    """Write a LiteRT file.

    Args:
        converter: See ``_converter_of``.
        file: What to write.
        types: Types of the weights, where they are not to stay as they are.
        examples: Function that yields inputs, for integers.
    """
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT] if types or examples else []
    converter.target_spec.supported_types = list(types)
    converter.representative_dataset = examples
    with warnings.catch_warnings():  # the converter's own interpreter is the deprecated one
        warnings.filterwarnings("ignore", r"\s*Warning: tf.lite.Interpreter is deprecated")
        write_bytes(file, converter.convert())
    return file


def _convert_int8(converter: Any, file: Path, pixels: npt.NDArray[np.uint8]) -> Path:
    order = np.random.default_rng(0).permutation(len(pixels))[:CALIBRATION]

    def examples() -> Iterator[dict[str, Any]]:
        for row in order:
            yield {"pixels": pixels[row : row + 1].astype(np.float32)}

    return _convert(converter, file, examples=examples)
