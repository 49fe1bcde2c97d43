// Restores a LiteRT file whose weights came in 8 bits: `fer_core.models.weight_packing`.

const MAGIC = "FERQ8\0\0\0";

// Returns the bytes of the LiteRT file; bytes that are not packed are returned as they are.
export function unpackWeights(packed) {
  if (String.fromCharCode(...packed.subarray(0, MAGIC.length)) !== MAGIC) return packed;
  const view = new DataView(packed.buffer, packed.byteOffset), length = view.getUint32(MAGIC.length, true);
  let at = MAGIC.length + 4;
  const { size, block, ranges } = JSON.parse(new TextDecoder().decode(packed.subarray(at, at + length)));
  const data = new Uint8Array(size);
  at += length;
  let end = 0;
  for (const [offset, count] of [...ranges, [size, 0]]) {
    data.set(packed.subarray(at, at + offset - end), end);
    at += offset - end;
    end = offset + 4 * count;
  }
  for (const [offset, count] of ranges) {
    const blocks = Math.ceil(count / block), weights = new Float32Array(data.buffer, offset, count);
    const scales = new Float32Array(packed.slice(at, at + 4 * blocks).buffer);
    const values = new Int8Array(packed.buffer, packed.byteOffset + at + 4 * blocks, count);
    for (let index = 0; index < count; index++) weights[index] = values[index] * scales[(index / block) | 0];
    at += 4 * blocks + count;
  }
  return data;
}
