"""Choose the faces of a collection that are shown and used: not too poor, none of them twice."""

import base64
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from fer_core.audit import duplicates
from fer_core.collect import quality
from fer_core.collect.collection import Collection
from fer_core.collect.quality import Limits
from fer_core.dataset.index import THUMB, DatasetIndex, make_table
from fer_core.system.parallel import Progress
from fer_core.types import Rows

NEAR_DUPLICATE = "near-duplicate"


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The faces of a collection, and which of them are set aside.

    Attributes:
        index: All faces as a dataset, for the audit's search; labels mean nothing.
        faces: Their table; see ``Collection.faces``.
        pairs: Near-duplicates, as many as connect them; see ``duplicates.connect``.
        reasons: Why each face is set aside; an empty text for those that are used.
    """

    index: DatasetIndex
    faces: pd.DataFrame
    pairs: pd.DataFrame
    reasons: pd.Series = field(default_factory=lambda: pd.Series(dtype="str"))

    @property
    def used(self) -> Rows:
        """Rows, int64 (M,), of the faces that are not set aside."""
        return np.flatnonzero(self.reasons.to_numpy() == "")

    @property
    def set_aside(self) -> Mapping[str, int]:
        """Number of faces that each reason sets aside."""
        return Counter(reason for reason in self.reasons if reason)

    def with_limits(self, limits: Limits, near_duplicates: bool = False) -> "Selection":
        """Return the same faces under other limits.

        Args:
            limits: Least values; see ``quality``.
            near_duplicates: Use near-duplicates too.
        """
        reasons = quality.reasons(self.faces, limits)
        if not near_duplicates:
            good = (reasons == "").to_numpy()
            reasons.iloc[_surplus(self.faces, self.pairs, good)] = NEAR_DUPLICATE
        return Selection(self.index, self.faces, self.pairs, reasons)


def select(
    collection: Collection, limits: Limits | None = None, progress: Progress | None = None
) -> Selection:
    """Look at the faces of a collection and set aside the poor ones and near-duplicates.

    Args:
        collection: The faces.
        limits: Least values; the defaults if None.
        progress: Called with the faces compared and their number.
    """
    faces = collection.faces()
    index = _index(collection, faces)
    is_webcam = (faces["kind"] == "webcam").to_numpy()
    persons = faces["person"].where(is_webcam, faces["file"])  # at the webcam all are wanted
    pairs = duplicates.connect(index, pd.factorize(persons)[0], progress=progress)
    return Selection(index, faces, pairs).with_limits(limits or Limits())


def _surplus(faces: pd.DataFrame, pairs: pd.DataFrame, good: np.ndarray) -> Rows:
    """Return the rows of near-duplicates but for the sharpest good one of each group.

    Faces of the webcam stay: whoever held the button asked for them.
    """
    sharpness = faces["sharpness"].to_numpy(float)
    is_webcam = (faces["kind"] == "webcam").to_numpy()
    surplus: list[int] = []
    for group in duplicates.groups(pairs):
        rows = [row for row in group.tolist() if good[row] and not is_webcam[row]]
        best = max(rows, key=lambda row: (sharpness[row], -row), default=-1)
        surplus += [row for row in rows if row != best]
    return np.asarray(sorted(surplus), np.int64)


def _index(collection: Collection, faces: pd.DataFrame) -> DatasetIndex:
    """Return the crops as a dataset, for the search of duplicates."""
    count = len(faces)
    names = faces["file"].tolist()
    thumbs = [np.frombuffer(base64.b64decode(text), np.uint8) for text in faces["thumb"]]
    sides = faces["width"].to_numpy(np.int32)
    table = make_table(
        {
            "file": names, "split": ["train"] * count, "label": ["neutral"] * count,
            "width": sides, "height": sides,
            "brightness": faces["brightness"].to_numpy(np.float32),
            "contrast": faces["contrast"].to_numpy(np.float32),
            "digest": np.asarray([int(digest, 16) for digest in faces["digest"]], np.uint64),
            "error": [""] * count,
        }
    )  # fmt: skip
    shape = (count, THUMB, THUMB)
    return DatasetIndex(
        collection.crop_file("").resolve(), table, np.asarray(thumbs, np.uint8).reshape(shape)
    )
