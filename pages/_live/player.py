"""The player of streamlit-webrtc, its options and its callbacks."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from av import VideoFrame
from streamlit_webrtc import VideoProcessorBase, WebRtcStreamerContext, webrtc_streamer
from streamlit_webrtc.component import _reset_context, generate_frontend_component_key
from streamlit_webrtc.webrtc import SignallingTimeoutError

from fer_core import Recognizer
from fer_core.errors import FerError
from fer_core.live import LiveOptions, LiveSession
from fer_core.live.ice_servers import ice_servers
from fer_core.system.settings import settings
from pages._live.request import START_CAMERA
from pages._live.state import Offer, session_limit, viewer

PLAYER = "live-player"

WORDS = {
    "start": "Start camera",
    "stop": "Stop",
    "select_device": "Choose camera",
    "select_camera": "Choose camera",
    "turn_camera_on": "Camera on",
    "turn_camera_off": "Camera off",
    "media_api_not_available": "This browser gives no camera to this page",
    "device_ask_permission": "Allow the camera when your browser asks",
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
    """Return the constraints of the browser's camera; ``facing`` is Front or Back."""
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
    """Callbacks of the player. Drawing takes about a millisecond, so no thread stands between."""

    def __init__(self, session: LiveSession) -> None:
        self.session = session

    def recv(self, frame: VideoFrame) -> VideoFrame:
        return self.session.handle(frame)

    def on_ended(self) -> None:
        self.session.end()


def play(recognizer: Recognizer, options: LiveOptions, facing: str) -> WebRtcStreamerContext:
    """Show the player; every start of it is a new session.

    Raises:
        FerError: The limit of sessions is reached, or the server was too busy to answer.
    """
    state, limit = viewer(), session_limit()
    offer = forget_old_offer()
    keep_through_quick_runs()

    def open_session() -> LiveSession:
        state.offer = offer
        if state.session:
            state.session.end()  # a start given up before it connected ends here
        session = LiveSession(recognizer, options)
        limit.add(session)
        state.session = session
        return session

    try:
        context = webrtc_streamer(
            PLAYER,
            rtc_configuration=network(),
            media_stream_constraints=camera(facing),
            video_processor_factory=lambda: Processor(open_session()),
            async_processing=False,
            video_html_attrs=VIDEO,
            translations=WORDS,
            media_toggle_controls=False,
            desired_playing_state=st.session_state.pop(START_CAMERA, False) or None,
        )
    except SignallingTimeoutError as error:
        raise FerError("The server was too busy to start. Press Stop, then start again.") from error
    if context.state.playing and context.video_processor and state.session is None:
        context.video_processor.session = open_session()  # the page was cut off, the video was not
    return context


def forget_old_offer() -> Offer | None:
    """Return the browser's newest offer; a connection that answers an older one is released.

    The player does so itself when it sees the stop between two starts. A busy server does not see
    it: Streamlit merges what arrives during a run, or begins the next run while the one before
    still answers. The player would then keep the old connection and leave the new start without
    its answer for ever (streamlit-webrtc 0.79).
    """
    value = st.session_state.get(generate_frontend_component_key(PLAYER)) or {}
    offer, context = value.get("sdpOffer"), st.session_state.get(PLAYER)
    if offer and context and viewer().offer not in (None, offer):
        state = context.state
        _reset_context(context)
        context._set_state(state)
    return offer or None


def keep_through_quick_runs() -> None:
    """Two runs in quick succession must not end the video.

    The player takes a run that it was not drawn in for a visit to another page, and closes the
    connection. It counts by what Streamlit has sent, and that lags behind: it may see two runs
    more where only one was (streamlit-webrtc 0.79). The last state of the browser's player is more
    reliable: Streamlit deletes it with the page.
    """
    context = st.session_state.get(PLAYER)
    if context and st.session_state.get(generate_frontend_component_key(PLAYER)):
        context._last_rendered_run_count = None


def network() -> dict | None:
    """Return STUN and TURN servers, from the secrets where they name some."""
    section = st.secrets.get("webrtc") if st.secrets.load_if_toml_exists() else None
    servers = ice_servers(section, urlsplit(st.context.url or "").hostname or "localhost")
    return None if servers is None else {"iceServers": servers}


TURN_NAMES = ("CLOUDFLARE_TURN_KEY_ID", "HF_TOKEN")
"""Secrets from which the player gets a TURN server by itself."""


def needs_device() -> bool:
    """Return whether this is a public link without a TURN server, where video hardly arrives."""
    has_secrets = st.secrets.load_if_toml_exists()
    has_turn = has_secrets and "webrtc" in st.secrets
    has_turn = has_turn or any(os.environ.get(name) for name in TURN_NAMES)
    return settings().public and not has_turn


camera_state = st.components.v2.component(
    "camera_state",
    html='<div role="status" style="font-weight:600"></div>',
    js=(Path(__file__).parent / "camera.js").read_text("utf-8"),
)
"""A line with the reason why the browser gives no camera; see ``camera.js``."""
