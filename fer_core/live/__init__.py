"""Live video: a session that reads faces without ever holding the picture up."""

from fer_core.live.frame_recognizer import ReadOptions
from fer_core.live.history import History, PersonHistory
from fer_core.live.metrics import LiveStats
from fer_core.live.recorder import Recorder, RecordingState
from fer_core.live.session import LiveOptions, LiveSession, Result
from fer_core.live.session_limit import BusyError, Seats

__all__ = [
    "BusyError",
    "History",
    "LiveOptions",
    "LiveSession",
    "LiveStats",
    "PersonHistory",
    "ReadOptions",
    "Recorder",
    "RecordingState",
    "Result",
    "Seats",
]
