"""Open a file of unknown origin and write it as a model folder; runs in a process with limits."""

import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from fer_core.errors import ModelError
from fer_core.labels import EMOTIONS
from fer_core.models.card import FORMAT, KERAS_FILE, LITERT_FILE
from fer_core.models.importing.inspection import (
    LITERT,
    kind_of,
)
from fer_core.models.importing.keras_file import load_keras
from fer_core.models.litert import LiteRTNetwork
from fer_core.models.quality import QUALITY
from fer_core.system.files import write_json
from fer_core.types import Floats

HEAD: Final = "emotions"
"""Name of the head where the network has only one."""

TOLERANCE: Final = 1e-2
"""Largest difference between the outputs of the original and of its export."""

FIXED_BATCH: Final = (
    "its layers need a fixed number of images a call. Build it with keras.Input(shape=...) without "
    "batch_size, load the weights, and run model.save('model.keras')."
)


def convert(file: str, folder: str, plan: dict[str, Any]) -> None:
    """Write the model folder ``folder`` from a ``.keras``, ``.h5`` or ``.tflite`` file.

    Args:
        file: The file of unknown origin.
        folder: The folder to create.
        plan: ``scale``, ``offset`` and ``colours`` of the pixels, ``size``, ``order`` of the
            emotions, ``title``.

    Raises:
        ModelError: The network does not fit.
    """
    source, result = Path(file), Path(folder)
    result.mkdir()
    convert_kind = _convert_litert if kind_of(source) == LITERT else _convert_keras
    try:
        convert_kind(source, result, plan)
    except ModelError as error:
        text = str(error)
        raise ModelError(
            text if text.startswith(source.name) else f"{source.name}: {text}"
        ) from error


def rewrite(files: list[str], folder: str) -> None:
    """Write the ``.keras`` files anew as ``0.keras``, ``1.keras`` … in ``folder``.

    Raises:
        ModelError: One cannot be opened.
    """
    for number, name in enumerate(files):
        try:
            model = load_keras(Path(name), Path(folder))
        except ModelError as error:
            raise ModelError(f"{Path(name).name}: {error}") from error
        model.save(Path(folder) / f"{number}.keras")


def _convert_litert(file: Path, result: Path, plan: Mapping[str, Any]) -> None:
    is_plain = plan["scale"] == 1 and plan["colours"] == "RGB"
    if not is_plain or plan["order"] != list(range(len(EMOTIONS))):
        raise ModelError(
            "a .tflite is imported unchanged: pixels 0 to 255, RGB or grey, and the emotions in "
            "alphabetical order. Import the .keras or .h5 file instead."
        )
    network = LiteRTNetwork(file)
    height, width, channels = network.input_shape
    _check_input((height, width, channels))
    outputs = network.run(_examples((4, height, width, channels)))
    heads = [name for name, values in outputs.items() if values.ndim == 2 and name != QUALITY]
    _check_heads({name: outputs[name].shape for name in heads})
    for name in heads:
        if _in_unit_range(outputs[name]):
            raise ModelError(
                "it gives probabilities; logits are needed. Import the .keras or .h5 file instead, "
                "whose softmax or sigmoid can be taken off."
            )
    shutil.copyfile(file, result / LITERT_FILE)
    features = "features" if "features" in outputs else ""
    _write_card(result, plan, heads, (height, channels, features, 0))


def _convert_keras(file: Path, result: Path, plan: Mapping[str, Any]) -> None:
    model = load_keras(file, result)
    from fer_core.models.importing import keras_graph

    size, channels = _input_of(model, plan)
    pixels = _examples((4, size, size, channels))
    originals = _predict(model, pixels, plan)
    flat = keras_graph.flatten(model, size, channels)
    outputs = dict(zip(originals, _tensors(flat), strict=True))
    kinds, logits = {}, {}
    for name, tensor in outputs.items():
        kinds[name], logits[name] = keras_graph.to_logits(tensor)
        if kinds[name] == "unknown":
            kinds[name] = "log" if _in_unit_range(originals[name]) else "logits"
    as_log = {name for name, kind in kinds.items() if kind == "log"}
    full = keras_graph.rebuild(flat, logits, as_log, plan)
    full.save(result / KERAS_FILE)
    full.export(result / LITERT_FILE, format="litert", verbose=False)
    _compare(result / LITERT_FILE, pixels, originals, kinds, plan["order"])
    features = "features" if "features" in full.output else ""
    _write_card(result, plan, list(outputs), (size, channels, features, full.count_params()))


def _input_of(model: Any, plan: Mapping[str, Any]) -> tuple[int, int]:
    """Return size and channels of the images that a network takes."""
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4:
        raise ModelError(f"takes {shapes}; one image (N, height, width, channels) is needed.")
    _, height, width, channels = shapes[0]
    if height is None and width is None:
        height = width = plan["size"]
        if height is None:
            raise ModelError("takes images of any size. Give the size that it was trained with.")
    _check_input((height, width, channels))
    return height, channels


