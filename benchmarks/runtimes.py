"""Compare runtimes on a shipped network: time, memory, installed size, and how equal they are.

    python -m venv --system-site-packages ENV
    ENV/bin/pip install onnxruntime openvino onnx
    ENV/bin/python benchmarks/runtimes.py [--avx2] [--model fernet] [--threads 1] [--only litert]

Each runtime is a process of its own; all are opened first and then take turns (A B C A B C), so
that a drift of the machine hits all alike. A batch of 64 goes through in parts of ``--part``
images, as in ``EmotionClassifier``. ``--avx2`` hides what the processor has beyond AVX2 (see
``avx2.py``). ``own.tflite`` in ``--folder``, another export of the same network, is measured too.
What cannot run is named and left out.
"""

import argparse
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import avx2
from benchmarks.litert_to_onnx import INPUT, write_onnx

Run = Callable[[np.ndarray], dict[str, np.ndarray]]
"""float32 (N, size, size, 1) pixels to every output by name."""

BATCH = 64
SECONDS = 0.4
HEAD = "fer2013"


def litert(file: Path, threads: int) -> Run:
    from fer_core.models.litert import LiteRTNetwork

    return LiteRTNetwork(file, threads).run


def litert_smaller(file: Path, threads: int) -> Run:
    """The network on three quarters of the size, 96 of 128 pixels: for its time alone."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file), num_threads=threads)
    source = interpreter.get_input_details()[0]["index"]
    outputs = interpreter.get_output_details()

    def run(pixels: np.ndarray) -> dict[str, np.ndarray]:
        side = pixels.shape[1] * 3 // 4
        small = np.ascontiguousarray(pixels[:, :side, :side])
        if tuple(interpreter.get_input_details()[0]["shape"]) != small.shape:
            interpreter.resize_tensor_input(source, small.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(source, small)
        interpreter.invoke()
        values = [interpreter.get_tensor(output["index"]) for output in outputs]
        return {HEAD: next(v for v in values if v.shape[1:] == (7,))}

    return run


def onnxruntime(file: Path, threads: int) -> Run:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda pixels: dict(zip(names, session.run(None, {INPUT: pixels}), strict=True))


def openvino(file: Path, threads: int) -> Run:
    import openvino as ov

    core = ov.Core()
    model = core.read_model(str(file))
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    request = core.compile_model(
        model, "CPU", settings | {"INFERENCE_PRECISION_HINT": "f32"}
    ).create_infer_request()

    def run(pixels: np.ndarray) -> dict[str, np.ndarray]:
        results = request.infer({0: pixels})
        return {key.any_name: values for key, values in results.items()}

    return run


def opencv(file: Path, threads: int) -> Run:
    import cv2

    cv2.setNumThreads(threads)
    network = cv2.dnn.readNetFromONNX(str(file))
    names = network.getUnconnectedOutLayersNames()

    def run(pixels: np.ndarray) -> dict[str, np.ndarray]:
        network.setInput(pixels)
        return dict(zip(names, network.forward(names), strict=True))

    return run


@dataclass(frozen=True)
class Variant:
    """The package that runs the network, how, and from which file."""

    name: str
    package: str
    open: Callable[[Path, int], Run]
    file: str
    equal: bool = True
    """Its outputs can be compared with the first variant's."""


VARIANTS = (
    Variant("LiteRT fp32", "ai-edge-litert", litert, "model.tflite"),
    Variant("LiteRT fp16", "ai-edge-litert", litert, "model_fp16.tflite"),
    Variant("LiteRT int8", "ai-edge-litert", litert, "model_int8.tflite"),
    Variant("LiteRT, own file", "ai-edge-litert", litert, "own.tflite"),
    Variant("LiteRT fp32, 3/4 size", "ai-edge-litert", litert_smaller, "model.tflite", False),
    Variant("ONNX Runtime fp32", "onnxruntime", onnxruntime, "model.onnx"),
    Variant("ONNX Runtime int8", "onnxruntime", onnxruntime, "static.onnx"),
    Variant("ONNX Runtime int8, 7-bit weights", "onnxruntime", onnxruntime, "seven.onnx"),
    Variant("ONNX Runtime int8, dynamic", "onnxruntime", onnxruntime, "dynamic.onnx"),
    Variant("OpenVINO fp32", "openvino", openvino, "model.onnx"),
    Variant("OpenVINO int8", "openvino", openvino, "static.onnx"),
    Variant("OpenCV fp32", "opencv-python-headless", opencv, "model.onnx"),
)


def faces(size: int) -> np.ndarray:
    """Return crops of one face in different light, float32 (64, size, size, 1) in 0..255."""
    import cv2
    import skimage.data

    from fer_core.images.crop import network_input

    grey = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY)
    crops = [grey[50 + n : 190 + n, 150 + n % 9 : 290 + n % 9] for n in range(BATCH)]
    lights = np.linspace(0.4, 1.3, BATCH)
    crops = [
        np.clip(crop * light, 0, 255).astype(np.uint8)
        for crop, light in zip(crops, lights, strict=True)
    ]
    return network_input(crops, size, 1)


