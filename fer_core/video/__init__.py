"""Video files: who is in them, and what their faces show over time."""

from fer_core.video.info import VideoInfo
from fer_core.video.reading import Position, ReadShot, Sampling, VideoReader
from fer_core.video.source import SUFFIXES, Shot, probe, shots

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
