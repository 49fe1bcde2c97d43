"""Keep the process small and quick: hints to Python's collector and the C library."""

import ctypes
import gc
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # M_… of glibc's malloc.h


def settle() -> None:
    """Call once, when everything is loaded, before the first video or the first small refresh.

    Takes what is loaded out of garbage collection. Streamlit collects after every run, also after
    the small ones twice a second beside a video or a training run, and with everything loaded each
    collection stops all threads for 0.1 s and more. Limits the C library to two memory pools; by
    default every thread of every connection gets one of its own, and they never shrink.
    """
    gc.collect()
    gc.freeze()
    _libc("mallopt", _ARENA_MAX, 2)


def keep() -> None:
    """Have freed memory kept for the next picture: for work in the background, not for servers.

    By default large blocks go back to the system as soon as they are free and come anew, page by
    page, with every picture: a quarter of the time of reading photos on two cores.
    """
    _libc("mallopt", _TRIM_THRESHOLD, 128 << 20)
    _libc("mallopt", _MMAP_THRESHOLD, 32 << 20)


def give_back() -> None:
    """Return freed memory to the system, where the C library can."""
    _libc("malloc_trim", 0)


def _libc(name: str, *values: int) -> None:
    if sys.platform == "linux":
        function = getattr(ctypes.CDLL(None), name, None)  # musl has neither
        if function is not None:
            function(*values)
