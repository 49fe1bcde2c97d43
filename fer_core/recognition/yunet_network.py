"""YuNet's network: an image in, a row for each face out. It runs in LiteRT, else in OpenCV.

LiteRT takes half the processor time of OpenCV and gives the same rows within the error of float32.
"""

import hashlib
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from fer_core.errors import ModelError
from fer_core.models.onnx_file import parse_onnx
from fer_core.recognition.yunet_graph import (
    HEADS,
    STRIDES,
    Convolution,
    onnx_convolutions,
    yunet_graph,
)
from fer_core.recognition.yunet_layouts import Layouts, input_index
from fer_core.system.files import write_bytes
from fer_core.types import Floats, Pixels

OVERLAP: Final = 0.3
"""Most overlap (intersection over union) of two faces."""

MOST_FACES: Final = 500
"""Detections that are compared with one another, the best ones; OpenCV calls it ``top_k``."""

DIVISOR: Final = 32
"""Sides of the input are filled up with black to a multiple of this, as in OpenCV."""

_FORMAT: Final = 1
"""Raised with every change of what is written to the converted file."""


_LOGGER = logging.getLogger(__name__)


def open_network(file: Path, folder: Path, least_score: float) -> "LiteRTYuNet | OpenCVYuNet":
    """Open YuNet's ONNX file in LiteRT, or in OpenCV where it cannot be converted.

    Args:
        file: The ONNX file.
        folder: Folder for the converted file.
        least_score: Least score of a row, 0..1.

    Raises:
        cv2.error: OpenCV cannot read the file either.
    """
    try:
        return open_litert(
            "yunet", file, lambda data: onnx_convolutions(parse_onnx(data)), folder, least_score
        )
    except (ModelError, OSError, ValueError, RuntimeError) as error:
        network = OpenCVYuNet(file, least_score)
        _LOGGER.warning("%s is run by OpenCV, which takes twice the time (%s)", file, error)
        return network


class OpenCVYuNet:
    """OpenCV's ``FaceDetectorYN``.

    Raises:
        cv2.error: The file is missing or no network.
    """

    def __init__(self, file: Path, least_score: float) -> None:
        self._lock = threading.Lock()
        self._net = cv2.FaceDetectorYN.create(
            str(file), "", (320, 320), least_score, OVERLAP, MOST_FACES
        )

    def rows(self, bgr: Pixels) -> Floats:
        """Return float32 (N, 15); see ``yunet.Network.rows``."""
        with self._lock:
            self._net.setInputSize(bgr.shape[1::-1])
            faces: Any = self._net.detect(bgr)[1]  # None for none
        rows = np.empty((0, 15)) if faces is None else faces
        return np.asarray(rows[np.isfinite(rows).all(axis=1)], np.float32)


class LiteRTYuNet:
    """The network as a LiteRT file, with the steps before and after it that OpenCV has.

    One thread runs it: a second one waits for the first many times in a call. Images of different
    sizes are searched at the same time.

    Args:
        data: The file, of ``yunet_graph``.
        least_score: Least score of a row, 0..1.

    Raises:
        ValueError: It is damaged.
    """

    def __init__(self, data: bytes, least_score: float) -> None:
        self._layouts, self._least_score = Layouts(data), least_score
        self._layouts.get((DIVISOR, DIVISOR))

    def rows(self, bgr: Pixels) -> Floats:
        """Return float32 (N, 15); see ``yunet.Network.rows``."""
        height, width = (-(-side // DIVISOR) * DIVISOR for side in bgr.shape[:2])
        layout = self._layouts.get((height, width))
        with layout.lock:
            interpreter = layout.interpreter
            _fill(interpreter, bgr)
            interpreter.invoke()
            details = interpreter.get_output_details()
            maps = {detail["name"]: interpreter.get_tensor(detail["index"]) for detail in details}
        faces = [
            _decode(maps[f"maps_{stride}"][0], stride, self._least_score) for stride in STRIDES
        ]
        return _suppress(np.concatenate(faces), self._least_score)


def open_litert(
    name: str,
    file: Path,
    parse: Callable[[bytes], Sequence[Convolution]],
    folder: Path,
    least_score: float,
) -> LiteRTYuNet:
    """Open YuNet's weights in LiteRT; they are converted once.

    Args:
        name: Beginning of the converted file's name.
        file: The file that holds the weights.
        parse: Returns the convolutions of the file's bytes; see ``yunet_graph``.
        folder: Folder for the converted file.
        least_score: Least score of a row, 0..1.

    Raises:
        ModelError, OSError, ValueError, RuntimeError: They cannot be read, converted or run.
    """
    data = file.read_bytes()
    converted = folder / f"{name}-{hashlib.sha256(data).hexdigest()[:16]}-{_FORMAT}.tflite"
    with suppress(OSError, ValueError, RuntimeError):  # missing or damaged
        return LiteRTYuNet(converted.read_bytes(), least_score)
    from fer_core.models.litert_file import convert_graph  # 0.1 s, needed once

    litert = convert_graph(yunet_graph(parse(data)), DIVISOR, DIVISOR)
    network = LiteRTYuNet(litert, least_score)
    with suppress(OSError):  # then it is converted the next time too
        write_bytes(converted, litert)
    return network


def _fill(interpreter: Any, bgr: Pixels) -> None:
    """Write uint8 (H, W, 3) into the interpreter's own memory; below and to the right is black.

    Nothing may hold that memory while the interpreter runs.
    """
    height, width = bgr.shape[:2]
    pixels = interpreter.tensor(input_index(interpreter))()[0]
    pixels[:height, :width] = bgr
    pixels[height:] = 0
    pixels[:height, width:] = 0


def _decode(maps: Floats, stride: int, least: float) -> Floats:
    """Return the rows (N, 15) of one level's outputs, float32 (h, w, 16).

    Source: OpenCV, modules/objdetect/src/face_detect.cpp.
    """
    cls, bbox, obj, kps = np.split(maps, np.cumsum(list(HEADS.values()))[:-1], axis=2)
    scores = np.sqrt(_sigmoid(cls[..., 0]) * _sigmoid(obj[..., 0]))
    y, x = np.nonzero(scores >= least)
    rows = np.empty((len(y), 15), np.float32)
    corner = np.stack([x, y], axis=1).astype(np.float32)
    centers, sizes = corner + bbox[y, x, :2], np.exp(bbox[y, x, 2:])
    rows[:, :2], rows[:, 2:4] = centers - sizes / 2, sizes
    rows[:, 4:14] = kps[y, x] + np.tile(corner, 5)
    rows[:, :14] *= np.float32(stride)
    rows[:, 14] = scores[y, x]
    return rows


def _sigmoid(values: Floats) -> Floats:
    return np.float32(1) / (np.float32(1) + np.exp(-np.clip(values, -80, 80)))


def _suppress(rows: Floats, least: float) -> Floats:
    """Return the best row of each face; boxes are compared in whole pixels, as in OpenCV."""
    rows = rows[np.isfinite(rows).all(axis=1)]
    if len(rows) < 2:
        return rows
    boxes, scores = np.trunc(rows[:, :4]).tolist(), rows[:, 14].tolist()
    best = cv2.dnn.NMSBoxes(boxes, scores, least, OVERLAP, 1.0, MOST_FACES)
    return rows[np.asarray(best, np.intp)]
