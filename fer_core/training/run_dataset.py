"""The dataset of a run: fit the config to it, and refuse to resume when it has changed."""

import hashlib
from collections.abc import Mapping
from typing import Any

from fer_core.errors import TrainingError
from fer_core.training.arrays import Samples
from fer_core.training.config import TrainConfig
from fer_core.training.presets import fitted
from fer_core.training.run_folder import RunFolder


def for_dataset(config: TrainConfig, has_votes: bool) -> TrainConfig:
    """Return ``config`` without the head that needs votes where there are none, and print that.

    A config that trains nothing else stays unchanged; the training refuses it.
    """
    fit = fitted(config, has_votes)
    if fit.heads == config.heads or "fer2013" not in config.heads:
        return config
    print(f"There are no FER+ votes: {', '.join(fit.heads)} is trained alone.")
    return fit


def check_same(folder: RunFolder, source: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Check that a run is resumed with the images it started with.

    Raises:
        TrainingError: They have changed.
    """
    fingerprint = folder.source().get("fingerprint")
    if folder.state.exists() and fingerprint not in (None, facts["fingerprint"]):
        raise TrainingError(
            f"{source['data']}: the dataset has changed since this run started, so it cannot be "
            "resumed. Undo the change, or start a new run from this run's model."
        )


def facts(data: Mapping[str, Samples]) -> dict[str, Any]:
    """Return what identifies the images of a run: fingerprint, counts a split, unreadable files.

    Args:
        data: Split name to its samples.
    """
    total = hashlib.blake2b(digest_size=16)
    for _, samples in sorted(data.items()):
        total.update("\n".join(samples.files).encode())
        for array in (samples.pixels, samples.labels, samples.votes):
            total.update(b"" if array is None else array.tobytes())
    return {
        "fingerprint": total.hexdigest(),
        "pictures": {split: len(samples) for split, samples in data.items()},
        "unreadable": [name for samples in data.values() for name in samples.skipped],
    }
