"""Measure the live view on the visitor's device beside the one over the server.

    python -m benchmarks.on_device --clip CLIP.mp4               # one viewer, both modes in turn
    python -m benchmarks.on_device --clip CLIP.mp4 --minutes 30  # memory of browser and server
    python -m benchmarks.on_device --clip CLIP.mp4 --labels      # the same frames here and there

Many viewers: ``python -m benchmarks.on_device_viewers``. CLIP shows one face.
"""

import argparse
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.fake_camera import chromium_arguments, clip, write_y4m
from benchmarks.heap_snapshot import heap_megabytes
from benchmarks.live_server import ROOT, Server, free_port, player, report, start_button
from benchmarks.on_device_labels import FPS, compare_labels

TITLE = re.compile(r"(\d+) results a second, (\d+) ms old, 95% below (\d+) ms")
COUNT = (ROOT / "benchmarks" / "on_device_page.js").read_text("utf-8")


@contextmanager
def opened(browser: Browser, server: Server, mode: str) -> Iterator[Page]:
    """Open the live page in a fresh profile."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    context.add_init_script(COUNT)
    page = context.new_page()
    open_mode(page, server, mode)
    yield page
    context.close()


def open_mode(page: Page, server: Server, mode: str) -> None:
    page.goto(f"{server.address}/live")
    page.get_by_role("radio", name=mode).click()
    if mode == "On this device":
        page.get_by_role("button", name="Start camera", disabled=False).wait_for()
    else:
        start_button(page).wait_for()
    time.sleep(3)


def start(page: Page) -> float:
    """Press Start; return the seconds to the first result."""
    clicked = page.evaluate("performance.now()")
    page.get_by_role("button", name="Start camera").click()
    page.wait_for_function("window.firstResult")
    return (page.evaluate("window.firstResult") - clicked) / 1000


def device_viewer(browser: Browser, server: Server, seconds: float) -> dict[str, float]:
    with opened(browser, server, "On this device") as page:
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        cold = start(page)
        time.sleep(8)
        before = page.evaluate("[drawn, sentBytes]")
        cpu, start_s = server.cpu_s, time.monotonic()
        titles = []
        while time.monotonic() - start_s < seconds:
            time.sleep(1)
            titles.append(page.locator("[data-part=fps]").get_attribute("title"))
        elapsed = time.monotonic() - start_s
        after = page.evaluate("[drawn, sentBytes]")
        values = [[float(v) for v in found.groups()] for t in titles if (found := TITLE.search(t))]
        rate, age, late = (sum(column) / len(column) for column in zip(*values, strict=True))
        figures = {
            "fps_drawn": round((after[0] - before[0]) / elapsed, 1),
            "results_per_s": round(rate, 1),
            "age_p50_ms": round(age),
            "age_p95_ms": round(late),
            "server_cores": round((server.cpu_s - cpu) / elapsed, 4),
            "kb_per_s_to_server": round((after[1] - before[1]) / elapsed / 1000, 1),
            "start_cold_s": round(cold, 2),
        }
        open_mode(page, server, "On this device")
        return figures | {"start_warm_s": round(start(page), 2)}


def nobody(server: Server, seconds: float) -> dict[str, float]:
    """Measure the server without a visitor: what its own threads take."""
    time.sleep(5)
    cpu, start_s = server.cpu_s, time.monotonic()
    time.sleep(seconds)
    return {"server_cores": round((server.cpu_s - cpu) / (time.monotonic() - start_s), 4)}


def server_viewer(browser: Browser, server: Server, seconds: float) -> dict[str, float]:
    with opened(browser, server, "Over the server") as page:
        start_button(page).click()
        player(page)
        time.sleep(8)
        cpu, start_s = server.cpu_s, time.monotonic()
        time.sleep(seconds)
        return {"server_cores": round((server.cpu_s - cpu) / (time.monotonic() - start_s), 4)}


def long_run(browser: Browser, server: Server, minutes: float) -> None:
    """Report memory once a minute: JavaScript's heap after a collection, and the server's.

    In the first minutes, each tenth and the last, also what of the heap are objects and what is
    compiled code, which the browser adds as functions become frequent.
    """
    last = round(minutes)
    with opened(browser, server, "On this device") as page:
        session = page.context.new_cdp_session(page)
        start(page)
        for minute in range(last + 1):
            session.send("HeapProfiler.collectGarbage")
            heap = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
            figures = {"minute": minute, "heap_mb": round(heap, 1)}
            figures["server_mb"] = round(server.megabytes, 1)
            if minute in (1, 2, last) or minute % 10 == 0:
                figures |= heap_megabytes(session)
            report("memory", figures)
            time.sleep(60 * (minute < last))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--labels", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        camera = Path(name) / "camera.y4m"
        write_y4m(camera, clip(options.clip, 10))
        server = Server("streamlit_app.py", free_port(), FER_CACHE=name)
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[
                *chromium_arguments(camera), "--use-fake-ui-for-media-stream",
                "--enable-precise-memory-info",
            ],
        )  # fmt: skip
        try:
            if options.labels:
                with opened(browser, server, "On this device") as page:
                    report("labels", compare_labels(page, clip(options.clip, 20, FPS)))
            elif options.minutes:
                long_run(browser, server, options.minutes)
            else:
                device = device_viewer(browser, server, options.seconds)
                report("on the device", device)
                over = server_viewer(browser, server, options.seconds)
                report("over the server", over)
                idle = nobody(server, options.seconds)
                report("nobody", idle)
                whole = over["server_cores"] / max(device["server_cores"], 1e-4)
                added = [f["server_cores"] - idle["server_cores"] for f in (over, device)]
                ratio = {"server_cpu": round(whole, 1), "added": round(added[0] / added[1], 1)}
                report("ratio", ratio)
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    main()
