"""Pack a dataset: as a ZIP that opens here again, or in the layout of Hugging Face.

The same dataset gives the same bytes.
"""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pandas as pd

from fer_core.collect.assemble import CARD
from fer_core.dataset import store
from fer_core.errors import DatasetError
from fer_core.system.files import reading

_DATE: Final = (1980, 1, 1, 0, 0, 0)
FRONT_MATTER: Final = (
    "---\ntask_categories:\n- image-classification\ntags:\n- facial-expression-recognition\n---\n\n"
)


def pack(folder: Path) -> bytes:
    """Return the whole dataset as a ZIP.

    Raises:
        DatasetError: A file cannot be read.
    """
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    return _zip((f"{folder.name}/{name}", _read(folder, name)) for name in names)


def pack_imagefolder(folder: Path) -> bytes:
    """Return the dataset as a ZIP in the layout ``imagefolder`` of Hugging Face's datasets.

    Each split is a folder of images with a ``metadata.csv``, whose columns are ``file_name``,
    ``label`` (the emotion) and what else the manifest holds.

    Raises:
        DatasetError: It has no manifest, or a file cannot be read.
    """
    with reading(folder / store.MANIFEST, DatasetError, "Only datasets made here have one."):
        manifest = pd.read_parquet(folder / store.MANIFEST)
    return _zip(_imagefolder(folder, manifest))


def _imagefolder(folder: Path, manifest: pd.DataFrame) -> Iterator[tuple[str, bytes]]:
    card = folder / CARD
    text = card.read_text("utf-8") if card.is_file() else f"# {folder.name}\n"
    yield "README.md", (FRONT_MATTER + text).encode()
    for split, part in manifest.groupby("split", sort=True):
        table = part.drop(columns=["split"])
        names = [name.removeprefix(f"{split}/").replace("/", "-") for name in part["file"]]
        table.insert(0, "file_name", names)
        table.insert(1, "label", table.pop("label"))
        yield f"{split}/metadata.csv", table.drop(columns="file").to_csv(index=False).encode()
        for source, name in zip(part["file"], names, strict=True):
            yield f"{split}/{name}", _read(folder, source)


def _zip(members: Iterator[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, _DATE), data)
    return buffer.getvalue()


def _read(folder: Path, name: str) -> bytes:
    with reading(folder / name, DatasetError):
        return (folder / name).read_bytes()
