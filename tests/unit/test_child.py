import sys
import time

import pytest

from fer_core.errors import CancelledError
from fer_core.system import isolated


def test_status_and_stderr_come_back() -> None:
    code = "import sys, os; sys.stderr.write('x' * 200000 + str(sorted(os.environ))); sys.exit(3)"
    status, said = isolated.run([sys.executable, "-c", code], 60, {"ONLY": "1"})
    assert status == 3
    assert said.startswith("xxx")
    assert "ONLY" in said
    assert "HOME" not in said


def test_signals_are_negative() -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert isolated.run([sys.executable, "-c", code], 60)[0] == -9


@pytest.mark.parametrize("error", [TimeoutError, CancelledError])
def test_it_is_killed_when_late_or_stopped(error: type[Exception], tmp_path) -> None:
    def stop(done: int, total: int) -> None:
        if error is CancelledError:
            raise CancelledError("stopped")

    code = f"import time; time.sleep(8); open({str(tmp_path / 'done')!r}, 'w')"
    start = time.monotonic()
    with pytest.raises(error):
        isolated.run([sys.executable, "-c", code], 0.3, progress=stop)
    assert time.monotonic() - start < 7
    assert not (tmp_path / "done").exists()
