"""The emotion classifier: face crops in, probabilities out, without TensorFlow."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from fer_core.errors import ModelError
from fer_core.images.crop import network_input
from fer_core.labels import EMOTIONS
from fer_core.models.card import FORMS, ModelCard, head_or_reading
from fer_core.models.litert import LiteRTNetwork
from fer_core.models.quality import QUALITY
from fer_core.models.registry import load_card
from fer_core.models.softmax import softmax
from fer_core.system.settings import settings
from fer_core.types import Floats, Mask, Pixels, Probabilities

BATCH = 16
"""Crops a call of the network: so many feature maps are in memory."""


class Network(Protocol):
    """A network: ``litert.LiteRTNetwork``, or the Keras original."""

    def run(self, pixels: Floats) -> dict[str, Floats]:
        """Return every output of float32 (N, size, size, channels) pixels in 0..255."""


class EmotionClassifier:
    """Runs a model folder's LiteRT export. Safe to share between threads.

    Args:
        card: The model's card.
        head: Name of the head; None for the card's default.
        threads: Threads of one call; see ``litert.LiteRTNetwork``.
        network: A network that runs instead of the export.
        form: Key of ``card.FORMS``: the folder's file that runs.
        parallel_calls: Calls that may run at the same time.
        mirror: Average logits and features of each crop and its mirror image: twice the work, for
            predictions that no mirrored camera changes.

    Attributes:
        card: The model's card.
        head: Name of the head.
        mirror: Crops are averaged with their mirror images.
        abstain_below: Confidence below which a prediction is uncertain.
        network: The network that runs.
    """

    def __init__(  # noqa: PLR0913
        self,
        card: ModelCard,
        head: str | None = None,
        threads: int = 2,
        network: Network | None = None,
        *,
        form: str = "fp32",
        parallel_calls: int = 1,
        mirror: bool = False,
    ) -> None:
        self.card = card
        self.mirror = mirror
        self.head = head or card.default_head
        calibration = card.head(self.head).calibration(form, mirror)
        self.abstain_below = calibration.abstain_below
        self._temperature = calibration.temperature
        file = card.folder / FORMS[form]
        try:
            self.network = network or LiteRTNetwork(file, threads, parallel_calls)
            self._check()
        except (ValueError, RuntimeError, OSError, KeyError) as error:
            raise ModelError(
                f"{file} is missing, damaged or does not fit its card ({error}). "
                f"Re-create it with python -m fer_core models export {card.name}, or install the "
                "model again."
            ) from error

    @classmethod
    def load(
        cls,
        model: str | Path | None = None,
        head: str | None = None,
        threads: int | None = None,
        *,
        mirror: bool = False,
        reading: str | None = None,
    ) -> "EmotionClassifier":
        """Open a model.

        Args:
            model: A name under ``models/``, a path to a model folder, or None for the default.
            head: Name of a head, such as ``fer2013`` or ``ferplus``; None for the card's
                default.
            threads: Threads of one call; None for ``FER_THREADS``.
            mirror: Average each crop with its mirror image.
            reading: The name of ``head`` in version 0.1; deprecated.

        Raises:
            ModelError: The folder or one of its files is missing or damaged, its labels differ,
                or it has no such head.
        """
        head = head_or_reading(head, reading)
        return cls(load_card(model), head, threads or settings().threads, mirror=mirror)

    def predict(self, crops: Pixels | list[Pixels]) -> Probabilities:
        """Classify face crops.

        Args:
            crops: uint8 (N, H, W, 3) RGB or (N, H, W) grey, any size; or a list of crops of
                different sizes. N may be 0.

        Returns:
            float32 (N, 7): calibrated probabilities in ``EMOTIONS`` order; each row sums to 1.

        Raises:
            ValueError: The array has another type or shape.
        """
        return self.probabilities(self.outputs(crops))

    def probabilities(self, outputs: Mapping[str, Floats]) -> Probabilities:
        """Return the calibrated probabilities of ``outputs``, float32 (N, 7)."""
        return softmax(outputs[self.head] / np.float32(self._temperature))

    def reasons(self, outputs: Mapping[str, Floats]) -> tuple[str, ...]:
        """Return why each face of ``outputs`` is not to be judged; empty where nothing is wrong."""
        if self.card.quality is None:
            return ("",) * len(outputs[self.head])
        return self.card.quality.reasons_of(outputs[QUALITY])

    def predict_with_certainty(self, crops: Pixels | list[Pixels]) -> tuple[Probabilities, Mask]:
        """Return the probabilities of face crops, float32 (N, 7), and which are certain, bool (N,).

        Args:
            crops: As for ``predict``.
        """
        return self.certainty(self.outputs(crops))

    def certainty(self, outputs: Mapping[str, Floats]) -> tuple[Probabilities, Mask]:
        """Return the probabilities of ``outputs``, (N, 7), and which faces are certain, (N,)."""
        probabilities, reasons = self.probabilities(outputs), self.reasons(outputs)
        fit = np.array([not reason for reason in reasons], bool)
        return probabilities, fit & (probabilities.max(axis=1, initial=0) >= self.abstain_below)

    def features(self, crops: Pixels | list[Pixels]) -> Floats:
        """Return the pooled features of face crops, the input of the heads.

        Args:
            crops: As for ``predict``.

        Returns:
            float32 (N, C): the last feature map, averaged over its positions.

        Raises:
            ValueError: The array has another type or shape.
            ModelError: The model gives no feature map.
        """
        outputs = self.outputs(crops)
        if "features" not in outputs:
            raise ModelError(
                f"Model {self.card.name} gives no feature map. Choose another as the default model."
            )
        return outputs["features"]

    def outputs(self, crops: Pixels | list[Pixels]) -> dict[str, Floats]:
        """Return every output of the network for face crops, in one pass.

        Args:
            crops: As for ``predict``.

        Returns:
            By name: float32 (N, 7) logits of every head, ``features`` as above and ``quality``
            (N, K), a logit for each of the card's reasons, where the model gives them.

        Raises:
            ValueError: The array has another type or shape.
        """
        pixels = self.inputs(crops)
        filled = pixels if len(pixels) else np.zeros((1, *pixels.shape[1:]), np.float32)
        step = BATCH // 2 if self.mirror else BATCH
        parts = [self._run(filled[at : at + step]) for at in range(0, len(filled), step)]
        return {
            name: np.concatenate([part[name] for part in parts])[: len(pixels)] for name in parts[0]
        }

    def _run(self, pixels: Floats) -> dict[str, Floats]:
        """Return the outputs of float32 (N, size, size, channels); with mirrors in the same call.

        Every head is linear on the pooled features, so both are averaged alike.
        """
        count = len(pixels)
        if self.mirror:
            pixels = np.concatenate([pixels, pixels[:, :, ::-1]])
        outputs = {name: _pooled(values) for name, values in self.network.run(pixels).items()}
        if not self.mirror:
            return outputs
        return {name: (v[:count] + v[count:]) / np.float32(2) for name, v in outputs.items()}

    def inputs(self, crops: Pixels | list[Pixels]) -> Floats:
        """Return face crops as the network takes them: float32 (N, size, size, channels) in 0..255.

        Raises:
            ValueError: The array has another type or shape.
        """
        for crop in crops:
            if (
                crop.dtype != np.uint8
                or crop.size == 0
                or crop.shape[2:] not in ((), (3,))
                or crop.ndim < 2
            ):
                raise ValueError(
                    "crops must be uint8, (N, H, W, 3) or (N, H, W). "
                    f"Received: {crop.dtype}, one crop of shape {crop.shape}."
                )
        return network_input(crops, self.card.input_size, self.card.channels)

    def _check(self) -> None:
        """Run one blank crop and check that the output has the shape that the card promises."""
        size, channels = self.card.input_size, self.card.channels
        blank = np.zeros((1, size, size, channels), np.float32)
        shape = self.network.run(blank)[self.head].shape
        if shape != (1, len(EMOTIONS)):
            raise ValueError(f"the network gives {shape} for one crop, not (1, {len(EMOTIONS)})")


def _pooled(values: Floats) -> Floats:
    """Return a feature map (N, h, w, C) averaged over its positions, logits (N, K) unchanged."""
    return values.mean(axis=(1, 2)) if values.ndim == 4 else values
