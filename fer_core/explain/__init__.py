"""Explanations of a prediction: maps over the face, and the most similar faces."""

from fer_core.explain.cam import Explainer, activation_maps, overlay
from fer_core.explain.nearest import nearest
from fer_core.explain.occlusion import occlusion_map

__all__ = ["Explainer", "activation_maps", "nearest", "occlusion_map", "overlay"]
