"""Processes that have imported what the next job needs, and wait for it.

At the start of a training run most of the time goes into importing TensorFlow. A process that was
started ahead has that behind it, and becomes the job: the same session, priority, environment and
log as a process that is started for it.
"""

import importlib
import json
import os
import runpy
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from fer_core.system.paths import PACKAGES
from fer_core.system.settings import settings

IDLE_S: Final = 600.0
"""A process that no job needed ends after so many seconds, with all its memory."""

SERVE: Final = "from fer_core.system.jobs import warm; warm.serve()"


@dataclass(frozen=True, slots=True)
class Start:
    """Start of a job's process.

    Attributes:
        module: Module that runs as ``python -m`` does.
        arguments: Its arguments.
        cwd: Its working directory.
        environment: All its environment variables.
        log: File to which it appends what it prints.
    """

    module: str
    arguments: Sequence[str]
    cwd: str
    environment: Mapping[str, str]
    log: Path


_lock = threading.Lock()
_waiting: dict[str, tuple["subprocess.Popen[bytes]", float]] = {}
"""By preload: the process, and the time at which it was started."""


def prepare(preload: str, environment: Mapping[str, str]) -> "subprocess.Popen[bytes] | None":
    """Start a process that calls ``preload`` and waits for a job; None where one waits already.

    It ends with this process, or after ``IDLE_S``.

    Args:
        preload: ``module:function`` that imports what the jobs need.
        environment: Its environment variables until it becomes a job.
    """
    with _lock:
        if _is_usable(preload):
            return None
        process = subprocess.Popen(  # noqa: S603  # our own module
            [sys.executable, "-c", SERVE, preload],
            cwd=PACKAGES, env=dict(environment), stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        _waiting[preload] = process, time.monotonic()
        return process


def bytes_of(preload: str) -> int:
    """Return the memory of the process that waits; 0 where none does."""
    with _lock, suppress(psutil.Error):
        if _is_usable(preload):
            return int(psutil.Process(_waiting[preload][0].pid).memory_info().rss)
    return 0


def become(preload: str, start: Start) -> "subprocess.Popen[bytes] | None":
    """Have the process that waits become a job, and return it; None where none waits."""
    with _lock:
        usable = _is_usable(preload)
        process, _ = _waiting.pop(preload, (None, 0.0))
    if process is None or process.stdin is None:
        return None
    request = {
        "module": start.module, "arguments": list(start.arguments), "cwd": start.cwd,
        "environment": dict(start.environment), "log": str(start.log),
    }  # fmt: skip
    try:
        with process.stdin as stdin:  # without a line it ends
            if usable:
                stdin.write(json.dumps(request).encode() + b"\n")
    except OSError:  # it has just died
        return None
    return process if usable else None


def _is_usable(preload: str) -> bool:
    """Return True where one waits that will not end by itself before it has read a line."""
    if preload not in _waiting:
        return False
    process, started_s = _waiting[preload]
    return process.poll() is None and time.monotonic() - started_s < IDLE_S


def serve() -> None:
    """Call the function named in ``sys.argv[1]``, wait for a job, and become it."""
    module, _, function = sys.argv[1].partition(":")
    getattr(importlib.import_module(module), function)()
    # Later than the other process counts on it, so that no job is lost in between.
    timer = threading.Timer(IDLE_S + 10, os._exit, (0,))
    timer.daemon = True
    timer.start()
    line = sys.stdin.buffer.readline()
    timer.cancel()
    if line:
        _run(json.loads(line))


def _run(request: dict[str, object]) -> None:
    os.environ.clear()
    os.environ.update(dict(request["environment"]))  # type: ignore[call-overload]
    settings.cache_clear()
    os.chdir(str(request["cwd"]))
    with Path(str(request["log"])).open("ab") as log, Path(os.devnull).open("rb") as nothing:
        for file, number in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(file.fileno(), number)
    name = str(request["module"])
    sys.argv = [name, *map(str, request["arguments"])]  # type: ignore[call-overload]
    runpy.run_module(name, run_name="__main__", alter_sys=True)
