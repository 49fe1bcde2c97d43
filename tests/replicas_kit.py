"""Replicas of the app behind a real nginx, as ``deploy/`` sets them up, without containers."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "deploy" / "nginx.conf.template"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
WHOLE = """
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Replicas:
    """``count`` replicas that share one ``FER_HOME``, and nginx before them."""

    def __init__(self, folder: Path, environment: Mapping[str, str], count: int = 2) -> None:
        self.folder, self.environment = folder, environment
        self.ports = [free_port() for _ in range(count)]
        self.apps = {port: self._serve(port) for port in self.ports}
        for port, app in self.apps.items():
            self._wait(f"http://127.0.0.1:{port}", app)
        port = free_port()
        self.nginx = subprocess.Popen(
            [str(NGINX), "-p", str(folder), "-c", str(self._configured(port)),
             "-e", str(folder / "error.log"), "-g", "daemon off;"],
        )  # fmt: skip
        self.address = f"http://127.0.0.1:{port}"
        self._wait(self.address, self.nginx)

    def kill(self, port: int) -> None:
        """As a machine that loses its power."""
        self.apps[port].kill()
        self.apps[port].wait()

    def close(self) -> None:
        for process in (self.nginx, *self.apps.values()):
            process.terminate()
        for process in (self.nginx, *self.apps.values()):
            process.wait(20)

    def log(self) -> str:
        return "".join(file.read_text() for file in sorted(self.folder.glob("*.log")))

    def _serve(self, port: int) -> subprocess.Popen:
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
        flags = [f"--server.port={port}", "--server.headless=true", "--server.address=127.0.0.1"]
        more = {"STREAMLIT_SERVER_COOKIE_SECRET": "the same for all", **self.environment}
        with (self.folder / f"{port}.log").open("w") as out:
            return subprocess.Popen(
                [*command, *flags], cwd=ROOT, env=os.environ | more, stdout=out, stderr=out
            )

    def _configured(self, port: int) -> Path:
        servers = "\n".join(
            f"    server 127.0.0.1:{one} max_fails=1 fail_timeout=5s;" for one in self.ports
        )
        site = TEMPLATE.read_text()
        for name, value in (("LISTEN_PORT", str(port)), ("REPLICAS", servers),
                            ("REPLICA_PATTERN", r"~^127\.0\.0\.1:[0-9]{4,5}$"), ("UPLOAD_MB", "200")):  # fmt: skip
            site = site.replace(f"${{{name}}}", value)
        user = "user root;" if os.geteuid() == 0 else ""
        file = self.folder / "nginx.conf"
        file.write_text(WHOLE.format(folder=self.folder, user=user, site=site))
        return file

    def _wait(self, address: str, process: subprocess.Popen) -> None:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=2)
            except OSError:
                assert process.poll() is None, self.log()
                time.sleep(0.1)
            else:
                return
        raise AssertionError(self.log())
