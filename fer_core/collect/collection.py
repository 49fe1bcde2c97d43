"""A collection: faces that were cut out, where they come from, and their labels so far.

Its folder holds ``crops/`` (a PNG a face), ``faces.jsonl`` (a line a face), ``labels.jsonl``
(a line a label, see ``labels``) and ``sources.jsonl`` (a line for what was read and gave no face).
"""

import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from filelock import FileLock

from fer_core.collect import append_log, quality
from fer_core.dataset import image_reading
from fer_core.dataset.store import check_space, default_home
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS
from fer_core.recognition.face import Detection
from fer_core.system import files
from fer_core.types import Pixels, Probabilities

FORMAT: Final = 1
ABOUT, FACES, SOURCES, CROPS = "collection.json", "faces.jsonl", "sources.jsonl", "crops"
KINDS: Final = ("photo", "video", "webcam", "correction")
"""Kinds of sources."""

PROBABILITIES: Final = [f"p_{emotion}" for emotion in EMOTIONS]
COLUMNS: Final = (
    "file", "kind", "source", "frame", "time_s", "person", "x1", "y1", "x2", "y2", "score", "roll",
    "side", "brightness", "contrast", "sharpness", "digest", "width", "thumb", *PROBABILITIES,
    "model", "head", "detector",
)  # fmt: skip
"""Columns of ``Collection.faces``."""

TEXTS: Final = ("file", "kind", "source", "person")
NUMBERS: Final = ("x1", "y1", "x2", "y2", "score", "roll", "side", *PROBABILITIES)

_LOGGER = logging.getLogger(__name__)

BYTES: Final = 60_000
"""Disk space of a crop, at most about this."""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face on its way into a collection.

    Attributes:
        crop: uint8 (S, S, 3) RGB or (S, S), as ``crop_dataset.cut_face`` cuts it.
        kind: One of ``KINDS``.
        source: Name of the file.
        person: Faces with the same value show the same person.
        detection: The face in pixels of its image.
        probabilities: float32 (7,) of the model that suggests labels, in ``EMOTIONS`` order.
        frame: Of a video: the frame's number.
        time_s: Its time in seconds.
    """

    crop: Pixels
    kind: str
    source: str
    person: str
    detection: Detection
    probabilities: Probabilities
    frame: int | None = None
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class Suggester:
    """The model whose predictions are the suggestions, and the detector before it."""

    model: str
    head: str
    detector: str


@dataclass(frozen=True, slots=True)
class Added:
    """Result of an addition.

    Attributes:
        files: Name of each face below ``crops/``; empty for an exact duplicate.
    """

    files: tuple[str, ...] = ()

    @property
    def duplicates(self) -> int:
        """Faces that were there already, pixel for pixel."""
        return self.files.count("")


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection in its folder."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def is_empty(self) -> bool:
        """True where no face was added yet."""
        return not (self.folder / FACES).is_file()

    def crop_file(self, name: str) -> Path:
        """Return the file of a face."""
        return self.folder / CROPS / name

    def faces(self) -> pd.DataFrame:
        """Return a row a face in the order of addition, with ``COLUMNS``.

        Lines that ``add`` cannot have written are passed over, and counted in the log.

        Raises:
            DatasetError: The file cannot be read.
        """
        lines = append_log.read(self.folder / FACES)
        rows = [line for line in lines if _is_face(line)]
        if len(rows) < len(lines):
            count = len(lines) - len(rows)
            _LOGGER.warning("%s: %d damaged lines are passed over", self.folder / FACES, count)
        table = pd.DataFrame(rows, columns=list(COLUMNS))
        return table.drop_duplicates("file").reset_index(drop=True)

    def sources(self) -> pd.DataFrame:
        """Return what was read: ``source``, ``kind``, ``faces`` and ``note``; the last reading."""
        rows = append_log.read(self.folder / SOURCES)
        table = pd.DataFrame(rows, columns=["source", "kind", "faces", "note"])
        return table.drop_duplicates("source", keep="last").reset_index(drop=True)

    def note_sources(self, kind: str, notes: Iterable[tuple[str, int, str]]) -> None:
        """Remember what came of some sources.

        Args:
            kind: One of ``KINDS``.
            notes: Of each source its name, its faces, and the reason where there is no face.

        Raises:
            DatasetError: It cannot be written.
        """
        append_log.append(
            self.folder / SOURCES,
            [
                {"source": source, "kind": kind, "faces": faces, "note": note}
                for source, faces, note in notes
            ],
        )

    def add(self, faces: Sequence[Face], suggester: Suggester) -> Added:
        """Add faces; exact duplicates of faces that are there are left out.

        Raises:
            DatasetError: The disk is full or the folder cannot be written. What was there stays.
        """
        if not faces:
            return Added()
        check_space(self.folder, len(faces) * BYTES)
        with (
            files.writing(self.folder, DatasetError),
            FileLock(self.folder / ".lock", timeout=60),
        ):
            digests, last = _stored_digests(self.folder / FACES)
            names: list[str] = []
            rows: list[dict[str, Any]] = []
            for face in faces:
                facts = quality.measure(face.crop)
                is_new = facts["digest"] not in digests
                name = f"{last + len(rows) + 1:06}.png" if is_new else ""
                names.append(name)
                if is_new:
                    digests.add(facts["digest"])
                    files.write_bytes(self.crop_file(name), image_reading.png(face.crop))
                    rows.append(_row(name, face, suggester) | facts)
            append_log.append(self.folder / FACES, rows)
        return Added(tuple(names))


def home() -> Path:
    """Return ``$FER_HOME/collections``; it is not created here."""
    return default_home().with_name("collections")


def collections(below: Path | None = None) -> tuple[Collection, ...]:
    """Return all collections, by name."""
    about = sorted((below or home()).glob(f"*/{ABOUT}"))
    return tuple(Collection(file.parent) for file in about)


def open_or_create(name: str, below: Path | None = None) -> Collection:
    """Return the collection of that name; a new one where there is none.

    Raises:
        DatasetError: The name is no folder's name, it is of a newer version or cannot be written.
    """
    if not name.strip() or name != Path(name).name or name.startswith("."):
        raise DatasetError(f"{name!r} cannot be the name of a collection. Use letters and digits.")
    folder = (below or home()) / name.strip()
    about = folder / ABOUT
    with files.writing(folder, DatasetError):
        if not about.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            files.write_json(about, {"format": FORMAT})
        version = _format_of(about)
    if version != FORMAT:
        raise DatasetError(
            f"{about}: this program reads collections of format {FORMAT}. Received: {version!r}. "
            "Update FER Studio."
        )
    return Collection(folder)


def delete(collection: Collection) -> None:
    """Remove a collection with its labels; datasets written from it stay.

    Raises:
        DatasetError: It cannot be removed.
    """
    with files.os_errors(f"{collection.folder} cannot be removed", DatasetError):
        files.remove_folder(collection.folder)


def suggestions(faces: pd.DataFrame) -> Probabilities:
    """Return the model's probabilities of each face, float32 (N, 7)."""
    return faces[PROBABILITIES].to_numpy(np.float32)


