"""Functions that test_isolated.py calls in another process."""

import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fer_core.errors import DatasetError


def echo(**arguments: Any) -> Any:
    return arguments


def scaled(pixels: np.ndarray, factor: float) -> np.ndarray:
    return pixels * factor


def nothing() -> None:
    pass


def environment() -> list[str]:
    return sorted(os.environ)


def limits() -> list[int]:
    return [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU)]


def refuse() -> None:
    raise DatasetError("x.csv: no rows. Check the file.")


def fail() -> None:
    raise KeyError("first line\nsecond line")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    sys.stderr.write("x" * 200_000 + "\nlast words")
    sys.stderr.flush()
    os._exit(3)


def give_an_object() -> object:
    return object()


def fill_memory() -> int:
    return len(bytes(3_000_000_000))


def pickle_instead() -> None:
    """Write what np.load would unpickle, were it allowed to."""
    np.savez(Path(sys.argv[1]) / "result.npz", json=np.array([{"value": 1}], dtype=object))
    os._exit(0)


def count(until: int, progress: Callable[[int, int], None]) -> int:
    for number in range(until):
        progress(number + 1, until)
        time.sleep(0.3)
    return until


def sleep_then_write(file: str) -> None:
    time.sleep(8)
    Path(file).touch()


def end_score() -> int:
    return int(Path("/proc/self/oom_score_adj").read_text())
