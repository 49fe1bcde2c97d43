// What LiteRT.js imports from @litertjs/wasm-utils. Its own loads the runtime's script in a way that
// module workers refuse; here `runtime.js` has it loaded already.
export const given = { factory: null, options: {} };

export const createWasmLib = async (LiteRt) => new LiteRt(await given.factory(given.options));
