"""Batches of samples, operations and targets, as a function of seed, epoch and step."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from fer_core.images import augment
from fer_core.images.corruptions import degrade_as_webcam
from fer_core.images.occluders import occlude
from fer_core.training.arrays import Samples
from fer_core.training.augment_layer import MIX, OPERATION
from fer_core.training.config import Augmentation, TrainConfig
from fer_core.training.targets import Targets
from fer_core.types import Floats


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """The batches of one epoch from ``first`` on.

    Each is ``(inputs, targets, weights)`` as ``Model.fit`` takes them: inputs are ``pixels``
    uint8 (B, S, S, C) and ``operations`` float32 (B, len(OPERATION)); targets and weights have an
    entry a head. Samples that do not fill a last batch are left out of the epoch.
    """

    def __init__(
        self, samples: Samples, targets: Targets, config: TrainConfig, epoch: int, first: int = 0
    ) -> None:
        super().__init__(workers=1)
        self.samples, self.targets, self.first = samples, targets, first
        self.batch = min(config.batch_size, len(samples))
        self.spec = config.augmentation
        self.seed = (config.seed, epoch)
        self.order = np.random.default_rng(self.seed).permutation(len(samples))
        self.operations = draw(config.augmentation, len(samples), (*self.seed, 1))

    def __len__(self) -> int:
        return steps(len(self.samples), self.batch) - self.first

    def __getitem__(self, index: int) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        step = self.first + index
        at = slice(step * self.batch, (step + 1) * self.batch)
        rows, operations = self.order[at], self.operations[at]
        pixels = occlude(self.samples.pixels[rows], self.spec.occlusion, (*self.seed, 3, step))
        pixels = degrade_as_webcam(pixels, self.spec.webcam, (*self.seed, 2, step))
        share = operations[:, OPERATION.index("mix_share"), None]
        targets = {name: _mix(t[rows], share) for name, t in self.targets.values.items()}
        weights = {
            name: _mix(w[rows, None], share)[:, 0] for name, w in self.targets.weights.items()
        }
        return {"pixels": pixels, "operations": operations}, targets, weights


def steps(samples: int, batch: int) -> int:
    """Return the number of batches an epoch; at least one."""
    return max(samples // batch, 1)


def draw(spec: Augmentation, count: int, seed: tuple[int, ...]) -> Floats:
    """Return operations, float32 (N, C), for ``count`` images; columns are ``OPERATION``."""
    first, second = np.random.SeedSequence(seed).generate_state(2)
    table = augment.draw(spec, count, int(first)).drop(columns="seed")
    random = np.random.default_rng(int(second))
    mix = _draw_mix(spec, count, random)
    mix["sharpness"] = random.uniform(-spec.sharpness, spec.sharpness, count)
    columns = [*table.to_numpy(np.float32).T, *(mix[name] for name in MIX)]
    return np.stack(columns, axis=1).astype(np.float32)


def _draw_mix(
    spec: Augmentation, count: int, random: np.random.Generator
) -> dict[str, npt.NDArray[np.float64]]:
    """Draw CutMix for a share of the images and MixUp for the others."""
    cut = random.random(count) < spec.cutmix
    alpha = max(spec.mixup, 1e-3)
    blend = np.minimum(*(share := random.beta(alpha, alpha, count), 1 - share))
    blend = blend if spec.mixup else np.zeros(count)
    width, height = random.uniform(0.2, 0.7, (2, count))
    left, top = random.random((2, count)) * (1 - np.stack([width, height]))
    mix = {"mix_x": left, "mix_y": top, "mix_width": width, "mix_height": height}
    mix = {name: np.where(cut, value, 0.0) for name, value in mix.items()}
    return mix | {"mix_share": np.where(cut, width * height, blend)}


def _mix(values: Floats, share: Floats) -> Floats:
    return values * (1 - share) + values[::-1] * share
