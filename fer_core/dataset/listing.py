"""The images of a dataset before any is opened."""

import os
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from fer_core.dataset.index import make_table
from fer_core.dataset.left_out import LeftOut, Tally
from fer_core.images.boxes import Box


@dataclass(slots=True)
class Listing:
    """The images below a root, in columns of equal length, and what is left out.

    Attributes:
        files: Path below the root, with ``/``.
        splits: One of ``SPLITS``.
        labels: One of ``EMOTIONS``.
        sizes: Bytes.
        times: Time of the last change, in nanoseconds.
        below_class: Path below the class folder: the file's name where it lies in it.
        boxes: The face in each image, where a list gives boxes; else None.
        votes: FER+ votes of each image, where the labels are their majorities; else None.
        tally: Files that are left out.
        notes: Sentences on how names and lists were read.
        unknown: Folders that hold images and name neither class nor split, with their images.
    """

    files: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    below_class: list[str] = field(default_factory=list)
    boxes: list[Box] | None = None
    votes: pd.DataFrame | None = None
    tally: Tally = field(default_factory=Tally)
    notes: list[str] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)

    def add(self, path: str, split: str, label: str, facts: os.stat_result, below: str) -> None:
        """Add an image."""
        self.files.append(path)
        self.splits.append(split)
        self.labels.append(label)
        self.sizes.append(facts.st_size)
        self.times.append(facts.st_mtime_ns)
        self.below_class.append(below)

    def left_out(self) -> tuple[LeftOut, ...]:
        """Return the files that are left out, by reason."""
        return self.tally.left_out()

    def remarks(self) -> tuple[str, ...]:
        """Return sentences on how the dataset was read and what is unusual about it."""
        remarks = list(self.notes)
        if len(set(self.labels)) == 1:
            remarks.append(f"Only one class has images: {self.labels[0]}. Training needs two.")
        if self.splits and set(self.splits) == {"train"}:
            remarks.append(
                "There is no validation or test split: everything counts as training images."
            )
        return tuple(remarks)

    def table(self) -> pd.DataFrame:
        """Return what is known without opening the images; see ``DatasetIndex.table``."""
        return make_table(
            {
                "file": self.files, "split": self.splits, "label": self.labels,
                "bytes": np.asarray(self.sizes, np.int64),
                "mtime_ns": np.asarray(self.times, np.int64), "error": [""] * len(self.files),
            }
        )  # fmt: skip
