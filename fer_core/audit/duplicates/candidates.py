"""Propose pairs that may be duplicates, from fingerprints of the thumbnails.

The fingerprints are sorted by random permutations of their bits and neighbours are compared, so the
time grows with n log n; there is no all-pairs matrix.

Sources: Charikar, Similarity estimation techniques from rounding algorithms, 2002 (sorted random
bit orders); pHash (signs of low DCT frequencies), here against the dataset's own medians because
faces share most of their low frequencies.
"""

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from fer_core.dataset.index import THUMB, DatasetIndex, Thumbs
from fer_core.system.parallel import Progress
from fer_core.types import Floats, Rows

MAX_BITS: Final = 32
"""Most bits of 128 in which fingerprints of duplicates differ. Random FER-2013 pairs differ in
64 ± 6.3; JPEG 50 changes up to 7 (99%), a crop of 1 in 48 pixels on each side up to 25."""

ORDERS, NEIGHBOURS = 96, 12
"""Random bit orders, and the neighbours compared in each."""

FEW: Final = 200
"""Up to so many images every pair is proposed: their medians say too little. Of two near-duplicates
alone, each differs from the median in the bits in which the other does not."""

BLOCK: Final = 16_384
"""Fingerprints compared in one step."""

PROPOSING: Final = 0.75
"""Share of the time that proposing takes, 0..1."""

_BITS, _KEY_BITS = 128, 64
_ORIGINAL, _MIRRORED, _CROPPED = 0, 1, 2

Bits = npt.NDArray[np.uint64]
"""Fingerprints: two words of 64 bits each."""


def candidates(
    index: DatasetIndex, seed: int = 0, progress: Progress | None = None
) -> tuple[Rows, Rows]:
    """Return pairs of equal files, int64 (M, 2), and pairs to compare, as ``propose`` gives them.

    Args:
        index: The dataset.
        seed: Seed of the random bit orders.
        progress: Called up to the share ``PROPOSING`` of all images.
    """
    good = np.flatnonzero(index.is_readable)
    digests = index.table["digest"].to_numpy()[good]
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    exact = np.stack([good[first[inverse]], good], axis=1)
    exact = exact[exact[:, 0] != exact[:, 1]]
    detailed = ~index.is_flat[good[first]]
    single = np.sort(good[first[detailed]])
    near = propose(index.thumbs[single], seed, part_of(progress, len(index), 0.0, PROPOSING))
    near[:, :2] = single[near[:, :2]]
    return exact, near


