"""The player of streamlit-webrtc, what it is told, and what it calls."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from av import VideoFrame
from streamlit_webrtc import VideoProcessorBase, WebRtcStreamerContext, webrtc_streamer

from fer_core import Recognizer
from fer_core.live import LiveOptions, LiveSession
from fer_core.live.connection import ice_servers
from pages._live.state import seats, viewer

PLAYER = "live-player"

WORDS = {
    "start": "Start",
    "stop": "Stop",
    "select_device": "Choose camera",
    "select_camera": "Choose camera",
    "turn_camera_on": "Camera on",
    "turn_camera_off": "Camera off",
    "media_api_not_available": "This browser gives no camera to this page",
    "device_ask_permission": "Allow the camera in the question your browser shows",
    "device_not_available": "The camera cannot be used",
    "device_access_denied": "The browser does not allow the camera",
}

VIDEO = {
    "autoPlay": True,
    "muted": True,
    "playsInline": True,
    "style": {"width": "100%", "borderRadius": "8px"},
}


def camera(facing: str) -> dict[str, Any]:
    """Which video is asked of the browser; ``facing`` is Front or Back."""
    return {
        "video": {
            "width": {"ideal": 640},
            "height": {"ideal": 480},
            "frameRate": {"ideal": 30},
            "facingMode": "environment" if facing == "Back" else "user",
        },
        "audio": False,
    }


class Processor(VideoProcessorBase):
    """What the player calls. Drawing takes about a millisecond, so no thread stands between."""

    def __init__(self, session: LiveSession) -> None:
        self.session = session

    def recv(self, frame: VideoFrame) -> VideoFrame:
        return self.session.handle(frame)

    def on_ended(self) -> None:
        self.session.end()


def play(reader: Recognizer, options: LiveOptions, facing: str) -> WebRtcStreamerContext:
    """The player; every start of it is a new session."""
    mine, places = viewer(), seats()

    def open_session() -> LiveSession:
        session = LiveSession(reader, options)
        places.take(session)
        mine.session = session
        return session

    context = webrtc_streamer(
        PLAYER,
        rtc_configuration=network(),
        media_stream_constraints=camera(facing),
        video_processor_factory=lambda: Processor(open_session()),
        async_processing=False,
        video_html_attrs=VIDEO,
        translations=WORDS,
        media_toggle_controls=False,
    )
    if context.state.playing and context.video_processor and mine.session is None:
        context.video_processor.session = open_session()  # the page was cut off, the video was not
    return context


def network() -> dict | None:
    """STUN and TURN servers, from the secrets where they name some."""
    section = st.secrets.get("webrtc") if st.secrets.load_if_toml_exists() else None
    servers = ice_servers(section, urlsplit(st.context.url or "").hostname or "localhost")
    return None if servers is None else {"iceServers": servers}


camera_state = st.components.v2.component(
    "camera_state",
    html='<div role="status" style="font-weight:600"></div>',
    js=(Path(__file__).parent / "camera.js").read_text("utf-8"),
)
"""A line that says in words why the browser gives no camera; see ``camera.js``."""