def convert(folder: Path, model: Path, pixels: np.ndarray) -> None:
    """Write the network as ONNX, in float32 and quantized by ONNX Runtime in three forms."""
    from onnxruntime.quantization import QuantType, quantize_dynamic, quantize_static
    from onnxruntime.quantization.calibrate import CalibrationDataReader
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._images = iter(pixels)

        def get_next(self) -> dict[str, Any] | None:
            image = next(self._images, None)
            return None if image is None else {INPUT: image[None]}

    write_onnx(model / "model.tflite", folder / "model.onnx")
    ready = folder / "ready.onnx"
    quant_pre_process(folder / "model.onnx", ready, skip_symbolic_shape=True)
    for name, seven_bits in (("static.onnx", False), ("seven.onnx", True)):
        quantize_static(
            ready, folder / name, Reader(), per_channel=True, reduce_range=seven_bits,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
    quantize_dynamic(ready, folder / "dynamic.onnx", per_channel=True)


def serve(variant: Variant, folder: Path, threads: int, part: int) -> None:
    """Open the network, report what that took, then time calls as the lines on stdin ask."""
    import psutil

    pixels = np.load(folder / "pixels.npy")
    start = time.perf_counter()
    run = variant.open(folder / variant.file, threads)
    run(pixels[:1])
    opened = time.perf_counter() - start

    def face() -> np.ndarray:
        return run(pixels[:1])[HEAD]

    def batch() -> np.ndarray:
        return np.concatenate([run(pixels[at : at + part])[HEAD] for at in range(0, BATCH, part)])

    odds = np.exp(batch().astype(np.float64))
    probabilities = (odds / odds.sum(axis=1, keepdims=True)).tolist()
    memory = psutil.Process().memory_info().rss / 1e6
    report = {"open s": opened, "memory MB": memory, "probabilities": probabilities}
    print(json.dumps(report), flush=True)
    for line in sys.stdin:
        call = face if line == "face\n" else batch
        times: list[float] = []
        while sum(times) < SECONDS:
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        print(json.dumps(times), flush=True)


class Worker:
    """One variant in a process of its own."""

    def __init__(self, variant: Variant, folder: Path, options: argparse.Namespace) -> None:
        self.variant = variant
        command = [sys.executable, __file__, "--serve", variant.name, "--folder", str(folder)]
        flags = ["--threads", str(options.threads), "--part", str(options.part)]
        environment = avx2.environment(folder) if options.avx2 else os.environ
        self._process = subprocess.Popen(
            [*command, *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL, env=environment,
        )  # fmt: skip
        self.times: dict[str, list[float]] = {"face": [], "batch": []}
        line = self._read()
        self.report = json.loads(line) if line else None

    def measure(self, job: str) -> None:
        """Time a ``face`` or a ``batch`` for a while."""
        assert self._process.stdin
        self._process.stdin.write(job + "\n")
        self._process.stdin.flush()
        line = self._read()
        if not line:
            raise SystemExit(f"{self.variant.name} ended with {self._process.wait()}.")
        self.times[job] += json.loads(line)

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(20)

    def _read(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


def installed_mb(package: str) -> float:
    """Return the size of a distribution's own files, bytecode left out."""
    files = importlib.metadata.files(package) or []
    return sum(file.size or 0 for file in files) / 1e6


def row(worker: Worker, first: np.ndarray) -> str:
    """Return a line of the table; ``first`` are the probabilities to compare with."""
    figures = [f"{np.quantile(worker.times['face'], q) * 1000:.2f}" for q in (0.1, 0.5)]
    figures += [f"{BATCH / np.quantile(worker.times['batch'], q):.0f}" for q in (0.1, 0.5)]
    difference = np.abs(np.array(worker.report["probabilities"]) - first).max()
    figures.append(f"{difference:.0e}" if worker.variant.equal else "-")
    figures += [f"{worker.report['memory MB']:.0f}", f"{worker.report['open s']:.2f}"]
    figures.append(f"{installed_mb(worker.variant.package):.0f}")
    return f"| {worker.variant.name} | " + " | ".join(figures) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mobilenetv2")
    parser.add_argument("--avx2", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--part", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="beginnings of names, such as LiteRT,OpenVINO")
    parser.add_argument("--folder", type=Path, help="keep the converted files here")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        variant = next(variant for variant in VARIANTS if variant.name == options.serve)
        serve(variant, options.folder, options.threads, options.part)
        return
    with tempfile.TemporaryDirectory() as name:
        compare(options, options.folder or Path(name))


def compare(options: argparse.Namespace, folder: Path) -> None:
    """Measure all variants in turns and print the table."""
    from fer_core.models.registry import load_card

    card = load_card(options.model)
    for file in card.folder.glob("*.tflite"):
        shutil.copy(file, folder)
    np.save(folder / "pixels.npy", faces(card.input_size))
    if not (folder / "dynamic.onnx").exists():
        convert(folder, card.folder, np.load(folder / "pixels.npy"))
    beginnings = tuple(options.only.split(","))
    workers = [Worker(w, folder, options) for w in VARIANTS if w.name.startswith(beginnings)]
    print("cannot run:", ", ".join(w.variant.name for w in workers if not w.report) or "none")
    workers = [worker for worker in workers if worker.report]
    for _ in range(options.rounds):
        for job in ("face", "batch"):
            for worker in workers:
                worker.measure(job)
    print("| variant | face p10, ms | median | batch p10, faces/s | median | differs by | ", end="")
    print("memory, MB | open, s | installed, MB |\n" + "|---" * 9 + "|")
    first = np.array(workers[0].report["probabilities"])
    for worker in workers:
        print(row(worker, first))
        worker.close()


if __name__ == "__main__":
    main()
