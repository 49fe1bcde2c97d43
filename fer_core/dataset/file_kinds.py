"""Kinds of files in a dataset's folder, by their content where the name does not say."""

from pathlib import Path
from typing import Final

from fer_core.images.formats import SUFFIXES, image_format, is_image_file

IMAGE, DOCUMENT, RECORD, UNSUPPORTED = "image", "document", "record", "unsupported"

IMAGE_SUFFIXES: Final = frozenset({*SUFFIXES, ".jif"})

_IMAGE_ENDINGS: Final = tuple(sorted(IMAGE_SUFFIXES))

DOCUMENTS: Final = frozenset(
    {".csv", ".txt", ".lst", ".json", ".md", ".xml", ".xls", ".xlsx", ".pdf", ".html", ".yaml",
     ".yml", ".npy", ".mat", ".rtf", ".doc", ".docx", ".tsv", ".gz", ".py", ".ipynb", ".parquet"}
)  # fmt: skip

LISTS: Final = frozenset({".csv", ".tsv", ".txt", ".lst", ".npy", ".gz"})
"""Documents that may hold labels."""

RECORDS: Final = frozenset(
    {"manifest.parquet", "dataset_card.md", "version.json", "dataset.json", "votes.csv",
     "labels.csv", "fer2013new.csv", "decisions.csv"}
)  # fmt: skip
"""Files that this app writes or reads beside the images."""


def has_image_name(name: str) -> bool:
    """Return whether a file's name ends as those of images do."""
    return name.lower().endswith(_IMAGE_ENDINGS)


def is_image_start(start: bytes) -> bool:
    """Return whether the first bytes of a file, 12 or more, are those of an image that opens."""
    return bool(image_format(start))


def kind_of(name: str, path: str | Path) -> str:
    """Return ``IMAGE``, ``DOCUMENT``, ``RECORD`` or ``UNSUPPORTED``.

    Args:
        name: The file's name.
        path: Where it is, to look at its first bytes where the name does not say.
    """
    if has_image_name(name):
        return IMAGE
    lower = name.lower()
    suffix = f".{lower.rpartition('.')[2]}" if "." in lower else ""
    if lower in RECORDS:
        return RECORD
    if suffix in DOCUMENTS:
        return DOCUMENT
    return IMAGE if is_image_file(Path(path)) else UNSUPPORTED
