"""Propose pairs that may be copies, from fingerprints of the thumbnails.

Proposing sorts the fingerprints by random choices of their bits and compares neighbours, so that
its time grows with n log n; there is no all-pairs matrix.

Sources: Charikar, Similarity estimation techniques from rounding algorithms, 2002 (sorted random
bit orders); pHash (signs of low DCT frequencies), here against the dataset's own medians because
faces share most of their low frequencies.
"""

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from fer_core.dataset.index import THUMB, Thumbs
from fer_core.system.parallel import Progress

MOST_BITS: Final = 32
"""Fingerprints of copies differ in at most this many of 128 bits. Random FER-2013 pairs differ in
64 ± 6.3; JPEG 50 changes up to 7 (99 %), a crop of 1 in 48 pixels on each side up to 25."""

ORDERS, NEIGHBOURS = 96, 12
"""Random bit orders, and how many neighbours are compared in each."""

BLOCK: Final = 16_384
"""Fingerprints compared at a time."""

_BITS, _KEY_BITS = 128, 64
_ORIGINAL, _MIRRORED, _CROPPED = 0, 1, 2

Bits = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]


def propose(thumbs: Thumbs, seed: int = 0, progress: Progress | None = None) -> Rows:
    """Pairs that may be copies.

    Args:
        thumbs: uint8 (N, 16, 16).
        seed: Of the random bit orders.
        progress: See ``chunks.Progress``; counts orders.

    Returns:
        int64 (M, 3): two rows, the first the smaller, and 1 where one picture must be mirrored.
    """
    count = len(thumbs)
    if count < 2:
        return np.empty((0, 3), np.int64)
    bits = fingerprints(thumbs)
    parts = np.ascontiguousarray(bits.view(np.uint8)[:, : _KEY_BITS // 8].T)
    random = np.random.default_rng(seed)
    found = [np.empty(0, np.int64)]
    for done in range(1, ORDERS + 1):
        order = _order(_keys(parts, random.permutation(_KEY_BITS)[:32]))
        found.append(np.unique(_codes(order, bits, count)))
        if progress:
            progress(done, ORDERS)
    code = np.unique(np.concatenate(found))
    pairs = np.stack([code // 2 // count, code // 2 % count, code % 2], axis=1)
    return np.asarray(pairs, np.int64)


def _keys(parts: npt.NDArray[np.uint8], chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    """The ``chosen`` bits of the fingerprints, whose bytes are (8, N), one behind the other."""
    tables = np.zeros((len(parts), 256), np.uint32)  # what each value of each byte adds
    for rank, place in enumerate(chosen.tolist()):
        byte, bit = divmod(place, 8)
        tables[byte] |= (np.arange(256, dtype=np.uint32) >> (7 - bit) & 1) << (31 - rank)
    keys = np.zeros(parts.shape[1], np.uint32)
    for table, part in zip(tables, parts, strict=True):
        keys |= table[part]
    return keys


def _order(keys: npt.NDArray[np.uint32]) -> npt.NDArray[np.intp]:
    """A stable argsort; sorting the keys with their places behind them is three times as fast."""
    ranked = (keys.astype(np.uint64) << np.uint64(32)) | np.arange(len(keys), dtype=np.uint64)
    ranked.sort()
    return (ranked & np.uint64(2**32 - 1)).astype(np.intp)


def _codes(order: npt.NDArray[np.intp], bits: Bits, count: int) -> Rows:
    """Neighbours with like fingerprints as ``(first * count + second) * 2 + mirrored``."""
    ranked, codes = np.ascontiguousarray(bits[order].T), [np.empty(0, np.int64)]
    for start in range(0, len(order), BLOCK):  # small enough for a core's cache
        low, high = ranked[:, start : start + BLOCK + NEIGHBOURS]
        for step in range(1, min(NEIGHBOURS, len(low) - 1) + 1):
            size = min(BLOCK, len(low) - step)
            apart = np.bitwise_count(low[:size] ^ low[step : step + size])
            apart += np.bitwise_count(high[:size] ^ high[step : step + size])
            hits = start + np.flatnonzero(apart <= MOST_BITS)
            codes.append(_code(order[hits], order[hits + step], count))
    return np.concatenate(codes)


def _code(one: npt.NDArray[np.intp], other: npt.NDArray[np.intp], count: int) -> Rows:
    plain = (one < count) | (other < count)  # two changed versions say nothing new
    a, b = one[plain] % count, other[plain] % count
    mirrored = np.maximum(one[plain], other[plain]) // count == _MIRRORED
    differ = a != b
    low, high = np.minimum(a, b)[differ], np.maximum(a, b)[differ]
    return np.asarray((low * count + high) * 2 + mirrored[differ], np.int64)


def fingerprints(thumbs: Thumbs) -> Bits:
    """uint64 (3 N, 2): 128 bits of each picture as it is, then mirrored, then slightly cropped.

    A bit says whether a low DCT frequency is above its median over (a sample of) the dataset.
    """
    basis, cropped, chosen, mirror = _frequencies()
    sample = thumbs[:: max(len(thumbs) // 20_000, 1)]
    middle = np.median(_coefficients(sample, basis, chosen), axis=0)
    parts: list[list[Bits]] = [[], [], []]
    for start in range(0, len(thumbs), 20_000):
        part = thumbs[start : start + 20_000]
        plain = _coefficients(part, basis, chosen)
        parts[_ORIGINAL].append(_pack(plain > middle))
        parts[_MIRRORED].append(_pack(plain * mirror > middle))
        parts[_CROPPED].append(_pack(_coefficients(part, cropped, chosen) > middle))
    return np.concatenate([bits for kind in parts for bits in kind])


def _pack(flags: npt.NDArray[np.bool_]) -> Bits:
    return np.ascontiguousarray(np.packbits(flags, axis=1)).view(np.uint64)


def _coefficients(
    thumbs: Thumbs, basis: npt.NDArray[np.float32], chosen: Rows
) -> npt.NDArray[np.float32]:
    """float32 (N, 128): the chosen DCT coefficients."""
    columns = thumbs.astype(np.float32) @ basis.T
    both = np.swapaxes(columns, 1, 2) @ basis.T  # (N, horizontal, vertical)
    return np.asarray(both[:, chosen[:, 1], chosen[:, 0]], np.float32)


@lru_cache(maxsize=1)
def _frequencies() -> tuple[
    npt.NDArray[np.float32], npt.NDArray[np.float32], Rows, npt.NDArray[np.float32]
]:
    """The DCT, the DCT of a picture cropped by 1/32 on each side, the 128 lowest, mirror signs."""
    place = np.arange(THUMB)
    basis = np.cos(np.pi * np.outer(place, 2 * place + 1) / (2 * THUMB)).astype(np.float32)
    inner = (place + 0.5) * (1 - 2 / 32) + THUMB / 32 - 0.5
    low = np.clip(np.floor(inner).astype(int), 0, THUMB - 2)
    crop = np.zeros((THUMB, THUMB), np.float32)
    crop[place, low] = 1 - (inner - low)
    crop[place, low + 1] = inner - low
    every = [(v, h) for v in range(THUMB) for h in range(THUMB) if v + h > 0]
    chosen = np.array(sorted(every, key=lambda vh: (vh[0] ** 2 + vh[1] ** 2, vh))[:_BITS])
    mirror = np.where(chosen[:, 1] % 2, -1, 1).astype(np.float32)
    return basis, basis @ crop, chosen, mirror
