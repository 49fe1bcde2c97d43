"""Work through many rows on a few threads, with progress that may stop the work."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

Progress = Callable[[int, int], None]
"""Called with rows done and rows in all; may raise ``errors.CancelledError`` to stop the work."""


def run(
    work: Callable[[int, int], None],
    count: int,
    progress: Progress | None = None,
    threads: int = 2,
    size: int = 256,
) -> None:
    """Call ``work(start, stop)`` for chunks of ``size`` rows that cover 0 to ``count``.

    Worth it where the work leaves Python for most of its time, as reading files and OpenCV do.
    An error in a chunk or in ``progress`` stops what has not begun and is raised here.
    """
    pool = ThreadPoolExecutor(threads)
    starts = range(0, count, size)
    try:
        for start, _ in zip(
            starts, pool.map(lambda at: work(at, min(at + size, count)), starts), strict=True
        ):
            if progress:
                progress(min(start + size, count), count)
    finally:
        pool.shutdown(cancel_futures=True)


def batches(things: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yield up to ``size`` things at a time; ``itertools.batched`` of Python 3.12."""
    iterator = iter(things)
    while batch := tuple(islice(iterator, size)):
        yield batch
