"""From a file of unknown origin to a model folder, opened first in a process with limits."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fer_core.errors import ModelError
from fer_core.labels import CLASS_NAMES, EMOTIONS
from fer_core.models import store as model_store
from fer_core.models.classifier import EmotionClassifier
from fer_core.models.importing.inspection import MAX_BYTES, check_keras
from fer_core.system import isolated, temp_folders
from fer_core.system.files import reading
from fer_core.system.parallel import Progress

RANGES: Final = {
    "0 to 255": (1.0, 0.0), "0 to 1": (1 / 255, 0.0), "-1 to 1": (1 / 127.5, -1.0),
}  # fmt: skip
"""Pixel values that a network may expect, with the factor and the shift that make them."""

ORDERS: Final = {
    "Alphabetical, as Keras reads folders": EMOTIONS,
    "FER-2013, as Kaggle numbers them": (
        "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral",
    ),
}  # fmt: skip

TIME_LIMIT_S: Final = 600

SANDBOX: Final = isolated.Sandbox(memory_bytes=8_000_000_000, cpu_s=280, file_bytes=1_500_000_000)
"""TensorFlow alone reserves about 3 GB of addresses."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the file does not say of itself.

    Attributes:
        name: What to call the model.
        pixels: One of ``RANGES``: the values that the network expects.
        order: The seven emotions in the order of the network's answers.

    Raises:
        ModelError: A value is not allowed.
    """

    name: str
    pixels: str = "0 to 255"
    order: tuple[str, ...] = EMOTIONS

    def __post_init__(self) -> None:
        if self.pixels not in RANGES:
            raise ModelError(f"Pixels must be {', '.join(RANGES)}. Received: {self.pixels!r}.")
        if sorted(self.order) != sorted(EMOTIONS):
            raise ModelError(
                f"The order must name each of {', '.join(EMOTIONS)} once. "
                f"Received: {', '.join(self.order)}."
            )


def order_from(text: str) -> tuple[str, ...]:
    """Emotions separated by commas, in common other names too, as an order for ``Wish``."""
    words = [word.strip().lower() for word in text.split(",")]
    return tuple(CLASS_NAMES.get(word, word) for word in words)


def import_model(file: Path, wish: Wish, progress: Progress | None = None) -> Path:
    """Take in a ``.keras`` or ``.tflite`` file as one of the user's models.

    The file is looked through first, then opened in another process that has limited time, memory
    and disk space and gets no settings or secrets from this one. What that process writes is
    opened here.

    Args:
        file: Of either kind.
        wish: What the file does not say.
        progress: Where it raises, the import stops.

    Returns:
        The new model's folder.

    Raises:
        ModelError: The file is of another kind, asks for code or other files, is too large, does
            not take pictures or does not give seven answers.
        SettingsError: This is a public link.
        CancelledError: ``progress`` asked to stop.
    """
    model_store.check_may_change()
    _check_file(file)
    name = model_store.free_name(wish.name)
    with temp_folders.folder("import") as place:
        made = Path(place) / "model"
        _run(file, wish, made, progress)
        EmotionClassifier.load(made)  # it answers, and as its card says
        with model_store.new_model(name) as folder:
            for part in model_store.FILES:
                if (made / part).is_file():
                    shutil.copy2(made / part, folder / part)
    return model_store.own_home() / name


def try_out(file: Path) -> None:
    """Open a model that came with something else as ``import_model`` does, and keep nothing of it.

    Raises:
        ModelError: As ``import_model``.
    """
    _check_file(file)
    with temp_folders.folder("trial") as place:
        _run(file, Wish(file.stem), Path(place) / "model", None)


def _check_file(file: Path) -> None:
    with reading(file, ModelError):
        size = file.stat().st_size
    if size > MAX_BYTES:
        raise ModelError(f"{file.name}: {size / 1e9:.1f} GB; at most {MAX_BYTES / 1e9:.0f} GB.")
    if file.suffix == ".keras":
        check_keras(file)
    elif file.suffix != ".tflite":
        raise ModelError(
            f"{file.name}: only .keras and .tflite files are taken. Older formats (.h5, "
            "SavedModel) can run code: open yours in Keras 3 and save it as .keras."
        )


def _run(file: Path, wish: Wish, made: Path, progress: Progress | None) -> None:
    """The other process; ``made`` is the folder it fills."""
    scale, offset = RANGES[wish.pixels]
    wanted = {"scale": scale, "offset": offset, "title": wish.name,
              "order": [wish.order.index(emotion) for emotion in EMOTIONS]}  # fmt: skip
    isolated.call(
        "fer_core.models.importing.worker:convert",
        {"file": str(file.absolute()), "made": str(made), "wanted": wanted},
        TIME_LIMIT_S,
        error=lambda reason: ModelError(
            f"{file.name}: cannot be opened ({reason}). It is not imported."
        ),
        progress=progress,
        sandbox=SANDBOX,
    )
