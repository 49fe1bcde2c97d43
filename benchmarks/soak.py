"""Everything at once for an hour: does the server stay as it was, and quick?

    python -m benchmarks.soak [--minutes 60] [--uploaders 20]

Browser tabs: one watches the fake camera over the server and one on its own device (needs
``FER_YUNET``), one uploads a photo every five seconds, one labels a face of a dataset as often, one
opens the demo on the dataset page every fifteen, scanned anew. Beside the server one run on the
demo trains after the other, started as the page starts it, and another process scans the demo
without a pause. Memory, threads, open files and temporary files of the server are looked at every
ten seconds; those at the end are compared with minute five. At last many visitors upload at the
same moment, each a photo of its own name and number of faces. Lines of the server's log that tell
of an error are shown.
"""

import argparse
import itertools
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import skimage.data
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.fake_camera import chromium_arguments, moving_photo, write_y4m
from benchmarks.live_server import Server, free_port, start_button
from fer_core import collect
from fer_core.collect import Face
from fer_core.collect.collection import Suggester
from fer_core.images.boxes import Box
from fer_core.images.codec import encode
from fer_core.live.browser_runtime import RUNTIME
from fer_core.recognition import Detection
from fer_core.system.npm_packages import bring
from fer_core.system.settings import Settings

ERRORS = re.compile(r"Traceback|\bERROR\b|Error:|Exception")
EVERY_S, LOOK_S, START_MINUTE = 5.0, 10.0, 5.0
MOST_GROWTH, SLOWEST_S = 0.05, 1.0
CONFIG = "architecture: fernet\nstart: scratch\ninput_size: 48\nheads: [fer2013]\nepochs: 10\n"
TRAIN = """
import sys, time
from pathlib import Path
from fer_core.training import runs
from fer_core.dataset.source import DatasetSource
from fer_core.training.config import TrainConfig
run = runs.start(TrainConfig.load(Path(sys.argv[1])), DatasetSource("demo"), "Soak")
while runs.load(run.name).job.state.is_active:
    time.sleep(0.5)
runs.discard(run.name)
"""


@dataclass(frozen=True, slots=True)
class Look:
    """The server at one moment."""

    minute: float
    megabytes: float
    threads: int
    files: int
    temporary: int


def look(server: Server, temporary: Path, start_s: float) -> Look:
    process = server.watched
    return Look(
        minute=(time.monotonic() - start_s) / 60,
        megabytes=process.memory_info().rss / 1e6,
        threads=process.num_threads(),
        files=process.num_fds(),
        temporary=sum(1 for _ in temporary.rglob("*")),
    )


