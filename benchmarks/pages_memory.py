"""Memory of the server while each page is opened and its main thing is done once.

    python -m benchmarks.pages_memory [--python OTHER/bin/python] [--public]
    python benchmarks/ab.py A B -- python "$PWD/benchmarks/pages_memory.py" --visit

Each page gets a fresh server; with ``--visit`` one server shows one visitor the home page, then 100
photos, then the live page. The server is that of the folder in which the command runs.
``--python`` names an interpreter that has only ``requirements.txt``; this script itself needs
Playwright and Chromium. Peaks are the kernel's own (VmHWM), of the server and, added, of the
processes it starts.
"""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import cv2
import psutil
import skimage.data
from playwright.sync_api import Error, Page, sync_playwright

from benchmarks.fake_camera import chromium_arguments, moving_photo, write_y4m
from benchmarks.live_server import PLAYER, free_port, start_button

ROOT = Path.cwd()
LIMIT_MB = 690
SMALLEST_HOST = ("home", "upload", "live")


def upload(page: Page, count: int = 20) -> None:
    """Add photos, 20 at a time."""
    photo = cv2.imencode(".jpg", skimage.data.astronaut()[..., ::-1])[1].tobytes()
    page.locator("input[type=file]").first.wait_for(state="attached")
    for last in range(20, count + 1, 20):
        files = [
            {"name": f"{n}.jpg", "mimeType": "image/jpeg", "buffer": photo}
            for n in range(last - 20, last)
        ]
        page.set_input_files("input[type=file]", files)
        page.get_by_text(f"{last} photos, {last} faces").wait_for()


def live(page: Page) -> None:
    way = page.get_by_role("radio", name="Over the server")  # public links open on the device
    way.or_(page.locator(PLAYER)).first.wait_for(state="attached")
    if way.count():
        way.click()
    start_button(page).click()
    page.get_by_text(re.compile(r"\d+ fps")).wait_for()
    time.sleep(20)


def dataset(page: Page) -> None:
    page.get_by_text("is the smallest class").wait_for()


def evaluate(page: Page) -> None:
    page.get_by_role("button", name="Open the demo").click()
    page.get_by_role("button", name=re.compile(r"Evaluate \(")).click()
    page.get_by_text("Click a cell to see its images").wait_for()


def train(page: Page) -> None:
    time.sleep(3)  # on public links it only explains; a run is a process of its own anywhere


def home(page: Page) -> None:
    page.get_by_text("How good is the model?").wait_for()


PAGES: dict[str, Callable[[Page], None]] = {
    "home": home, "upload": upload, "live": live, "dataset": dataset, "train": train,
    "evaluate": evaluate,
}  # fmt: skip


class Children(Thread):
    """The peak memory of the server's child processes, sampled ten times a second."""

    def __init__(self, server: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.server, self.peak, self.ended = server, 0, Event()

    def run(self) -> None:
        while not self.ended.wait(0.1):
            with contextlib.suppress(psutil.Error):  # one of them has just ended
                processes = self.server.children(recursive=True)
                total = sum(process.memory_info().rss for process in processes)
                self.peak = max(self.peak, total)


def peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


@contextlib.contextmanager
def served(browser, python: str, public: bool) -> Iterator[tuple[Page, str, psutil.Popen]]:
    """A fresh server, its address, and a page of its own."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        switches = {"FER_HOME": f"{folder}/home", "FER_CACHE": f"{folder}/cache"}
        switches |= {"FER_PUBLIC": "1"} if public else {}
        server = psutil.Popen(
            [python, "-m", "streamlit", "run", "streamlit_app.py", f"--server.port={port}",
             "--server.headless=true", "--server.address=127.0.0.1"],
            cwd=ROOT, env=os.environ | switches,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            context = browser.new_context()
            context.set_default_timeout(120_000)
            yield context.new_page(), f"http://127.0.0.1:{port}/", server
        finally:
            server.kill()
            server.wait()
            context.close()


def measure(name: str, browser, python: str, public: bool) -> tuple[float, float]:
    """Return the peaks of the server and of its children while the page is used, in MB."""
    with served(browser, python, public) as (page, address, server):
        children = Children(server)
        children.start()
        try:
            _open(page, address + ("" if name == "home" else name))
            PAGES[name](page)
            time.sleep(2)
            return peak_mb(server.pid), children.peak / 1e6
        finally:
            children.ended.set()


def visit(browser, python: str, public: bool) -> dict[str, float]:
    """Return the server's memory in MB after each page of one visit, and its peak."""
    rows = {}
    with served(browser, python, public) as (page, address, server):

        def note(what: str) -> None:
            time.sleep(2)
            rows[f"server memory after {what}, MB"] = server.memory_info().rss / 1e6

        _open(page, address)
        home(page)
        note("home")
        page.get_by_role("link", name=re.compile("Photos")).first.click()
        upload(page, 100)
        note("100 photos")
        page.get_by_role("link", name="Live").first.click()
        live(page)
        note("20 s of live video")
        rows["peak, MB"] = peak_mb(server.pid)
    return rows


def _open(page: Page, address: str) -> None:
    for _ in range(300):
        try:
            page.goto(address)
        except Error as error:
            if "ERR_CONNECTION" not in str(error):
                raise
            time.sleep(0.2)
        else:
            page.locator("h1").first.wait_for()
            return
    raise TimeoutError("the server did not start")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--public", action="store_true", help="as on an open link")
    parser.add_argument("--visit", action="store_true", help="one server, one visitor")
    parser.add_argument("--only", nargs="*", choices=PAGES, default=list(PAGES))
    options = parser.parse_args()
    is_over = False
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        camera = Path(folder) / "camera.y4m"
        write_y4m(camera, moving_photo(skimage.data.astronaut()))
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[*chromium_arguments(camera), "--use-fake-ui-for-media-stream"],
        )
        if options.visit:
            for label, value in visit(browser, options.python, options.public).items():
                print(f"| {label} | {value:.0f} |", flush=True)
            return 0
        for name in options.only:
            server, children = measure(name, browser, options.python, options.public)
            limit = f"  (goal {LIMIT_MB})" if name in SMALLEST_HOST else ""
            print(
                f"{name:10} server {server:6.0f} MB, children {children:6.0f} MB{limit}", flush=True
            )
            is_over |= name in SMALLEST_HOST and server + children > LIMIT_MB
        browser.close()
    return int(is_over)


if __name__ == "__main__":
    sys.exit(main())
