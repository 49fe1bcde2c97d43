"""Rebuild a foreign Keras network in our form: pixels 0..255 in, logits in our order out."""

from collections.abc import Mapping
from typing import Any, Final

import keras
import numpy as np

from fer_core.errors import ModelError
from fer_core.labels import EMOTIONS

FIX: Final = "End it in Dense(7), or in Dense(7, activation='softmax'), and save it again."
LINEAR: Final = (None, "linear", "log_softmax")
"""Activations after which outputs are logits; softmax gives the same for x and log_softmax(x)."""

GREY: Final = (0.299, 0.587, 0.114)  # ITU-R BT.601, as OpenCV


def flatten(model: Any, size: int, channels: int) -> Any:
    """Return the network without networks inside it, for any number of images.

    Args:
        model: A ``keras.Model`` of one image input, whose layers are shared.
        size: Side of the input.
        channels: Channels of the input.

    Raises:
        ModelError: Its layers need a certain number of images.
    """
    pixels = keras.Input((size, size, channels), name="pixels")
    try:
        return keras.Model(pixels, _run(model, [pixels]))
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"its layers do not fit one image at a time ({_first_line(error)}). Build it with "
            "keras.Input(shape=...) without batch_size, load the weights, and run "
            "model.save('model.keras')."
        ) from error


def to_logits(tensor: Any) -> tuple[str, Any]:
    """Return the kind of a head's output, and its logits as a symbolic tensor.

    A softmax or a sigmoid at the end is taken off. ``log``: it gives probabilities in another way,
    such as the mean of two softmaxes, and their logarithm is taken.

    Args:
        tensor: Symbolic output of a flattened network, float32 (None, 7).

    Returns:
        ``logits``, ``softmax``, ``sigmoid`` or ``unknown``, and the tensor before that function.

    Raises:
        ModelError: It ends in another activation.
    """
    layer = tensor._keras_history.operation  # the way back through a graph
    kind = type(layer).__name__
    if kind in {"Identity", "Dropout"}:
        return to_logits(layer_input(tensor))
    if kind in {"Softmax", "Sigmoid", "LogSoftmax"}:
        return "logits" if kind == "LogSoftmax" else kind.lower(), layer_input(tensor)
    if not hasattr(layer, "activation"):
        return "unknown", tensor
    name = getattr(layer.activation, "__name__", None)
    if name in LINEAR:
        return "logits", tensor
    if name not in {"softmax", "sigmoid"}:
        raise ModelError(f"ends in {name}, which gives neither logits nor probabilities. {FIX}")
    if isinstance(layer, keras.layers.Activation):
        return str(name), layer_input(tensor)
    layer.activation = keras.activations.linear  # takes effect where the graph is run again
    return str(name), tensor


def rebuild(flat: Any, heads: Mapping[str, Any], as_log: set[str], plan: Mapping[str, Any]) -> Any:
    """Return a network of ``pixels`` in 0..255 with logits in our order, and the feature map.

    Args:
        flat: A flattened network.
        heads: Head name to symbolic logits.
        as_log: Heads that give probabilities, whose logarithm is taken.
        plan: ``scale``, ``offset`` and ``colours`` of the pixels, and ``order``: for each of our
            emotions its position in the outputs.

    Returns:
        A model with an output for each head and, where there is one, the last feature map as
        ``features``.
    """
    maps = _last_map(next(iter(heads.values())))
    parts = dict(heads) if maps is None else {**heads, "features": maps}
    pixels = keras.Input(flat.inputs[0].shape[1:], name="pixels")
    outputs = _run(keras.Model(flat.inputs, parts), [_as_expected(pixels, plan)])
    ordered = {
        name: _reorder(outputs[name], name, plan["order"], as_log=name in as_log) for name in heads
    }
    if maps is not None:
        ordered["features"] = keras.layers.Identity(name="features")(outputs["features"])
    return keras.Model(pixels, ordered)


def colour_matrix(colours: str) -> Any:
    """Return float32 (3, 3) by which RGB pixels are multiplied; None for RGB."""
    if colours == "BGR":
        return np.eye(3, dtype=np.float32)[::-1]
    return np.tile(np.array(GREY, np.float32)[:, None], (1, 3)) if colours == "grey" else None


def layer_input(tensor: Any) -> Any | None:
    """Return the first input of the layer that makes a symbolic tensor; None for an input."""
    history = tensor._keras_history
    inputs = history.operation._inbound_nodes[history.node_index].input_tensors
    return inputs[0] if inputs else None


def _run(model: Any, tensors: list[Any]) -> Any:
    """Run the graph of a network on symbolic tensors; networks inside it are run in turn."""

    def call(operation: Any, *args: Any, **options: Any) -> Any:
        if isinstance(operation, keras.Model):
            return _run(operation, keras.tree.flatten(args))
        return operation(*args, **options)

    graph = model._functional if isinstance(model, keras.Sequential) else model
    inputs = keras.tree.pack_sequence_as(graph._inputs_struct, tensors)
    return graph._run_through_graph(inputs, operation_fn=lambda layer: layer, call_fn=call)


def _as_expected(pixels: Any, plan: Mapping[str, Any]) -> Any:
    matrix = colour_matrix(plan["colours"]) if pixels.shape[-1] == 3 else None
    if matrix is not None:
        layer = keras.layers.Conv2D(3, 1, use_bias=False, trainable=False, name="to_its_colours")
        pixels = layer(pixels)
        layer.set_weights([matrix[None, None]])
    if plan["scale"] == 1:
        return pixels
    return keras.layers.Rescaling(plan["scale"], plan["offset"], name="to_its_range")(pixels)


def _last_map(tensor: Any) -> Any | None:
    """Return the nearest (N, h, w, C) on the way back from the outputs, h or w above 1."""
    for _ in range(50):
        if len(tensor.shape) == 4:
            return tensor if (tensor.shape[1] or 2) > 1 else None
        tensor = layer_input(tensor)
        if tensor is None:
            return None
    return None


def _reorder(tensor: Any, name: str, order: list[int], *, as_log: bool) -> Any:
    """Return the outputs in our order, from a layer called ``name``."""
    if as_log:
        tensor = keras.ops.log(keras.ops.maximum(tensor, 1e-7))
    last = tensor._keras_history.operation
    if isinstance(last, keras.layers.Dense):  # so the head stays one dense layer
        last.set_weights([weights[..., order] for weights in last.get_weights()])
    elif order != list(range(len(EMOTIONS))):
        layer = keras.layers.Dense(len(EMOTIONS), use_bias=False, name=f"{name}_order")
        tensor = layer(tensor)
        layer.set_weights([np.eye(len(EMOTIONS), dtype=np.float32)[:, order]])
    return keras.layers.Identity(name=name)(tensor)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:150]
