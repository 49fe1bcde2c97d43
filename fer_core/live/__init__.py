"""Live video: a session that recognizes faces without delaying the video."""

from fer_core.live.device_view import DeviceView
from fer_core.live.history import History, PersonHistory
from fer_core.live.metrics import LiveStats
from fer_core.live.recorder import Recorder, RecordingState
from fer_core.live.session import LiveOptions, LiveSession
from fer_core.live.session_limit import BusyError, SessionLimit
from fer_core.live.view import LiveView, Result
from fer_core.recognition.tracking_recognizer import RecognitionOptions

__all__ = [
    "BusyError",
    "DeviceView",
    "History",
    "LiveOptions",
    "LiveSession",
    "LiveStats",
    "LiveView",
    "PersonHistory",
    "RecognitionOptions",
    "Recorder",
    "RecordingState",
    "Result",
    "SessionLimit",
]
