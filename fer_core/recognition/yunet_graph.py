"""YuNet's network of its 53 convolutions, wherever they come from.

The twelve outputs of the published network are twelve pairs of convolutions; here those of one
level are computed side by side, which takes a tenth less time.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from fer_core.models.onnx_file import Node, OnnxGraph
from fer_core.types import Floats

Convolution = tuple[Floats, Floats]
"""A kernel (out, in, height, width) and a bias (out,)."""

STRIDES: Final = (8, 16, 32)
"""Pixels of the image for one place of each of the three levels."""

HEADS: Final = {"cls": 1, "bbox": 4, "obj": 1, "kps": 10}
"""Outputs of a level and their channels, in the order of the ONNX file."""

BACKBONE: Final = ((16,), (16, 32, 32, 64), (64, 64), (64, 64), (64, 64))
"""Channels of the layers; between two rows the sides are halved."""

OPERATIONS: Final = frozenset(
    ("Conv", "Relu", "MaxPool", "Resize", "Add", "Transpose", "Reshape", "Sigmoid")
)
"""Operations of the ONNX file."""

NECK: Final = 64
"""Channels of the layers that merge the levels."""


def shapes() -> list[tuple[int, int, int, int]]:
    """Return the kernel shapes of the convolutions in their order."""
    layers = [16, *(channels for row in BACKBONE for channels in row)]
    layers += [NECK] * 3
    steps = [*pairwise(layers), *((NECK, n) for n in HEADS.values() for _ in STRIDES)]
    pairs = [((out, wide, 1, 1), (out, 1, 3, 3)) for wide, out in steps]
    return [(16, 3, 3, 3), *(shape for pair in pairs for shape in pair)]


def onnx_convolutions(graph: OnnxGraph) -> list[Convolution]:
    """Return the convolutions of YuNet's ONNX file in their order.

    Raises:
        ValueError: The network has other operations.
    """
    different = {node.kind for node in graph.nodes} ^ OPERATIONS
    if different:
        raise ValueError(f"its operations are not YuNet's: {', '.join(sorted(different))}")
    return [
        (graph.weights[node.inputs[1]], graph.weights[node.inputs[2]])
        for node in graph.nodes
        if node.kind == "Conv"
    ]


def yunet_graph(convolutions: Sequence[Convolution]) -> OnnxGraph:
    """Return the network with an output for each level.

    The outputs ``maps_8``, ``maps_16`` and ``maps_32`` are (1, 16, height, width): the channels of
    ``HEADS``, scores before the sigmoid.

    Args:
        convolutions: In the order of ``shapes``.

    Raises:
        ValueError: They are not YuNet's.
    """
    if [kernel.shape for kernel, _ in convolutions] != shapes():
        raise ValueError("its convolutions are not YuNet's")
    layers = _Layers()
    first, *following = convolutions
    pairs = list(zip(following[::2], following[1::2], strict=True))
    value = layers.relu(layers.convolution("input", first, stride=2))
    levels = []
    for number, row in enumerate(BACKBONE):
        value = layers.halve(value) if number else value
        for _ in row:
            value = layers.unit(value, *pairs.pop(0))
        levels.append(value)
    maps = [layers.unit(levels[-1], *pairs.pop(0))]
    for level in reversed(levels[-3:-1]):
        merged = layers.add(level, layers.enlarge(maps[0]))
        maps.insert(0, layers.unit(merged, *pairs.pop(0)))
    for number, (stride, value) in enumerate(zip(STRIDES, maps, strict=True)):
        heads = pairs[number :: len(STRIDES)]
        pointwise, depthwise = (_side_by_side(column) for column in zip(*heads, strict=True))
        layers.convolution(layers.convolution(value, pointwise), depthwise, f"maps_{stride}")
    outputs = tuple(f"maps_{stride}" for stride in STRIDES)
    return OnnxGraph(tuple(layers.nodes), layers.weights, ("input",), outputs)


def _side_by_side(convolutions: Sequence[Convolution]) -> Convolution:
    kernels, biases = zip(*convolutions, strict=True)
    return np.concatenate(kernels), np.concatenate(biases)


class _Layers:
    """Collects nodes and weights; each method returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.weights: dict[str, Floats] = {"twice": np.array([1, 1, 2, 2], np.float32)}

    def convolution(self, source: str, layer: Convolution, name: str = "", stride: int = 1) -> str:
        """Add a convolution, or a depthwise one, that keeps the sides over ``stride``."""
        kernel, bias = layer
        name = name or self._name()
        self.weights[f"{name}_kernel"], self.weights[f"{name}_bias"] = kernel, bias
        attributes = {
            "strides": [stride] * 2,
            "pads": [kernel.shape[2] // 2] * 4,
            "group": len(kernel) if kernel.shape[1] == 1 else 1,
        }
        return self._node("Conv", (source, f"{name}_kernel", f"{name}_bias"), name, **attributes)

    def unit(self, source: str, pointwise: Convolution, depthwise: Convolution) -> str:
        """Add a pointwise convolution and a depthwise one with its ReLU."""
        return self.relu(self.convolution(self.convolution(source, pointwise), depthwise))

    def relu(self, source: str) -> str:
        """Add a ReLU."""
        return self._node("Relu", (source,))

    def halve(self, source: str) -> str:
        """Add a pooling by two."""
        return self._node("MaxPool", (source,), kernel_shape=[2, 2], strides=[2, 2])

    def enlarge(self, source: str) -> str:
        """Add an enlargement by two that repeats pixels."""
        return self._node("Resize", (source, "", "twice"))

    def add(self, first: str, second: str) -> str:
        """Add a sum."""
        return self._node("Add", (first, second))

    def _name(self) -> str:
        return f"value_{len(self.nodes)}"

    def _node(self, kind: str, inputs: tuple[str, ...], name: str = "", **attributes: Any) -> str:
        name = name or self._name()
        self.nodes.append(Node(kind, inputs, (name,), attributes))
        return name
