"""The live view on the visitor's own device, in a real browser with a fake camera."""

import io
import json
import re
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pandas as pd
import pytest
from playwright.sync_api import expect

from benchmarks.fake_camera import chromium_arguments, moving_photo, write_y4m
from benchmarks.live_server import free_port
from fer_core import collect
from fer_core.collect import labels
from fer_core.errors import DownloadError
from fer_core.live.browser_runtime import RUNTIME
from fer_core.system.npm_packages import bring
from fer_core.system.settings import Settings
from tests.browser.https_kit import https_proxy
from tests.browser.live_driver import KEEP, button, launch, serve, until
from tests.browser.test_accessibility import AXE, serious, settle
from tests.conftest import MAY_SKIP, app, needs_yunet
from tests.replicas_kit import NGINX

pytestmark = [pytest.mark.browser, needs_yunet]


@pytest.fixture(scope="module")
def runtime() -> Path:
    """The npm files of the runtime, brought once into this user's cache."""
    config = Settings.from_environment({})
    try:
        bring(tuple(RUNTIME.values()), config)
    except DownloadError as error:
        if not MAY_SKIP:
            raise
        pytest.skip(f"the runtime is not on this machine: {error}")
    return config.cache / "npm"


def with_runtime(folder: Path, runtime: Path) -> Path:
    (folder / "cache").mkdir(parents=True)
    (folder / "cache" / "npm").symlink_to(runtime)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory, runtime: Path) -> Path:
    return with_runtime(tmp_path_factory.mktemp("on-device") / "server", runtime)


@pytest.fixture(scope="module")
def device_server(folder: Path) -> Iterator[str]:
    with app(folder) as address:
        yield address


@pytest.fixture(scope="module")
def with_camera(browser, tmp_path_factory, astronaut) -> Iterator:
    file = tmp_path_factory.mktemp("camera") / "camera.y4m"
    # Half as fast as a tracked face may move: pictures come late on a busy machine.
    write_y4m(file, moving_photo(astronaut, seconds=2, sway=45))
    chromium = launch(browser, *chromium_arguments(file), "--use-fake-ui-for-media-stream")
    yield chromium
    chromium.close()


WATCH = """
window.sent = [];
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  sent.push(data.byteLength ?? data.length);
  return send.call(this, data);
};
"""


@contextmanager
def opened(chromium, server: str, script: str = "") -> Iterator:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    context.add_init_script(WATCH + script)
    tab = context.new_page()
    tab.goto(f"{server}/live")
    settle(tab)
    tab.get_by_role("radio", name="On this device").click()
    start_button(tab).wait_for()
    yield tab
    context.close()


@pytest.fixture
def live(with_camera, device_server: str) -> Iterator:
    with opened(with_camera, device_server) as tab:
        yield tab


def start_button(tab):
    return tab.get_by_role("button", name="Start camera")


def start(tab) -> None:
    start_button(tab).click()
    sees_a_face(tab)


def sees_a_face(tab) -> None:
    tab.locator("[data-part=caption]", has_text="%").wait_for()


def results(tab) -> int:
    """Frames in which a face was seen so far."""
    return tab.evaluate("window.faces ?? 0")


COUNT = "window.addEventListener('fer-studio-face', (e) => (window.faces = (window.faces ?? 0) + !!e.detail.face));"


def goes_on(tab) -> None:
    before = results(tab)
    tab.wait_for_function("(n) => window.faces > n + 5", arg=before)


def test_results_a_recording_and_no_image_leaves_the_browser(with_camera, device_server) -> None:
    with opened(with_camera, device_server, COUNT) as live:
        methods: set[str] = set()
        live.on("request", lambda request: methods.add(request.method))
        start(live)
        live.get_by_role("img", name="Emotions of the last minute").wait_for()
        live.get_by_role("button", name="Record", exact=True).click()
        live.get_by_text("of 10:00").wait_for()
        goes_on(live)
        live.wait_for_timeout(1500)
        live.get_by_role("button", name="Stop recording").click()
        with live.expect_download() as got:
            live.get_by_role("button", name="CSV", exact=True).click()
        table = pd.read_csv(io.BytesIO(Path(got.value.path()).read_bytes()))
        assert len(table) > 5
        assert set(table.person.dropna()) == {1}
        assert table.frame.is_monotonic_increasing
        assert set(table.detector) == {"yunet"}
        with live.expect_download() as got:
            live.get_by_role("link", name="Clip").click()
        with av.open(str(got.value.path())) as clip:
            assert sum(1 for _ in clip.decode(video=0)) > 5
        live.get_by_role("button", name="Stop", exact=True).click()
        live.get_by_text("The camera is off").wait_for()
        assert methods == {"GET"}
        frame_bytes = 128 * 128  # the smallest thing with pixels: one grey crop
        assert max(live.evaluate("sent")) < frame_bytes
        assert live.evaluate("document.querySelectorAll('iframe[title*=webrtc]').length") == 0