def _predict(model: Any, pixels: Floats, plan: Mapping[str, Any]) -> dict[str, Floats]:
    """Return what the original network gives for pixels (N, size, size, channels), by head."""
    import keras

    from fer_core.models.importing.keras_graph import colour_matrix

    matrix = colour_matrix(plan["colours"]) if pixels.shape[-1] == 3 else None
    expected = (pixels if matrix is None else pixels @ matrix) * plan["scale"] + plan["offset"]
    batch = model.inputs[0].shape[0] or len(pixels)
    parts = [
        keras.tree.flatten(model.predict_on_batch(np.resize(part, (batch, *part.shape[1:]))))
        for part in np.array_split(expected, -(-len(pixels) // batch))
    ]
    counts = [len(part) for part in np.array_split(expected, -(-len(pixels) // batch))]
    names = _names(model)
    joined = [
        np.concatenate([part[n][:count] for part, count in zip(parts, counts, strict=True)])
        for n in range(len(names))
    ]
    return dict(zip(names, np.asarray(joined, np.float32), strict=True))


def _names(model: Any) -> list[str]:
    """Return the heads in the order of the flat outputs, after a check of their shapes."""
    import keras

    tensors = keras.tree.flatten(model.output)
    names = [HEAD]
    if isinstance(model.output, dict):
        names = [str(path[-1]) for path, _ in keras.tree.flatten_with_path(model.output)]
    elif len(tensors) != 1:
        raise ModelError(f"gives {len(tensors)} outputs. One with seven values is needed.")
    _check_heads({n: tuple(t.shape) for n, t in zip(names, tensors, strict=True)})
    return names


def _tensors(flat: Any) -> list[Any]:
    import keras

    return list(keras.tree.flatten(flat.output))


def _check_input(shape: tuple[int | None, ...]) -> None:
    height, width, channels = shape
    if height is None or height != width or not 16 <= height <= 1024 or channels not in (1, 3):
        raise ModelError(
            f"takes images of {height}×{width} with {channels} channels. Square ones of 16 to "
            "1024 pixels with 1 or 3 channels are needed."
        )


def _check_heads(shapes: Mapping[str, tuple[Any, ...]]) -> None:
    for name, shape in shapes.items() or {"": (0, 0)}.items():
        if len(shape) != 2 or shape[1] != len(EMOTIONS):
            raise ModelError(
                f"gives {shape[-1]} values{f' ({name})' if name else ''}. Seven are needed: "
                f"{', '.join(EMOTIONS)}."
            )


def _examples(shape: tuple[int, ...]) -> Floats:
    """Return images of noise from dark to bright, float32 (N, H, W, C) in 0..255."""
    random = np.random.default_rng(0)
    images = random.uniform(0, 255, shape) * np.linspace(1, 0.2, shape[0])[:, None, None, None]
    return images.astype(np.float32)


def _in_unit_range(values: Floats) -> bool:
    """Return True for probabilities of any kind: float (N, 7), all within 0..1."""
    return bool((values >= 0).all() and (values <= 1 + 1e-3).all())


def _compare(
    file: Path, pixels: Floats, originals: Mapping[str, Floats], kinds: Mapping[str, str],
    order: list[int],
) -> None:  # fmt: skip
    """Check that the export gives the outputs of the original, up to head kind and order."""
    from fer_core.models.softmax import softmax

    inverse: dict[str, Callable[[Any], Any]] = {
        "softmax": softmax, "sigmoid": lambda z: 1 / (1 + np.exp(-z)), "log": np.exp,
        "logits": lambda z: z,
    }  # fmt: skip
    network = LiteRTNetwork(file)
    try:
        single, exported = network.run(pixels[:1]), network.run(pixels)
    except (RuntimeError, ValueError) as error:
        raise ModelError(FIXED_BATCH) from error
    for name, values in originals.items():
        expected = values[:, order]
        restored = inverse[kinds[name]](exported[name])
        if not np.allclose(single[name], exported[name][:1], atol=TOLERANCE):
            raise ModelError(FIXED_BATCH)
        if not np.abs(restored - expected).max() < TOLERANCE * max(np.abs(expected).max(), 1):
            raise ModelError("its export does not give the same outputs. It is not imported.")


def _write_card(
    folder: Path, plan: Mapping[str, Any], heads: list[str], facts: tuple[int, int, str, int]
) -> None:
    size, channels, features, parameters = facts
    write_json(
        folder / "card.json",
        {
            "format": FORMAT,
            "title": plan["title"],
            "labels": list(EMOTIONS),
            "input_size": size,
            "channels": channels,
            "crop_margin": 0.0,
            "parameters": parameters,
            "heads": {
                name: {"title": name, "temperature": 1.0, "abstain_below": 0.0} for name in heads
            },
            "default_head": heads[0],
            "features": features,
            "created": datetime.now(UTC).date().isoformat(),
            "data": "Imported; its training data is unknown here",
            "limits": [
                "It recognizes expressions, not feelings.",
                "Imported: its quality is unknown until it is evaluated.",
            ],
        },
    )
