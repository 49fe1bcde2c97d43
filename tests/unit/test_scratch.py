"""Temporary folders: gone with the process, however it ends."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fer_core.system import files, temp_folders
from tests.conftest import ROOT

KEEPS_ONE = """
import sys, time
from pathlib import Path
from fer_core.system import temp_folders as scratch
with scratch.folder("test") as place:
    Path(place, "frame.jpg").write_bytes(b"pixels")
    print(place, flush=True)
    {then}
"""


def other(tmp_path: Path, then: str) -> tuple[subprocess.Popen, Path]:
    """Another process that has a temporary folder, and that folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", KEEPS_ONE.format(then=then)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env={"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    return process, Path(process.stdout.readline().strip())


@pytest.fixture(autouse=True)
def own_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    process, place = other(tmp_path, "time.sleep(60)")
    assert (place / "frame.jpg").is_file()
    assert temp_folders.sweep() == 0  # it lives
    assert (place / "frame.jpg").is_file()
    process.kill()
    process.wait()
    assert temp_folders.sweep() == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("then", ["pass", "sys.exit(3)", "raise ValueError"])
def test_a_process_that_ends_leaves_nothing(tmp_path: Path, then: str) -> None:
    process, _ = other(tmp_path, then)
    process.wait()
    assert list(tmp_path.iterdir()) == []


def test_only_its_user_may_look_inside(tmp_path: Path) -> None:
    process, place = other(tmp_path, "time.sleep(60)")
    assert place.parent.stat().st_mode & 0o777 == 0o700
    process.kill()
    process.wait()


def test_half_written_folders_of_long_ago_are_removed(tmp_path: Path) -> None:
    for name in (".new-a-12", ".deleted-b", "kept", ".other"):
        (tmp_path / name).mkdir()
    files.sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 4
    files.sweep(tmp_path, older_s=-1)
    assert sorted(one.name for one in tmp_path.iterdir()) == [".other", "kept"]


KILLED_WRITE = """
import os, signal, sys
from pathlib import Path
from fer_core.system import files
Path.replace = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)
files.write_bytes(Path(sys.argv[1]), b"half")
"""


def test_half_written_files_are_removed_from_all_folders_below(tmp_path: Path) -> None:
    home = tmp_path / "home"
    target = home / "runs" / "one" / "state.npz"
    command = [sys.executable, "-c", KILLED_WRITE, str(target)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    (half,) = target.parent.iterdir()
    for name in (".hidden", ".a-0123", "a-0123456789abcdef", ".a-0123456789abcdeg"):
        (home / name).touch()
    files.sweep_below(home)
    assert half.exists(), "it may still be being written"
    files.sweep_below(home, older_s=-1)
    assert not half.exists()
    assert len(list(home.iterdir())) == 5
    files.sweep_below(tmp_path / "gone")
