"""Live video: a session that reads faces without ever holding the picture up."""

from fer_core.live.history import History, PersonHistory
from fer_core.live.meters import LiveStats
from fer_core.live.reader import ReadOptions
from fer_core.live.recorder import Recorder, RecordingState
from fer_core.live.seats import BusyError, Seats
from fer_core.live.session import LiveOptions, LiveSession, Result

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