def propose(thumbs: Thumbs, seed: int = 0, progress: Progress | None = None) -> Rows:
    """Return pairs that may be duplicates.

    Args:
        thumbs: Grey thumbnails, uint8 (N, 16, 16).
        seed: Seed of the random bit orders.
        progress: Called with the bit orders compared and their number.

    Returns:
        int64 (M, 3): two rows, the smaller first, and 1 where one image is mirrored.
    """
    count = len(thumbs)
    if count < 2:
        return np.empty((0, 3), np.int64)
    if count <= FEW:
        return _all_pairs(count)
    bits = fingerprints(thumbs)
    parts = np.ascontiguousarray(bits.view(np.uint8)[:, : _KEY_BITS // 8].T)
    random = np.random.default_rng(seed)
    codes = [np.empty(0, np.int64)]
    for number in range(1, ORDERS + 1):
        order = _order(_keys(parts, random.permutation(_KEY_BITS)[:32]))
        codes.append(np.unique(_codes(order, bits, count)))
        if progress:
            progress(number, ORDERS)
    code = np.unique(np.concatenate(codes))
    pairs = np.stack([code // 2 // count, code // 2 % count, code % 2], axis=1)
    return np.asarray(pairs, np.int64)


def _all_pairs(count: int) -> Rows:
    a, b = np.triu_indices(count, 1)
    mirrored = np.repeat([0, 1], len(a))
    return np.asarray(np.stack([np.tile(a, 2), np.tile(b, 2), mirrored], axis=1), np.int64)


def _keys(parts: npt.NDArray[np.uint8], selected: Rows) -> npt.NDArray[np.uint32]:
    """Return the ``selected`` bits of fingerprints, uint8 (8, N), as uint32 (N,)."""
    tables = np.zeros((len(parts), 256), np.uint32)  # contribution of each value of each byte
    for rank, position in enumerate(selected.tolist()):
        byte, bit = divmod(position, 8)
        tables[byte] |= (np.arange(256, dtype=np.uint32) >> (7 - bit) & 1) << (31 - rank)
    keys = np.zeros(parts.shape[1], np.uint32)
    for table, part in zip(tables, parts, strict=True):
        keys |= table[part]
    return keys


def _order(keys: npt.NDArray[np.uint32]) -> npt.NDArray[np.intp]:
    """Return a stable argsort; sorting keys with their positions appended is 3 times as fast."""
    ranked = (keys.astype(np.uint64) << np.uint64(32)) | np.arange(len(keys), dtype=np.uint64)
    ranked.sort()
    return (ranked & np.uint64(2**32 - 1)).astype(np.intp)


def _codes(order: npt.NDArray[np.intp], bits: Bits, count: int) -> Rows:
    """Return similar neighbours as ``(first * count + second) * 2 + mirrored``."""
    ranked, codes = np.ascontiguousarray(bits[order].T), [np.empty(0, np.int64)]
    for start in range(0, len(order), BLOCK):  # small enough for a core's cache
        low, high = ranked[:, start : start + BLOCK + NEIGHBOURS]
        for step in range(1, min(NEIGHBOURS, len(low) - 1) + 1):
            size = min(BLOCK, len(low) - step)
            distance = np.bitwise_count(low[:size] ^ low[step : step + size])
            distance += np.bitwise_count(high[:size] ^ high[step : step + size])
            hits = start + np.flatnonzero(distance <= MAX_BITS)
            codes.append(_code(order[hits], order[hits + step], count))
    return np.concatenate(codes)


def _code(first: npt.NDArray[np.intp], second: npt.NDArray[np.intp], count: int) -> Rows:
    useful = (first < count) | (second < count)  # two changed versions repeat an original pair
    a, b = first[useful] % count, second[useful] % count
    mirrored = np.maximum(first[useful], second[useful]) // count == _MIRRORED
    differ = a != b
    low, high = np.minimum(a, b)[differ], np.maximum(a, b)[differ]
    return np.asarray((low * count + high) * 2 + mirrored[differ], np.int64)


def fingerprints(thumbs: Thumbs) -> Bits:
    """Return fingerprints of 128 bits: of each image, its mirror image and a slight crop of it.

    A bit is 1 where a low DCT frequency exceeds its median over (a sample of) the dataset.

    Args:
        thumbs: Grey thumbnails, uint8 (N, 16, 16).

    Returns:
        uint64 (3 * N, 2): the originals, then the mirror images, then the crops.
    """
    selected, mirror, crop = _frequencies()
    sample = thumbs[:: max(len(thumbs) // 20_000, 1)]
    median = np.median(_coefficients(sample, selected), axis=0)
    parts: list[list[Bits]] = [[], [], []]
    for start in range(0, len(thumbs), 20_000):
        part = thumbs[start : start + 20_000].astype(np.float32)
        plain = _coefficients(part, selected)
        parts[_ORIGINAL].append(_pack(plain > median))
        parts[_MIRRORED].append(_pack(plain * mirror > median))
        parts[_CROPPED].append(_pack(_coefficients(crop @ part @ crop.T, selected) > median))
    return np.concatenate([bits for kind in parts for bits in kind])


def _pack(flags: npt.NDArray[np.bool_]) -> Bits:
    return np.ascontiguousarray(np.packbits(flags, axis=1)).view(np.uint64)


def _coefficients(thumbs: npt.NDArray[np.generic], selected: Rows) -> Floats:
    """Return the selected DCT coefficients, float32 (N, 128)."""
    from scipy.fft import dctn

    spectrum = dctn(thumbs.astype(np.float32), axes=(1, 2))
    return np.asarray(spectrum[:, selected[:, 0], selected[:, 1]], np.float32)


@lru_cache(maxsize=1)
def _frequencies() -> tuple[Rows, Floats, Floats]:
    """Return the 128 lowest frequencies, their signs in a mirror image, and a crop by 1/32."""
    pairs = [(v, h) for v in range(THUMB) for h in range(THUMB) if v + h > 0]
    selected = np.array(sorted(pairs, key=lambda vh: (vh[0] ** 2 + vh[1] ** 2, vh))[:_BITS])
    mirror = np.where(selected[:, 1] % 2, -1, 1).astype(np.float32)
    pixel = np.arange(THUMB)
    inner = (pixel + 0.5) * (1 - 2 / 32) + THUMB / 32 - 0.5
    low = np.clip(np.floor(inner).astype(int), 0, THUMB - 2)
    crop = np.zeros((THUMB, THUMB), np.float32)  # linear interpolation as a matrix
    crop[pixel, low] = 1 - (inner - low)
    crop[pixel, low + 1] = inner - low
    return selected, mirror, crop


def part_of(progress: Progress | None, count: int, start: float, end: float) -> Progress | None:
    """Return a progress that reports the shares ``start`` to ``end`` of ``count`` images."""
    if progress is None:
        return None

    def report(done: int, total: int) -> None:
        progress(round(count * (start + (end - start) * done / total)), count)

    return report