def suggested(faces: pd.DataFrame) -> list[str]:
    """Return the most probable emotion of each face."""
    if faces.empty:
        return []
    return [EMOTIONS[code] for code in suggestions(faces).argmax(axis=1).tolist()]


def count_by_kind(faces: pd.DataFrame) -> Mapping[str, int]:
    """Return the number of faces from each kind of source that has any."""
    return {
        kind: int((faces["kind"] == kind).sum()) for kind in KINDS if (faces["kind"] == kind).any()
    }


def _stored_digests(file: Path) -> tuple[set[str], int]:
    """Return the digests of all faces and the last number; found by pattern, ten times a second."""
    data = file.read_bytes() if file.is_file() else b""
    digests = {digest.decode() for digest in re.findall(rb'"digest": "([0-9a-f]{16})"', data)}
    numbers = re.findall(rb'"file": "(\d{6,})\.png"', data)
    return digests, max(map(int, numbers), default=0)


def _is_face(line: Mapping[str, Any]) -> bool:
    """Return True for a line of the kind that ``Collection.add`` writes."""
    return (
        quality.is_measured(line)
        and all(isinstance(line.get(name), str) for name in TEXTS)
        and all(isinstance(line.get(name), int | float) for name in NUMBERS)
    )


def _row(name: str, face: Face, suggester: Suggester) -> dict[str, Any]:
    box = face.detection.box
    corners = zip(("x1", "y1", "x2", "y2"), box.xyxy, strict=True)
    return {
        "file": name, "kind": face.kind, "source": face.source, "frame": face.frame,
        "time_s": face.time_s, "person": face.person,
        **{corner: round(value, 2) for corner, value in corners},
        "score": round(face.detection.score, 4), "roll": round(face.detection.roll, 2),
        "side": round(max(box.width, box.height), 1),
        **dict(zip(PROBABILITIES, _rounded(face.probabilities), strict=True)),
        "model": suggester.model, "head": suggester.head, "detector": suggester.detector,
    }  # fmt: skip


def _rounded(probabilities: Probabilities) -> Iterable[float]:
    return (round(value, 5) for value in probabilities.tolist())


def _format_of(about: Path) -> Any:
    try:
        return json.loads(about.read_text("utf-8")).get("format")
    except (ValueError, AttributeError):
        return None
