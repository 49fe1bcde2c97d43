"""Pack the float32 weights of a LiteRT file into 8 bits for the way to a browser.

Only the transport is rounded: the browser restores float32, so that activations stay exact, unlike
in an 8-bit export. Each block of ``BLOCK`` weights has a scale of its own, as in GGUF's Q8_0.
"""

import json
import struct
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

MAGIC: Final = b"FERQ8\0\0\0"
BLOCK: Final = 32
LEAST: Final = 1024
"""Constants with fewer values, such as biases, stay as they are."""


def pack_weights(data: bytes) -> bytes:
    """Return a LiteRT file with its large float32 constants rounded to 8 bits.

    The result holds ``MAGIC``; the length of the header as uint32; the header, JSON with the
    file's ``size`` and a list ``ranges`` of (offset in bytes, number of values); the bytes outside
    of the ranges; and of each range the scales, float32, then the values, int8.
    """
    ranges = sorted(_float_ranges(data))
    header = json.dumps({"size": len(data), "block": BLOCK, "ranges": ranges}).encode()
    header += b" " * (-len(header) % 4)
    parts = [MAGIC, struct.pack("<I", len(header)), header]
    end = 0
    for offset, count in ranges:
        parts.append(data[end:offset])
        end = offset + 4 * count
    parts.append(data[end:])
    for offset, count in ranges:
        scales, values = _quantize(np.frombuffer(data, np.float32, count, offset))
        parts += [scales.tobytes(), values.tobytes()]
    return b"".join(parts)


def unpack_weights(packed: bytes) -> bytes:
    """Return the LiteRT file that a browser restores from ``pack_weights``.

    Raises:
        ValueError: It is no such file.
    """
    if not packed.startswith(MAGIC):
        raise ValueError("The file does not hold packed weights.")
    start = len(MAGIC) + 4
    (length,) = struct.unpack_from("<I", packed, len(MAGIC))
    header = json.loads(packed[start : start + length])
    data, at, end = bytearray(header["size"]), start + length, 0
    for offset, count in [*header["ranges"], (header["size"], 0)]:
        data[end:offset] = packed[at : at + offset - end]
        at, end = at + offset - end, offset + 4 * count
    for offset, count in header["ranges"]:
        blocks = -(-count // header["block"])
        scales = np.frombuffer(packed, np.float32, blocks, at)
        values = np.frombuffer(packed, np.int8, count, at + 4 * blocks)
        at += 4 * blocks + count
        weights = values.astype(np.float32) * np.repeat(scales, header["block"])[:count]
        data[offset : offset + 4 * count] = weights.tobytes()
    return bytes(data)


def _quantize(
    weights: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int8]]:
    """Return the scale of each block, float32 (B,), and the rounded weights, int8 (N,)."""
    padded = np.pad(weights, (0, -len(weights) % BLOCK)).reshape(-1, BLOCK)
    scales = np.abs(padded).max(axis=1) / np.float32(127)
    divisors = np.where(scales > 0, scales, 1)[:, None]
    values = np.rint(padded / divisors).astype(np.int8).ravel()[: len(weights)]
    return np.asarray(scales, np.float32), values


def _float_ranges(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield offset and number of values of each large float32 constant."""
    model = schema.Model.GetRootAs(data)
    start = np.frombuffer(data, np.uint8).__array_interface__["data"][0]
    seen: set[int] = set()
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for tensor in map(graph.Tensors, range(graph.TensorsLength())):
            buffer: Any = model.Buffers(tensor.Buffer())
            is_weights = tensor.Type() == schema.TensorType.FLOAT32
            if is_weights and buffer.DataLength() >= 4 * LEAST and tensor.Buffer() not in seen:
                seen.add(tensor.Buffer())
                address = buffer.DataAsNumpy().__array_interface__["data"][0]
                yield address - start, buffer.DataLength() // 4
