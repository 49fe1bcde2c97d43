"""Join the rows of a table to images, by rules that never give an image the row of another.

1. By path: the row names the image's path below the dataset. ``./``, back slashes, the dataset's
   own name or absolute path in front, and the folder that holds the table do not matter; case
   matters unless the file system ignores it.
2. By name: the row names a file without a folder, and only one image of the dataset is called so.
3. By order: ``fer2013_order`` alone, for Microsoft's ``fer2013new.csv``.

Everything else stays without a row, and is counted.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

NONE: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class Join:
    """The rows of a table that belong to images.

    Attributes:
        rows: int64 (N,), the row of each of N images, -1 where it has none.
        rule: How they were matched, such as "by path".
        unused: Rows of the table that name no image.
        ambiguous: Rows of the table that name several images, or disagree about one.
    """

    rows: npt.NDArray[np.int64]
    rule: str
    unused: int = 0
    ambiguous: int = 0

    @property
    def has_row(self) -> npt.NDArray[np.bool_]:
        """Return the images that have a row, bool (N,)."""
        return self.rows >= 0

    @property
    def count(self) -> int:
        """Return the number of images that have a row."""
        return int(self.has_row.sum())

    def note(self, subject: str) -> str:
        """Return a sentence with every count; ``subject`` is such as "labels.csv: FER+ votes"."""
        without = len(self.rows) - self.count
        text = f"{subject} for {self.count:,} of {len(self.rows):,} images, matched {self.rule}"
        parts = [
            f"{without:,} images have none" if without else "",
            f"{self.unused:,} rows name no image of this dataset" if self.unused else "",
            f"{self.ambiguous:,} rows are ambiguous and not used: they name more than one image, "
            "or contradict each other"
            if self.ambiguous
            else "",
        ]
        return "; ".join([text, *filter(None, parts)]) + "."


def by_path(
    files: Sequence[str],
    keys: Sequence[str],
    root: Path,
    folder: str = "",
    contents: npt.NDArray[np.uint64] | None = None,
) -> Join:
    """Join rows to images by path, or by name where that is unique.

    Args:
        files: Paths (N,) of the images below ``root``, with ``/``.
        keys: Path or name in each row of the table (R,); empty for none.
        root: The dataset's folder.
        folder: Folder below ``root`` that holds the table, as ``folder/below``.
        contents: uint64 (R,), equal where rows say the same. Two rows about one image count only
            if they agree; without this they never do.
    """
    ignores_case = file_system_ignores_case(root)
    names = [_key(file, ignores_case) for file in files]
    row_keys = [_key(key, ignores_case) for key in keys]
    images = np.full(len(keys), NONE, np.int64)
    pending = [row for row, key in enumerate(row_keys) if key]
    count = len(pending)
    inside = f"{_key(root.name, ignores_case)}/"
    outside = _key(str(root), ignores_case).strip("/") + "/"
    for shape in (_same_files, _below_folder, _unwrapped):
        if not pending:
            break
        places = unique(shape(names, folder))
        for variant in (_same, _below(inside), _below(outside), _after(inside)):
            pending = _fill(images, places, pending, [variant(row_keys[row]) for row in pending])
    by_path_count = count - len(pending)
    ambiguous = np.zeros(len(keys), np.bool_)
    for shorten in (_last, _stem):
        bare = [row for row in pending if "/" not in row_keys[row]]
        if not bare:
            break
        short = [shorten(name) for name in names]
        short_keys = [shorten(row_keys[row]) for row in bare]
        pending = _fill(images, unique(short), bare, short_keys)
        repeated = {name for name, times in Counter(short).items() if times > 1}
        ambiguous[[row for row in pending if shorten(row_keys[row]) in repeated]] = True
    rows, contradicting = _one_row_each(images, len(names), contents)
    name_count = int((images >= 0).sum()) - by_path_count
    rule = "by path" if not name_count else "by path and name" if by_path_count else "by name"
    ambiguous |= contradicting
    has_key = np.asarray([bool(key) for key in row_keys], np.bool_)
    unused = int(((images == NONE) & has_key & ~ambiguous).sum())
    return Join(rows, rule, unused, int(ambiguous.sum()))


def file_system_ignores_case(folder: Path) -> bool:
    """Return whether the disk of ``folder`` takes ``A.png`` and ``a.png`` for one file."""
    for folder_ in (folder, *folder.parents):
        other = folder_.with_name(folder_.name.swapcase()) if folder_.name else folder_
        if other.name != folder_.name:
            try:
                return folder_.samefile(other)
            except OSError:
                return False
    return False


def _key(path: str, ignores_case: bool) -> str:
    text = path.strip().replace("\\", "/")
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)  # macOS writes accents apart from their letter
    if "//" in text or "./" in text:
        start = "/" if text.startswith("/") else ""
        text = start + "/".join(part for part in text.split("/") if part not in ("", "."))
    return text.casefold() if ignores_case else text


def unique(names: Sequence[str]) -> dict[str, int]:
    """Return the position of each name that is there once."""
    counts = Counter(names)
    return {name: at for at, name in enumerate(names) if name and counts[name] == 1}


def _same(key: str) -> str:
    return key


def _below(folder: str) -> Callable[[str], str]:
    def variant(key: str) -> str:
        path = key.lstrip("/")
        return path.removeprefix(folder) if path.startswith(folder) else ""

    return variant


def _after(folder: str) -> Callable[[str], str]:
    """Return what follows ``folder`` in absolute paths, such as those of another machine."""

    def variant(key: str) -> str:
        if not (key.startswith("/") or key[1:2] == ":"):
            return ""
        return key.rpartition(f"/{folder}")[2] if f"/{folder}" in key else ""

    return variant


def _last(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _stem(path: str) -> str:
    return _last(path).rsplit(".", 1)[0]


def _below_folder(names: Sequence[str], folder: str) -> list[str]:
    if folder in ("", "."):
        return []
    return [name.removeprefix(f"{folder}/") for name in names]


def _unwrapped(names: Sequence[str], _: str) -> list[str]:
    return _below_folder(names, _common_folder(names))


def _same_files(names: Sequence[str], _: str) -> list[str]:
    return list(names)


def _common_folder(names: Sequence[str]) -> str:
    """Return the folders that all paths begin with; they wrap the dataset."""
    first, last = (min(names), max(names)) if names else ("", "")
    parts = []
    for first_part, other in zip(first.split("/")[:-1], last.split("/")[:-1], strict=False):
        if first_part != other:
            break
        parts.append(first_part)
    return "/".join(parts)


def _fill(
    images: npt.NDArray[np.int64],
    places: Mapping[str, int],
    pending: Sequence[int],
    keys: Sequence[str],
) -> list[int]:
    """Set the image of each pending row whose key has a place; returns the other rows."""
    unmatched = []
    for row, key in zip(pending, keys, strict=True):
        images[row] = places.get(key, NONE)
        if images[row] == NONE:
            unmatched.append(row)
    return unmatched


def _one_row_each(
    images: npt.NDArray[np.int64], count: int, contents: npt.NDArray[np.uint64] | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return the row of each image, and the rows that contradict others about theirs."""
    rows = np.full(count, NONE, np.int64)
    table = pd.DataFrame({"image": images, "row": np.arange(len(images))})
    table["content"] = np.arange(len(images)) if contents is None else contents
    table = table[table["image"] >= 0]
    kinds = table.groupby("image")["content"].nunique()
    contradicted = table["image"].isin(kinds.index[kinds > 1])
    first = table[~contradicted].drop_duplicates("image")
    rows[first["image"].to_numpy()] = first["row"].to_numpy()
    contradicting = np.zeros(len(images), np.bool_)
    contradicting[table["row"][contradicted].to_numpy()] = True
    return rows, contradicting
