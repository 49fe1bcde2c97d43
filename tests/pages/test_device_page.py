"""The live page's mode on this device without a browser: what it says, and what it takes."""

import base64
from collections.abc import Iterator

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fer_core.errors import DownloadError
from fer_core.live import DeviceView
from fer_core.live.browser_files import BrowserFiles
from fer_core.system.settings import settings
from pages._live import device, device_page
from pages._live.state import Viewer
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def fresh_caches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> Viewer:
    visitor = Viewer()
    monkeypatch.setattr(device, "viewer", lambda: visitor)
    return visitor


def open_live() -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    return app.run().switch_page("pages/live.py").run()


def test_without_the_runtime_the_mode_explains_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(*_) -> BrowserFiles:
        raise DownloadError("npm is not installed.")

    monkeypatch.setattr(device_page, "prepare", prepare)
    app = open_live()
    app.segmented_control(key="live-way").set_value("On this device").run()
    assert not app.exception
    assert "npm is not installed. Choose another mode" in app.warning[0].value


@pytest.mark.parametrize(
    ("public", "turn", "mode"),
    [("0", "", "Over the server"), ("1", "", "On this device"), ("1", "key", "Over the server")],
)
def test_public_links_without_turn_open_on_the_device(
    monkeypatch: pytest.MonkeyPatch, public: str, turn: str, mode: str
) -> None:
    monkeypatch.setenv("FER_PUBLIC", public)
    monkeypatch.setenv("CLOUDFLARE_TURN_KEY_ID", turn)
    monkeypatch.setattr("pages._live.player.network", lambda: {"iceServers": []})
    settings.cache_clear()

    def prepare(*_) -> BrowserFiles:
        raise DownloadError("Not here.")

    monkeypatch.setattr(device_page, "prepare", prepare)
    assert open_live().segmented_control(key="live-way").value == mode


ROW = [1, 10, 640, 480, [[1, 3, 0, -1, 0.9, 0, 1, 1, 9, 9, 0, 0, 0, 1, 0, 0, 0]]]


def test_messages_count_once_and_a_new_start_is_a_new_view(mine: Viewer) -> None:
    first = {"view": "a", "number": 1, "running": True, "rows": [ROW]}
    assert device.take_report(first) == 1
    view = mine.session
    assert isinstance(view, DeviceView)
    assert view.history.of(1, view.now_s).results == 1
    device.take_report(first)  # Streamlit shows the last message again in every run
    assert (view.history.of(1, view.now_s).results, view.refused) == (1, 0)
    recorder = mine.recorder = view.record()
    assert device.take_report({"view": "b", "number": 2, "running": True}) == 2
    assert mine.session is not view
    assert not view.active
    assert not recorder.state.running
    recorder.delete()


@pytest.mark.parametrize("message", [None, 5, "x", [], {}, {"number": "1"}, {"view": 3}])
def test_a_message_of_another_kind_changes_nothing(mine: Viewer, message) -> None:
    assert device.take_report(message) == 0
    assert mine.session is None


GOOD = {
    "purpose": "capture", "emotion": "sad", "tag": "Ann", "size": 16, "face": ROW[4][0],
    "rgb": base64.b64encode(bytes(range(256)) * 3).decode(),
    "width": 9, "height": 9, "frame": 1, "time_s": 0.5,
}  # fmt: skip


def test_crops_are_checked() -> None:
    bad = [
        {},
        GOOD | {"size": 17},
        GOOD | {"face": []},
        GOOD | {"rgb": "§"},
        GOOD | {"frame": None},
        3,
    ]
    (crop,) = device.parse_crops({"list": [GOOD, *bad]})
    assert (crop.crop.shape, crop.face.emotion, crop.purpose) == ((16, 16, 3), "happy", "capture")
    assert (crop.emotion, crop.tag) == ("sad", "Ann")
    for message in ({}, {"list": 4}):
        assert device.parse_crops(message) == ()


def test_crops_count_once(mine: Viewer) -> None:
    message = {"queue": "a", "number": 1, "list": [GOOD]}
    assert len(device.take_crops(message)) == 1
    assert device.take_crops(message) == ()  # the browser had no answer yet and sends it again
    assert mine.crops_message == ("a", 1)
    assert len(device.take_crops(message | {"number": 2})) == 1
    assert len(device.take_crops(message | {"queue": "b"})) == 1  # the page was opened anew
    for other in (None, 3, {}, {"number": "1"}):
        assert device.take_crops(other) == ()
