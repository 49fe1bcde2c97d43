// LiteRT.js in this worker: one thread of WebAssembly with SIMD.

import { given } from "./wasm_utils.js";

// Opens the runtime; `url(role)` names a served script, `bytes(role)` gives an unpacked file.
export async function openRuntime(url, bytes) {
  const core = await import(url("core"));
  const variant = (await core.supportsFeature("relaxedSimd")) ? "relaxed" : "plain";
  const [binary, glue] = await Promise.all([bytes(`wasm_${variant}`), import(url(`glue_${variant}`))]);
  Object.assign(given, { factory: glue.default, options: { wasmBinary: binary } });
  await core.loadLiteRt("given.js");
  return core;
}

// One network with a fixed input: fill `input`, then `run()` resolves to its outputs by name.
export class Network {
  constructor(core, model) {
    this.core = core;
    this.model = model;
    this.shape = Int32Array.from(model.getInputDetails()[0].shape);
    this.input = new Float32Array(this.shape.reduce((a, b) => a * b));
  }

  static async open(core, bytes) {
    const model = await core.loadAndCompile(bytes, { accelerator: "wasm" });
    return new Network(core, model);
  }

  async run() {
    const { name } = this.model.getInputDetails()[0];
    const tensor = new this.core.Tensor(this.input, this.shape);
    const outputs = await this.model.run({ [name]: tensor });
    tensor.delete();
    const values = {};
    for (const [output, result] of Object.entries(outputs)) {
      values[output] = await result.data();
      result.delete();
    }
    return values;
  }

  close() {
    this.model.delete();
  }
}
