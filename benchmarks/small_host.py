"""Every page and its main thing on a host with little memory, in one server after the other.

    python -m benchmarks.small_host --limit 1.0 [--python OTHER/bin/python] [--public] [--only ...]

The server and all it starts share a memory control group with that many gigabytes, as in a
container: the kernel ends one of them where the limit is passed. Linux, as root. One server shows
one visitor all pages. For each step it prints whether it worked, the most memory that was taken,
without files that can be read again, and how often the kernel ended something.
"""

import argparse
import contextlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import psutil
import skimage.data
from playwright.sync_api import Error, Page, sync_playwright

from benchmarks import pages_memory
from benchmarks.fake_camera import chromium_arguments, moving_photo, write_y4m
from benchmarks.live_server import free_port
from fer_core.system.memory_limit import GROUPS

ROOT = pages_memory.ROOT
VIDEO = Path(__file__).parent.parent / "docs" / "images" / "example.mp4"


class Group:
    """A memory control group of version 1 or 2 with a limit in bytes."""

    def __init__(self, limit: int) -> None:
        old = GROUPS / "memory"
        self.folder = (old if old.is_dir() else GROUPS) / f"fer-studio-{os.getpid()}"
        self.folder.mkdir()
        self.limit_file = self.folder / ("memory.limit_in_bytes" if old.is_dir() else "memory.max")
        self.limit_file.write_text(str(limit))

    @property
    def used(self) -> int:
        """Bytes of all processes that are not pages of files."""
        stat = dict(line.split() for line in (self.folder / "memory.stat").read_text().splitlines())
        return int(stat.get("total_rss", 0)) + int(stat.get("anon", 0))

    @property
    def kills(self) -> int:
        """Processes that the kernel has ended here."""
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                text = (self.folder / name).read_text()
                return int(re.search(r"^oom_kill (\d+)", text, re.MULTILINE)[1])
        return 0

    def remove(self) -> None:
        for _ in range(50):
            with contextlib.suppress(OSError):
                self.folder.rmdir()
                return
            time.sleep(0.1)


class Peak(Thread):
    """The most that a group has taken since ``start_s``, sampled twenty times a second."""

    def __init__(self, group: Group) -> None:
        super().__init__(daemon=True)
        self.group, self.most, self.ended = group, 0, Event()

    def run(self) -> None:
        while not self.ended.wait(0.05):
            self.most = max(self.most, self.group.used)


def photos(page: Page) -> None:
    pages_memory.upload(page, 20)


def video(page: Page) -> None:
    page.get_by_role("radio", name="Video").click()
    page.get_by_text("or until you delete them").wait_for()
    page.set_input_files("input[type=file]", str(VIDEO))
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("button", name="Annotated MP4").or_(alert(page)).first.wait_for()


def over_the_server(page: Page) -> None:
    pages_memory.live(page)


def on_this_device(page: Page) -> None:
    page.get_by_role("radio", name="On this device").click()
    page.get_by_role("button", name="Start camera", disabled=False).click()
    page.get_by_text(re.compile(r"\d+ fps")).first.wait_for()
    time.sleep(10)


def train(page: Page) -> None:
    start = page.get_by_role("button", name="Start training")
    start.or_(page.get_by_text("not possible on this public page")).first.wait_for()
    if start.count():
        start.click()
        page.set_default_timeout(600_000)
        page.get_by_role("button", name="Use this model").or_(alert(page)).first.wait_for()


def models(page: Page) -> None:
    page.get_by_text("FERNet").first.wait_for()


STEPS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "home": ("", pages_memory.home),
    "20 photos": ("upload", photos),
    "video upload": ("upload", video),
    "live, over the server": ("live", over_the_server),
    "live, on the device": ("live", on_this_device),
    "demo dataset": ("dataset", pages_memory.dataset),
    "evaluation": ("evaluate", pages_memory.evaluate),
    "models": ("models", models),
    "training of the demo": ("train?data=demo", train),
}


def alert(page: Page):
    return page.get_by_test_id("stAlertContentError")


@contextlib.contextmanager
def served(group: Group, python: str, public: bool) -> Iterator[tuple[str, psutil.Popen]]:
    """Start the server inside of the group; at the end all that is left in it is ended."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        switches = {"FER_HOME": f"{folder}/home", "FER_CACHE": f"{folder}/cache",
                    "FER_PUBLIC": str(int(public))}  # fmt: skip
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
        enter = f'echo $$ > {group.folder}/cgroup.procs && exec "$@"'
        server = psutil.Popen(
            ["sh", "-c", enter, "sh", python, "-m", "streamlit", "run", "streamlit_app.py",
             f"--server.port={port}", "--server.headless=true", "--server.address=127.0.0.1"],
            cwd=ROOT, env=environment | switches,
        )  # fmt: skip
        try:
            yield f"http://127.0.0.1:{port}/", server
        finally:
            for pid in (group.folder / "cgroup.procs").read_text().split():
                with contextlib.suppress(psutil.Error):
                    psutil.Process(int(pid)).kill()
            server.wait()


def take(page: Page, address: str, group: Group, server: psutil.Popen, name: str) -> str:
    """Do one step in a page of its own; return its row of the table."""
    path, work = STEPS[name]
    peak, kills = Peak(group), group.kills
    peak.start()
    outcome = "works"
    try:
        pages_memory._open(page, address + path)
        work(page)
    except Error as error:
        outcome = f"failed: {error.message.splitlines()[0]}"
    finally:
        peak.ended.set()
    texts = [message.inner_text() for message in page.get_by_test_id("stAlert").all()]
    shortages = [text for text in texts if "GB of memory" in text or "signal" in text]
    if shortages:
        outcome = f"says: {shortages[0].splitlines()[-1]}"  # without the icon's name
    if server.poll() is not None:
        outcome += "; the server has ended"
    return f"| {name} | {outcome} | {peak.most / 1e6:.0f} MB | {group.kills - kills} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=1.0, help="gigabytes (default: 1)")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--public", action="store_true", help="as on an open link")
    parser.add_argument("--only", nargs="*", choices=STEPS, default=list(STEPS))
    options = parser.parse_args()
    group = Group(round(options.limit * 1e9))
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        served(group, options.python, options.public) as (address, server),
    ):
        camera = Path(folder) / "camera.y4m"
        write_y4m(camera, moving_photo(skimage.data.astronaut()))
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[*chromium_arguments(camera), "--use-fake-ui-for-media-stream"],
        )
        for name in options.only:
            context = browser.new_context()
            context.set_default_timeout(180_000)
            print(take(context.new_page(), address, group, server, name), flush=True)
            context.close()
        browser.close()
    kills = group.kills
    group.remove()
    return int(kills > 0)


if __name__ == "__main__":
    sys.exit(main())
