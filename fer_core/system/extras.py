"""Tell which optional packages are installed, and how to get them."""

from importlib.util import find_spec
from typing import Final

from fer_core.errors import TrainingError

TRAINING_COMMAND: Final = "pip install 'fer-studio[train]'"
"""The command that adds what training needs."""


def training_available() -> bool:
    """Return True where TensorFlow is installed; does not import it."""
    return find_spec("tensorflow") is not None


def check_training_available() -> None:
    """Check for TensorFlow before anything else takes time.

    Raises:
        TrainingError: It is not installed.
    """
    if not training_available():
        raise TrainingError(
            f"This needs TensorFlow, which is not installed. Install it with: {TRAINING_COMMAND}"
        )
