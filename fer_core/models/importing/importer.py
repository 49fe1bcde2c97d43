"""From a file of unknown origin to a model folder, opened first in a process with limits."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fer_core.errors import ModelError
from fer_core.labels import CLASS_NAMES, EMOTIONS
from fer_core.models import store as model_store
from fer_core.models.classifier import EmotionClassifier
from fer_core.models.importing.inspection import KERAS, check_keras, kind_of
from fer_core.system import isolated, temp_folders
from fer_core.system.parallel import Progress

RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "0 to 255": (1.0, 0.0), "0 to 1": (1 / 255, 0.0), "-1 to 1": (1 / 127.5, -1.0),
}  # fmt: skip
"""Pixel values that a network may expect, with their factor and offset."""

ORDERS: Final = {
    "Alphabetical, as Keras reads folders": EMOTIONS,
    "FER-2013, as Kaggle numbers them": (
        "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral",
    ),
}  # fmt: skip

COLOURS: Final = ("RGB", "BGR", "grey")
"""Channels that a network of three channels may expect; grey is one image three times."""

SANDBOX: Final = isolated.Sandbox(memory_bytes=8_000_000_000, cpu_s=280, file_bytes=1_500_000_000)
"""TensorFlow alone reserves about 3 GB of addresses."""

TIME_LIMIT_S: Final = 600


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Options for what a file does not say about its network.

    Attributes:
        name: The model's name.
        pixels: One of ``RANGES``: the values that the network expects.
        order: The seven emotions in the order of the network's outputs.
        colours: One of ``COLOURS``, for a network of three channels.
        size: Side of the input in pixels, where the file leaves it open; None for the file's.

    Raises:
        ModelError: A value is not allowed.
    """

    name: str
    pixels: str = "0 to 255"
    order: tuple[str, ...] = EMOTIONS
    colours: str = "RGB"
    size: int | None = None

    def __post_init__(self) -> None:
        if self.pixels not in RANGES:
            raise ModelError(f"Pixels must be {', '.join(RANGES)}. Received: {self.pixels!r}.")
        if self.colours not in COLOURS:
            raise ModelError(f"Colours must be {', '.join(COLOURS)}. Received: {self.colours!r}.")
        if self.size is not None and not 16 <= self.size <= 1024:
            raise ModelError(f"The size must be 16 to 1024 pixels. Received: {self.size}.")
        if sorted(self.order) != sorted(EMOTIONS):
            raise ModelError(
                f"The order must name each of {', '.join(EMOTIONS)} once. "
                f"Received: {', '.join(self.order)}."
            )


def order_from(text: str) -> tuple[str, ...]:
    """Return emotions separated by commas, also in other common names, as an order."""
    words = [word.strip().lower() for word in text.split(",")]
    return tuple(CLASS_NAMES.get(word, word) for word in words)


def import_model(file: Path, options: ImportOptions, progress: Progress | None = None) -> Path:
    """Import a ``.keras``, ``.h5`` or ``.tflite`` file as one of the user's models.

    The file is inspected first, then opened in another process that has limited time, memory and
    disk space and gets no settings or secrets from this one. The files which that process writes
    are opened here.

    Args:
        file: The network; its first bytes decide its kind.
        options: What the file does not say.
        progress: Where it raises, the import stops.

    Returns:
        The new model's folder.

    Raises:
        ModelError: The file is of another kind, asks for code or other files, is too large, does
            not take images or does not give seven outputs.
        SettingsError: This is a public link.
        CancelledError: ``progress`` asked to stop.
    """
    model_store.check_may_change()
    _check_file(file)
    name = model_store.free_name(options.name)
    with temp_folders.folder("import") as temporary:
        result = Path(temporary) / "model"
        _convert(file, options, result, progress)
        EmotionClassifier.load(result)  # it runs, with the outputs that its card promises
        with model_store.new_model(name) as folder:
            for part in model_store.FILES:
                if (result / part).is_file():
                    shutil.copy2(result / part, folder / part)
    return model_store.own_home() / name


def replace_networks(folder: Path) -> None:
    """Replace a stranger's networks below a folder by what a process with limits writes of them.

    A ``.tflite`` is run there once, and stays as it is.

    Raises:
        ModelError: As ``import_model``.
    """
    networks = sorted(folder.rglob("*.keras"))
    for file in networks:
        check_keras(file)
    with temp_folders.folder("trial") as temporary:
        for file in sorted(folder.rglob("*.tflite")):
            _check_file(file)
            _convert(file, ImportOptions(file.stem), Path(temporary) / "model", None)
            shutil.rmtree(Path(temporary) / "model")
        if networks:
            arguments = {"files": [str(file.absolute()) for file in networks], "folder": temporary}
            _in_sandbox("rewrite", arguments, "a network of the ZIP")
        for number, file in enumerate(networks):
            (Path(temporary) / f"{number}.keras").replace(file)


def _check_file(file: Path) -> None:
    if kind_of(file) == KERAS:
        check_keras(file)


def _convert(file: Path, options: ImportOptions, result: Path, progress: Progress | None) -> None:
    """Fill the folder ``result`` in another process."""
    scale, offset = RANGES[options.pixels]
    plan = {
        "scale": scale, "offset": offset, "title": options.name, "colours": options.colours,
        "size": options.size, "order": [options.order.index(emotion) for emotion in EMOTIONS],
    }  # fmt: skip
    arguments = {"file": str(file.absolute()), "folder": str(result), "plan": plan}
    _in_sandbox("convert", arguments, file.name, progress)


def _in_sandbox(
    function: str, arguments: Mapping[str, Any], name: str, progress: Progress | None = None
) -> None:
    """Call a function of ``worker`` in another process that has limits."""
    isolated.call(
        f"fer_core.models.importing.worker:{function}",
        arguments,
        TIME_LIMIT_S,
        error=lambda reason: ModelError(
            f"{name}: cannot be opened ({reason}). It is not imported."
        ),
        progress=progress,
        sandbox=SANDBOX,
        imports_tensorflow=True,
    )
