"""Video files: the people in them and their emotions over time."""

from fer_core.video.decoder import Frame, VideoDecoder, frames, probe
from fer_core.video.formats import SUFFIXES, is_video
from fer_core.video.metadata import VideoInfo
from fer_core.video.recognizer import Position, RecognizedFrame, Sampling, VideoRecognizer

__all__ = [
    "SUFFIXES",
    "Frame",
    "Position",
    "RecognizedFrame",
    "Sampling",
    "VideoDecoder",
    "VideoInfo",
    "VideoRecognizer",
    "frames",
    "is_video",
    "probe",
]
