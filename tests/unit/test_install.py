"""Each way in which the first ``make app`` fails says what to do."""

import ast
import os
import shutil
import socket
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from scripts import install

FILE = Path(install.__file__)


def test_an_old_python_can_read_it() -> None:
    ast.parse(FILE.read_text("utf-8"), feature_version=(3, 6))


def said(capsys: pytest.CaptureFixture, *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        install.install(*arguments)
    assert ended.value.code == 1
    return capsys.readouterr().err


@pytest.mark.parametrize("version", [(3, 9), (3, 10), (3, 14), (2, 7)])
def test_another_python_is_named(
    version: tuple[int, int], monkeypatch: pytest.MonkeyPatch, capsys, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "version_info", (*version, 0))
    told = said(capsys, str(tmp_path / "venv"), "requirements.txt")
    assert f"this is {version[0]}.{version[1]}" in told
    assert "make app PYTHON=" in told


def test_no_venv_module(monkeypatch: pytest.MonkeyPatch, capsys, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    told = said(capsys, str(tmp_path / "venv"), "requirements.txt")
    assert f"sudo apt install python3.{sys.version_info[1]}-venv" in told


def test_little_disk(monkeypatch: pytest.MonkeyPatch, capsys, tmp_path: Path) -> None:
    usage = namedtuple("usage", "total used free")(0, 0, 900_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    told = said(capsys, str(tmp_path / "venv"), "requirements.txt")
    assert "900 MB are free" in told
    assert not (tmp_path / "venv").exists()


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pip asks, nobody answers."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name, value in {"CONFIG_FILE": os.devnull, "INDEX_URL": "http://127.0.0.1:9/simple",
                        "RETRIES": "0"}.items():  # fmt: skip
        monkeypatch.setenv(f"PIP_{name}", value)


def test_no_network(nowhere, capsys, tmp_path: Path) -> None:
    (tmp_path / "needed.txt").write_text("a-package-that-nobody-has==1.0\n")
    told = said(capsys, sys.prefix, str(tmp_path / "needed.txt"))
    assert "Is there an internet connection" in told
    assert "a-package-that-nobody-has" in told  # pip's own words are kept


def test_what_is_installed_needs_no_network(nowhere, capsys, tmp_path: Path) -> None:
    (tmp_path / "needed.txt").write_text("numpy\n")
    install.install(sys.prefix, str(tmp_path / "needed.txt"))
    assert "Installing" in capsys.readouterr().err


def test_an_environment_of_another_python(capsys, tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\n[ "$1" != -V ] || echo Python 3.10.4\n')
    python.chmod(0o755)
    told = said(capsys, str(tmp_path / "venv"), "requirements.txt")
    assert "venv is Python 3.10.4" in told
    assert "Move that folder away" in told


@pytest.mark.parametrize("host", ["::", "no-such-host.invalid", "203.0.113.9"])
def test_an_address_of_no_network_here(host: str) -> None:
    done = port(8501, host)
    assert done.returncode == 1
    assert f"{host} is no IPv4 address of this computer" in done.stderr


def test_a_moved_or_dead_environment_is_made_anew(tmp_path: Path) -> None:
    shutil.copy(FILE.parents[1] / "Makefile", tmp_path)
    (tmp_path / "requirements.txt").touch()
    ready = tmp_path / ".venv" / ".app-ready"
    ready.parent.mkdir()
    ready.touch()
    asked = ["make", "-n", ready.relative_to(tmp_path)]
    done = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "install.py install" in done.stdout
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    done = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "install.py install" not in done.stdout


def port(number: int, host: str = "127.0.0.1") -> subprocess.CompletedProcess:
    command = [sys.executable, str(FILE), "port", host, str(number)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_taken_port() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        number = other.getsockname()[1]
        done = port(number)
        assert done.returncode == 1
        assert f"make app PORT={number + 1}" in done.stderr
        assert f"http://localhost:{number}" in done.stderr
    assert port(number).returncode == 0
    assert port(99999).returncode == 1