def test_nothing_is_sent_while_the_timeline_is_off(with_camera, device_server) -> None:
    with opened(with_camera, device_server, COUNT) as live:
        live.get_by_role("button", name="Settings").click()
        live.get_by_text("Timeline and shares").click()
        live.keyboard.press("Escape")
        live.get_by_text("Nothing is sent while").wait_for()
        start(live)
        live.wait_for_timeout(1000)
        before = live.evaluate("sent.length")
        goes_on(live)
        live.wait_for_timeout(1500)
        assert live.evaluate("sent.length") == before


def test_a_face_is_corrected(live, folder: Path) -> None:
    start(live)
    live.get_by_role("button", name="Correct this face").click()
    live.get_by_alt_text("The frozen face").wait_for()
    live.get_by_role("button", name="Save as training example").click()
    live.get_by_text("Saved. Corrected faces so far: 1.").wait_for()
    assert len(list((folder / "home" / "datasets" / "corrections").rglob("*.png"))) == 1


CROPS = """
window.crops = new Map();  // the emotion of every crop that the worker cut, each once
const Recognizer = Worker;
window.Worker = class extends Recognizer {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data: { crop } }) => {
      if (crop?.emotion && !crops.has(crop.data.join())) crops.set(crop.data.join(), crop.emotion);
    });
  }
};
"""


def test_faces_are_collected_while_a_key_is_held(with_camera, device_server, folder: Path) -> None:
    context = with_camera.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    context.add_init_script(COUNT + KEEP + CROPS)
    tab = context.new_page()
    tab.goto(f"{device_server}/dataset")
    tab.get_by_role("button", name="Change").click()
    tab.get_by_text("Make one", exact=True).click()
    tab.get_by_role("button", name="Start", exact=True).click()
    tab.get_by_text("Webcam", exact=True).click()
    tab.get_by_role("radio", name="On this device").click()
    tab.get_by_text("the faces are sent to the server").wait_for()
    person = tab.get_by_role("textbox", name="Who is in front of the camera?")
    person.fill("Ann")
    person.press("Enter")
    start_button(tab).click()
    happy = tab.get_by_role("button", name="4 happy")
    expect(happy).to_be_enabled()
    tab.wait_for_function("window.faces > 0")
    tab.locator("h1").first.click()  # out of the text field
    tab.keyboard.down("4")
    count = happy.locator(".count")
    expect(count).to_have_text(re.compile("[1-9]"))
    goes_on(tab)
    tab.keyboard.down("6")  # the camera is lost while a key is held
    goes_on(tab)
    tab.evaluate("streams.at(-1).getTracks()[0].dispatchEvent(new Event('ended'))")
    tab.get_by_text("The camera is gone").wait_for()
    expect(happy).to_be_disabled()
    tab.keyboard.up("6")
    cut = Counter(tab.evaluate("[...crops.values()]"))
    assert set(cut) == {"happy", "sad"}
    expect(count).to_have_text(str(cut["happy"]))
    expect(tab.get_by_role("button", name="6 sad").locator(".count")).to_have_text(str(cut["sad"]))
    mine = collect.Collection(folder / "home" / "collections" / "mine")
    faces = mine.faces()
    assert Counter(labels.label_table(faces, labels.states(mine))["label"]) == cut
    assert set(faces["person"]) == {"webcam:Ann"}
    context.close()


HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_hidden_tab_pauses_a_reload_starts_anew_and_modes_change(
    with_camera, device_server
) -> None:
    with opened(with_camera, device_server, COUNT) as live:
        start(live)
        live.evaluate(HIDE, arg=True)
        live.get_by_text("Paused while this tab is hidden").wait_for()
        live.wait_for_timeout(500)
        before = results(live)
        live.wait_for_timeout(500)
        assert results(live) == before
        live.evaluate(HIDE, arg=False)
        goes_on(live)
        live.get_by_role("radio", name="Over the server").click()
        button(live, "Start camera").wait_for()
        assert live.locator("[data-part=caption]").count() == 0
        live.get_by_role("radio", name="On this device").click()
        start(live)
        live.reload()
        settle(live)
        live.get_by_role("radio", name="On this device").click()
        start(live)


