"""Leave ``fit`` for a pause or a stop, and when the loss is NaN."""

import time
from collections.abc import Callable
from typing import Any, Final

import keras

from fer_core.errors import TrainingError

INTERVAL_S: Final = 0.25

Request = Callable[[], str]


class Interrupted(Exception):  # noqa: N818  (a request, not an error)
    """Leaves ``fit`` in the middle of an epoch, after ``step`` batches of it."""

    def __init__(self, request: str, step: int) -> None:
        super().__init__(request)
        self.request, self.step = request, step


class Interrupt(keras.callbacks.Callback):  # type: ignore[misc]
    """Raises ``Interrupted`` when ``request`` returns ``pause`` or ``stop``.

    Not after the last batch: the epoch ends first, and ``train`` asks again.
    """

    def __init__(self, request: Request, first_step: int = 0) -> None:
        super().__init__()
        self.request, self.first_step, self.asked_at = request, first_step, 0.0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Ask, at most four times a second."""
        if time.monotonic() - self.asked_at < INTERVAL_S:
            return
        self.asked_at = time.monotonic()
        if batch + 1 < self.params["steps"] and (request := self.request()):
            raise Interrupted(request, self.first_step + batch + 1)


class StopOnNaN(keras.callbacks.TerminateOnNaN):  # type: ignore[misc]
    """Keras' TerminateOnNaN with an error that says what to do.

    It leaves ``fit`` at once: Keras' graceful stop would still validate and save the epoch.
    """

    def __init__(self) -> None:
        super().__init__(raise_error=True)

    def on_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Check the loss of the batch.

        Raises:
            TrainingError: It is NaN or infinite.
        """
        try:
            super().on_batch_end(batch, logs)
        except RuntimeError as error:
            raise TrainingError(
                "The loss is NaN, so training stopped. The best network so far is kept. Try a "
                "learning rate ten times lower."
            ) from error
