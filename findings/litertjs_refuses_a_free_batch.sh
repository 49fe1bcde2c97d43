#!/usr/bin/env bash
# LiteRT.js (@litertjs/core 2.5.3) opens and compiles a .tflite whose batch is free (-1 in its shape signature, as Keras writes it with
# model.export(format="litert")), and then refuses every input, one image as well. Python's interpreter (ai-edge-litert 2.3.0) takes the same
# file. A 1 written over the -1, in place, is all that the browser needs.
# Observed: free: refused, "Float32[1, 4] does not match expected ranked tensor type Float32[-1, 4]"; fixed: 0,1,0,2
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check ai-edge-litert==2.3.0 flatbuffers==25.12.19 numpy==2.3.5
npm install --silent --no-audit --no-fund @litertjs/core@2.5.3
env/bin/python - <<'PY'
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter


def relu() -> bytes:
    """A network of one operation: (batch, 4) in, (batch, 4) out."""
    tensors = []
    for name in (b"in", b"out"):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.shapeSignature, tensor.type = name, [1, 4], [-1, 4], schema.TensorType.FLOAT32
        tensor.buffer, tensor.hasRank = 0, True  # as the converter writes it; without it the -1 is passed over
        tensors.append(tensor)
    code, operator, graph, model = schema.OperatorCodeT(), schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RELU
    code.version = 1
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0], [1]
    graph.tensors, graph.operators, graph.inputs, graph.outputs = tensors, [operator], [0], [1]
    signature, source, target = schema.SignatureDefT(), schema.TensorMapT(), schema.TensorMapT()
    (source.name, source.tensorIndex), (target.name, target.tensorIndex) = (b"in", 0), (b"out", 1)
    signature.signatureKey, signature.inputs, signature.outputs = b"serving_default", [source], [target]
    model.signatureDefs = [signature]
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


free = bytearray(relu())
Path("free.tflite").write_bytes(free)
interpreter = Interpreter("free.tflite")
interpreter.resize_tensor_input(0, (3, 4))
interpreter.allocate_tensors()
interpreter.set_tensor(0, np.full((3, 4), -1, np.float32))
interpreter.invoke()
assert interpreter.get_tensor(1).shape == (3, 4)

graph = schema.Model.GetRootAs(free).Subgraphs(0)
for number in range(graph.TensorsLength()):
    graph.Tensors(number).ShapeSignatureAsNumpy()[0] = 1
Path("fixed.tflite").write_bytes(free)
PY
cat >run.mjs <<'JS'
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import vm from "node:vm";

// What a browser has and Node has not.
const folder = "node_modules/@litertjs/core/wasm/";
Object.assign(globalThis, { self: globalThis, require: createRequire(import.meta.url), __dirname: folder, __filename: "run.mjs" });
globalThis.importScripts = (path) => vm.runInThisContext(readFileSync(path, "utf8"), { filename: path });
globalThis.Module = { wasmBinary: readFileSync(`${folder}litert_wasm_compat_internal.wasm`), print() {}, printErr() {} };
console.warn = console.error = () => {};

const core = await import("@litertjs/core");
await core.loadLiteRt(`${folder}litert_wasm_compat_internal.js`);
const results = {};
for (const name of ["free", "fixed"]) {
  const model = await core.loadAndCompile(new Uint8Array(readFileSync(`${name}.tflite`)), { accelerator: "wasm" });
  const input = new core.Tensor(Float32Array.of(-1, 1, -2, 2), [1, 4]);
  try {
    const [output] = await model.run([input]);
    results[name] = [...(await output.data())].map(Math.abs).join();
  } catch (error) {
    results[name] = `refused, "${error.message}"`;
  }
  console.log(`${name}: ${results[name]}`);
}
if (!results.free.includes("does not match expected")) throw new Error("a free batch is taken now");
if (results.fixed !== "0,1,0,2") throw new Error("the fixed file gives something else");
process.exit(0);
JS
node run.mjs
