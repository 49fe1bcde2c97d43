"""The real server and a real headless Chromium, for the benchmarks of the live page."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import websockets
from playwright.sync_api import Frame, Page, sync_playwright
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.fake_camera import chromium_arguments

ROOT = Path(__file__).resolve().parent.parent
PROBE = (ROOT / "benchmarks" / "live_page.js").read_text("utf-8")
PLAYER = 'iframe[title*="streamlit_webrtc"]'


class Server:
    """A Streamlit server of its own, watched from outside; what it prints goes to ``log``."""

    def __init__(
        self, script: str, port: int, log: Path = Path(os.devnull), **environment: str
    ) -> None:
        self.address = f"http://localhost:{port}"
        command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
        command += ["--server.headless", "true", "--server.fileWatcherType", "none"]
        self._home = tempfile.TemporaryDirectory()
        switches = {"FER_HOME": self._home.name, "PYTHONPATH": str(ROOT), **environment}
        with log.open("wb") as printed:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=os.environ | switches,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )
        self.watched = psutil.Process(self._process.pid)
        self._await()

    def _await(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"{self.address}/_stcore/health"),
            ):
                return
            time.sleep(0.1)
        raise TimeoutError("the server did not start")

    @property
    def cpu_s(self) -> float:
        times = self.watched.cpu_times()
        return times.user + times.system

    @property
    def megabytes(self) -> float:
        return self.watched.memory_info().rss / 1e6

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._home.cleanup()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def page_on(
    script: str, camera: Path, path: str, **environment: str
) -> Iterator[tuple[Server, Page]]:
    """A fresh server and browser with the page open."""
    server = Server(script, free_port(), **environment)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium",
                args=[*chromium_arguments(camera), "--use-fake-ui-for-media-stream"],
            )
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            context.add_init_script(PROBE)
            page = context.new_page()
            page.goto(server.address)
            page.wait_for_selector('[data-testid="stApp"]')
            page.goto(server.address + path)
            start_button(page).wait_for(timeout=30_000)
            time.sleep(3)
            yield server, page
            browser.close()
    finally:
        server.stop()


def start_button(page: Page):
    return page.frame_locator(PLAYER).get_by_role("button", name=re.compile("^Start"))


def stop_button(page: Page):
    return page.frame_locator(PLAYER).get_by_role("button", name="Stop", exact=True)


def player(page: Page) -> Frame:
    frame = page.query_selector(PLAYER).content_frame()
    frame.wait_for_function("document.querySelector('video')?.videoWidth > 0", timeout=20_000)
    return frame


async def connect(address: str) -> websockets.ClientConnection:
    """Open the websocket that a page of Streamlit at ``address`` speaks over."""
    stream = address.replace("http", "ws") + "/_stcore/stream"
    return await websockets.connect(stream, subprotocols=["streamlit"], max_size=None)


async def messages(
    connection: websockets.ClientConnection,
) -> AsyncIterator[tuple[str, ForwardMsg]]:
    """Yield what the server sends, with the kind of each message."""
    async for data in connection:
        message = ForwardMsg.FromString(data)
        yield message.WhichOneof("type"), message


def report(title: str, figures: dict) -> None:
    print(title, json.dumps(figures), flush=True)
