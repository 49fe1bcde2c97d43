"""Faces with emotions: detect, crop, classify, track, draw."""

from fer_core.recognition.face import Detection
from fer_core.recognition.recognizer import FaceEmotion, Recognizer

__all__ = ["Detection", "FaceEmotion", "Recognizer"]
