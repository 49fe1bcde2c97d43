"""State of the live page: for one visitor, and for all of them."""

import itertools
import time
from dataclasses import dataclass, field

import streamlit as st

from fer_core.live import LiveView, Recorder, SessionLimit
from fer_core.system.settings import settings
from fer_core.types import Pixels

Offer = dict[str, str]
"""The browser's request for a connection: type and SDP."""


@dataclass
class Frozen:
    """A face that was frozen to be corrected."""

    crop: Pixels
    emotion: str
    number: int = field(default_factory=itertools.count().__next__)


@dataclass
class Viewer:
    """State of one visitor's live page.

    Attributes:
        session: The running session, or the last one.
        recorder: The recording, until it is deleted.
        announced: The page says that it is being recorded.
        offered: The finished recording is on the page for download.
        record_error: The reason why the last recording could not be started, or empty.
        frozen: The face to be corrected.
        offer: The request that ``session`` answers.
        connecting_since: Time of the start.
        mode: How frames are recognized.
        start_camera: The camera is to start by itself; another page asked for it.
        device_message: Start and number of the last message of a view on the visitor's device.
        crops_message: Queue and number of its last message with face crops.
    """

    session: LiveView | None = None
    recorder: Recorder | None = None
    announced: bool = False
    offered: bool = False
    record_error: str = ""
    frozen: Frozen | None = None
    offer: Offer | None = None
    connecting_since: float = field(default_factory=time.monotonic)
    start_camera: bool = False
    device_message: tuple[str, int] = ("", 0)
    crops_message: tuple[str, int] = ("", 0)
    mode: str = ""

    def record(self, session: LiveView) -> None:
        """Begin a recording; a second click on the same button adds none."""
        if self.recorder is None:
            try:
                self.recorder, self.record_error = session.record(), ""
            except OSError as error:
                reason = error.strerror or error
                self.record_error = f"The recording did not start: {reason}. Free some space."
            self.announced = self.offered = False

    def delete_recording(self) -> None:
        """Stop it, if it runs, and remove its files."""
        if self.recorder:
            self.recorder.delete()
        self.recorder = None

    def leave_other_mode(self, mode: str) -> None:
        """End the session of the mode that was shown so far."""
        if self.mode not in ("", mode) and self.session:
            self.session.end()
            self.session = None
        self.mode = mode

    def release(self) -> None:
        """End the session and delete the recording."""
        if self.session:
            self.session.end()
        self.delete_recording()


@st.cache_resource(scope="session", on_release=Viewer.release)
def viewer() -> Viewer:
    """Return the state of this visitor."""
    return Viewer()


@st.cache_resource
def session_limit() -> SessionLimit:
    """Return the limit that all visitors share."""
    return SessionLimit(settings().streams)
