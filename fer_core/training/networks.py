"""The networks: grey or RGB pixels in 0..255 to the logits of every head.

Built-in Keras layers only, ending in global average pooling and one dense layer a head, so that
class activation maps are exact (Zhou et al., 2016).
"""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import keras
from keras import layers

from fer_core.errors import FerError, TrainingError
from fer_core.labels import EMOTIONS
from fer_core.models import registry
from fer_core.models.card import KERAS_FILE
from fer_core.training import imagenet
from fer_core.training.config import TrainConfig
from fer_core.training.fused_batchnorm import fused

FEATURES: Final = "features"
"""Name of the layer whose output is the last feature map."""


def build(config: TrainConfig) -> keras.Model:
    """Return the network of ``config`` with its initial weights.

    Raises:
        TrainingError: The start does not exist or is of another architecture.
    """
    if config.start not in ("imagenet", "scratch") and not config.start.endswith(".weights.h5"):
        return _continue_from(config)
    pixels = keras.Input((config.input_size, config.input_size, config.channels), name="pixels")
    scaled = layers.Rescaling(1 / 127.5, offset=-1, name="scale")(pixels)
    maps = BACKBONES[config.architecture](scaled, config)
    features = layers.Activation("linear", name=FEATURES)(maps)
    pooled = layers.GlobalAveragePooling2D(name="pooled")(features)
    dropped = layers.Dropout(config.dropout, seed=config.seed, name="dropout")(pooled)
    heads = {name: layers.Dense(len(EMOTIONS), name=name)(dropped) for name in config.heads}
    model = keras.Model(pixels, heads, name=config.architecture)
    set_batchnorm_momentum(model, config.batchnorm_momentum)
    return model


def set_batchnorm_momentum(model: keras.Model, momentum: float) -> None:
    """Set the momentum of every BatchNorm layer, so that its averages follow the weights.

    Keras builds MobileNetV2 with 0.999, which trails by thousands of steps: the same weights scored
    0.59 with trailing averages and 0.66 with fresh ones.
    """
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = momentum


def freeze(model: keras.Model, config: TrainConfig, heads_only: bool) -> None:
    """Freeze ``config.train_from`` of the backbone's layers, or all of them.

    Frozen BatchNorm layers also keep their averages (``trainable = False`` has Keras run them in
    inference mode).
    """
    names = [layer.name for layer in model.layers]
    backbone = model.layers[: names.index("pooled")]
    count = len(backbone) if heads_only else round(config.train_from * len(backbone))
    for number, layer in enumerate(backbone):
        layer.trainable = number >= count


def for_training(network: keras.Model, size: int) -> keras.Model:
    """Return the layers of ``network`` themselves, not copies, on an input of side ``size``.

    BatchNorm runs as one operation where the backend has it.
    """
    pixels = keras.Input((size, size, network.inputs[0].shape[-1]), name="pixels")
    return keras.models.clone_model(network, input_tensors=pixels, clone_function=fused)


def _mobilenetv2(scaled: Any, config: TrainConfig) -> Any:
    backbone = _application(keras.applications.MobileNetV2, scaled, config)
    if config.stride1_stem:
        backbone = _without_first_halving(backbone)
    return backbone.output


def _mobilenet(scaled: Any, config: TrainConfig) -> Any:
    return _application(keras.applications.MobileNet, scaled, config).output


def _application(network: Any, scaled: Any, config: TrainConfig) -> keras.Model:
    """Return a network of ``keras.applications`` without top, with its initial weights."""
    shape = (config.input_size, config.input_size, config.channels)
    backbone = network(
        shape, alpha=config.alpha, include_top=False, weights=None, input_tensor=scaled
    )
    if config.start != "scratch":
        _load_pretrained(network, backbone, config)
    return backbone


def _without_first_halving(backbone: keras.Model) -> keras.Model:
    """Return the backbone with stride 1 in the first convolution and the same weights."""

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        if layer.name == "Conv1":
            config["strides"] = (1, 1)
        return layer.__class__.from_config(config)

    inner = keras.models.clone_model(backbone, input_tensors=backbone.inputs, clone_function=clone)
    inner.set_weights(backbone.get_weights())
    return inner


def _load_pretrained(network: Any, backbone: keras.Model, config: TrainConfig) -> None:
    """Load the weights of ``config.start``: Keras' own from ImageNet, or a file.

    For grey input the stem's filters are summed over the colours: the same function on grey
    images.
    """
    size = imagenet.size_for(config.input_size)
    file = config.start if config.start != "imagenet" else None
    if file and not Path(file).is_file():
        raise TrainingError(f"start: there is no file {file}.")
    try:
        rgb = network(
            (size, size, 3), alpha=config.alpha, include_top=False,
            weights=None if file else "imagenet",
        )  # fmt: skip
        if file:
            rgb.load_weights(file)
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise TrainingError(
            f"start: {file} does not fit {config.architecture} of width {config.alpha:g} without "
            f"top ({reason}). Choose a file of that network, or another start."
            if file
            else f"the ImageNet weights cannot be loaded ({reason}). Name a .weights.h5 file of "
            "ImageNet weights as start, or start from scratch or from the shipped model."
        ) from error
    stem, *weights = rgb.get_weights()
    if config.channels == 1:
        stem = stem.sum(axis=2, keepdims=True)
    backbone.set_weights([stem, *weights])


