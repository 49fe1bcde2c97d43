"""Why did the network say that? Maps of what it looked at, and faces it finds alike."""

from fer_core.explain.cam import Explainer, overlay
from fer_core.explain.nearest import nearest
from fer_core.explain.occlusion import covering_map

__all__ = ["Explainer", "covering_map", "nearest", "overlay"]
