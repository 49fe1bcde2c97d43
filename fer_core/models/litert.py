"""A network as a LiteRT file: pixels in, every output by name, without TensorFlow."""

import math
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fer_core.types import Floats

PART: Final = 4
"""Images at a time: parts of 16 at 128x128 take as long and 25 MB more memory."""


class LiteRTNetwork:
    """One ``.tflite`` file. Safe to share between threads.

    Args:
        file: Path.
        threads: Threads of one call.
        parallel_calls: Calls that may run at the same time; others wait. Where there is much to do,
            calls of one thread side by side are better than several threads in one call: those
            wait for each other many times a call, and longer where other programs use the cores.

    Attributes:
        input_shape: Height, width and channels of the images it takes.
        outputs: Names of its outputs.

    Raises:
        ValueError, RuntimeError, OSError: The file is missing, damaged or of another kind.
    """

    def __init__(self, file: Path, threads: int = 2, parallel_calls: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._free: queue.SimpleQueue[tuple[Any, Any]] = queue.SimpleQueue()
        for _ in range(parallel_calls):
            interpreter = Interpreter(str(file), num_threads=threads)
            runner = interpreter.get_signature_runner()
            self._free.put((interpreter, runner))
        inputs = runner.get_input_details()
        if len(inputs) != 1:
            raise ValueError(f"it takes {len(inputs)} inputs, not one")
        ((self._input, self._form),) = inputs.items()
        self._forms = runner.get_output_details()
        self.outputs = tuple(sorted(self._forms))
        if len(self._form["shape"]) != 4:
            raise ValueError(f"it takes {tuple(self._form['shape'])}, not images")
        height, width, channels = map(int, self._form["shape"][1:])
        self.input_shape = height, width, channels
        signature = self._form.get("shape_signature", ())
        self._batch = int(signature[0]) if len(signature) == 4 else -1

    def run(self, pixels: Floats) -> dict[str, Floats]:
        """Return every output of float32 (N, H, W, C) pixels in 0..255, N at least 1, as float32.

        A file that was made for a fixed number of images gets as many at a time.
        """
        size = self._batch
        if size < 1:  # parts of one size, where possible: another one costs 0.3 ms
            size = math.ceil(len(pixels) / math.ceil(len(pixels) / PART))
        parts = [self._run(pixels[at : at + size]) for at in range(0, len(pixels), size)]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.outputs}

    def _run(self, pixels: Floats) -> dict[str, Floats]:
        size = max(self._batch, len(pixels))
        padded = np.resize(pixels, (size, *pixels.shape[1:])) if len(pixels) < size else pixels
        with self._interpreter() as (_, runner):
            outputs = runner(**{self._input: _quantize(padded, self._form)})
            return {
                name: _dequantize(outputs[name], self._forms[name])[: len(pixels)]
                for name in self.outputs
            }

    def dense(self, output: str, width: int) -> tuple[Floats, Floats] | None:
        """Return weights (K, width) and bias (K,) by which pooled features give ``output``.

        They are looked for among the file's constants and believed only if they give the output
        of two images of noise. None where the head is anything but one dense layer on the average
        of ``features``, or the file is quantized.
        """
        shape = (2, *self.input_shape)
        noise = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
        outputs = self.run(noise)
        logits, pooled = outputs[output], outputs["features"].mean(axis=(1, 2))
        for weights in self._constants((logits.shape[1], width)):
            bias = logits - pooled @ weights.T
            if np.abs(bias[0] - bias[1]).max() < 1e-3 * max(np.abs(logits).max(), 1):
                return weights, bias.mean(axis=0)
        return None

    @contextmanager
    def _interpreter(self) -> Iterator[tuple[Any, Any]]:
        """Yield an interpreter and its runner that no other call uses meanwhile."""
        pair = self._free.get()
        try:
            yield pair
        finally:
            self._free.put(pair)

    def _constants(self, shape: tuple[int, int]) -> list[Floats]:
        with self._interpreter() as (interpreter, _):
            indices = [
                detail["index"]
                for detail in interpreter.get_tensor_details()
                if tuple(detail["shape"]) == shape and detail["dtype"] is np.float32
            ]
            constants = []
            for index in indices:
                try:
                    constants.append(np.array(interpreter.get_tensor(index), np.float32))
                except ValueError:
                    continue  # an intermediate value, not a constant
            return constants


def _quantize(pixels: Floats, form: dict[str, Any]) -> npt.NDArray[Any]:
    """Return pixels as the file takes them: unchanged, or quantized."""
    kind = form["dtype"]
    if kind is np.float32:
        return pixels
    scale, zero = form["quantization"]
    limits = np.iinfo(kind)
    steps = np.round(pixels / scale + zero)
    return np.asarray(np.clip(steps, limits.min, limits.max), kind)


def _dequantize(values: npt.NDArray[Any], form: dict[str, Any]) -> Floats:
    if values.dtype == np.float32:
        return np.array(values)
    scale, zero = form["quantization"]
    return np.asarray((values.astype(np.float32) - zero) * scale, np.float32)
