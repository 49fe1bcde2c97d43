"""Bring a foreign Keras network into our form: pixels 0..255 in, logits in our order out."""

from typing import Any

import numpy as np

from fer_core.labels import EMOTIONS


def normalised(
    model: Any, outputs: dict[str, Any], flat: set[str], wanted: dict[str, Any]
) -> Any | None:
    """The network with its pixels scaled inside and the softmax taken off.

    Args:
        model: Of one picture input.
        outputs: Reading to its symbolic output (None, 7).
        flat: Readings that give probabilities.
        wanted: ``scale`` and ``offset`` of the pixels, and ``order``: for each of our emotions its
            place in the network's answers.

    Returns:
        A model of ``pixels`` with an output for each reading and, where there is one, the last
        feature map as ``features``; None where a softmax cannot be found.
    """
    import keras

    logits = {}
    for name, tensor in outputs.items():
        found = _without_softmax(tensor) if name in flat else tensor
        if found is None:
            return None
        logits[name] = found
    maps = _last_map(next(iter(logits.values())))
    parts = logits if maps is None else logits | {"features": maps}
    scaled = _scaled(keras.Model(model.inputs, parts), wanted)
    ordered = {name: _reordered(scaled.output[name], name, wanted["order"]) for name in logits}
    if maps is not None:
        ordered["features"] = keras.layers.Identity(name="features")(scaled.output["features"])
    return keras.Model(scaled.inputs, ordered)


def _without_softmax(tensor: Any) -> Any | None:
    """What goes into the softmax that gives ``tensor``; None where there is none."""
    import keras

    layer = _maker(tensor)
    if isinstance(layer, keras.layers.Softmax):
        return _input_of(tensor)
    if getattr(layer, "activation", None) is not keras.activations.softmax:
        return None
    if isinstance(layer, keras.layers.Activation):
        return _input_of(tensor)
    layer.activation = keras.activations.linear  # takes effect where the graph is run again
    return tensor


def _last_map(tensor: Any) -> Any | None:
    """The nearest (N, h, w, C) on the way back from the answers, h or w above 1."""
    for _ in range(50):
        if len(tensor.shape) == 4:
            return tensor if (tensor.shape[1] or 2) > 1 else None
        tensor = _input_of(tensor)
        if tensor is None:
            return None
    return None


def _scaled(core: Any, wanted: dict[str, Any]) -> Any:
    """The same graph run again on a new input, scaled on its way in; layers are shared."""
    import keras

    first = core.inputs[0]
    users = {
        layer.name for layer in core.layers
        for node in layer._inbound_nodes  # Keras shows who uses an input nowhere else
        if any(one is first for one in node.input_tensors)
    }  # fmt: skip
    rescale = keras.layers.Rescaling(wanted["scale"], wanted["offset"], name="to_its_range")

    def call(layer: Any, *values: Any, **more: Any) -> Any:
        if layer.name in users and wanted["scale"] != 1:
            values = (rescale(values[0]), *values[1:])
        return layer(*values, **more)

    pixels = keras.Input(first.shape[1:], name="pixels")
    return keras.models.clone_model(
        core, input_tensors=[pixels], clone_function=lambda layer: layer, call_function=call
    )


def _reordered(tensor: Any, name: str, order: list[int]) -> Any:
    """The answers in our order, from a layer called ``name``."""
    import keras

    last = _maker(tensor)
    if isinstance(last, keras.layers.Dense):  # so the head stays one dense layer
        last.set_weights([weights[..., order] for weights in last.get_weights()])
    elif order != list(range(len(EMOTIONS))):
        table = np.eye(len(EMOTIONS), dtype=np.float32)[:, order]
        layer = keras.layers.Dense(len(EMOTIONS), use_bias=False, name=f"{name}_order")
        tensor = layer(tensor)
        layer.set_weights([table])
    return keras.layers.Identity(name=name)(tensor)


def _maker(tensor: Any) -> Any:
    return tensor._keras_history.operation  # Keras' own way back through a graph


def _input_of(tensor: Any) -> Any | None:
    history = tensor._keras_history
    given = history.operation._inbound_nodes[history.node_index].input_tensors
    return given[0] if given else None
