"""Run ``fer-studio app``: the dashboard, in the browser."""

import argparse
import os
import socket
import subprocess
import sys
from importlib.util import find_spec

from fer_core.errors import SettingsError
from fer_core.system.paths import APP

FIRST_PORT = 8501
PORTS = 100
LOCAL = ("127.0.0.1", "localhost")


def add(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of ``app``."""
    parser.add_argument(
        "--port", type=int, help=f"port (default: the first free, from {FIRST_PORT})"
    )
    parser.add_argument(
        "--host", default=LOCAL[0],
        help="address to listen on; 0.0.0.0 opens the dashboard to the network (default: "
        "%(default)s, this machine alone)",
    )  # fmt: skip
    parser.add_argument("--no-browser", action="store_true", help="open no browser")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Start the server; it ends with Ctrl-C.

    Raises:
        SettingsError: The port is taken, the host is not an address of this machine, or Streamlit
            is not installed.
    """
    if find_spec("streamlit") is None:
        raise SettingsError("Streamlit is not installed. Install it with: pip install fer-studio")
    port = options.port or _free_port(options.host)
    if not _is_free(options.host, port):
        raise SettingsError(
            f"Port {port} of {options.host} cannot be used. Leave --port out to take a free one."
        )
    command = [
        sys.executable, "-m", "streamlit", "run", str(APP / "streamlit_app.py"),
        "--server.port", str(port), "--server.address", options.host,
        "--server.headless", str(options.no_browser).lower(),
    ]  # fmt: skip
    if options.host in LOCAL:  # another name may be a foreign page's that was made to point here
        command += [part for name in LOCAL for part in ("--server.allowedHosts", name)]
    address = "localhost" if options.host in {*LOCAL, "0.0.0.0"} else options.host  # noqa: S104
    print(f"FER Studio is starting on http://{address}:{port} (stop it with Ctrl-C)", flush=True)
    if os.name == "posix":
        os.execv(sys.executable, command)  # noqa: S606  # signals reach the server itself
    return subprocess.call(command)  # noqa: S603  # our own program


def _free_port(host: str) -> int:
    for port in range(FIRST_PORT, FIRST_PORT + PORTS):
        if _is_free(host, port):
            return port
    raise SettingsError(
        f"No port of {host} from {FIRST_PORT} on can be used. Check --host, or give --port."
    )


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except (OSError, OverflowError):
            return False
    return True
