"""The index of a dataset: one row an image, no pixels but small thumbnails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from fer_core.dataset.left_out import LeftOut
from fer_core.labels import EMOTIONS, SPLITS

THUMB: Final = 16
"""Side of the thumbnails in pixels: enough to find copies by, 256 bytes an image."""

FLAT: Final = 6.0
"""Standard deviation of the grey values below which images all look the same."""

Thumbs = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class DatasetIndex:
    """The images of a dataset.

    Attributes:
        root: The folder that holds them.
        table: One row an image that was listed. ``file`` (path below ``root``, with ``/``),
            ``split``, ``label`` (categories in the order of ``SPLITS`` and ``EMOTIONS``), ``bytes``
            and ``mtime_ns`` (of the file), ``width``, ``height`` (pixels), ``brightness``,
            ``contrast`` (mean and standard deviation of the grey values, 0..255), ``digest``
            (uint64 of the grey pixels: equal pixels, equal digest), ``error`` (empty, or why the
            file cannot be read; the values of such a row mean nothing).
        thumbs: uint8 (N, 16, 16), the rows' images in grey, scaled down.
        notes: Sentences on how the dataset was read, what was left out and what is unusual.
        left_out: Files that are not images of the dataset, by reason; with the readable rows of
            ``table`` they are all files in the folder.
        votes: FER+ annotators who chose each emotion, a row for each row of ``table`` with the
            columns ``EMOTIONS`` and ``other``; None where no votes are known.
    """

    root: Path
    table: pd.DataFrame
    thumbs: Thumbs
    notes: tuple[str, ...] = ()
    votes: pd.DataFrame | None = field(default=None)
    left_out: tuple[LeftOut, ...] = ()

    def __len__(self) -> int:
        return len(self.table)

    def path(self, row: int) -> Path:
        """Return the file of a row."""
        return self.root / str(self.table["file"].iloc[row])

    def where(self, keep: npt.NDArray[np.bool_]) -> "DatasetIndex":
        """Return the rows for which ``keep``, bool (N,), is true."""
        votes = None if self.votes is None else self.votes[keep].reset_index(drop=True)
        table = self.table[keep].reset_index(drop=True)
        return replace(self, table=table, thumbs=self.thumbs[keep], votes=votes)

    @property
    def is_readable(self) -> npt.NDArray[np.bool_]:
        """Return the files that could be read, bool (N,)."""
        return np.asarray(self.table["error"] == "", np.bool_)

    @property
    def is_flat(self) -> npt.NDArray[np.bool_]:
        """Return the images whose grey values hardly differ, bool (N,): they all look the same."""
        return np.asarray(self.table["contrast"] < FLAT, np.bool_)

    def readable(self) -> "DatasetIndex":
        """Return the images that could be read."""
        return self if self.is_readable.all() else self.where(self.is_readable)

    def split(self, name: str) -> "DatasetIndex":
        """Return the images of one split."""
        return self.where(np.asarray(self.table["split"] == name, np.bool_))

    def counts(self) -> pd.DataFrame:
        """Return counts of readable images: a row an emotion, a column a split that has any."""
        good = self.table[self.is_readable]
        counts = pd.crosstab(good["label"], good["split"], dropna=False)
        counts = counts.reindex(index=list(EMOTIONS), columns=list(SPLITS), fill_value=0)
        return counts.loc[:, counts.sum() > 0]

    def label_codes(self) -> npt.NDArray[np.int64]:
        """Return the labels, int64 (N,), as positions in ``EMOTIONS``."""
        return np.asarray(self.table["label"].cat.codes, np.int64)


def make_table(rows: Mapping[str, Sequence[Any] | npt.NDArray[Any]]) -> pd.DataFrame:
    """Return columns (N,) as a table with the types that ``DatasetIndex`` promises."""
    table = pd.DataFrame(dict(rows))
    return table.astype(
        {
            "file": "str",
            "split": pd.CategoricalDtype(list(SPLITS)),
            "label": pd.CategoricalDtype(list(EMOTIONS)),
            "error": "str",
        }
    )
