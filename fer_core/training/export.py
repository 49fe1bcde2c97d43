"""Turn a Keras model into the LiteRT file that runs."""

import tempfile
from pathlib import Path

from fer_core.errors import ModelError
from fer_core.registry import KERAS_FILE, LITERT_FILE, ModelCard


def export(card: ModelCard) -> Path:
    """Re-create ``model.tflite`` of a model folder from its ``model.keras``.

    The export takes float32 pixels (N, size, size, channels) in 0..255 and gives the logits
    (N, 7) of every reading, and under ``features`` the last feature map (N, h, w, c).

    Returns:
        The file written.

    Raises:
        ModelError: There is no ``model.keras``, it cannot be opened, or it lacks a layer that
            the card names.
    """
    import keras

    source = card.folder / KERAS_FILE
    try:
        model = keras.saving.load_model(source, compile=False, safe_mode=True)
        outputs = {name: model.get_layer(name).output for name in card.readings}
        outputs["features"] = model.get_layer(card.features).output
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{source} cannot be exported: {error}") from error
    target = card.folder / LITERT_FILE
    with tempfile.TemporaryDirectory(dir=card.folder) as folder:
        new = Path(folder) / LITERT_FILE
        keras.Model(model.inputs, outputs).export(new, format="litert", verbose=False)
        new.replace(target)
    return target