def test_the_model_in_use_is_the_one_that_runs(with_camera, device_server, folder: Path) -> None:
    default = folder / "home" / "default.json"
    default.parent.mkdir(exist_ok=True)
    with opened(with_camera, device_server, COUNT) as live:
        start(live)
        goes_on(live)
        fetched: list[str] = []  # from here on: the first network was fetched before
        live.on("request", lambda request: fetched.append(request.url))
        try:
            default.write_text(json.dumps({"model": "fernet", "before": ["mobilenetv2"]}))
            live.get_by_role("button", name="Settings").click()
            live.get_by_text("Bars beside the faces").click()  # a new run of the page
            live.keyboard.press("Escape")
            until(lambda: live.wait_for_timeout(50) or networks(fetched))
            goes_on(live)
            assert not start_button(live).is_visible()
        finally:
            default.unlink(missing_ok=True)


def networks(urls: list[str]) -> set[str]:
    return {url for url in urls if "/network-" in url}


FAULTS = {
    "NotAllowedError": "does not allow this page to use the camera",
    "NotFoundError": "No camera was found",
    "NotReadableError": "in use by another program",
}


def test_it_says_why_it_does_not_start(live) -> None:
    for name, words in FAULTS.items():
        live.evaluate(
            """name => (navigator.mediaDevices.getUserMedia =
                 async () => { throw new DOMException("", name); })""",
            name,
        )
        start_button(live).click()
        live.get_by_text(words).wait_for()
    live.evaluate("() => (WebAssembly.validate = () => false)")
    start_button(live).click()
    live.get_by_text("no WebAssembly with SIMD").wait_for()


def test_a_network_that_cannot_be_fetched_is_said(with_camera, device_server) -> None:
    context = with_camera.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(KEEP)
    tab = context.new_page()
    context.route("**/network-*", lambda route: route.fulfill(status=404))
    tab.goto(f"{device_server}/live")
    tab.get_by_role("radio", name="On this device").click()
    start_button(tab).click()
    tab.get_by_text("The recognizer failed").wait_for()
    start_button(tab).wait_for()
    assert tab.evaluate("streams.length") == 1
    tab.wait_for_function(
        "streams.every((s) => s.getTracks().every((t) => t.readyState === 'ended'))"
    )
    context.close()


def test_a_phone_shows_the_video_first_and_axe_finds_nothing(with_camera, device_server) -> None:
    with opened(with_camera, device_server) as tab:
        tab.set_viewport_size({"width": 390, "height": 844})
        start(tab)
        video = tab.locator("video").bounding_box()
        bars = tab.locator("[data-part=caption]").bounding_box()
        assert video["y"] < 300
        assert video["y"] + video["height"] <= bars["y"] < 844
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        tab.get_by_role("button", name="Stop", exact=True).click()
        tab.evaluate(AXE)
        assert serious(tab, "light") + serious(tab, "dark") == []


@pytest.mark.skipif(NGINX is None and MAY_SKIP, reason="no nginx; apt-get install nginx-light")
def test_a_public_link_behind_https_works_without_udp(
    with_camera, tmp_path: Path, runtime: Path
) -> None:
    port = free_port()
    folder = with_runtime(tmp_path / "public", runtime)
    process = serve(folder, port, FER_PUBLIC="1")
    closed = "window.RTCPeerConnection = class { constructor() { throw new Error('closed'); } };"
    context = with_camera.new_context(
        viewport={"width": 1280, "height": 900}, ignore_https_errors=True
    )
    try:
        context.add_init_script(closed)
        tab, refused = context.new_page(), []
        tab.on("console", lambda line: refused.append(line.text))
        until(lambda: is_up(f"http://127.0.0.1:{port}"))
        with https_proxy(folder, port) as address:
            tab.goto(address)
            tab.get_by_role("button", name="Start the webcam").click()
            sees_a_face(tab)
            assert tab.get_by_role("button", name="Correct this face").count() == 0
            assert not [line for line in refused if "Content Security Policy" in line]
    finally:
        context.close()
        process.terminate()
        process.wait(20)


def is_up(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
    except OSError:
        return False
    return True
