"""Keep the process small and quick: hints to Python's collector and the C library."""

import ctypes
import gc
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -2, -3, -4, -8
"""M_… of glibc's malloc.h."""


def freeze_gc_once() -> None:
    """Call once, when everything is loaded, before the first video or the first small refresh.

    Takes what is loaded out of garbage collection. Streamlit collects after every run, also after
    the small ones twice a second beside a video or a training run, and with everything loaded each
    collection stops all threads for 0.1 s and more.
    """
    gc.collect()
    gc.freeze()


def limit_freed() -> None:
    """Have the C library retain little freed memory: for servers, before their first page.

    By default every thread of every connection gets a memory pool of its own, and the first large
    block that is freed raises the size up to which freed memory is retained, in each pool, to twice
    that block's. A frame of a webcam stays below these sizes.
    """
    _libc("mallopt", _ARENA_MAX, 2)
    _libc("mallopt", _MMAP_THRESHOLD, 4 << 20)
    _libc("mallopt", _TRIM_THRESHOLD, 4 << 20)


def retain_freed() -> None:
    """Retain freed memory for the next image: for work in the background, not for servers.

    By default large blocks go back to the system as soon as they are free and come anew, page by
    page, with every image: a quarter of the time of reading photos on two cores.
    """
    _libc("mallopt", _TRIM_THRESHOLD, 128 << 20)
    _libc("mallopt", _MMAP_THRESHOLD, 32 << 20)


def keep_all() -> None:
    """Never return freed memory to the system: for training, in a process of its own.

    Call before TensorFlow is imported. What it gains depends on the machine: docs/performance.md.
    """
    _libc("mallopt", _MMAP_MAX, 0)
    _libc("mallopt", _TRIM_THRESHOLD, -1)
    _libc("mallopt", _TOP_PAD, 256 << 20)
    _libc("mallopt", _ARENA_MAX, 1)


def release_free() -> None:
    """Return freed memory to the system, where the C library can."""
    _libc("malloc_trim", 0)


def _libc(name: str, *values: int) -> None:
    if sys.platform == "linux":
        function = getattr(ctypes.CDLL(None), name, None)  # musl has neither
        if function is not None:
            function(*values)
