"""Augmentation as a Keras layer: the same changes as ``augment.apply``, for a whole batch.

The numbers are drawn by ``batches``, so that a batch depends only on the seed, the epoch and the
step; the layer draws only the grain of the noise.
"""

from typing import Any, Final

import keras
import numpy as np
from keras import ops

from fer_core.images.augment import COLUMNS

MIX: Final = ("sharpness", "mix_share", "mix_x", "mix_y", "mix_width", "mix_height")
"""``sharpness`` adds that share of the detail (negative: blurs). ``mix_share`` of the pixels come
from the batch's image in the mirrored position: everywhere (MixUp) where ``mix_width`` is 0, else
all pixels of the box (CutMix), whose edges are shares of the sides."""

OPERATION: Final = (*(name for name in COLUMNS if name != "seed"), *MIX)
"""Columns of the layer's second input."""


class Augment(keras.layers.Layer):  # type: ignore[misc]
    """Changes pixels (B, S, S, C) in 0..255 by operations (B, len(OPERATION)); same shape out."""

    def __init__(self, seed: int, **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self.grain = keras.random.SeedGenerator(seed)

    def call(self, pixels: Any, operations: Any) -> Any:
        """Warp, relight, erase, mix."""
        columns = ops.split(ops.cast(operations, "float32"), len(OPERATION), axis=1)
        o = dict(zip(OPERATION, columns, strict=True))  # each (B, 1)
        pixels = ops.cast(pixels, "float32")
        o_wide = {name: value[:, :, None, None] for name, value in o.items()}  # (B, 1, 1, 1)
        pixels = _warp(pixels, o)
        pixels = _sharpen(pixels, o_wide)
        pixels = self._relight(pixels, o_wide)
        pixels = ops.where(_box(pixels, o_wide, "erase"), o_wide["erase_value"], pixels)
        return _mix(ops.clip(pixels, 0, 255), o_wide)

    def compute_output_shape(self, pixels_shape: Any, operations_shape: Any) -> Any:
        """Return the shape of the pixels."""
        return pixels_shape

    def _relight(self, pixels: Any, o: dict[str, Any]) -> Any:
        shape = (*ops.shape(pixels)[:3], 1)
        grain = keras.random.normal(shape, seed=self.grain)
        mean = ops.mean(pixels, axis=(1, 2, 3), keepdims=True)
        lit = mean + (pixels - mean) * o["contrast"] + 255 * o["brightness"]
        return lit + o["noise"] * grain


def _warp(pixels: Any, o: dict[str, Any]) -> Any:
    """Rotate, scale and shift about the middle, after the flip; edges are repeated.

    The transform maps positions of the result to positions of the source: the inverse of OpenCV's
    ``getRotationMatrix2D``.
    """
    height, width = pixels.shape[1:3]
    angle = o["angle"] * (np.pi / 180)
    cos, sin = ops.cos(angle) / o["scale"], ops.sin(angle) / o["scale"]
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    from_x = -middle_x - o["shift_x"] * width
    from_y = -middle_y - o["shift_y"] * height
    mirror = 1 - 2 * o["flip"]
    zero = ops.zeros_like(angle)
    rows = (
        mirror * cos, -mirror * sin, mirror * (cos * from_x - sin * from_y) + middle_x,
        sin, cos, sin * from_x + cos * from_y + middle_y,
        zero, zero,
    )  # fmt: skip
    transform = ops.concatenate(rows, axis=1)
    return ops.image.affine_transform(
        pixels,
        transform,
        interpolation="bilinear",
        fill_mode="nearest",
        data_format="channels_last",
    )


def _sharpen(pixels: Any, o: dict[str, Any]) -> Any:
    blurred = pixels
    for _ in range(2):
        blurred = ops.average_pool(blurred, 3, 1, "same", data_format="channels_last")
    return pixels + o["sharpness"] * (pixels - blurred)


def _box(pixels: Any, o: dict[str, Any], name: str) -> Any:
    """Return bool (B, H, W, 1): inside the box whose edges are rounded shares of the sides."""
    height, width = pixels.shape[1:3]
    across = ops.reshape(ops.arange(width, dtype="float32"), (1, 1, width, 1))
    down = ops.reshape(ops.arange(height, dtype="float32"), (1, height, 1, 1))
    left, top = ops.round(o[f"{name}_x"] * width), ops.round(o[f"{name}_y"] * height)
    wide = ops.round(o[f"{name}_width"] * width)
    high = ops.round(o[f"{name}_height"] * height)
    inside = (across >= left) & (across < left + wide)
    return inside & (down >= top) & (down < top + high)


def _mix(pixels: Any, o: dict[str, Any]) -> Any:
    inside = ops.cast(_box(pixels, o, "mix"), "float32")
    is_box = ops.cast(o["mix_width"] > 0, "float32")
    share = is_box * inside + (1 - is_box) * o["mix_share"]
    return pixels * (1 - share) + ops.flip(pixels, axis=0) * share
