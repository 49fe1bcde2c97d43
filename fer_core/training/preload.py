"""Import what a run needs before there is one; see ``jobs.warm``."""

import os

from fer_core.system import memory


def preload() -> None:
    """Import TensorFlow and everything that trains, in a process that will become a run."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    memory.keep_all()
    from fer_core.training import loop, package_model  # noqa: F401
