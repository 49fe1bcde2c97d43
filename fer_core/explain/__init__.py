"""Why did the network say that? Maps of what it looked at, and faces it finds alike."""

from fer_core.explain.activation import Explainer, overlay
from fer_core.explain.covering import covering_map
from fer_core.explain.nearest import nearest

__all__ = ["Explainer", "covering_map", "nearest", "overlay"]
