"""Rewrite the description of a network saved by Keras 2, or in mixed precision, for Keras 3."""

import re
from collections.abc import Iterator
from typing import Any, Final

OLD_MODULES: Final = re.compile(r"(tf_)?keras(\.src)?\.engine\.[a-z_]+")
"""Modules of Functional, Sequential and InputLayer in Keras 2.12 to 2.15, and in tf_keras."""

HOMES: Final = {
    "Functional": "keras.src.models.functional", "Model": "keras.src.models.functional",
    "Sequential": "keras", "InputLayer": "keras.layers",
}  # fmt: skip

POLICIES: Final = ("Policy", "DTypePolicy", "FloatDTypePolicy")
HALF: Final = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64")

DROPPED: Final = {"DepthwiseConv2D": ("groups",), "SeparableConv2D": ("groups",)}
"""Arguments that Keras 2 wrote and Keras 3 does not know: their only value had no effect."""


def modernize(description: Any) -> None:
    """Change the description of a network in place: places of classes, and every dtype float32.

    Args:
        description: The JSON of ``config.json`` or of the ``model_config`` of an HDF5 file.
    """
    for node in list(nodes(description)):
        module, kind = str(node.get("module") or ""), node["class_name"]
        if OLD_MODULES.fullmatch(module) and kind in HOMES:
            node["module"] = HOMES[kind]
        elif module.startswith("tf_keras."):
            node["module"] = module.removeprefix("tf_")
        config = node.get("config")
        if isinstance(config, dict):
            _set_float32(config)
            for name in DROPPED.get(str(kind), ()):
                config.pop(name, None)


def _set_float32(config: dict[str, Any]) -> None:
    dtype = config.get("dtype")
    is_policy = isinstance(dtype, dict) and dtype.get("class_name") in POLICIES
    if is_policy or dtype in HALF:
        config["dtype"] = "float32"


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every described object, at any depth."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if "class_name" in item:
                yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
