"""Tell which optional packages are installed and can run here, and how to get them."""

import sys
from importlib.util import find_spec
from typing import Final

from fer_core.errors import TrainingError
from fer_core.system import memory_limit

TRAINING_COMMAND: Final = "pip install '.[train]'"
"""The command that adds what training needs, in the folder of FER Studio's repository."""


def training_available() -> bool:
    """Return True where TensorFlow is installed; does not import it."""
    return find_spec("tensorflow") is not None


def check_training_available() -> None:
    """Check for TensorFlow and its memory before anything else takes time.

    Raises:
        TrainingError: It is not installed, or memory does not suffice for it.
    """
    if not training_available():
        raise TrainingError(
            "This needs TensorFlow, which is not installed. Install it in the folder of FER "
            f"Studio's repository with: {TRAINING_COMMAND}"
        )
    if "tensorflow" not in sys.modules and (
        reason := memory_limit.shortage(memory_limit.TENSORFLOW)
    ):
        raise TrainingError(f"TensorFlow {reason}. Close other programs, or use a larger machine.")
