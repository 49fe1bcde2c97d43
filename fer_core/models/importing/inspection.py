"""Look through a ``.keras`` file without opening it as one: what may it hold?

Such a file is a ZIP with a description of the layers and their weights. It may ask for code (a
Lambda layer, a class of someone's own) and for other files; none of that is let through. Keras' own
safe mode is used as well, later and in another process.
"""

import json
import re
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from fer_core.errors import ModelError
from fer_core.system.zip_files import UNREADABLE

MEMBERS: Final = frozenset({"config.json", "metadata.json", "model.weights.h5"})
MAX_BYTES: Final = 1_000_000_000
"""Most that a file may unpack to; VGG-16 with its dense layers takes 0.55 GB."""

MAX_CONFIG: Final = 20_000_000
MODULES: Final = re.compile(
    r"keras(\.(layers|models|initializers|regularizers|constraints|activations|dtype_policies))?"
    r"|keras\.src\.(models|ops)\.[a-z_.]+"
)
"""Where classes may come from: Keras itself."""

REFUSED: Final = frozenset(
    {"Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer",
     "StringLookup", "IntegerLookup", "TextVectorization"}
)  # fmt: skip
"""Keras' own classes that run code from elsewhere or read files."""

PLAIN: Final = frozenset(
    {"__keras_tensor__", "__tensor__", "__numpy__", "__tuple__", "__ellipsis__", "__typespec__"}
)
"""Markers of plain values in a description."""


def check_keras(file: Path) -> None:
    """Raise ``ModelError`` unless ``file`` is a ``.keras`` of built-in layers alone.

    Nothing is unpacked but the description of the layers.
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
            "model.save('name.keras') in Keras 3."
        ) from error
    _check_description(name, description)


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
            "taken."
        )
    sizes = {member.filename: member.file_size for member in members}
    if sizes["config.json"] > MAX_CONFIG:
        raise ModelError(f"{name}: its description of the layers is too large.")


def _check_description(name: str, description: Any) -> None:
    if not isinstance(description, dict):
        raise ModelError(f"{name}: its description of the layers is damaged.")
    description.pop("compile_config", None)  # never used: models are opened without it
    for node in _nodes(description):
        kind, module = str(node["class_name"]), str(node.get("module"))
        if kind in PLAIN:
            continue
        if kind in REFUSED:
            raise ModelError(
                f"{name}: holds a {kind} layer, which can run any code. Only built-in layers are "
                "taken: replace it by one and save the model again."
            )
        if not MODULES.fullmatch(module):
            raise ModelError(
                f"{name}: holds {kind} from {module!r}, which is not part of Keras. Only built-in "
                "layers are taken."
            )
        registered = node.get("registered_name")
        if registered is not None and registered != kind:
            raise ModelError(
                f"{name}: holds {registered!r}, a class of someone's own. Only built-in layers are "
                "taken."
            )


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every described object, at any depth."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "class_name" in one:
                yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
