"""The live page in a real browser with a fake camera that shows a real face."""

import io
import signal
from collections.abc import Iterator
from pathlib import Path

import av
import pandas as pd
import pytest

from benchmarks.fake_camera import chromium_arguments, moving_photo, write_y4m
from benchmarks.live_server import free_port
from fer_core import Recognizer
from tests.browser.live_driver import (
    button,
    flows,
    launch,
    open_live,
    open_live_when_up,
    open_tab,
    profile,
    serve,
    start,
)  # fmt: skip

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def camera(tmp_path_factory, astronaut) -> Path:
    """A clip made of one photo; the detector must find its face, or the tests mean nothing."""
    pictures = list(moving_photo(astronaut))
    assert all(Recognizer.load().recognize(picture) for picture in pictures[::20])
    file = tmp_path_factory.mktemp("camera") / "camera.y4m"
    write_y4m(file, pictures)
    return file


@pytest.fixture(scope="module")
def with_camera(browser, camera: Path) -> Iterator:
    chromium = launch(browser, *chromium_arguments(camera), "--use-fake-ui-for-media-stream")
    yield chromium
    chromium.close()


@pytest.fixture(scope="module")
def visitor(with_camera) -> Iterator:
    context = profile(with_camera)
    yield context
    context.close()


@pytest.fixture
def live(visitor, server: str) -> Iterator:
    tab = open_tab(visitor, server)
    yield tab
    tab.close()


def test_video_labels_settings_and_recording(live) -> None:
    live.get_by_text("The camera is off").wait_for()
    start(live)
    flows(live)
    live.get_by_text("happy", exact=False).first.wait_for()
    live.get_by_role("img", name="Emotions of the last minute").wait_for()

    live.get_by_role("button", name="Record", exact=True).click()
    live.get_by_text("of 10:00").wait_for()
    live.get_by_role("button", name="Settings").click()
    live.get_by_text("Bars beside the faces").click()  # a full rerun must not touch the video
    live.keyboard.press("Escape")
    flows(live)
    assert live.evaluate("pcs.length") == 1
    live.get_by_role("button", name="Stop recording").click()

    with live.expect_download() as got:
        live.get_by_role("button", name="CSV", exact=True).click()
    table = pd.read_csv(io.BytesIO(Path(got.value.path()).read_bytes()))
    assert len(table) > 10
    assert set(table.person.dropna()) == {1}
    assert table.emotion.notna().any()
    assert pd.to_datetime(table.time).is_monotonic_increasing
    with live.expect_download() as got:
        live.get_by_role("button", name="Clip").click()
    with av.open(str(got.value.path())) as clip:
        assert sum(1 for _ in clip.decode(video=0)) > 10
    live.get_by_role("button", name="Delete", exact=True).click()
    live.get_by_role("button", name="Record", exact=True).wait_for()
    button(live, "Stop").click()
    live.get_by_text("The camera is off").wait_for()


def test_one_click_on_home_starts_the_camera(live, server: str) -> None:
    live.goto(server)
    live.get_by_role("button", name="Start the webcam").click()
    button(live, "Stop").wait_for()
    flows(live)
    button(live, "Stop").click()
    live.get_by_text("The camera is off").wait_for()


def test_leaving_the_page_frees_the_camera_and_coming_back_works(live) -> None:
    start(live)
    live.get_by_role("link", name="Home").click()
    live.get_by_text("Before you use it").wait_for()
    live.wait_for_function(
        "streams.length && streams.every(s => s.getTracks().every(t => t.readyState === 'ended'))"
    )
    live.get_by_role("link", name="Live").first.click()
    live.get_by_text("The camera is off").wait_for()
    start(live)
    flows(live)


def test_a_face_is_corrected_and_kept(live) -> None:
    start(live)
    live.get_by_role("button", name="Correct this face").click()
    live.get_by_alt_text("The frozen face").wait_for()
    live.get_by_role("combobox", name="Emotion").wait_for()
    live.get_by_role("button", name="Save as training example").click()
    live.get_by_text("Saved. Corrected faces so far: 1.").wait_for()
    flows(live)


def test_two_tabs_play_at_the_same_time(live, server: str) -> None:
    start(live)
    other = open_tab(live.context, server)
    start(other)
    flows(other)
    flows(live)
    other.close()


def test_a_snapshot_works_in_the_same_place(live) -> None:
    live.get_by_role("radio", name="Snapshot").click()
    live.wait_for_function("document.querySelector('video')?.videoWidth")  # or nothing is taken
    live.get_by_role("button", name="Take photo").click()
    live.get_by_alt_text("The snapshot with its faces").wait_for()


BROKEN = """
navigator.mediaDevices.getUserMedia = async () => {
  throw new DOMException("Could not start video source", "NotReadableError");
};
"""


@pytest.mark.parametrize(
    ("arguments", "script", "words"),
    [
        (["--use-fake-device-for-media-stream"], "", "does not allow this page to use the camera"),
        (["--use-fake-ui-for-media-stream"], "", "No camera was found"),
        (
            ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
            BROKEN,
            "in use by another program",
        ),
    ],
    ids=["permission denied", "no camera", "camera busy"],
)
def test_it_says_why_there_is_no_camera(browser, server, arguments, script, words) -> None:
    chromium = launch(browser, *chromium_arguments(None), *arguments)
    tab = open_live(chromium, server, script or "0")
    button(tab, "Start camera").click()
    tab.get_by_text(words).wait_for()
    tab.get_by_text("Or switch to Snapshot above").wait_for()
    chromium.close()


def test_a_killed_server_is_noticed_and_its_successor_works(with_camera, tmp_path: Path) -> None:
    port = free_port()
    first = serve(tmp_path, port)
    try:
        tab = open_live_when_up(with_camera, port)
        start(tab)
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait(10)
    tab.get_by_text("Connection error").wait_for()
    second = serve(tmp_path, port)
    try:
        tab.context.close()
        tab = open_live_when_up(with_camera, port)
        start(tab)
        flows(tab)
        tab.context.close()
    finally:
        second.terminate()
        second.wait(20)


def test_a_full_house_says_so_politely(with_camera, tmp_path: Path) -> None:
    port = free_port()
    process = serve(tmp_path, port, FER_STREAMS="1")
    try:
        first = open_live_when_up(with_camera, port)
        start(first)
        second = open_live_when_up(with_camera, port)
        button(second, "Start camera").click()
        second.get_by_text("at most 1 at once").wait_for()
        flows(first)
        first.context.close()
        second.context.close()
    finally:
        process.terminate()
        process.wait(20)
