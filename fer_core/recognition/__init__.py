"""Faces with emotions: detect, crop, classify, track, draw."""

from fer_core.recognition.face import Detection, FaceEmotion
from fer_core.recognition.recognizer import Recognizer

__all__ = ["Detection", "FaceEmotion", "Recognizer"]
