"""Measure the live page: the real server, a real headless Chromium, a fake camera.

    python -m benchmarks.live --clip CLIP.mp4                  # the table of one viewer
    python -m benchmarks.live --clip CLIP.mp4 --minutes 10     # memory over a long run
    python -m benchmarks.live --clip CLIP.mp4 --reconnects 30  # threads and memory afterwards
    python -m benchmarks.live --clip CLIP.mp4 --recording      # the server's work while recording
    python -m benchmarks.live --clip CLIP.mp4 --slow           # recognition takes 300 ms longer
    python -m benchmarks.live --clip CLIP.mp4 --asynchronous   # a thread before the callback
    python -m benchmarks.live --clip CLIP.mp4 --callback       # time of the callback, no browser

CLIP shows one face. Several viewers at once: ``python -m benchmarks.live_viewers``.
"""

import argparse
import re
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from playwright.sync_api import Frame, Page

from benchmarks.fake_camera import clip, counted, write_y4m
from benchmarks.live_server import (
    PLAYER,
    Server,
    page_on,
    player,
    report,
    start_button,
    stop_button,
)
from fer_core import Recognizer
from fer_core.live import LiveSession

VARIANT = "benchmarks/live_variant.py"


def glass_to_glass(server: Server, page: Page, mirrored: bool, seconds: float) -> dict[str, float]:
    """Start, wait until the rate is steady, and measure."""
    start_button(page).click()
    frame = player(page)
    time.sleep(8)
    frame.evaluate(f"probe.follow({str(mirrored).lower()})")
    stats = frame.evaluate("probe.stats()")
    cpu, start_s = server.cpu_s, time.monotonic()
    rates, titles = [], []
    while time.monotonic() - start_s < seconds:
        time.sleep(1)
        rates.append(frame.evaluate("probe.stats()")["fps"])
        titles += page.evaluate(
            "[...document.querySelectorAll('[title*=\"readings a second\"]')].map(e => e.title)"
        )
    elapsed = time.monotonic() - start_s
    decoded = frame.evaluate("probe.stats()")["decoded"] - stats["decoded"]
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
    texts = [re.match(r"([\d.]+) readings.*than (\d+) ms", title) for title in titles]
    if any(texts):
        figures["results_per_s"] = round(float(np.mean([float(s[1]) for s in texts if s])), 1)
        figures["age_p95_ms"] = round(float(np.mean([float(s[2]) for s in texts if s])), 0)
    return figures


def first_annotated(page: Page) -> float:
    """Return seconds from the click on Start to the first frame with a box."""
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
    write_y4m(grey, (_grey(frame) for frame in clip(source, 6)))
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


def recording(folder: Path, source: Path, seconds: float) -> None:
    """Measure the same stream before and while it is recorded."""
    camera = folder / "camera.y4m"
    write_y4m(camera, clip(source, 10))
    with page_on("streamlit_app.py", camera, "/live") as (server, page):
        start_button(page).click()
        frame = player(page)
        time.sleep(8)
        report("plain", work(server, frame, seconds))
        page.get_by_role("button", name="Record", exact=True).click()
        time.sleep(3)
        report("recording", work(server, frame, seconds))
        page.get_by_role("button", name="Stop recording").click()
        message = page.get_by_text(re.compile("Recorded .* rows")).inner_text()
        report("afterwards", {"message": message})


def work(server: Server, frame: Frame, seconds: float) -> dict[str, float]:
    """Return the server's cores and the frame rate in the browser over ``seconds``."""
    stats, cpu, start_s = frame.evaluate("probe.stats()"), server.cpu_s, time.monotonic()
    time.sleep(seconds)
    elapsed = time.monotonic() - start_s
    decoded = frame.evaluate("probe.stats()")["decoded"] - stats["decoded"]
    cores = (server.cpu_s - cpu) / elapsed
    return {
        "server_cores": round(cores, 3),
        "fps_decoded": round(decoded / elapsed, 1),
        "server_mb": round(server.megabytes),
    }


def variant(folder: Path, source: Path, seconds: float, name: str) -> None:
    """Measure the live page as it is and with one change; see ``live_variant``."""
    camera = folder / "counted.y4m"
    write_y4m(camera, counted(clip(source, 10)))
    for setting in ("plain", name):
        with page_on(VARIANT, camera, "/", LIVE_VARIANT=setting) as (server, page):
            report(setting, glass_to_glass(server, page, mirrored=True, seconds=seconds))


def callback(source: Path) -> None:
    """Measure the time of the callback for each frame while the worker recognizes faces."""
    session = LiveSession(Recognizer.load())
    frames = [av.VideoFrame.from_ndarray(rgb, format="rgb24") for rgb in clip(source, 10)]
    times = []
    for number, frame in enumerate(frames):
        yuv = frame.reformat(format="yuv420p")  # as it comes from the decoder
        yuv.pts, yuv.time_base = number, Fraction(1, 30)
        start = time.perf_counter()
        session.handle(yuv)
        times.append(time.perf_counter() - start)
        time.sleep(max(1 / 30 - times[-1], 0))
    session.end()
    p50, p95, p99 = (1000 * float(np.percentile(times[30:], p)) for p in (50, 95, 99))
    report("callback", {"p50_ms": round(p50, 2), "p95_ms": round(p95, 2), "p99_ms": round(p99, 2)})


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
            if (number - 1) % 30 == 0 or number == times + 1:
                time.sleep(12)
                figures = {"after": number - 1, "threads": server.watched.num_threads()}
                report("reconnects", figures | {"mb": round(server.megabytes, 1)})


def _grey(rgb):
    return cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--reconnects", type=int, default=0)
    for name in ("recording", "slow", "asynchronous", "callback"):
        parser.add_argument(f"--{name}", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if options.minutes:
            long_run(Path(name), options.clip, options.minutes)
        elif options.reconnects:
            reconnects(Path(name), options.clip, options.reconnects)
        elif options.recording:
            recording(Path(name), options.clip, options.seconds)
        elif options.slow or options.asynchronous:
            setting = "slow" if options.slow else "asynchronous"
            variant(Path(name), options.clip, options.seconds, setting)
        elif options.callback:
            callback(options.clip)
        else:
            one_viewer(Path(name), options.clip, options.seconds)


if __name__ == "__main__":
    main()
