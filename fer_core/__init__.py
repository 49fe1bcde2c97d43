"""Facial emotion recognition: the core that the dashboard, scripts and command line share."""

from fer_core.labels import EMOTIONS
from fer_core.models.classifier import EmotionClassifier
from fer_core.recognition import FaceEmotion, Recognizer

__all__ = ["EMOTIONS", "EmotionClassifier", "FaceEmotion", "Recognizer"]
