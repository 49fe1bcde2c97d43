"""Live video: a session that recognizes faces without delaying the video."""

from fer_core.live.history import History, PersonHistory
from fer_core.live.metrics import LiveStats
from fer_core.live.recorder import Recorder, RecordingState
from fer_core.live.session import LiveOptions, LiveSession, Result
from fer_core.live.session_limit import BusyError, SessionLimit
from fer_core.recognition.tracking_recognizer import RecognitionOptions

__all__ = [
    "BusyError",
    "History",
    "LiveOptions",
    "LiveSession",
    "LiveStats",
    "PersonHistory",
    "RecognitionOptions",
    "Recorder",
    "RecordingState",
    "Result",
    "SessionLimit",
]