@contextmanager
def repeated(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    """A command that starts over whenever it ends, until the block does."""
    code = "import subprocess, sys\nwhile True:\n    subprocess.run(sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *command], env=environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(True)]
        for member in family:
            member.kill()
        process.wait()


def open_page(browser: Browser, address: str) -> Page:
    context = browser.new_context()
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(address)
    return page


def upload(page: Page, name: str, photo: bytes, result: str) -> float:
    """Return seconds from the file to its result; the field is cleared afterwards."""
    field = page.locator("input[type=file]").first
    field.wait_for(state="attached")
    start_s = time.monotonic()
    page.set_input_files(
        "input[type=file]", [{"name": name, "mimeType": "image/jpeg", "buffer": photo}]
    )
    page.get_by_text(f"{name} · {result}").wait_for()
    seconds = time.monotonic() - start_s
    page.get_by_role("button", name="Clear").click()
    page.get_by_text(f"{name} · {result}").wait_for(state="detached")
    return seconds


def scan_again(page: Page, address: str, cache: Path) -> Iterator[None]:
    """Open the demo on the dataset page, over and over; a step each time it is asked."""
    while True:
        shutil.rmtree(cache / "scans", ignore_errors=True)
        page.goto(f"{address}/dataset?data=demo", wait_until="commit")
        yield
        page.get_by_text("is the smallest class").wait_for()
        yield


def faces_to_label(home: Path, name: str, count: int) -> collect.Collection:
    """Make a collection of faces drawn by chance."""
    random = np.random.default_rng(0)
    values = random.dirichlet(np.full(7, 0.5), count).astype(np.float32)
    faces = [
        Face(random.integers(60, 200, (64, 64, 3), np.uint8), "photo", f"{at}.jpg", f"{at}.jpg#1",
             Detection(Box(0, 0, 90, 90), 0.9), values[at])
        for at in range(count)
    ]  # fmt: skip
    collection = collect.open_or_create(name, home / "collections")
    collection.add(faces, Suggester("mobilenetv2", "fer2013", "yunet"))
    return collection


def watch(browser: Browser, address: str) -> None:
    """Watch the camera over the server."""
    page = open_page(browser, f"{address}/live")
    start_button(page).click()
    page.get_by_text(re.compile(r"\d+ fps")).wait_for()


def watch_on_device(browser: Browser, address: str) -> Page:
    """Watch the camera on the device; the page counts the frames in which it saw a face."""
    page = open_page(browser, f"{address}/live")
    page.evaluate(
        "window.addEventListener('fer-studio-face',"
        " (event) => (window.faces = (window.faces ?? 0) + !!event.detail.face))"
    )
    page.get_by_role("radio", name="On this device").click()
    page.get_by_role("button", name="Start camera").click()
    page.wait_for_function("window.faces > 0")
    return page


def label(browser: Browser, address: str) -> Page:
    """Open the faces to be labelled."""
    page = open_page(browser, f"{address}/dataset")
    page.get_by_role("button", name="Change").click()
    page.get_by_text("Make one", exact=True).click()
    page.get_by_label("Name", exact=True).fill("soak")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("Making soak").wait_for()
    page.get_by_text("Label", exact=True).first.click()
    page.locator(".grid .title").filter(has_text="Suggested").wait_for()
    return page


def soak(minutes: float, browser: Browser, server: Server, folder: Path) -> tuple[list, dict]:
    """Return the looks at the server, and what the visitors did."""
    watch(browser, server.address)
    device = watch_on_device(browser, server.address) if "FER_YUNET" in os.environ else None
    labels = label(browser, server.address)
    page = open_page(browser, f"{server.address}/upload")
    scans = scan_again(open_page(browser, server.address), server.address, folder / "cache")
    photo = encode(skimage.data.astronaut())
    looks: list[Look] = []
    took: list[float] = []
    start_s = time.monotonic()
    for number in itertools.count():
        now = time.monotonic()
        if now - start_s > minutes * 60:
            frames = device.evaluate("window.faces") if device else None
            return looks, {"took": took, "keys_pressed": number, "frames_on_device": frames}
        labels.keyboard.press(str(number % 7 + 1))
        took.append(upload(page, f"photo-{number}.jpg", photo, "1 face"))
        if not looks or now - start_s > looks[-1].minute * 60 + LOOK_S:
            looks.append(look(server, folder / "temporary", start_s))
        next(scans)
        time.sleep(max(EVERY_S - (time.monotonic() - now), 0))
    raise AssertionError


def crowd(browser: Browser, server: Server, count: int) -> int:
    """Upload from ``count`` visitors at once; return how many got their own result."""
    face = skimage.data.astronaut()[:256, 96:352]
    pages = [open_page(browser, f"{server.address}/upload") for _ in range(count)]
    for page in pages:
        page.locator("input[type=file]").first.wait_for(state="attached")
    for number, page in enumerate(pages):
        photo = encode(np.ascontiguousarray(np.tile(face, (1, number % 3 + 1, 1))))
        file = {"name": f"visitor-{number}.jpg", "mimeType": "image/jpeg", "buffer": photo}
        page.set_input_files("input[type=file]", [file])
    correct = 0
    for number, page in enumerate(pages):
        faces = number % 3 + 1
        page.get_by_text(f"visitor-{number}.jpg · {faces} face").wait_for()
        correct += set(re.findall(r"visitor-\d+", page.inner_text("body"))) == {f"visitor-{number}"}
        page.context.close()
    return correct


def verdict(looks: list[Look], done: dict[str, Any], log: str) -> dict[str, Any]:
    early = next((item for item in looks if item.minute >= START_MINUTE), looks[len(looks) // 2])
    last = looks[-1]
    result: dict[str, Any] = {"looks": len(looks), "from_minute": round(early.minute, 1)}
    for name in ("megabytes", "threads", "files", "temporary"):
        result[name] = [round(getattr(look, name), 1) for look in (early, last)]
    ordered = sorted(done.pop("took"))
    result |= done
    result["upload_p50_s"] = round(statistics.median(ordered), 2)
    result["upload_p95_s"] = round(ordered[int(0.95 * (len(ordered) - 1))], 2)
    grown = max(
        getattr(last, name) / max(getattr(early, name), 1) - 1
        for name in ("megabytes", "threads", "files", "temporary")
    )
    result["largest_growth"] = round(grown, 3)
    errors = [line for line in log.splitlines() if ERRORS.search(line)]
    result["errors_in_log"] = errors[:5]
    result["holds"] = grown <= MOST_GROWTH and result["upload_p95_s"] <= SLOWEST_S and not errors
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--uploaders", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        (folder / "temporary").mkdir()
        (folder / "config.yaml").write_text(CONFIG)
        write_y4m(folder / "camera.y4m", moving_photo(skimage.data.astronaut()))
        switches = {"FER_HOME": f"{name}/home", "FER_CACHE": f"{name}/cache"}
        fer = [sys.executable, "-m", "fer_core"]
        subprocess.run([*fer, "dataset", "import", "demo"], env=os.environ | switches, check=True)
        (folder / "cache").mkdir(exist_ok=True)
        if "FER_YUNET" in os.environ:
            own = Settings.from_environment({})
            bring(tuple(RUNTIME.values()), own)
            (folder / "cache" / "npm").symlink_to(own.cache / "npm")
        collection = faces_to_label(
            folder / "home", "soak", round(options.minutes * 60 / EVERY_S) + 20
        )
        log = folder / "server.log"
        server = Server(
            "streamlit_app.py", free_port(), log, **switches, TMPDIR=f"{name}/temporary"
        )
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[*chromium_arguments(folder / "camera.y4m"), "--use-fake-ui-for-media-stream"],
        )
        train = [sys.executable, "-c", TRAIN, f"{name}/config.yaml"]
        scan = [*fer, "dataset", "scan", f"{name}/home/datasets/demo"]
        try:
            with (
                repeated(train, os.environ | switches),
                repeated(scan, os.environ | switches | {"FER_CACHE": f"{name}/other"}),
            ):
                looks, done = soak(options.minutes, browser, server, folder)
            done["labels_saved"] = len(collect.labels.states(collection))
            result = verdict(looks, done, log.read_text("utf-8", "replace"))
            correct = crowd(browser, server, options.uploaders)
            result["crowd_right"] = f"{correct}/{options.uploaders}"
            result["holds"] &= correct == options.uploaders
        finally:
            browser.close()
            server.stop()
    print(json.dumps(result, indent=2))
    return 0 if result["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
