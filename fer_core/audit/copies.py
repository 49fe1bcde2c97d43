"""Find copies of the same photo: exact, slightly changed, mirrored; within and across splits.

Fingerprints of the thumbnails propose pairs, the pictures themselves confirm them. Proposing sorts
the fingerprints by random choices of their bits and compares neighbours, so that its time grows
with n log n; there is no all-pairs matrix.

Sources: Charikar, Similarity estimation techniques from rounding algorithms, 2002 (sorted random
bit orders); pHash (signs of low DCT frequencies), here against the dataset's own medians because
faces share most of their low frequencies.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from fer_core import chunks
from fer_core.chunks import Progress
from fer_core.dataset import pixels
from fer_core.dataset.index import THUMB, DatasetIndex, Thumbs
from fer_core.errors import ImageError
from fer_core.images import Pixels

DEFAULT_DIFFERENCE: Final = 0.08
"""Pairs up to this are shown unless asked otherwise. On FER-2013, of 24 pairs looked at a band, all
below 0.06 were the same photo, 22 from 0.06 to 0.08, and 19 from 0.08 to 0.10."""

MOST_DIFFERENCE: Final = 0.12
"""Where the search ends: hardly any pair beyond is the same photo."""

MOST_BITS: Final = 32
"""Fingerprints of copies differ in at most this many of 128 bits. Random FER-2013 pairs differ in
64 ± 6.3; JPEG 50 changes up to 7 (99 %), a crop of 1 in 48 pixels on each side up to 25."""

ORDERS, NEIGHBOURS = 96, 12
"""Random bit orders, and how many neighbours are compared in each."""

FLAT: Final = 6.0
"""Pictures whose grey values deviate less than this are not compared: they are all alike."""

SIDE: Final = 48
SCALES: Final = (48, 45, 51, 42, 54)
_BITS, _KEY_BITS = 128, 64
_ORIGINAL, _MIRRORED, _CROPPED = 0, 1, 2

Bits = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]


def find(index: DatasetIndex, progress: Progress | None = None, seed: int = 0) -> pd.DataFrame:
    """Every pair of copies; where many files are equal, each is paired with the first of them.

    Args:
        index: The dataset.
        progress: See ``chunks.Progress``; counts pairs that are confirmed.
        seed: Of the random bit orders.

    Returns:
        A row a pair, most alike first: ``a`` < ``b`` (rows of ``index``), ``kind`` (``exact``,
        ``near`` or ``mirrored``), ``difference`` (1 - correlation of the grey values at the best
        fit, 0..``MOST_DIFFERENCE``), ``crosses`` (the splits differ), ``disagrees`` (the labels
        differ).
    """
    good = np.flatnonzero(index.is_readable)
    digests = index.table["digest"].to_numpy()[good]
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    exact = np.stack([good[first[inverse]], good], axis=1)
    exact = exact[exact[:, 0] != exact[:, 1]]
    detailed = index.table["contrast"].to_numpy()[good[first]] >= FLAT
    single = np.sort(good[first[detailed]])
    near = propose(index.thumbs[single], seed)
    near[:, :2] = single[near[:, :2]]
    difference = confirm(index, near, progress)
    alike = difference <= MOST_DIFFERENCE
    return _table(index, exact, near[alike], difference[alike])


def propose(thumbs: Thumbs, seed: int = 0) -> Rows:
    """Pairs that may be copies.

    Args:
        thumbs: uint8 (N, 16, 16).
        seed: Of the random bit orders.

    Returns:
        int64 (M, 3): two rows, the first the smaller, and 1 where one picture must be mirrored.
    """
    count = len(thumbs)
    if count < 2:
        return np.empty((0, 3), np.int64)
    bits = fingerprints(thumbs)
    flags = np.unpackbits(bits.view(np.uint8), axis=1, count=_KEY_BITS)
    random = np.random.default_rng(seed)
    found = [np.empty(0, np.int64)]
    for _ in range(ORDERS):
        chosen = np.packbits(flags[:, random.permutation(_KEY_BITS)[:32]], axis=1)
        order = np.argsort(np.ascontiguousarray(chosen).view(">u4").ravel(), kind="stable")
        found.append(np.unique(_codes(order, bits, count)))
    code = np.unique(np.concatenate(found))
    pairs = np.stack([code // 2 // count, code // 2 % count, code % 2], axis=1)
    return np.asarray(pairs, np.int64)


def _codes(order: npt.NDArray[np.intp], bits: Bits, count: int) -> Rows:
    """Neighbours with like fingerprints as ``(first * count + second) * 2 + mirrored``."""
    ranked, codes = bits[order], [np.empty(0, np.int64)]
    for step in range(1, min(NEIGHBOURS, len(order) - 1) + 1):
        apart = np.bitwise_count(ranked[step:] ^ ranked[:-step]).sum(axis=1, dtype=np.uint8)
        hits = np.flatnonzero(apart <= MOST_BITS)
        one, other = order[hits], order[hits + step]
        plain = (one < count) | (other < count)  # two changed versions say nothing new
        a, b = one[plain] % count, other[plain] % count
        mirrored = np.maximum(one[plain], other[plain]) // count == _MIRRORED
        differ = a != b
        low, high = np.minimum(a, b)[differ], np.maximum(a, b)[differ]
        codes.append((low * count + high) * 2 + mirrored[differ])
    return np.concatenate(codes)


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


def confirm(
    index: DatasetIndex, pairs: Rows, progress: Progress | None = None
) -> npt.NDArray[np.float64]:
    """How much the pictures of each pair differ at their best fit; see ``difference``.

    Args:
        index: The dataset.
        pairs: int64 (M, 3) as ``propose`` gives them, with rows of ``index``.
        progress: See ``chunks.Progress``.
    """
    result = np.ones(len(pairs))

    def work(start: int, stop: int) -> None:
        part = pairs[start:stop]
        small = {row: _small(index, row) for row in np.unique(part[:, :2]).tolist()}
        for place, (a, b, mirrored) in enumerate(part.tolist(), start):
            result[place] = difference(small[a], small[b][:, ::-1] if mirrored else small[b])

    chunks.run(work, len(pairs), progress, size=1024)
    return result


def difference(a: Pixels, b: Pixels) -> float:
    """1 - the best correlation of two uint8 (48, 48) over shifts of up to 4 and scales of ±12 %."""
    best = -1.0
    for side in SCALES:
        scaled = (
            b if side == SIDE else np.asarray(cv2.resize(np.ascontiguousarray(b), (side, side)))
        )
        large, part = (a, scaled[2:-2, 2:-2]) if side < SIDE else (scaled, a[4:-4, 4:-4])
        fit = cv2.matchTemplate(large, np.ascontiguousarray(part), cv2.TM_CCOEFF_NORMED)
        best = max(best, float(fit.max()))
        if best < 0.6:  # no scale brings this pair to the 0.88 that is needed
            break
    return 1 - best


def _small(index: DatasetIndex, row: int) -> Pixels:
    """A picture as grey uint8 (48, 48); zeros where the file has gone since the scan."""
    try:
        found = pixels.read(index.path(row))
    except ImageError:
        return np.zeros((SIDE, SIDE), np.uint8)
    grey = found if found.ndim == 2 else cv2.cvtColor(found, cv2.COLOR_RGB2GRAY)
    if grey.shape != (SIDE, SIDE):
        grey = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(grey, np.uint8)


def _table(
    index: DatasetIndex, exact: Rows, near: Rows, difference: npt.NDArray[np.float64]
) -> pd.DataFrame:
    split = index.table["split"].cat.codes.to_numpy()
    label = index.label_codes()
    ends = np.concatenate([exact, near[:, :2]])
    table = pd.DataFrame(
        {
            "a": ends.min(axis=1, initial=len(index)),
            "b": ends.max(axis=1, initial=0),
            "kind": ["exact"] * len(exact)
            + ["mirrored" if flip else "near" for flip in near[:, 2].tolist()],
            "difference": np.concatenate([np.zeros(len(exact)), difference]),
            "crosses": split[ends[:, 0]] != split[ends[:, 1]],
            "disagrees": label[ends[:, 0]] != label[ends[:, 1]],
        }
    )
    best = table.sort_values(["difference", "a", "b"], kind="stable")
    return best.drop_duplicates(["a", "b"]).reset_index(drop=True)


def groups(pairs: pd.DataFrame) -> list[Rows]:
    """The rows that belong together: each group sorted, the largest group first."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if pairs.empty:
        return []
    rows, places = np.unique(pairs[["a", "b"]].to_numpy(), return_inverse=True)
    a, b = places.reshape(-1, 2).T
    links = coo_array((np.ones(len(a)), (a, b)), shape=(len(rows), len(rows)))
    _, group = connected_components(links, directed=False)
    order = np.argsort(group, kind="stable")
    cuts = np.flatnonzero(np.diff(group[order])) + 1
    return sorted(np.split(rows[order], cuts), key=lambda found: (-len(found), found[0]))


def surplus(index: DatasetIndex, pairs: pd.DataFrame) -> Rows:
    """Training rows to exclude so that no photo is left twice.

    Of each group that reaches into another split every training image goes; of the others all but
    the first do.
    """
    train = np.asarray(index.table["split"] == "train")
    return _collect(
        group[train[group]] if not train[group].all() else group[1:] for group in groups(pairs)
    )


def leaking(index: DatasetIndex, pairs: pd.DataFrame) -> Rows:
    """Training rows that have a copy in another split."""
    crossing = pairs[pairs["crosses"]]
    train = np.asarray(index.table["split"] == "train")
    return _collect(crossing[end].to_numpy()[train[crossing[end]]] for end in ("a", "b"))


def _collect(parts: Iterator[Rows]) -> Rows:
    return np.unique(np.concatenate([np.empty(0, np.int64), *parts])).astype(np.int64)
