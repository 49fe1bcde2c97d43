"""What goes wrong with cameras, connections and tabs, tried in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from benchmarks.fake_camera import chromium_arguments, write_y4m
from benchmarks.live_server import free_port
from fer_core.recognition.recognizer import Recognizer
from fer_core.recognition.tracking_recognizer import LIVE_EDGE
from tests.browser.live_driver import (
    KEEP,
    button,
    flows,
    launch,
    open_live_when_up,
    open_tab,
    press,
    profile,
    serve,
    start,
    until,
)

pytestmark = pytest.mark.browser

SOCKETS = """
window.shown = () => document.querySelector('iframe[title*="webrtc"]').contentDocument.querySelector("video");
const NativeSocket = window.WebSocket;
window.WebSocket = class extends NativeSocket {
  constructor(...given) { super(...given); (window.top.sockets ??= []).push(this); }
};
"""

HOLDS = """
window.cameras = () => streams.flatMap(s => s.getTracks()).filter(t => t.readyState === "live").length;
const asked = navigator.mediaDevices?.getUserMedia?.bind(navigator.mediaDevices);
if (asked) navigator.mediaDevices.getUserMedia = async (wanted) => {
  await window.top.gate;
  return asked(wanted);
};
"""


def crowd(face: np.ndarray) -> np.ndarray:
    """Ten faces in two lines, 640 by 480."""
    return np.tile(cv2.resize(face, (128, 240), interpolation=cv2.INTER_AREA), (2, 5, 1))


@pytest.fixture(scope="module")
def chromium(browser, tmp_path_factory, astronaut) -> Iterator:
    """A camera that shows ten faces for two seconds, then black for two."""
    ten = crowd(astronaut[0:270, 152:296])
    assert len(Recognizer.load().detect(ten, LIVE_EDGE)) == 10, "or the tests mean nothing"
    file = tmp_path_factory.mktemp("crowd") / "camera.y4m"
    write_y4m(file, [ten] * 60 + [np.zeros_like(ten)] * 60)
    opened = launch(browser, *chromium_arguments(file), "--use-fake-ui-for-media-stream")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def visitor(chromium) -> Iterator:
    context = profile(chromium)
    yield context
    context.close()


@pytest.fixture
def live(visitor, server: str) -> Iterator:
    tab = open_tab(visitor, server, KEEP + SOCKETS + HOLDS)
    yield tab
    tab.close()


def sees_a_face(tab) -> None:
    tab.get_by_role("button", name="Correct this face").wait_for()


def test_ten_faces_then_black_pictures(live) -> None:
    start(live)
    live.get_by_role("combobox", name="Person").click()
    live.get_by_role("option", name="Person 10", exact=True).wait_for()
    live.keyboard.press("Escape")
    for _ in range(2):
        live.get_by_text("No face", exact=True).wait_for()
        flows(live)
        sees_a_face(live)
    flows(live)


def test_the_camera_changes_its_resolution_midstream(live) -> None:
    start(live)
    for width, height in ((320, 240), (640, 480)):
        live.evaluate(
            "size => streams.at(-1).getVideoTracks()[0].applyConstraints(size)",
            {"width": width, "height": height},
        )
        if width == 320:  # on the way back WebRTC takes its time, by how busy the machine is
            live.wait_for_function("shown().videoWidth <= 320")
        flows(live)
        sees_a_face(live)


def test_twenty_quick_starts_and_stops(live) -> None:
    for _ in range(20):
        press(live, "Start camera")
        press(live, "Stop")
    start(live)
    flows(live)
    live.wait_for_function("cameras() === 1")  # those of the other starts are off


@pytest.mark.parametrize("news", ["connected", "closed"])
def test_news_of_a_connection_after_stop_was_pressed_changes_nothing(live, news: str) -> None:
    start(live)
    offered = live.evaluate(
        """async news => {
             const button = shown().ownerDocument.querySelector("button");
             button.click();
             Object.defineProperty(pcs.at(-1), "connectionState", { value: news });
             pcs.at(-1).dispatchEvent(new Event("connectionstatechange"));
             await new Promise(drawn => setTimeout(drawn, 100));
             return button.textContent;
           }""",
        news,
    )
    assert offered == "Start camera"
    start(live)
    flows(live)
    live.wait_for_function("cameras() === 1")


def test_a_camera_that_comes_after_stop_was_pressed_is_switched_off(live) -> None:
    live.evaluate("() => { window.gate = new Promise(open => (window.openGate = open)); }")
    button(live, "Start camera").click()
    button(live, "Stop").click()
    button(live, "Start camera").wait_for()
    assert live.evaluate("window.streams ?? []") == []
    live.evaluate("openGate()")
    live.wait_for_function("window.streams?.length === 1 && cameras() === 0")
    live.get_by_text("The camera is off").wait_for()
    start(live)
    flows(live)


def test_a_camera_that_vanishes_is_named_and_may_come_back(live) -> None:
    start(live)
    live.evaluate(
        """for (const track of streams.at(-1).getTracks()) {
             track.stop();
             track.dispatchEvent(new Event("ended"));
           }"""
    )
    live.get_by_text("Is the camera unplugged").wait_for()
    button(live, "Stop").click()
    start(live)
    flows(live)


def test_a_page_cut_off_for_a_moment_goes_on_with_the_same_video(live) -> None:
    start(live)
    connections = live.evaluate("pcs.length")
    before = live.evaluate("() => { sockets.forEach(one => one.close()); return sockets.length; }")
    live.wait_for_function("n => sockets.length > n && sockets.at(-1).readyState === 1", arg=before)
    live.get_by_text(re.compile(r"\d+ fps")).first.wait_for()
    sees_a_face(live)
    flows(live)
    assert live.evaluate("pcs.length") == connections


def test_closing_or_reloading_the_tab_deletes_the_recording_and_frees_the_seat(
    chromium, tmp_path: Path
) -> None:
    (tmp_path / "temp").mkdir()
    port = free_port()
    process = serve(tmp_path, port, TMPDIR=str(tmp_path / "temp"), FER_STREAMS="1")
    try:
        tab = open_live_when_up(chromium, port)
        for leave in ("reload", "close"):
            start(tab)
            tab.get_by_role("button", name="Record", exact=True).click()
            tab.get_by_text("of 10:00").wait_for()
            until(lambda: list((tmp_path / "temp").rglob("clip.mp4")))
            getattr(tab, leave)()
            until(lambda: not list((tmp_path / "temp").rglob("clip.mp4")))
        tab.context.close()
        tab = open_live_when_up(chromium, port)
        start(tab)  # the only seat is free again
        tab.context.close()
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.skipif(
    "not config.getoption('--browser-kills')", reason="takes minutes; make stress asks for it"
)
def test_a_killed_browser_leaves_no_recording_and_frees_its_seat(
    browser, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Kill -9 of the whole browser while it records: it cannot say goodbye."""
    (tmp_path / "temp").mkdir()
    port = free_port()
    process = serve(tmp_path, port, TMPDIR=str(tmp_path / "temp"), FER_STREAMS="1")
    this = psutil.Process()
    try:
        for _ in range(request.config.getoption("--browser-kills")):
            before = set(this.children(recursive=True))
            opened = launch(
                browser, *chromium_arguments(None), "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
            )  # fmt: skip
            tab = open_live_when_up(opened, port)
            start(tab)  # the only seat is free
            tab.get_by_role("button", name="Record", exact=True).click()
            tab.get_by_text("of 10:00").wait_for()
            until(lambda: list((tmp_path / "temp").rglob("clip.mp4")))
            for child in set(this.children(recursive=True)) - before:
                child.kill()
            until(lambda: not list((tmp_path / "temp").rglob("clip.mp4")), 90)
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(20)
