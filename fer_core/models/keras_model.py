"""The Keras original of a model, with the outputs of its export."""

from typing import Any

import numpy as np
import numpy.typing as npt

from fer_core.errors import ModelError
from fer_core.models.card import KERAS_FILE, ModelCard
from fer_core.models.quality import QUALITY


def load(card: ModelCard, *, with_features: bool = True) -> Any:
    """Return ``model.keras`` as a ``keras.Model`` with the outputs of its exports.

    Args:
        card: The model.
        with_features: With the feature map; without it, as training goes on from it.

    Raises:
        ModelError: The file is missing, damaged, or lacks a layer that the card names.
    """
    import keras

    file = card.folder / KERAS_FILE
    try:
        model = keras.saving.load_model(file, compile=False, safe_mode=True)
        outputs = {name: model.get_layer(name).output for name in card.heads}
        if card.quality:
            outputs[QUALITY] = model.get_layer(QUALITY).output
        if card.features and with_features:
            outputs["features"] = model.get_layer(card.features).output
        return keras.Model(model.inputs, outputs, name=model.name)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{file} cannot be opened: {error}") from error


class KerasNetwork:
    """The original behind the interface of the export, to compare both.

    Raises:
        ModelError: As for ``load``.
    """

    def __init__(self, card: ModelCard) -> None:
        self._model = load(card)

    def run(self, pixels: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.float32]]:
        """Return every output of float32 (N, size, size, channels) pixels in 0..255."""
        outputs = self._model.predict_on_batch(pixels)
        return {name: np.asarray(values, np.float32) for name, values in outputs.items()}
