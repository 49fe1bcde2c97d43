"""Model folders, and the classifier that runs them."""

from fer_core.models.card import ModelCard
from fer_core.models.classifier import EmotionClassifier
from fer_core.models.registry import load_card

__all__ = ["EmotionClassifier", "ModelCard", "load_card"]
