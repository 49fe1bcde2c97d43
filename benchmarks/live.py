"""Measure the live page: the real server, a real headless Chromium, a fake camera.

    python -m benchmarks.live --clip CLIP.mp4                  # the table of one viewer
    python -m benchmarks.live --clip CLIP.mp4 --minutes 10     # memory over a long run
    python -m benchmarks.live --clip CLIP.mp4 --reconnects 30  # threads and memory afterwards

CLIP shows one face. Several viewers at once: ``python -m benchmarks.live_viewers``.
"""

import argparse
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
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
from playwright.sync_api import Frame, Page, sync_playwright

from benchmarks.fake_camera import chromium_arguments, clip, counted, write_y4m

ROOT = Path(__file__).resolve().parent.parent
PROBE = (ROOT / "benchmarks" / "live_page.js").read_text("utf-8")
PLAYER = 'iframe[title*="streamlit_webrtc"]'


class Server:
    """A Streamlit server of its own, watched from outside."""

    def __init__(self, script: str, port: int) -> None:
        self.address = f"http://localhost:{port}"
        command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
        command += ["--server.headless", "true", "--server.fileWatcherType", "none"]
        self._home = tempfile.TemporaryDirectory()
        environment = {**os.environ, "FER_HOME": self._home.name, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
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
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def page_on(script: str, camera: Path, path: str) -> Iterator[tuple[Server, Page]]:
    """A fresh server and browser with the page open."""
    server = Server(script, free_port())
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
    return page.frame_locator(PLAYER).get_by_role("button", name="Start", exact=True)


def stop_button(page: Page):
    return page.frame_locator(PLAYER).get_by_role("button", name="Stop", exact=True)


def player(page: Page) -> Frame:
    frame = page.query_selector(PLAYER).content_frame()
    frame.wait_for_function("document.querySelector('video')?.videoWidth > 0", timeout=20_000)
    return frame


def glass_to_glass(server: Server, page: Page, mirrored: bool, seconds: float) -> dict[str, float]:
    """Start, wait until it is steady, and measure."""
    start_button(page).click()
    frame = player(page)
    time.sleep(8)
    frame.evaluate(f"probe.follow({str(mirrored).lower()})")
    before = frame.evaluate("probe.stats()")
    cpu, begin = server.cpu_s, time.monotonic()
    rates, titles = [], []
    while time.monotonic() - begin < seconds:
        time.sleep(1)
        rates.append(frame.evaluate("probe.stats()")["fps"])
        titles += page.evaluate(
            "[...document.querySelectorAll('[title*=\"readings a second\"]')].map(e => e.title)"
        )
    elapsed = time.monotonic() - begin
    decoded = frame.evaluate("probe.stats()")["decoded"] - before["decoded"]
    delays = frame.evaluate("probe.delays")
    figures = {
        "fps": round(float(np.mean(rates)), 1),
        "fps_decoded": round(decoded / elapsed, 1),
        "glass_p50_ms": round(float(np.percentile(delays, 50)), 0) if delays else float("nan"),
        "glass_p95_ms": round(float(np.percentile(delays, 95)), 0) if delays else float("nan"),
        "glass_n": len(delays),
        "server_cores": round((server.cpu_s - cpu) / elapsed, 3),
        "server_mb": round(server.megabytes),
    }
    said = [re.match(r"([\d.]+) readings.*than (\d+) ms", title) for title in titles]
    if any(said):
        figures["results_per_s"] = round(float(np.mean([float(s[1]) for s in said if s])), 1)
        figures["age_p95_ms"] = round(float(np.mean([float(s[2]) for s in said if s])), 0)
    return figures


def first_annotated(page: Page) -> float:
    """Seconds from the click on Start to the first picture that has something drawn on it."""
    frame = page.query_selector(PLAYER).content_frame()
    frame.evaluate("probe.colored = null; probe.awaitColor()")
    clicked = time.time()
    start_button(page).click()
    frame.wait_for_function("probe.colored !== null", timeout=20_000)
    return frame.evaluate("probe.colored") / 1000 - clicked


def one_viewer(folder: Path, source: Path, seconds: float) -> None:
    camera = folder / "counted.y4m"
    write_y4m(camera, counted(clip(source, 10)))
    with page_on("benchmarks/live_echo.py", camera, "/") as (server, page):
        report("echo", glass_to_glass(server, page, mirrored=False, seconds=seconds))
    with page_on("streamlit_app.py", camera, "/live") as (server, page):
        report("live", glass_to_glass(server, page, mirrored=True, seconds=seconds))
    grey = folder / "grey.y4m"
    write_y4m(grey, (_grey(picture) for picture in clip(source, 6)))
    with page_on("streamlit_app.py", grey, "/live") as (_, page):
        times = []
        for _ in range(5):
            times.append(first_annotated(page))
            stop_button(page).click()
            start_button(page).wait_for()
            time.sleep(2)
        report("start", {"first_annotated_s": [round(t, 2) for t in times]})


def long_run(folder: Path, source: Path, minutes: float) -> None:
    camera = folder / "camera.y4m"
    write_y4m(camera, clip(source, 10))
    with page_on("streamlit_app.py", camera, "/live") as (server, page):
        start_button(page).click()
        frame = player(page)
        time.sleep(60)
        first = server.megabytes
        for minute in range(1, round(minutes) + 1):
            time.sleep(60)
            figures = {"minute": minute, "mb": round(server.megabytes, 1)}
            figures["growth_mb"] = round(server.megabytes - first, 1)
            report("memory", figures | {"fps": frame.evaluate("probe.stats()")["fps"]})


def reconnects(folder: Path, source: Path, times: int) -> None:
    camera = folder / "camera.y4m"
    write_y4m(camera, clip(source, 6))
    with page_on("streamlit_app.py", camera, "/live") as (server, page):
        for number in range(times + 2):
            start_button(page).click()
            player(page)
            page.wait_for_selector('[title*="readings a second"]', timeout=20_000)
            stop_button(page).click()
            start_button(page).wait_for()
            if number in {1, times + 1}:
                time.sleep(12)
                figures = {"after": number - 1, "threads": server.watched.num_threads()}
                report("reconnects", figures | {"mb": round(server.megabytes, 1)})


def report(what: str, figures: dict) -> None:
    print(what, json.dumps(figures), flush=True)


def _grey(rgb):
    return cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--reconnects", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if options.minutes:
            long_run(Path(name), options.clip, options.minutes)
        elif options.reconnects:
            reconnects(Path(name), options.clip, options.reconnects)
        else:
            one_viewer(Path(name), options.clip, options.seconds)


if __name__ == "__main__":
    main()
