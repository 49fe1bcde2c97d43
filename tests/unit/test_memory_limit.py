"""Memory of a container: limits of both kinds of control groups, and what is refused in time."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from fer_core.dataset.source import DatasetSource
from fer_core.errors import FerError, JobError, ModelError
from fer_core.system import isolated, memory_limit
from fer_core.system.jobs import Jobs
from fer_core.training import runs
from fer_core.training.config import TrainConfig

GB = 1_000_000_000
NO_LIMIT_1 = 9223372036854771712
MACHINE = psutil.virtual_memory().total + psutil.swap_memory().total


def version_2(folder: str, limit: int | str, used: int = 0, files: int = 0) -> Mapping[str, str]:
    return {
        f"{folder}/memory.max": f"{limit}\n",
        f"{folder}/memory.current": f"{used}\n",
        f"{folder}/memory.stat": f"anon 1\ninactive_file {files}\nactive_file 0\n",
    }


def version_1(folder: str, limit: int, used: int = 0, files: int = 0) -> Mapping[str, str]:
    return {
        f"{folder}/memory.limit_in_bytes": f"{limit}\n",
        f"{folder}/memory.usage_in_bytes": f"{used}\n",
        f"{folder}/memory.stat": f"cache 9\ntotal_inactive_file 0\ntotal_active_file {files}\n",
    }


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Replace the system's control groups by ``groups(membership, files)``."""

    def write(membership: str, files: Mapping[str, str]) -> None:
        monkeypatch.setattr(memory_limit, "GROUPS", tmp_path / "cgroup")
        monkeypatch.setattr(memory_limit, "MEMBERSHIP", tmp_path / "membership")
        (tmp_path / "membership").write_text(membership)
        for name, text in files.items():
            file = tmp_path / "cgroup" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    return write


@pytest.mark.parametrize(
    ("membership", "files", "total", "free"),
    [
        pytest.param("0::/\n", version_2(".", GB, 400_000_000), GB, 600_000_000, id="container"),
        pytest.param(
            "0::/\n", version_2(".", GB, 900_000_000, 300_000_000), GB, 400_000_000, id="file cache"
        ),
        pytest.param("0::/\n", version_2(".", 1000, 5000), 1000, 0, id="over the limit"),
        pytest.param(
            "0::/a/b\n", {**version_2("a/b", "max"), **version_2("a", 7000, 2000)}, 7000, 5000,
            id="limit of the parent",
        ),
        pytest.param(
            "0::/a/b\n", {**version_2("a/b", 9000, 1000), **version_2("a", 20_000, 15_000)},
            9000, 5000, id="parent is fuller",
        ),
        pytest.param(
            "0::/of/the/host\n", version_2(".", 3000, 1000), 3000, 2000, id="path of the host"
        ),
        pytest.param(
            "5:cpu,cpuacct:/x\n4:memory:/x\n0::/\n", version_1("memory/x", 3000, 2000, 500),
            3000, 1500, id="version 1",
        ),
    ],
)  # fmt: skip
def test_limits_of_control_groups(groups, membership, files, total, free) -> None:
    groups(membership, files)
    assert (memory_limit.total(), memory_limit.free()) == (total, free)


@pytest.mark.parametrize(
    ("membership", "files"),
    [
        ("0::/\n", version_2(".", "max")),
        ("0::/\n", {}),
        ("", {}),
        ("4:memory:/\n", version_1("memory", NO_LIMIT_1)),
        ("0::/\n", {**version_2(".", 1000), "./memory.current": "?"}),
    ],
)
def test_without_a_limit_the_machine_counts(groups, membership, files) -> None:
    groups(membership, files)
    assert memory_limit.total() == MACHINE
    assert 0 < memory_limit.free() <= MACHINE


def test_the_reason_says_what_is_needed_and_what_there_is(groups) -> None:
    groups("0::/\n", version_2(".", 2 * GB, 1_400_000_000))
    assert memory_limit.shortage(600_000_000) == ""
    assert memory_limit.shortage(900_000_000) == (
        "needs about 0.9 GB of memory, and this machine has 2.0 GB, of which 0.6 GB are free"
    )
    assert memory_limit.shortage(3 * GB) == (
        "needs about 3.0 GB of memory, and this machine has 2.0 GB"
    )


def test_what_memory_does_not_suffice_for_is_not_started(
    groups, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups("0::/\n", version_2(".", GB, 700_000_000))
    monkeypatch.setattr(subprocess, "Popen", None)
    with pytest.raises(ModelError, match=r"^x: needs about 0\.9 GB .* 0\.3 GB are free$"):
        isolated.call("os:getpid", {}, 1, error=lambda reason: ModelError(f"x: {reason}"),
                      imports_tensorflow=True)  # fmt: skip
    with pytest.raises(JobError, match=r"a\.mp4: reading it needs about 0\.4 GB"):
        Jobs(tmp_path / "jobs", needed_bytes=400_000_000).create("a.mp4", "video")
    with pytest.raises(FerError, match=r"needs about 0\.9 GB of memory"):
        runs.start(TrainConfig(), DatasetSource("demo"), "Mine")
    assert runs.store().list() == ()
    assert runs.memory_shortage().startswith("needs about 0.9 GB")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends processes in this order")
def test_a_process_that_is_started_ends_before_the_server() -> None:
    path = Path("/proc/self/oom_score_adj")
    score_here = path.read_text()
    score = isolated.call("tests.unit.isolated_functions:end_score", {}, 60, error=FerError)
    assert score == memory_limit.END_FIRST
    assert path.read_text() == score_here
