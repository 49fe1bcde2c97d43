"""Call a function in another process, so that heavy packages and crashes stay out of this one.

Arguments and results are JSON values and NumPy arrays in ``.npz`` files. Nothing is pickled, so the
process may open a stranger's file.
"""

import importlib
import inspect
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from fer_core import errors
from fer_core.errors import FerError
from fer_core.system import memory_limit, temp_folders
from fer_core.system.parallel import Progress
from fer_core.system.paths import PACKAGES

POLL_S: Final = 0.2
MAX_RESULT_BYTES: Final = 4_000_000_000
CALL: Final = "from fer_core.system import isolated; isolated.serve()"

KEPT_VARIABLES: Final = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""All that a sandboxed process sees of the environment."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Limits on a process that opens a stranger's file. It gets no settings or secrets.

    Attributes:
        memory_bytes: Most addresses.
        cpu_s: Most processor seconds.
        file_bytes: Largest file that it may write.
    """

    memory_bytes: int
    cpu_s: int
    file_bytes: int


def call(  # noqa: PLR0913  # each is needed by some caller
    function: str,
    arguments: Mapping[str, Any],
    limit_s: float,
    *,
    error: Callable[[str], FerError],
    progress: Progress | None = None,
    sandbox: Sandbox | None = None,
    imports_tensorflow: bool = False,
) -> Any:
    """Return what ``function(**arguments)`` returns in another process.

    Args:
        function: ``module:name``. Where it has a parameter ``progress``, it gets a function to
            report with.
        arguments: JSON values and arrays by parameter.
        limit_s: After so many seconds the process is killed.
        error: Makes the exception from a reason, such as "took longer than 5 s".
        progress: Called a few times a second with the last report, (0, 0) before the first; where
            it raises, the process is killed.
        sandbox: Limits for a function that opens a stranger's file.
        imports_tensorflow: The process is not started without the memory for that.

    Returns:
        A JSON value, an array, or a dict of these.

    Raises:
        FerError: One that the function raised, or ``error(reason)`` where it raised another
            exception, took too long, its process died, or memory does not suffice for it.
        CancelledError: ``progress`` asked to stop.
    """
    if imports_tensorflow and (shortage := memory_limit.shortage(memory_limit.TENSORFLOW)):
        raise error(shortage)
    with temp_folders.folder("call") as name:
        folder = Path(name)
        request = {"arguments": dict(arguments), "function": function,
                   "sandbox": asdict(sandbox) if sandbox else None}  # fmt: skip
        _write(folder / "request.npz", request)
        environment = _sandbox_environment(folder) if sandbox else None
        try:
            status, stderr = _run(folder, limit_s, environment, progress)
        except TimeoutError as late:
            raise error(f"took longer than {limit_s:g} s") from late
        try:
            outcome = _read(folder / "result.npz")
        except (OSError, ValueError, KeyError, EOFError, MemoryError, zipfile.BadZipFile) as damage:
            raise error(_cause_of_death(status, stderr)) from damage
    if "failure" not in outcome:
        return outcome.get("value")
    kind = getattr(errors, str(outcome["kind"]), None)
    if isinstance(kind, type) and issubclass(kind, FerError):
        raise kind(outcome["failure"])
    raise error(str(outcome["failure"]))


def _sandbox_environment(folder: Path) -> dict[str, str]:
    variables = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    folders = dict.fromkeys(("HOME", "TMPDIR", "KERAS_HOME", "FER_HOME", "FER_CACHE"), str(folder))
    return variables | folders | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}


def _run(
    folder: Path, limit_s: float, environment: Mapping[str, str] | None, progress: Progress | None
) -> tuple[int, str]:
    """Run the process; return its exit status, negative for a signal, and its stderr.

    Raises:
        TimeoutError: It took longer than ``limit_s``.
    """
    end = time.monotonic() + limit_s
    with tempfile.TemporaryFile("w+", errors="replace") as stderr:
        with subprocess.Popen(  # noqa: S603  # our own module
            [sys.executable, "-c", CALL, str(folder)], cwd=PACKAGES, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
        ) as process:  # fmt: skip
            try:
                while process.poll() is None:
                    if time.monotonic() > end:
                        raise TimeoutError
                    if progress:
                        progress(*_last_report(folder))
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(POLL_S)
            finally:
                process.kill()
        stderr.seek(0)
        return process.returncode, stderr.read()


def _last_report(folder: Path) -> tuple[int, int]:
    try:
        done, total = (folder / "progress").read_text("ascii")[:100].split()
        return int(done), int(total)
    except (OSError, ValueError):  # no report, or one that is being written
        return 0, 0


def _cause_of_death(status: int, stderr: str) -> str:
    if status < 0:
        return f"used more time or memory than is allowed, or crashed (signal {-status})"
    last_line = next(reversed(stderr.strip().splitlines()), f"exit status {status}")
    return last_line[:300]


def serve() -> None:
    """Run the function that the folder ``sys.argv[1]`` asks for: the other process."""
    memory_limit.end_first()
    folder = Path(sys.argv[1])
    request = _read(folder / "request.npz")
    if request["sandbox"]:
        _enter(Sandbox(**request["sandbox"]))
    try:
        outcome = {"value": _invoke(request["function"], request["arguments"], folder)}
    except FerError as error:
        outcome = {"failure": str(error), "kind": type(error).__name__}
    except MemoryError:
        outcome = {"failure": "needs more memory than is allowed", "kind": None}
    except Exception as error:  # whatever a file may cause becomes one line
        first_line = next(iter(str(error).strip().splitlines()), "")[:300]
        outcome = {"failure": f"{type(error).__name__}: {first_line}", "kind": None}
    _write(folder / "result.npz", outcome)


def _invoke(name: str, arguments: dict[str, Any], folder: Path) -> Any:
    module, _, attribute = name.partition(":")
    function = getattr(importlib.import_module(module), attribute)

    def report(done: int, total: int) -> None:
        (folder / "progress").write_text(f"{done} {total}", "ascii")

    if "progress" in inspect.signature(function).parameters:
        arguments = arguments | {"progress": report}
    return function(**arguments)


def _enter(sandbox: Sandbox) -> None:
    if sys.platform == "win32":
        return  # Windows has no such limits
    import resource

    for kind, most in ((resource.RLIMIT_AS, sandbox.memory_bytes),
                       (resource.RLIMIT_CPU, sandbox.cpu_s),
                       (resource.RLIMIT_FSIZE, sandbox.file_bytes),
                       (resource.RLIMIT_CORE, 0)):  # fmt: skip
        resource.setrlimit(kind, (most, most))


def _write(file: Path, content: Mapping[str, Any]) -> None:
    """Write JSON values, and arrays at any depth of dicts and lists, as one ``.npz`` file."""
    arrays: list[np.ndarray[Any, Any]] = []

    def take_out(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            arrays.append(value)
            return {"__array__": len(arrays) - 1}
        raise TypeError(f"{type(value).__name__} cannot be sent to another process")

    text = json.dumps(content, default=take_out)
    members = {f"array_{number}": array for number, array in enumerate(arrays)}
    part = file.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez(stream, allow_pickle=False, json=np.array(text), **members)
    part.rename(file)


def _read(file: Path) -> dict[str, Any]:
    with zipfile.ZipFile(file) as archive:
        if sum(member.file_size for member in archive.infolist()) > MAX_RESULT_BYTES:
            raise ValueError("too large")
    with np.load(file, allow_pickle=False) as stored:

        def put_back(value: dict[str, Any]) -> Any:
            return stored[f"array_{value['__array__']}"] if "__array__" in value else value

        content: dict[str, Any] = json.loads(str(stored["json"]), object_hook=put_back)
    return content
