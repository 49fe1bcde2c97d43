"""The ImageNet weights of MobileNetV2: are they here, and fetch them, without Keras.

They lie where Keras keeps them, so that either finds what the other has downloaded.
"""

import os
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Final

from fer_core.errors import TrainingError
from fer_core.system.files import unused_name
from fer_core.system.parallel import Progress
from fer_core.training.config import TrainConfig

ADDRESS: Final = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2"
SIZES: Final = (96, 128, 160, 192, 224)
"""Input sizes that there are weights of; every other input takes those of 96."""

TIMEOUT_S: Final = 20
CHUNK: Final = 1 << 18


def size_for(input_size: int) -> int:
    """Return the input size whose weights a network of ``input_size`` starts from."""
    return input_size if input_size in SIZES else SIZES[0]


def file_for(config: TrainConfig) -> Path:
    """Return the file in Keras' cache that a run of ``config`` needs; it may not exist."""
    size = size_for(config.input_size)
    name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{config.alpha}_{size}_no_top.h5"
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "models" / name


def fetch(config: TrainConfig, progress: Progress) -> Path:
    """Return ``file_for(config)``, downloaded where it is missing.

    Args:
        config: The config of a run.
        progress: Called with kilobytes read and kilobytes of all; where it raises, nothing is kept.

    Raises:
        TrainingError: It cannot be downloaded or written.
    """
    file = file_for(config)
    if file.is_file():
        return file
    part = unused_name(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with (
            urllib.request.urlopen(f"{ADDRESS}/{file.name}", timeout=TIMEOUT_S) as response,
            part.open("xb") as target,
        ):
            total = int(response.headers.get("Content-Length") or 0)
            while data := response.read(CHUNK):
                target.write(data)
                progress(target.tell() // 1000, total // 1000)
        part.replace(file)
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise TrainingError(
            f"The ImageNet weights could not be downloaded ({reason}). Is this computer online? "
            "Start from the shipped MobileNetV2 or from scratch, or choose a weights file."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return file
