"""What the live page holds on to: for one visitor, and for all of them."""

import itertools
import time
from dataclasses import dataclass, field

import streamlit as st

from fer_core.live import LiveSession, Recorder, SessionLimit
from fer_core.system.settings import settings
from fer_core.types import Pixels

Offer = dict[str, str]
"""With which the browser asks for a connection: type and SDP."""


@dataclass
class Frozen:
    """A face held still to be corrected."""

    crop: Pixels
    emotion: str
    number: int = field(default_factory=itertools.count().__next__)


@dataclass
class Viewer:
    """What one visitor's live page holds on to.

    Attributes:
        offer: What ``session`` was opened for.
        offered: The finished ``recorder`` stands on the page for download.
    """

    session: LiveSession | None = None
    recorder: Recorder | None = None
    offered: bool = False
    frozen: Frozen | None = None
    offer: Offer | None = None
    connecting_since: float = field(default_factory=time.monotonic)

    def record(self, session: LiveSession) -> None:
        """Begin a recording; a second click on the same button adds none."""
        if self.recorder is None:
            self.recorder, self.offered = session.record(), False

    def delete_recording(self) -> None:
        """Stop it, if it runs, and remove its files."""
        if self.recorder:
            self.recorder.delete()
        self.recorder = None

    def release(self) -> None:
        """End the session and delete the recording."""
        if self.session:
            self.session.end()
        self.delete_recording()


@st.cache_resource(scope="session", on_release=Viewer.release)
def viewer() -> Viewer:
    return Viewer()


@st.cache_resource
def session_limit() -> SessionLimit:
    return SessionLimit(settings().streams)
