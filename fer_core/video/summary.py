"""Summarize the results of a video: persons, timelines, shares and key moments."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from fer_core.images import encode, face_crop
from fer_core.images.boxes import Box
from fer_core.images.yuv import to_rgb
from fer_core.labels import EMOTIONS
from fer_core.system.files import write_bytes, write_json
from fer_core.video.decoder import frames_at, probe

COLUMNS: Final = [f"p_{emotion}" for emotion in EMOTIONS]
MOMENT_COLUMNS: Final = [
    "person", "time_s", "x1", "y1", "x2", "y2", "emotion", "confidence", "uncertain",
]  # fmt: skip
"""Columns that ``key_moments`` needs: of a long video the rest need not be in memory."""

STEPS: Final = 240
"""Steps of a timeline, at most: more are narrower than a pixel or two."""

MOST_MOMENTS: Final = 12
PORTRAIT_SIDE: Final = 160
"""Side of the face's image at a key moment in pixels."""

MARGIN: Final = 0.25
"""Space around a face on each side, as a share of its box."""


@dataclass(frozen=True, slots=True)
class KeyMoment:
    """The time at which one emotion of one person had its largest probability.

    Attributes:
        person: Number of the person.
        emotion: The emotion.
        time_s: Time in seconds.
        confidence: Its smoothed probability at that time.
        xyxy: The face's box in pixels of the video as shown.
    """

    person: int
    emotion: str
    time_s: float
    confidence: float
    xyxy: tuple[float, float, float, float]


def persons(table: pd.DataFrame) -> list[int]:
    """Return the numbers of the persons, the one visible longest first."""
    return [int(person) for person in table["person"].value_counts().index]


def timeline(table: pd.DataFrame, person: int, bins: int = STEPS) -> pd.DataFrame:
    """Return the mean probabilities of one person over time.

    Args:
        table: Results of one video.
        person: Number of the person.
        bins: Steps from the first to the last frame, at most; each has the same number of frames.

    Returns:
        A column for each emotion; the index is the mean time of each step in seconds; NaN without
        a face.
    """
    frames = table.groupby("frame")["time_s"].first().astype(float).sort_values()
    count = min(bins, max(len(frames), 1))
    step = pd.Series(np.arange(len(frames)) * count // max(len(frames), 1), frames.index)
    rows = table.loc[table["person"] == person, ["frame", *COLUMNS]].astype(float)
    means = rows[COLUMNS].groupby(rows["frame"].map(step)).mean().reindex(range(count))
    means.index = pd.Index(frames.groupby(step).mean(), name="time_s")
    return means.set_axis(list(EMOTIONS), axis=1)


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each person's frames with each emotion, or with none clearly.

    Returns:
        A row a person, by number; columns ``EMOTIONS`` and ``uncertain`` sum to 1; ``visible`` is
        the share of all analysed frames in which the person was visible.
    """
    faces = table[table["person"].notna()]
    labels = faces["emotion"].where(~faces["uncertain"].astype(bool), "uncertain")
    counts = pd.crosstab(faces["person"].astype(int), labels)
    counts = counts.reindex(columns=[*EMOTIONS, "uncertain"], fill_value=0)
    result = counts.div(counts.sum(axis=1), axis=0)
    result["visible"] = counts.sum(axis=1) / max(table["frame"].nunique(), 1)
    return result


def verdict(shares: Mapping[str, float]) -> str:
    """Return the largest shares of a person's emotions in words, which tell no order in time.

    Such as ``happy in 62% of the frames that show the face, neutral in 20%``.

    Args:
        shares: Share 0..1 of each emotion and of ``uncertain``; a row of ``shares``.
    """
    words = {name: name for name in EMOTIONS} | {"uncertain": "no clear emotion"}
    first, *runners_up = sorted(words, key=lambda name: -shares[name])
    if shares[first] >= 0.995:
        nearly = "" if shares[first] == 1 else "nearly "
        return f"{words[first]} in {nearly}all frames that show the face"
    parts = [f"{words[first]} in {shares[first]:.0%} of the frames that show the face"]
    listed = [f"{words[name]} in {shares[name]:.0%}" for name in runners_up if shares[name] >= 0.05]
    if shares[first] < 0.4:
        return "mixed: " + ", ".join(parts + listed[:2])
    return ", ".join(parts + listed[:1])


def key_moments(table: pd.DataFrame, most: int = MOST_MOMENTS) -> tuple[KeyMoment, ...]:
    """Return the most confident moment of each emotion of each person, in the order of time.

    Where there are more than ``most``, persons who are visible longer and more confident moments
    stay, and *neutral* is dropped first.
    """
    certain = table[table["person"].notna() & ~table["uncertain"].fillna(value=True).astype(bool)]
    if certain.empty:
        return ()
    best = certain.loc[certain.groupby(["person", "emotion"])["confidence"].idxmax()]
    visible = table["person"].value_counts()
    order = pd.DataFrame(
        {
            "neutral": best["emotion"] == "neutral",
            "visible": -best["person"].map(visible).astype(float),
            "confidence": -best["confidence"].astype(float),
        }
    ).sort_values(["neutral", "visible", "confidence"])
    moments = best.loc[order.index[:most]].sort_values("time_s")
    return tuple(
        KeyMoment(
            int(row["person"]), str(row["emotion"]), float(row["time_s"]), float(row["confidence"]),
            (float(row["x1"]), float(row["y1"]), float(row["x2"]), float(row["y2"])),
        )
        for row in moments.to_dict("records")
    )  # fmt: skip


def portraits(file: Path, key_moments: Sequence[KeyMoment]) -> Iterator[bytes]:
    """Yield the face at each moment, in order of time, as a square JPEG; empty if it is not there.

    Args:
        file: The video.
        key_moments: Its key moments in the order of time.
    """
    info = probe(file)
    factor = info.work_size[0] / info.width
    frames = frames_at(file, [key.time_s for key in key_moments])
    for key, yuv in zip_longest(key_moments, frames):
        if yuv is None:
            yield b""
            continue
        box = Box(*key.xyxy).scale(factor)
        yield encode(face_crop(to_rgb(yuv), box, PORTRAIT_SIDE, margin=MARGIN))


def save_moments(table: pd.DataFrame, file: Path, folder: Path) -> None:
    """Find the key moments of ``file`` and save them with their images in ``folder``."""
    moments = key_moments(table)
    for number, portrait in enumerate(portraits(file, moments)):
        write_bytes(folder / f"{number:02}.jpg", portrait)
    write_json(folder / "moments.json", {"moments": [asdict(key) for key in moments]})


def load_moments(folder: Path) -> tuple[tuple[KeyMoment, bytes], ...]:
    """Return the moments and images that ``save_moments`` wrote; nothing where it did not."""
    try:
        entries = json.loads((folder / "moments.json").read_text("utf-8"))["moments"]
        return tuple(
            (KeyMoment(**entry | {"xyxy": tuple(entry["xyxy"])}), image.read_bytes())
            for entry, image in zip(entries, sorted(folder.glob("*.jpg")), strict=True)
        )
    except (OSError, ValueError, KeyError, TypeError):
        return ()
