"""Check the file of a network without opening it as one: its kind, and the code it asks for.

A ``.keras`` file is a ZIP with a description of the layers and their weights. It may ask for code
(a Lambda layer, a custom class) and for other files; none of that is allowed. Keras' own safe mode
is used as well, later and in another process.
"""

import json
import re
import stat
import zipfile
from pathlib import Path
from typing import Any, Final

from fer_core.errors import ModelError
from fer_core.models.importing.old_keras import modernize, nodes
from fer_core.system.files import reading
from fer_core.system.zip_files import UNREADABLE

MEMBERS: Final = frozenset({"config.json", "metadata.json", "model.weights.h5"})
MAX_BYTES: Final = 1_000_000_000
"""Most that a file may unpack to; VGG-16 with its dense layers takes 0.55 GB."""

MAX_CONFIG: Final = 20_000_000
MODULES: Final = re.compile(
    r"keras(\.(layers|models|initializers|regularizers|constraints|activations|dtype_policies))?"
    r"|keras\.src\.(models|ops)\.[a-z_.]+"
)
"""Modules that classes may come from: those of Keras."""

REFUSED: Final = frozenset(
    {"Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer",
     "StringLookup", "IntegerLookup", "TextVectorization"}
)  # fmt: skip
"""Keras' own classes that run code from elsewhere or read files."""

PLAIN: Final = frozenset(
    {"__keras_tensor__", "__tensor__", "__numpy__", "__tuple__", "__ellipsis__", "__typespec__"}
)
"""Markers of plain values in a description."""

KERAS, HDF5, LITERT = "keras", "hdf5", "litert"

SAVE_LINES: Final = {
    ".pb": "tf_keras.models.load_model('FOLDER').save('model.h5')",
    ".zip": "tf_keras.models.load_model('FOLDER').save('model.h5')",
    ".json": "keras.models.model_from_json(open('FILE.json').read()) with its weights, then "
    "model.save('model.keras')",
    ".weights": "model.load_weights('FILE'); model.save('model.keras')",
}
"""Lines of Python that make a file that is taken, by suffix."""


def kind_of(file: Path) -> str:
    """Return ``keras``, ``hdf5`` or ``litert`` by the file's first bytes.

    Raises:
        ModelError: It is of another kind, too large, or cannot be read.
    """
    with reading(file, ModelError):
        size = file.stat().st_size
        with file.open("rb") as opened:
            start = opened.read(8)
    if size > MAX_BYTES:
        raise ModelError(f"{file.name}: {size / 1e9:.1f} GB; at most {MAX_BYTES / 1e9:.0f} GB.")
    if start.startswith(b"PK\x03\x04") and file.suffix != ".zip":
        return KERAS
    if start == b"\x89HDF\r\n\x1a\n":
        return HDF5
    if start[4:8] == b"TFL3":
        return LITERT
    line = SAVE_LINES.get(file.suffix.lower(), "model.save('model.keras')")
    raise ModelError(
        f"{file.name}: this is not a .keras, .h5 or .tflite file of a whole network. Where the "
        f"network was trained, run {line} and import that file."
    )


def check_keras(file: Path) -> None:
    """Raise ``ModelError`` unless ``file`` is a ``.keras`` of built-in layers alone.

    Only the description of the layers is unpacked.
    """
    read_description(file)


def read_description(file: Path) -> dict[str, Any]:
    """Return the checked description of a ``.keras`` file, rewritten for Keras 3 and float32.

    Raises:
        ModelError: It is damaged, or asks for code or other files.
    """
    name = file.name
    try:
        with zipfile.ZipFile(file) as archive:
            _check_members(name, archive.infolist())
            description = json.loads(archive.read("config.json"))
    except (KeyError, json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{name}: its description of the layers is damaged ({error}).") from error
    except (*UNREADABLE, OSError) as error:
        raise ModelError(
            f"{name}: not a .keras file that can be opened ({error}). Save the model again with "
            "model.save('name.keras')."
        ) from error
    return check_description(name, description)


def check_description(name: str, description: Any, *, is_old: bool = False) -> dict[str, Any]:
    """Return the description of a network, rewritten for Keras 3, if it holds only Keras' layers.

    Args:
        name: The file's name, for messages.
        description: The JSON of the network.
        is_old: Classes may have no module, as in the HDF5 files of Keras 2.

    Raises:
        ModelError: It is damaged, or asks for code or other files.
    """
    if not isinstance(description, dict):
        raise ModelError(f"{name}: its description of the layers is damaged.")
    description.pop("compile_config", None)  # never used: models are opened without it
    modernize(description)
    for node in nodes(description):
        kind, module = str(node["class_name"]), node.get("module")
        if kind in PLAIN:
            continue
        if kind in REFUSED:
            raise ModelError(
                f"{name}: holds a {kind} layer, which can run any code. Only built-in layers are "
                "allowed: replace it by one and save the model again."
            )
        if not (is_old and module is None) and not MODULES.fullmatch(str(module)):
            raise ModelError(
                f"{name}: holds {kind} from {module!r}, which is not part of Keras. Only built-in "
                "layers are allowed."
            )
        registered = node.get("registered_name")
        if registered is not None and registered != kind:
            raise ModelError(
                f"{name}: holds {registered!r}, a custom class. Only built-in layers are allowed."
            )
    return description


def _check_members(name: str, members: list[zipfile.ZipInfo]) -> None:
    for member in members:
        parts = member.filename.replace("\\", "/").split("/")
        if ".." in parts or member.filename.startswith(("/", "\\")) or ":" in parts[0]:
            raise ModelError(f"{name}: holds {member.filename!r}, a path that leads outside.")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise ModelError(f"{name}: holds {member.filename!r}, a link to another file.")
        if member.filename not in MEMBERS:
            raise ModelError(
                f"{name}: holds {member.filename!r}, which a model of built-in layers does not "
                f"need. Only {', '.join(sorted(MEMBERS))} are allowed."
            )
    if len(members) != len(MEMBERS):
        raise ModelError(f"{name}: needs each of {', '.join(sorted(MEMBERS))} once.")
    total = sum(member.file_size for member in members)
    if total > MAX_BYTES:
        raise ModelError(
            f"{name}: would unpack to {total / 1e9:,.1f} GB; at most {MAX_BYTES / 1e9:.0f} GB is "
            "allowed."
        )
    sizes = {member.filename: member.file_size for member in members}
    if sizes["config.json"] > MAX_CONFIG:
        raise ModelError(f"{name}: its description of the layers is too large.")
