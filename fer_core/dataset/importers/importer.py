"""Take in whatever a person has: a folder, a ZIP, or Kaggle's ``fer2013.csv``."""

from pathlib import Path
from typing import Final

from fer_core.dataset import ferplus
from fer_core.dataset.importers.fer2013_csv import import_csv
from fer_core.dataset.importers.folder import import_folder
from fer_core.dataset.importers.zip_archive import import_zip
from fer_core.errors import DatasetError
from fer_core.system.parallel import Progress
from fer_core.system.paths import typed

FILES: Final = {".zip": import_zip, ".csv": import_csv}


def import_dataset(
    source: Path,
    name: str | None = None,
    home: Path | None = None,
    progress: Progress | None = None,
    votes: Path | None = None,
) -> Path:
    """Keep a copy of a dataset in the store.

    Args:
        source: A folder, a ``.zip`` or a ``.csv``; see ``import_folder``, ``import_zip`` and
            ``import_csv``.
        name: What to call the dataset; the source's name if None.
        home: The store; see ``store``.
        progress: See ``chunks.Progress``.
        votes: A table of FER+ votes to keep beside the images; see ``votes.load``.

    Returns:
        The dataset's folder.

    Raises:
        DatasetError: It is none of those, or cannot be imported.
    """
    source = typed(source, DatasetError)
    name = name or source.stem
    known = None if votes is None else ferplus.read(votes)
    if source.is_dir():
        return import_folder(source, name, home, progress, known)
    bring = FILES.get(source.suffix.lower())
    if bring is None:
        raise DatasetError(
            f"{source}: only folders, .zip and .csv files and the demo can be imported."
        )
    if not source.exists():
        raise DatasetError(f"{source}: there is no such file. Check the path.")
    return bring(source, name, home, progress, known)
