"""Photos and live pictures stay in memory, and leave it: a server is watched as it reads them."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import numpy as np
import psutil
import pytest

from benchmarks.fake_camera import chromium_arguments, moving_photo, write_y4m
from benchmarks.live_server import free_port
from fer_core.images.codec import encode
from tests.browser.live_driver import flows, launch, open_live_when_up, serve, start, until
from tests.conftest import ROOT

pytestmark = pytest.mark.browser

NOT_OURS = {".venv", ".git", ".pytest_cache", "__pycache__"}
"""What Python and its tools write beside the app; the first also holds 60,000 files."""


class Watcher(Thread):
    """Notes every file that appears below some folders, or that a process holds open to write."""

    def __init__(self, process: psutil.Process, folders: list[Path]) -> None:
        super().__init__(daemon=True)
        self.process, self.folders = process, folders
        self.before = self.files()
        self.seen: set[str] = set()
        self.ended = Event()

    def files(self) -> set[str]:
        found = set()
        for folder in self.folders:
            for path, below, names in os.walk(folder):
                below[:] = [name for name in below if name not in NOT_OURS]
                found |= {f"{path}/{name}" for name in [*below, *names]}
        return found

    def written(self) -> set[str]:
        opened = self.process.open_files()
        named = {one.path for one in opened if set(one.mode) & set("wa+")}
        links = []
        for one in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed since it was listed
                links.append(str(one.readlink()))
        places = tuple(map(str, self.folders))
        return named | {one for one in links if one.startswith(places) and "(deleted)" in one}

    def run(self) -> None:
        while not self.ended.wait(0.1):
            self.seen |= (self.files() - self.before) | self.written()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[int, Watcher]]:
    """A server whose every usual place for files is a folder of its own."""
    places = {name: tmp_path / name.lower() for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    for place in places.values():
        place.mkdir()
    port = free_port()
    process = serve(tmp_path, port, **{name: str(place) for name, place in places.items()})
    watcher = Watcher(psutil.Process(process.pid), [tmp_path, ROOT])
    yield port, watcher
    process.kill()
    process.wait()


def test_nothing_is_written_that_nobody_asked_for(browser, watched, astronaut, tmp_path) -> None:
    port, watcher = watched
    clip = tmp_path.parent / f"{tmp_path.name}-camera.y4m"
    write_y4m(clip, list(moving_photo(astronaut)))
    chromium = launch(browser, *chromium_arguments(clip), "--use-fake-ui-for-media-stream")
    try:
        tab = open_live_when_up(chromium, port)
        watcher.before = watcher.files()
        watcher.start()
        start(tab)
        flows(tab)
        tab.get_by_text("happy", exact=False).first.wait_for()
        tab.goto(f"http://127.0.0.1:{port}/upload")
        tab.locator("input[type=file]").wait_for(state="attached")
        data = encode(astronaut) + bytes(3_000_000)  # servers write what is over 1 MB to a file
        photo = {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": data}
        tab.set_input_files("input[type=file]", [photo])
        tab.get_by_text("1 photo, 1 face").wait_for()
        time.sleep(0.3)
        assert watcher.is_alive(), "nobody has looked to the end"
        assert watcher.seen == set()

        tab.goto(f"http://127.0.0.1:{port}/live")
        start(tab)
        tab.get_by_role("button", name="Record", exact=True).click()
        tab.get_by_text("of 10:00").wait_for()
        until(lambda: any("clip.mp4" in one for one in watcher.files() - watcher.before))
        tab.get_by_role("button", name="Stop recording").click()
        tab.get_by_role("button", name="Delete").click()
        tab.get_by_role("button", name="Record", exact=True).wait_for()
        until(lambda: not any("clip.mp4" in one for one in watcher.files() - watcher.before))
    finally:
        watcher.ended.set()
        chromium.close()
        clip.unlink()


def test_cleared_photos_leave_the_memory_too(browser, watched, astronaut, tmp_path) -> None:
    """Each file carries 15 MB behind its picture, which nobody reads."""
    port, watcher = watched
    photo = encode(np.ascontiguousarray(astronaut[:300, 100:400])) + bytes(15_000_000)
    sizes = []
    chromium = launch(browser)
    try:
        tab = open_live_when_up(chromium, port)
        tab.goto(f"http://127.0.0.1:{port}/upload")
        tab.locator("input[type=file]").wait_for(state="attached")
        for number in range(9):
            name = f"me-{number}.jpg"
            file = tmp_path / name
            file.write_bytes(photo)
            tab.set_input_files("input[type=file]", file)
            tab.get_by_text(f"{name} · 1 face").wait_for()
            tab.get_by_role("button", name="Clear").click()
            tab.get_by_text(f"{name} · 1 face").wait_for(state="detached")
            sizes.append(watcher.process.memory_info().rss / 1e6)
    finally:
        chromium.close()
    assert sizes[-1] - sizes[4] < 2.5 * 15, sizes
