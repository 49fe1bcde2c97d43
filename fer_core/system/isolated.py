"""Run a program of ours in a process of its own, with a limit on its time and a way to stop it."""

import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from fer_core.system.parallel import Progress

ROOT: Final = Path(__file__).resolve().parents[2]
LOOK_EVERY_S: Final = 0.2


def run(
    command: Sequence[str],
    time_limit_s: float,
    environment: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> tuple[int, str]:
    """Run ``command`` in the folder that holds this package.

    Args:
        command: Program and arguments; no shell.
        time_limit_s: After so long it is killed.
        environment: All it sees of the environment; this process's own if None.
        progress: Called with (0, 0) now and then; where it raises, the program is killed.

    Returns:
        Its exit status, negative for a signal, and what it wrote on stderr.

    Raises:
        TimeoutError: It took too long.
        CancelledError: ``progress`` asked to stop.
    """
    end = time.monotonic() + time_limit_s
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        with subprocess.Popen(  # noqa: S603  # our own module
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=said,
        ) as process:  # fmt: skip
            try:
                while process.poll() is None:
                    if time.monotonic() > end:
                        raise TimeoutError
                    if progress:
                        progress(0, 0)
                    time.sleep(LOOK_EVERY_S)
            finally:
                process.kill()
        said.seek(0)
        return process.returncode, said.read()
