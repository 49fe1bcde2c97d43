"""Open a file of unknown origin and write it as a model folder; runs in a process with limits."""

import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np

from fer_core.errors import ModelError
from fer_core.labels import EMOTIONS
from fer_core.models.card import KERAS_FILE, LITERT_FILE
from fer_core.models.litert import LiteRTNetwork
from fer_core.system.files import write_json

READING: Final = "emotions"
TOLERANCE: Final = 1e-2
"""Largest difference between the logits of the original and of its export."""


def convert(file: str, made: str, wanted: dict[str, Any]) -> None:
    """Write the model folder ``made`` from a ``.keras`` or ``.tflite`` file.

    Args:
        file: The file of unknown origin.
        made: The folder to make.
        wanted: ``scale`` and ``offset`` of the pixels, ``order`` of the emotions, ``title``.

    Raises:
        ModelError: The network does not fit.
    """
    source, folder = Path(file), Path(made)
    folder.mkdir()
    take = _take_litert if source.suffix == ".tflite" else _take_keras
    try:
        take(source, folder, wanted)
    except ModelError as error:
        raise ModelError(f"{source.name}: {error}") from error


def _refuse(reason: str) -> NoReturn:
    raise ModelError(reason)


def _take_litert(file: Path, made: Path, wanted: dict[str, Any]) -> None:
    if wanted["scale"] != 1 or wanted["order"] != list(range(len(EMOTIONS))):
        _refuse(
            "a .tflite is taken as it is: pixels 0 to 255 and the emotions in alphabetical order. "
            "Import the .keras file instead."
        )
    network = LiteRTNetwork(file)
    height, width, channels = network.input_shape
    _check_input((height, width, channels))
    pixels = _noise((4, height, width, channels))
    found = network.run(pixels)
    _check_answers({name: v.shape for name, v in found.items() if v.ndim == 2})
    heads = [name for name, values in found.items() if values.ndim == 2]
    for name in heads:
        if _are_probabilities(found[name]):
            _refuse(
                "it gives probabilities; logits are needed. Import the .keras file instead, whose "
                "softmax can be taken off."
            )
    shutil.copyfile(file, made / LITERT_FILE)
    features = "features" if "features" in found else ""
    _write_card(made, wanted, heads, (height, channels, features, 0))


def _take_keras(file: Path, made: Path, wanted: dict[str, Any]) -> None:
    _check_weights(file, made)
    import keras

    from fer_core.models.importing.keras_graph import normalised

    model = keras.saving.load_model(file, compile=False, safe_mode=True)
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs)
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        _refuse(f"takes {[tuple(one.shape) for one in model.inputs]}; one picture is needed.")
    height, width, channels = model.inputs[0].shape[1:]
    _check_input((height, width, channels))
    outputs = _outputs(model)
    _check_answers({name: tuple(tensor.shape) for name, tensor in outputs.items()})
    pixels = _noise((4, height, width, channels))
    given = model.predict_on_batch(pixels * wanted["scale"] + wanted["offset"])
    given = dict(zip(outputs, keras.tree.flatten(given), strict=True))
    flat = {name for name, values in given.items() if _are_probabilities(np.asarray(values))}
    full = normalised(model, outputs, flat, wanted)
    if full is None:
        _refuse(
            "gives probabilities, and not from a softmax at its end. End it in a Dense layer with "
            "softmax, or give logits."
        )
    full.save(made / KERAS_FILE)
    full.export(made / LITERT_FILE, format="litert", verbose=False)
    _compare(full, made, pixels, given, flat, wanted["order"])
    features = "features" if "features" in full.output else ""
    _write_card(made, wanted, list(outputs), (height, channels, features, full.count_params()))


def _outputs(model: Any) -> dict[str, Any]:
    """Answers by name: a network's own names where it has several, else ``READING``."""
    import keras

    if isinstance(model.output, dict):
        found = {name: v for name, v in model.output.items() if len(v.shape) == 2}
        if len(found) == len(model.output):
            return found
    flat = keras.tree.flatten(model.output)
    if len(flat) == 1:
        return {READING: flat[0]}
    _refuse(f"gives {len(flat)} outputs. One with seven answers is needed.")


def _check_weights(file: Path, made: Path) -> None:
    """Refuse weights that point to other files or promise more than they hold."""
    import h5py

    weights = made / "weights.h5"
    with (
        zipfile.ZipFile(file) as archive,
        archive.open("model.weights.h5") as packed,
        weights.open("wb") as unpacked,
    ):
        shutil.copyfileobj(packed, unpacked)
    with h5py.File(weights, "r") as opened:
        _check_links(opened, weights.stat().st_size)
    weights.unlink()


def _check_links(group: Any, size: int) -> None:
    import h5py

    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
            _refuse(f"its weights {name!r} point to another file.")
        one = group[name]
        if isinstance(one, h5py.Group):
            _check_links(one, size)
        elif one.external or one.is_virtual:
            _refuse(f"its weights {name!r} point to another file.")
        elif one.size * one.dtype.itemsize > 20 * size:
            _refuse(f"its weights {name!r} promise more than the file holds.")


def _check_input(shape: tuple[int | None, ...]) -> None:
    height, width, channels = shape
    if height is None or height != width or not 16 <= height <= 1024 or channels not in (1, 3):
        _refuse(
            f"takes pictures of {height}×{width} with {channels} channels. Square ones of 16 to "
            "1024 pixels with 1 or 3 channels are needed."
        )


def _check_answers(shapes: dict[str, tuple[Any, ...]]) -> None:
    for name, shape in shapes.items() or {"": (0, 0)}.items():
        if len(shape) != 2 or shape[1] != len(EMOTIONS):
            _refuse(
                f"gives {shape[-1]} answers{f' ({name})' if name else ''}. Seven are needed: "
                f"{', '.join(EMOTIONS)}."
            )


def _noise(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)


def _are_probabilities(values: Any) -> bool:
    return bool((values >= 0).all() and np.allclose(values.sum(axis=1), 1, atol=1e-3))


def _compare(  # noqa: PLR0917, PLR0913  # everything that must agree
    full: Any, made: Path, pixels: Any, given: dict[str, Any], flat: set[str], order: list[int]
) -> None:
    """The export answers as the file did, up to the softmax and the order."""
    from fer_core.models.classifier import softmax

    exported = LiteRTNetwork(made / LITERT_FILE).run(pixels)
    for name, values in given.items():
        wanted = np.asarray(values)[:, order]
        found = softmax(exported[name]) if name in flat else exported[name]
        if not np.abs(found - wanted).max() < TOLERANCE * max(np.abs(wanted).max(), 1):
            _refuse("its export does not give the same answers. It is not taken.")


def _write_card(
    made: Path, wanted: dict[str, Any], heads: list[str], facts: tuple[int, int, str, int]
) -> None:
    size, channels, features, parameters = facts
    write_json(
        made / "card.json",
        {
            "title": wanted["title"],
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
            "data": "Imported; what it was trained on is not known here",
            "limits": ["It reads expressions, not feelings.", "Imported: nothing is known of it."],
        },
    )
