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
    """``config`` without the reading that needs votes where there are none, and says so.

    One that trains nothing else stays as it is, for the training to refuse.
    """
    fit = fitted(config, has_votes)
    if fit.heads == config.heads or "fer2013" not in config.heads:
        return config
    print(f"There are no FER+ votes: {', '.join(fit.heads)} is trained alone.")
    return fit


def check_same(folder: RunFolder, source: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """A run that has begun goes on with the pictures it began with, or not at all.

    Raises:
        TrainingError: They have changed.
    """
    before = folder.source().get("fingerprint")
    if folder.state.exists() and before not in (None, facts["fingerprint"]):
        raise TrainingError(
            f"{source['data']}: the dataset has changed since this run began, so the run cannot go "
            "on. Undo the change and resume, or begin a new run that starts from this one's model."
        )


def facts(data: Mapping[str, Samples]) -> dict[str, Any]:
    """Return what identifies the images of a run: fingerprint, counts a split, unreadable files.

    Args:
        data: Split name to its samples.
    """
    total = hashlib.blake2b(digest_size=16)
    for _, one in sorted(data.items()):
        total.update("\n".join(one.files).encode())
        for array in (one.pixels, one.labels, one.votes):
            total.update(b"" if array is None else array.tobytes())
    return {
        "fingerprint": total.hexdigest(),
        "pictures": {split: len(one) for split, one in data.items()},
        "unreadable": [name for one in data.values() for name in one.skipped],
    }
