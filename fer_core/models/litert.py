"""A network in LiteRT's form: pixels in, every output by name, without TensorFlow."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float32]


class LiteRTNetwork:
    """One ``.tflite`` file. Safe to share between threads.

    Args:
        file: Path.
        threads: Threads of one call.
        at_once: Calls that may run at the same time; others wait. Where there is much to do, calls
            of one thread side by side are better than threads side by side in one call: those wait
            for each other many times a call, and for long where other programs use the cores.

    Attributes:
        input_shape: Height, width and channels of the pictures it takes.
        outputs: Names of what it gives.

    Raises:
        ValueError, RuntimeError, OSError: The file is missing, damaged or of another kind.
    """

    def __init__(self, file: Path, threads: int = 2, at_once: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._free: queue.SimpleQueue[tuple[Any, Any]] = queue.SimpleQueue()
        for _ in range(at_once):
            interpreter = Interpreter(str(file), num_threads=threads)
            runner = interpreter.get_signature_runner()
            self._free.put((interpreter, runner))
        given = runner.get_input_details()
        if len(given) != 1:
            raise ValueError(f"it takes {len(given)} inputs, not one")
        ((self._input, self._form),) = given.items()
        self._forms = runner.get_output_details()
        self.outputs = tuple(sorted(self._forms))
        if len(self._form["shape"]) != 4:
            raise ValueError(f"it takes {tuple(self._form['shape'])}, not pictures")
        height, width, channels = map(int, self._form["shape"][1:])
        self.input_shape = height, width, channels

    def run(self, pixels: Values) -> dict[str, Values]:
        """Every output of float32 (N, H, W, C) pixels in 0..255, N at least 1, as float32."""
        with self._one() as (_, runner):
            found = runner(**{self._input: _packed(pixels, self._form)})
            return {name: _unpacked(found[name], self._forms[name]) for name in self.outputs}

    def dense(self, output: str, width: int) -> tuple[Values, Values] | None:
        """Weights (K, width) and bias (K,) with which ``output`` is made from pooled features.

        They are looked for among the file's constants and believed only if they give the output
        of two pictures made of noise. None where the head is anything but one dense layer on the
        average of ``features``, or the file is quantised.
        """
        height, wide, channels = self.input_shape
        noise = np.random.default_rng(0).uniform(0, 255, (2, height, wide, channels))
        found = self.run(noise.astype(np.float32))
        answer, pooled = found[output], found["features"].mean(axis=(1, 2))
        for weights in self._constants((answer.shape[1], width)):
            rest = answer - pooled @ weights.T
            if np.abs(rest[0] - rest[1]).max() < 1e-3 * max(np.abs(answer).max(), 1):
                return weights, rest.mean(axis=0)
        return None

    @contextmanager
    def _one(self) -> Iterator[tuple[Any, Any]]:
        """An interpreter and its runner that nobody else uses meanwhile."""
        one = self._free.get()
        try:
            yield one
        finally:
            self._free.put(one)

    def _constants(self, shape: tuple[int, int]) -> list[Values]:
        with self._one() as (interpreter, _):
            indices = [
                detail["index"]
                for detail in interpreter.get_tensor_details()
                if tuple(detail["shape"]) == shape and detail["dtype"] is np.float32
            ]
            found = []
            for index in indices:
                try:
                    found.append(np.array(interpreter.get_tensor(index), np.float32))
                except ValueError:
                    continue  # a value in between, not a constant
            return found


def _packed(pixels: Values, form: dict[str, Any]) -> npt.NDArray[Any]:
    """As the file takes them: unchanged, or quantised."""
    kind = form["dtype"]
    if kind is np.float32:
        return pixels
    scale, zero = form["quantization"]
    limits = np.iinfo(kind)
    steps = np.round(pixels / scale + zero)
    return np.asarray(np.clip(steps, limits.min, limits.max), kind)


def _unpacked(values: npt.NDArray[Any], form: dict[str, Any]) -> Values:
    if values.dtype == np.float32:
        return np.array(values)
    scale, zero = form["quantization"]
    return np.asarray((values.astype(np.float32) - zero) * scale, np.float32)
