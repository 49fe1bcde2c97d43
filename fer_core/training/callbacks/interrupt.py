"""Listen for pause and stop, and notice a loss that is no number."""

import math
import time
from collections.abc import Callable
from typing import Any, Final

import keras

from fer_core.errors import TrainingError

EVERY: Final = 0.25
"""Seconds between looks."""

Request = Callable[[], str]


class Interrupted(Exception):  # noqa: N818  (a request, not an error)
    """Leaves ``fit`` in the middle of an epoch; ``step`` batches of it are done."""

    def __init__(self, request: str, step: int) -> None:
        super().__init__(request)
        self.request, self.step = request, step


class Control(keras.callbacks.Callback):  # type: ignore[misc]
    """Raises ``Interrupted`` when ``request`` answers ``pause`` or ``stop``.

    Not after the last batch: the epoch then ends as it should, and ``train`` asks.
    """

    def __init__(self, request: Request, first: int = 0) -> None:
        super().__init__()
        self.request, self.first, self.looked = request, first, 0.0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Look, at most four times a second."""
        if time.monotonic() - self.looked < EVERY:
            return
        self.looked = time.monotonic()
        check_loss(logs)
        if batch + 1 < self.params["steps"] and (wish := self.request()):
            raise Interrupted(wish, self.first + batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Before anything of this epoch is kept."""
        check_loss(logs)


def check_loss(logs: dict[str, Any] | None) -> None:
    """The running mean of the loss stays NaN once a batch gave one.

    Raises:
        TrainingError: It is not a finite number.
    """
    if logs and not math.isfinite(float(logs["loss"])):
        raise TrainingError(
            "the loss is not a number any more (NaN), so training stopped. The best network so far "
            "is kept. Try a learning rate ten times lower."
        )
