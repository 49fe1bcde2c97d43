import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_core.errors import CancelledError, DatasetError, ModelError
from fer_core.system import isolated


def call(name: str, limit_s: float = 60, **options: Any) -> Any:
    arguments = options.pop("arguments", {})
    return isolated.call(
        f"tests.unit.isolated_functions:{name}", arguments, limit_s,
        error=lambda reason: ModelError(f"file ({reason})"), **options,
    )  # fmt: skip


def test_values_and_arrays_go_and_come_at_any_depth() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    empty = np.zeros((0, 7), np.float32)
    arguments = {"file": "ä\udcff", "json": [1, {"deep": pixels}], "empty": empty, "none": None}
    back = call("echo", arguments=arguments)
    np.testing.assert_array_equal(back["json"][1]["deep"], pixels)
    assert back["json"][1]["deep"].dtype == np.uint8
    assert (back["empty"].shape, back["empty"].dtype) == ((0, 7), np.float32)
    assert (back["file"], back["json"][0], back["none"]) == ("ä\udcff", 1, None)
    scaled = call("scaled", arguments={"pixels": pixels, "factor": 0.5})
    np.testing.assert_array_equal(scaled, pixels * 0.5)
    assert call("nothing") is None


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("refuse", DatasetError, r"^x\.csv: no rows\. Check the file\.$"),
        ("fail", ModelError, r"^file \(KeyError: 'first line.*\)$"),
        ("die", ModelError, r"^file \(used more time or memory .* crashed \(signal 9\)\)$"),
        ("leave", ModelError, r"^file \(last words\)$"),
        ("give_an_object", ModelError, r"object cannot be sent to another process"),
        ("missing", ModelError, r"AttributeError"),
    ],
)
def test_each_end_has_one_clear_error(name: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(name)


def test_a_sandbox_limits_memory_and_shows_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_SECRET", "1")
    sandbox = isolated.Sandbox(memory_bytes=2_000_000_000, cpu_s=50, file_bytes=1_000_000)
    variables = call("environment", sandbox=sandbox)
    assert "FER_SECRET" not in variables
    assert "TMPDIR" in variables
    assert "FER_SECRET" in call("environment")
    assert call("limits", sandbox=sandbox) == [2_000_000_000, 50]
    with pytest.raises(ModelError, match="needs more memory than is allowed"):
        call("fill_memory", sandbox=sandbox)


def test_nothing_is_unpickled() -> None:
    with pytest.raises(ModelError):
        call("pickle_instead")


def test_progress_comes_back() -> None:
    reports: list[tuple[int, int]] = []
    assert call("count", arguments={"until": 4}, progress=lambda *r: reports.append(r)) == 4
    assert reports[0] == (0, 0)
    assert reports[-1][0] >= 2
    assert {total for _, total in reports[-1:]} == {4}


@pytest.mark.parametrize("error", [ModelError, CancelledError])
def test_it_is_killed_when_late_or_stopped(error: type[Exception], tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if error is CancelledError:
            raise CancelledError("stopped")

    file = tmp_path / "written"
    start = time.monotonic()
    with pytest.raises(error, match=r"stopped|took longer than 0\.3 s"):
        call("sleep_then_write", 0.3, arguments={"file": str(file)}, progress=stop)
    assert time.monotonic() - start < 7
    assert not file.exists()
