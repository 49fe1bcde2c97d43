"""Measure where LiteRT spends the time of a shipped network, beside what the core could do.

    python benchmarks/avx2.py python benchmarks/operators.py [--model fernet] [--batch 16]

An operator's time is that of the network cut off behind it, less that of the network cut off before
it. The core's peak is the best of NumPy's products of float32 matrices on one thread; the bound is
every multiplication of the network at that pace.
"""

import argparse
import os
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(variable, None)  # the kernel that fits the processor
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fer_core.models.registry import load_card

OPERATORS = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}


def quantile_s(call: Any, seconds: float) -> float:
    """Return the p10 of the seconds of a call."""
    times: list[float] = []
    for _ in range(3):
        call()
    while sum(times) < seconds or len(times) < 10:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(np.quantile(times, 0.1))


def peak() -> float:
    """Return multiplications with addition a second of one core, float32."""
    best = 0.0
    for size in (256, 384, 512, 768, 1024):
        a, b, out = np.ones((3, size, size), np.float32)
        best = max(best, size**3 / quantile_s(lambda a=a, b=b, out=out: np.matmul(a, b, out), 0.3))
    return best


class Network:
    """A LiteRT file that can be cut off behind any operator."""

    def __init__(self, file: Path, batch: int) -> None:
        self._model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file.read_bytes(), 0))
        self._graph = self._model.subgraphs[0]
        self._model.signatureDefs = []
        self.operators = list(self._graph.operators)
        self._batch = batch

    def kind(self, number: int) -> str:
        """Return the operator's kind, with the kernel's size for convolutions."""
        code = self._model.operatorCodes[self.operators[number].opcodeIndex]
        name = OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)].lower()
        kernel = self._kernel(number)
        return f"{name} {kernel[1]}x{kernel[2]}" if len(kernel) == 4 else name

    def multiplications(self, number: int) -> int:
        """Return the multiplications of one image."""
        kernel = self._kernel(number)
        if len(kernel) != 4:
            return int(np.prod(kernel)) if kernel else 0
        height, width, channels = self._graph.tensors[self.operators[number].outputs[0]].shape[1:]
        inputs = 1 if "depthwise" in self.kind(number) else kernel[3]
        return int(height * width * channels * kernel[1] * kernel[2] * inputs)

    def seconds(self, count: int, seconds: float) -> float:
        """Return the time of the first ``count`` operators for the batch."""
        self._graph.operators = self.operators[:count]
        self._graph.outputs = [self.operators[count - 1].outputs[0]]
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        interpreter = Interpreter(model_content=bytes(builder.Output()), num_threads=1)
        source = interpreter.get_input_details()[0]
        shape = (self._batch, *source["shape"][1:])
        interpreter.resize_tensor_input(source["index"], shape)
        interpreter.allocate_tensors()
        noise = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
        interpreter.set_tensor(source["index"], noise)
        return quantile_s(interpreter.invoke, seconds)

    def _kernel(self, number: int) -> tuple[int, ...]:
        operator = self.operators[number]
        if len(operator.inputs) < 3:
            return ()
        return tuple(int(side) for side in self._graph.tensors[operator.inputs[1]].shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mobilenetv2")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.3, help="for each operator")
    options = parser.parse_args()
    pace = peak()
    network = Network(load_card(options.model).folder / "model.tflite", options.batch)
    kinds: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    previous = 0.0
    for number in range(len(network.operators)):
        after = network.seconds(number + 1, options.seconds)
        totals = kinds[network.kind(number)]
        totals[0] += 1
        totals[1] += network.multiplications(number) * options.batch
        totals[2] += after - previous
        previous = after
    print(f"peak of one core: {2 * pace / 1e9:.0f} GFLOP/s")
    print("| operators | number | million multiplications | ms | share of the peak |")
    print("|---|---:|---:|---:|---:|")
    rows = sorted(kinds.items(), key=lambda item: -item[1][2])
    rows.append(("all", [sum(column) for column in zip(*kinds.values(), strict=True)]))
    for name, (number, work, seconds) in rows:
        share = work / pace / max(seconds, 1e-9)
        print(f"| {name} | {number} | {work / 1e6:.1f} | {seconds * 1e3:.2f} | {share:.0%} |")


if __name__ == "__main__":
    main()
