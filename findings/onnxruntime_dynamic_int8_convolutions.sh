#!/usr/bin/env bash
# onnxruntime 1.32.0: quantize_dynamic makes a network of depthwise and pointwise convolutions 18 times slower, not faster.
# Its documentation advises dynamic quantization for transformers and static quantization for convolutional networks; the function takes
# both without a word, and writes ConvInteger nodes, which run without the fast kernels of Conv and QLinearConv.
# Observed, one thread, AVX-512 with VNNI: 0.29 ms in float32, 5.42 ms in dynamic int8; a whole MobileNetV2 8 to 20 times slower, with AVX2 too.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
env/bin/python - <<'PY'
import collections
import logging
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic

logging.disable()
rng = np.random.default_rng(0)
nodes, weights, name = [], [], "pixels"
for block in range(6):  # inverted residual blocks of MobileNetV2: 32 -> 192 -> 32 channels at 16x16
    for kind, shape, group in (("a", (192, 32, 1, 1), 1), ("b", (192, 1, 3, 3), 192), ("c", (32, 192, 1, 1), 1)):
        kernel = (rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"{kind}{block}"))
        out = f"{kind}{block}_out"
        pads = [shape[2] // 2] * 4
        nodes.append(helper.make_node("Conv", [name, f"{kind}{block}"], [out], group=group, pads=pads))
        name = out
value = lambda n: helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 32, 16, 16])
graph = helper.make_graph(nodes, "blocks", [value("pixels")], [value(name)], weights)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), "fp32.onnx")
quantize_dynamic("fp32.onnx", "int8.onnx", per_channel=True)

pixels = {"pixels": rng.normal(size=(1, 32, 16, 16)).astype(np.float32)}
options = ort.SessionOptions()
options.intra_op_num_threads = 1
best = {}
for file in ("fp32.onnx", "int8.onnx"):
    session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    times = []
    for _ in range(60):
        start = time.perf_counter()
        session.run(None, pixels)
        times.append(time.perf_counter() - start)
    best[file] = min(times) * 1000
kinds = collections.Counter(node.op_type for node in onnx.load("int8.onnx").graph.node)
print(f"onnxruntime {ort.__version__}: float32 {best['fp32.onnx']:.2f} ms, dynamic int8 {best['int8.onnx']:.2f} ms,",
      f"{best['int8.onnx'] / best['fp32.onnx']:.1f} times; nodes {dict(kinds)}")
assert kinds["ConvInteger"] == 18 and best["int8.onnx"] > 2 * best["fp32.onnx"]
PY
