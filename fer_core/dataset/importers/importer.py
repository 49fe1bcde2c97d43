"""Import a folder, an archive, or a CSV of pixels; the content decides which it is."""

import io
from pathlib import Path
from typing import BinaryIO, Final

from fer_core.dataset import pixel_table, store
from fer_core.dataset.importers import archive, fer2013_csv, folder
from fer_core.dataset.importers.options import ImportOptions
from fer_core.errors import DatasetError
from fer_core.system.files import reading
from fer_core.system.paths import typed

SUFFIXES: Final = (".zip", ".tar", ".tgz", ".gz", ".csv")


def import_dataset(source: Path | BinaryIO, options: ImportOptions | None = None) -> Path:
    """Copy a dataset into the store.

    Args:
        source: A folder, a ZIP, a ``.tar.gz``, a ``.csv`` or ``.csv.gz``: a path, or an open file.
        options: Name, store, progress, votes and classes.

    Returns:
        The dataset's folder.

    Raises:
        DatasetError: It is none of those, or cannot be imported. Nothing is left behind.
        CancelledError: The progress asked to stop. Nothing is left behind.
    """
    options = options or ImportOptions()
    if not isinstance(source, Path):
        return _import_file(source, options, str(getattr(source, "name", options.name)))
    source = typed(source, DatasetError)
    if source.is_dir():
        title = source.resolve().name
        name = store.free_name(options.name or title, options.home)
        need = sum(file.stat().st_size for file in source.rglob("*") if file.is_file())
        with store.new_dataset(name, need, options.home) as target:
            folder.write_folder(source, target, options, title)
        return (options.home or store.default_home()) / name
    if not source.exists():
        raise DatasetError(f"{source}: there is no such file. Check the path.")
    with reading(source, DatasetError), source.open("rb") as file:
        if not _can_be_imported(source, file):
            raise DatasetError(
                f"{source}: only folders, ZIP and .tar.gz archives, CSVs of pixels and the demo "
                "can be imported. Unpack archives of other kinds first."
            )
        return _import_file(file, options, source.name)


def _can_be_imported(source: Path, file: BinaryIO) -> bool:
    is_named_so = source.name.lower().endswith(SUFFIXES)
    return is_named_so or archive.is_archive(file) or pixel_table.is_pixel_file(source)


def _import_file(file: BinaryIO, options: ImportOptions, title: str) -> Path:
    """Import an archive or a CSV."""
    base = title
    while base.lower().endswith(SUFFIXES):
        base = base.rpartition(".")[0]
    name = store.free_name(options.name or base, options.home)
    is_archive = archive.is_archive(file)
    if title.lower().endswith(".zip") and not is_archive:
        raise DatasetError(f"{title}: not a ZIP file that can be opened. Pack the folder again.")
    rows = fer2013_csv.ROWS * fer2013_csv.BYTES_PER_IMAGE
    need = archive.need_bytes(file) if is_archive else rows
    with store.new_dataset(name, need, options.home) as target:
        if is_archive:
            archive.write_archive(file, target, options, title)
        else:
            fer2013_csv.write_csv(file, target, options, title)
    return (options.home or store.default_home()) / name


def with_name(data: bytes, name: str) -> BinaryIO:
    """Return bytes, such as an upload's, as an open file that ``import_dataset`` takes."""
    file = io.BytesIO(data)
    file.name = name
    return file
