"""The live page without a browser: what it says before and instead of video."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fer_core.live import BusyError, LiveOptions, LiveSession, SessionLimit
from fer_core.models.registry import promote
from fer_core.system.settings import settings
from pages._live import player
from pages._live.state import Viewer
from tests.page_kit import entry
from tests.unit.live_stubs import StubRecognizer


@pytest.fixture(autouse=True)
def fresh_caches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No cached models; and AppTest's runtime has no sessions for the player to look up."""
    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def said(app: AppTest) -> str:
    kinds = (app.caption, app.info, app.warning, app.error, app.title)
    texts = [element.value for kind in kinds for element in kind]
    return "\n".join(texts + [element.proto.body for element in app.get("html")])


def test_it_starts_with_the_notice_and_a_camera_that_is_off() -> None:
    app = entry("live").run()
    assert not app.exception
    for part in ("Live", "An expression is not a feeling", "not stored", "The camera is off"):
        assert part in said(app)
    assert [slider.label for slider in app.slider] == ["Smoothing"]
    assert {toggle.label for toggle in app.toggle} == {"Mirror", "Bars beside the faces"}


@pytest.mark.parametrize("head", ["fer2013", "ferplus"])
def test_every_reading_and_option_can_be_chosen(head: str) -> None:
    app = entry("live").run()
    app.selectbox(key="head").set_value(head).run()
    app.toggle(key="mirror").set_value(False).run()
    app.slider(key="smoothing").set_value(0.0).run()
    assert not app.exception
    assert "The camera is off" in said(app)


def test_incomplete_secrets_are_explained() -> None:
    app = entry("live")
    app.secrets["webrtc"] = {"urls": "turn:turn.example.org", "username": "me"}
    app.run()
    assert not app.exception
    assert "add username and credential" in said(app)


def test_the_video_keeps_its_place_when_a_warning_comes(model_copy: Path) -> None:
    """The browser restarts what it finds in another place: the camera would go off."""
    app = entry("live").run()
    before, calm = sorted(app.main.children), len(app.warning)
    card = json.loads((model_copy / "card.json").read_text("utf-8"))
    (model_copy / "card.json").write_text(json.dumps(card | {"demo": True}), "utf-8")
    models = settings().home / "models"
    models.mkdir(parents=True)
    model_copy.rename(models / "drawn")
    promote("drawn")
    app.run()
    assert not app.exception
    assert len(app.warning) == calm + 1
    assert sorted(app.main.children) == before


def test_the_snapshot_takes_the_place_of_the_video() -> None:
    app = entry("live").run()
    app.segmented_control(key="live-way").set_value("Snapshot").run()
    assert not app.exception
    assert "The camera is off" not in said(app)
    assert app.get("camera_input")


def test_each_face_held_still_brings_its_own_emotion() -> None:
    def page() -> None:
        import numpy as np
        import streamlit as st

        from pages._live.correction import show_frozen
        from pages._live.state import Frozen, viewer

        for emotion in ("happy", "sad"):
            if st.button(emotion):
                viewer().frozen = Frozen(np.zeros((8, 8, 3), np.uint8), emotion)
        show_frozen()

    app = AppTest.from_function(page, default_timeout=30).run()
    for button, emotion in zip(range(2), ("happy", "sad"), strict=True):
        app.button[button].click().run()
        assert app.selectbox[0].value == emotion


def test_a_start_given_up_before_it_connected_does_not_count_for_the_limit(monkeypatch) -> None:
    mine, limit, asked = Viewer(), SessionLimit(1), []

    def webrtc_streamer(*_, video_processor_factory, **__):
        asked.append(video_processor_factory)
        return SimpleNamespace(state=SimpleNamespace(playing=False))

    for name, value in (
        ("viewer", lambda: mine), ("session_limit", lambda: limit), ("webrtc_streamer", webrtc_streamer)
    ):  # fmt: skip
        monkeypatch.setattr(player, name, value)
    player.play(StubRecognizer(), LiveOptions(), "Front")
    first = asked[0]().session
    second = asked[0]().session  # no picture came, nobody said that the first had ended
    assert first._ended
    assert second.active
    assert mine.session is second
    with pytest.raises(BusyError):
        limit.add(LiveSession(StubRecognizer()))
