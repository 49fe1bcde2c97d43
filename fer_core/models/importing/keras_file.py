"""Load a Keras file of unknown origin: checked first, from a copy that Keras 3 reads."""

import json
import shutil
import warnings
import zipfile
from pathlib import Path
from typing import Any, Final

from fer_core.errors import ModelError
from fer_core.models.importing.inspection import (
    HDF5,
    PLAIN,
    check_description,
    kind_of,
    read_description,
)

CONFIG_ATTRIBUTE: Final = "model_config"


def load_keras(file: Path, folder: Path) -> Any:
    """Return the Keras model of a file, from a copy that Keras 3 reads in float32.

    Raises:
        ModelError: Keras cannot open it, or its weights or classes are refused.
    """
    import keras

    copy = folder / ("copy.h5" if kind_of(file) == HDF5 else "copy.keras")
    try:
        (_copy_hdf5 if copy.suffix == ".h5" else _copy_keras)(file, copy)
        with warnings.catch_warnings():
            warnings.filterwarnings("error", ".*freshly-initialized.*")  # else noise is imported
            model = keras.saving.load_model(copy, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, AttributeError, OSError, UserWarning) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        other = "model.keras" if copy.suffix == ".h5" else "model.h5"
        raise ModelError(
            f"cannot be opened by Keras {keras.__version__} ({reason}). Where the network was "
            f"trained, run model.save('{other}') and import that file."
        ) from error
    finally:
        copy.unlink(missing_ok=True)
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise ModelError(
            "its layers were never called. Call the model once, or build it, and save it again."
        )
    is_sequential = isinstance(model, keras.Sequential)
    return keras.Model(model.inputs, model.outputs) if is_sequential else model


def _copy_keras(file: Path, copy: Path) -> None:
    """Write the file again with its description rewritten."""
    _check_weights(file, copy.parent)
    description = read_description(file)
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(copy, "w") as new:
        for name in archive.namelist():
            if name == "config.json":
                new.writestr(name, json.dumps(description))
                continue
            with archive.open(name) as source, new.open(name, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)


def _copy_hdf5(file: Path, copy: Path) -> None:
    """Copy the file, check it and rewrite its description."""
    import h5py
    import keras

    shutil.copyfile(file, copy)
    with h5py.File(copy, "r+") as opened:
        _check_links(opened, copy.stat().st_size)
        text = opened.attrs.get(CONFIG_ATTRIBUTE)
        if text is None:
            raise ModelError(
                "holds weights without their network. Where the network is built, run "
                f"model.load_weights({file.name!r}); model.save('model.keras') and import that."
            )
        description = check_description(file.name, json.loads(text), is_old=True)
        _check_classes(description, keras)
        opened.attrs[CONFIG_ATTRIBUTE] = json.dumps(description)


def _check_classes(description: Any, keras: Any) -> None:
    """Refuse classes that Keras 3 does not have, such as TFOpLambda of Keras 2."""
    from fer_core.models.importing.old_keras import HOMES, nodes

    homes = (keras.layers, keras.initializers, keras.regularizers, keras.constraints)
    for node in nodes(description):
        name = str(node["class_name"])
        if name not in {*HOMES, *PLAIN} and not any(hasattr(home, name) for home in homes):
            raise ModelError(
                f"holds {name}, which Keras 3 does not have. Replace it by a built-in layer, such "
                "as keras.layers.Rescaling for the scaling of pixels, and save the model again."
            )


def _check_weights(file: Path, folder: Path) -> None:
    """Refuse weights that point to other files or promise more than they hold."""
    import h5py

    weights = folder / "weights.h5"
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
            raise ModelError(f"its weights {name!r} point to another file.")
        item = group[name]
        if isinstance(item, h5py.Group):
            _check_links(item, size)
        elif item.external or item.is_virtual:
            raise ModelError(f"its weights {name!r} point to another file.")
        elif item.size * item.dtype.itemsize > 20 * size:
            raise ModelError(f"its weights {name!r} promise more than the file holds.")