def _fernet(scaled: Any, config: TrainConfig) -> Any:
    """Build FERNet: residual blocks of plain 3x3 convolutions with squeeze and excitation.

    CPUs run plain convolutions fastest; 1.1 million parameters, and 4.3 million in
    ``fernet-large``, twice as wide, for teachers. Sources: He et al., Deep residual learning,
    2016; Hu et al., Squeeze-and-excitation networks, 2018; the shortcut that averages before it
    projects: He et al., Bag of tricks, 2019.
    """
    factor = 2 if config.architecture == "fernet-large" else 1
    maps = _convolve(scaled, 32 * factor, name="stem")
    for stage, width in enumerate((40 * factor, 80 * factor, 160 * factor), start=1):
        maps = _block(maps, width, 2, f"stage{stage}_1")
        maps = _block(maps, width, 1, f"stage{stage}_2")
    return maps


def _block(maps: Any, width: int, stride: int, name: str) -> Any:
    inner = _convolve(maps, width, stride=stride, name=f"{name}_a")
    inner = _convolve(inner, width, activation=None, name=f"{name}_b")
    inner = _excite(inner, name)
    if stride > 1:
        maps = layers.AveragePooling2D(stride, name=f"{name}_pool")(maps)
    if maps.shape[-1] != width:
        maps = _convolve(maps, width, size=1, activation=None, name=f"{name}_shortcut")
    return layers.Activation("relu", name=name)(layers.Add(name=f"{name}_add")([maps, inner]))


def _convolve(  # noqa: PLR0913
    maps: Any, width: int, size: int = 3, stride: int = 1, activation: str | None = "relu",
    *, name: str,
) -> Any:  # fmt: skip
    maps = layers.Conv2D(
        width, size, strides=stride, padding="same", use_bias=False,
        kernel_initializer="he_normal", name=f"{name}_conv",
    )(maps)  # fmt: skip
    maps = layers.BatchNormalization(name=f"{name}_norm")(maps)
    return layers.Activation(activation, name=f"{name}_act")(maps) if activation else maps


def _excite(maps: Any, name: str) -> Any:
    """Multiply each channel by a gate in 0..1, computed from the channels' means."""
    width = maps.shape[-1]
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(maps)
    gate = layers.Conv2D(width // 8, 1, activation="relu", name=f"{name}_reduce")(gate)
    gate = layers.Conv2D(width, 1, activation="sigmoid", name=f"{name}_gate")(gate)
    return layers.Multiply(name=f"{name}_scale")([maps, gate])


BACKBONES: Final = {
    "mobilenetv2": _mobilenetv2, "mobilenet": _mobilenet, "fernet": _fernet,
    "fernet-large": _fernet,
}  # fmt: skip
"""Functions from the scaled pixels and a config to the last feature map."""


def _continue_from(config: TrainConfig) -> keras.Model:
    """Return an existing model with the heads of ``config``, if it has its architecture.

    The input may be of another size: the weights are those of convolutions, which fit any.
    """
    try:
        card = registry.load_card(config.start)
        model = keras.saving.load_model(card.folder / KERAS_FILE, compile=False)
    except (FerError, OSError, ValueError, TypeError) as error:
        raise TrainingError(f"start: {config.start} cannot be opened ({error})") from error
    size, _, channels = model.inputs[0].shape[1:]
    heads = set(model.output_names)
    fits = (model.name, channels) == (config.architecture, config.channels) and set(
        config.heads
    ) <= heads
    if not fits:
        raise TrainingError(
            f"start: {config.start} is "
            f"{_in_words(model.name, size, channels, heads)}; this run is for "
            f"{_in_words(config.architecture, config.input_size, config.channels, config.heads)}. "
            "Choose the same architecture, channels and heads, or another start."
        )
    outputs = {name: model.get_layer(name).output for name in config.heads}
    model = keras.Model(model.inputs[0], outputs, name=model.name)
    if size != config.input_size:
        model = _resized(model, config)
    for layer in model.layers:
        if layer.name == "dropout":
            layer.rate = config.dropout
    set_batchnorm_momentum(model, config.batchnorm_momentum)
    return model


def _resized(model: keras.Model, config: TrainConfig) -> keras.Model:
    """Return the model with an input of ``config.input_size`` and the same weights."""
    other = build(replace(config, start="scratch"))
    try:
        other.set_weights(model.get_weights())
    except ValueError as error:
        raise TrainingError(
            f"start: {config.start} is a {config.architecture} of another width, so its weights do "
            f"not fit ({error})."
        ) from error
    return other


def _in_words(name: str, size: int, channels: int, heads: Collection[str]) -> str:
    return f"{name} {size}x{size}x{channels} with {' and '.join(sorted(heads))}"
