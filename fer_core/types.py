"""Aliases of array types. Shapes, ranges and units stand in the docstrings that use them."""

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""An image or several: RGB or grey in 0..255."""

Floats = npt.NDArray[np.float32]
"""Pixels, feature maps and weights of networks."""

Probabilities = npt.NDArray[np.float32]
"""Probabilities in ``EMOTIONS`` order; the last axis sums to 1."""

Logits = npt.NDArray[np.float32]
"""Outputs of a head before softmax, in ``EMOTIONS`` order."""

Labels = npt.NDArray[np.int64]
"""Class labels as positions in ``EMOTIONS``."""

Numbers = npt.NDArray[np.float64]
"""Measured values, such as rates and times."""

Rows = npt.NDArray[np.int64]
"""Row numbers of a table."""

Mask = npt.NDArray[np.bool_]
"""One flag a row."""
