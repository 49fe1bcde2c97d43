"""Estimate what a run costs on this machine: measured on a few batches, in a process of its own.

``estimate`` needs no Keras, so that pages may call it.
"""

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil

from fer_core.errors import TrainingError
from fer_core.labels import EMOTIONS
from fer_core.system import isolated, temp_folders
from fer_core.system.files import write_json
from fer_core.system.parallel import Progress
from fer_core.system.settings import settings
from fer_core.training.config import TrainConfig
from fer_core.training.run_folder import RunFolder

BATCHES: Final = 6
TIME_LIMIT_S: Final = 1800
DECIDING: Final = (
    "architecture", "start", "input_size", "channels", "alpha", "stride1_stem", "heads",
    "optimizer", "batch_size", "train_from", "ema", "augmentation", "sam",
)  # fmt: skip
"""The fields that speed, size and memory depend on."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Speed, size and memory of a config on this machine.

    Attributes:
        parameters: Weights of the network.
        images_per_second: In training, after the first batch.
        validated_per_second: Images validated a second.
        megabytes: Memory of the process without the dataset.
        image_bytes: Memory that each image of the dataset adds.
    """

    parameters: int
    images_per_second: float
    validated_per_second: float
    megabytes: float
    image_bytes: int

    def epoch_seconds(self, train: int, validation: int) -> float:
        """Return the time of an epoch with that number of images in each split."""
        return train / self.images_per_second + validation / self.validated_per_second

    def memory_megabytes(self, images: int) -> float:
        """Return the memory of a run with that number of images."""
        return self.megabytes + images * self.image_bytes / 1e6


def cached(config: TrainConfig) -> Estimate | None:
    """Return an earlier measurement on this machine; None without one."""
    try:
        return Estimate(**json.loads(_file(config).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def estimate(config: TrainConfig, progress: Progress | None = None) -> Estimate:
    """Return the cached measurement, or measure; that takes the time of starting TensorFlow.

    Raises:
        TrainingError: The network cannot be built or measured.
        CancelledError: ``progress`` raised it; the process is ended.
    """
    if measured_before := cached(config):
        return measured_before
    result = isolated.call(
        "fer_core.training.estimate:measure_fields",
        {"fields": config.to_dict()},
        TIME_LIMIT_S,
        error=_unmeasured,
        progress=progress,
        imports_tensorflow=True,
    )
    with suppress(OSError):  # only costs time the next time
        write_json(_file(config), result)
    return Estimate(**result)


def _unmeasured(reason: str) -> TrainingError:
    return TrainingError(
        f"The time an epoch takes could not be measured ({reason}). A smaller batch or network "
        "needs less memory; training can be started without this."
    )


def measure_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of ``measure`` for those of a config; called in a process of its own."""
    return asdict(measure(TrainConfig.from_dict(fields)))


def measure(config: TrainConfig) -> Estimate:
    """Build the network of ``config`` and train all its layers on a few batches of noise.

    The first epochs, which train the heads only, are faster and left out.
    """
    from fer_core.training import loop
    from fer_core.training.batches import Batches
    from fer_core.training.callbacks.resume_state import TrainingState
    from fer_core.training.callbacks.validation import predict

    initial = (
        "scratch" if config.start == "imagenet" or config.start.endswith(".h5") else config.start
    )
    config = replace(
        config, start=initial, teachers=(), teacher_weights=(), head_epochs=0, small_epochs=0
    )
    data = _noise(config, (BATCHES + 1) * config.batch_size)
    with temp_folders.folder("estimate") as folder:
        session = loop.Session.open(config, RunFolder(Path(folder)), data, TrainingState())
        batches = Batches(data["train"], session.targets, config, epoch=0)
        pace = _pace(lambda number: session.model.train_on_batch(*batches[number]), len(batches))
        few = _noise(config, 128)["train"]
        validated = _pace(lambda _: predict(session.network, few), 3)
        return Estimate(
            parameters=session.network.count_params(),
            images_per_second=round(config.batch_size / pace, 1),
            validated_per_second=round(128 / validated, 1),
            megabytes=round(psutil.Process().memory_info().rss / 1e6),
            image_bytes=config.input_size**2 * config.channels,
        )


def _pace(work: Any, times: int) -> float:
    """Return the median seconds of a call, without the first, which compiles."""
    seconds = []
    for number in range(times):
        start = time.perf_counter()
        work(number)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[1:]))


def _noise(config: TrainConfig, count: int) -> dict[str, Any]:
    from fer_core.training.arrays import Samples

    random = np.random.default_rng(0)
    shape = (count, config.input_size, config.input_size, config.channels)
    labels = np.arange(count, dtype=np.int64) % len(EMOTIONS)
    votes = np.eye(len(EMOTIONS), dtype=np.float32)[labels]
    pixels = random.integers(0, 256, shape, np.uint8)
    noise = Samples(pixels, labels, votes, labels, tuple(map(str, range(count))))
    return {"train": noise, "validation": noise}


def _file(config: TrainConfig) -> Path:
    values = {name: value for name, value in config.to_dict().items() if name in DECIDING}
    key = json.dumps([values, os.cpu_count()], sort_keys=True)
    name = hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
    return settings().cache / "estimates" / f"{name}.json"
