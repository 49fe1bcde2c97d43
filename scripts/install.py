"""Install into a virtual environment, and say what to do where that fails.

    python3 scripts/install.py install VENV REQUIREMENTS
    python3 scripts/install.py port HOST PORT

``make`` runs this file by itself before anything is installed: it uses nothing but Python, and no
syntax that Python 3.6 would not understand, so that an old one gets a sentence and no SyntaxError.
"""

import os
import shutil
import socket
import subprocess
import sys
from typing import NoReturn

NEEDED = 4000
"""Free megabytes for the packages and what pip unpacks on the way."""

PATIENCE = 20
"""Seconds without a word."""

NETWORK = ("resolution", "Connection", "Network is unreachable", "timed out", "Max retries",
           "No matching distribution", "SSLError", "ProxyError")  # fmt: skip


def check_python() -> None:
    """A version for which every package has been tried."""
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        _stop(
            "FER Studio needs Python 3.11, 3.12 or 3.13, and this is {}.{}. If you have one of "
            "them as well, name it: make app PYTHON=python3.12".format(*sys.version_info[:2])
        )


def check_venv() -> None:
    """Debian and Ubuntu leave this part of Python out."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        _stop(
            "This Python has no venv module. On Debian and Ubuntu install it with: "
            "sudo apt install python{}.{}-venv".format(*sys.version_info[:2])
        )


def check_disk(folder: str) -> None:
    """Room for the packages."""
    free = shutil.disk_usage(folder).free // 1000000
    if free < NEEDED:
        _stop(
            "Not enough disk space: the packages take about 3 GB and {:,} MB are free in {}. Free "
            "some, or clone into another place.".format(free, os.path.abspath(folder))
        )


def install(environment: str, requirements: str) -> None:
    """Create ``environment`` where there is none that works, and install ``requirements``."""
    python = os.path.join(environment, "bin", "python")
    if not _has_pip(python):
        check_python()
        check_venv()
        check_disk(os.path.dirname(os.path.abspath(environment)))
        shutil.rmtree(environment, ignore_errors=True)
        if subprocess.run([sys.executable, "-m", "venv", environment], check=False).returncode:
            shutil.rmtree(environment, ignore_errors=True)
            _stop("The virtual environment {} could not be made; see above.".format(environment))
    check_version(python)
    _say("Installing {} into {}. The first time takes some minutes.", requirements, environment)
    packages = _packages(python)
    before = os.stat(packages).st_mtime_ns
    _pip(python, requirements)
    if os.stat(packages).st_mtime_ns != before:
        _compile(python, packages)


def check_version(python: str) -> None:
    """An environment that something else made may be of another Python."""
    said = subprocess.run([python, "-V"], stdout=subprocess.PIPE, check=True).stdout.decode()
    if not any(said.startswith("Python 3.{}.".format(minor)) for minor in (11, 12, 13)):
        _stop(
            "{} is {}, and FER Studio needs Python 3.11, 3.12 or 3.13. Move that folder away and "
            "run the same command again: a new one is made.".format(
                os.path.dirname(os.path.dirname(python)), said.strip()
            )
        )


def _has_pip(python: str) -> bool:
    command = [python, "-c", "import pip"]
    try:
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def _pip(python: str, requirements: str) -> None:
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command.append("--no-compile")  # pip uses one core for that
    pip = subprocess.Popen(
        [*command, "-r", requirements], stderr=subprocess.PIPE, universal_newlines=True
    )
    said = _wait(pip).strip()
    if pip.returncode == 0:
        return
    sys.stderr.write("\n".join(said.splitlines()[-6:]) + "\n\n")
    if "No space left" in said:
        _stop("The disk is full. Free about 3 GB and run the same command again.")
    if any(word in said for word in NETWORK):
        _stop(
            "The packages could not be fetched. Is there an internet connection, and may pip use "
            "it (proxy: https_proxy)? Then run the same command again."
        )
    _stop("pip could not install the packages; what it said is above.")


def _wait(pip: "subprocess.Popen[str]") -> str:
    """Wait for pip, which says nothing meanwhile; return its errors."""
    seconds = 0
    while True:
        try:
            return pip.communicate(timeout=PATIENCE)[1]
        except subprocess.TimeoutExpired:
            seconds += PATIENCE
            _say("  still installing, {} s", seconds)


def _packages(python: str) -> str:
    """Folder of an environment's packages."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return (
        subprocess.run([python, "-c", code], stdout=subprocess.PIPE, check=True)
        .stdout.decode()
        .strip()
    )


def _compile(python: str, packages: str) -> None:
    """Write the bytecode of all packages, on every core; some files are for old Pythons."""
    subprocess.run(
        [python, "-m", "compileall", "-q", "-j", "0", packages],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def check_port(host: str, port: str) -> None:
    """Nobody listens there yet."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((host, 0))
        except OSError:
            _stop(
                "{} is no IPv4 address of this computer. HOST=127.0.0.1 keeps FER Studio to it, "
                "HOST=0.0.0.0 opens it to the network.".format(host)
            )
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((host, int(port)))
        except (OSError, OverflowError, ValueError) as error:
            _stop(
                "Port {} cannot be used ({}). If FER Studio runs already, open http://localhost:{} "
                "or stop it; else take another one: make app PORT={}".format(
                    port, getattr(error, "strerror", None) or error, port, _next(port)
                )
            )


def _next(port: str) -> int:
    return int(port) + 1 if str(port).isdigit() and int(port) < 65535 else 8502


def _say(text: str, *values: object) -> None:
    sys.stderr.write(text.format(*values) + "\n")


def _stop(text: str) -> NoReturn:
    _say("{}", text)
    sys.exit(1)


if __name__ == "__main__":
    if sys.argv[1] == "port":
        check_port(*sys.argv[2:])
    else:
        install(*sys.argv[2:])
