"""Video files: who is in them, and what their faces show over time."""

from fer_core.video.decoder import SUFFIXES, Shot, probe, shots
from fer_core.video.metadata import VideoInfo
from fer_core.video.recognizer import Position, ReadShot, Sampling, VideoReader

__all__ = [
    "SUFFIXES",
    "Position",
    "ReadShot",
    "Sampling",
    "Shot",
    "VideoInfo",
    "VideoReader",
    "probe",
    "shots",
]
