"""What a table of results says about a whole video: who, when, how much, what stood out."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from fer_core.images.boxes import Box
from fer_core.images.codec import encode
from fer_core.images.crop import face_crop
from fer_core.images.yuv import to_rgb
from fer_core.labels import EMOTIONS
from fer_core.system.files import write_bytes, write_json
from fer_core.video.decoder import probe, shots

COLUMNS: Final = [f"p_{emotion}" for emotion in EMOTIONS]
MOMENT_COLUMNS: Final = [
    "person", "time_s", "x1", "y1", "x2", "y2", "emotion", "confidence", "uncertain",
]  # fmt: skip
"""What ``key_moments`` looks at: of a long video the rest need not be in memory."""

MOST_MOMENTS: Final = 12
PORTRAIT_SIDE: Final = 160
"""Side of a moment's picture in pixels."""

MARGIN: Final = 0.25
"""Shown around a face on each side, as a share of its box."""


@dataclass(frozen=True, slots=True)
class KeyMoment:
    """When one emotion of one person was clearest.

    Attributes:
        person: Number of the person.
        emotion: The emotion.
        time_s: When, in seconds.
        confidence: Its smoothed probability then.
        xyxy: The face's box in pixels of the video as shown.
    """

    person: int
    emotion: str
    time_s: float
    confidence: float
    xyxy: tuple[float, float, float, float]


def persons(table: pd.DataFrame) -> list[int]:
    """Numbers of the persons, the one seen longest first."""
    return [int(person) for person in table["person"].value_counts().index]


def timeline(table: pd.DataFrame, person: int, bins: int = 240) -> pd.DataFrame:
    """Mean probabilities of one person over time.

    Args:
        table: Results of one video.
        person: Whom.
        bins: Steps from the first to the last picture.

    Returns:
        A column an emotion; the index is the middle of each step in seconds; NaN without a face.
    """
    first, last = float(table["time_s"].min()), float(table["time_s"].max())
    count = int(min(bins, max(table["frame"].nunique(), 1)))
    edges = np.linspace(first, max(last, first + 0.001), count + 1)
    mine = table.loc[table["person"] == person, ["time_s", *COLUMNS]].astype(float)
    step = np.clip(np.searchsorted(edges, mine["time_s"], side="right") - 1, 0, count - 1)
    means = mine[COLUMNS].groupby(step).mean().reindex(range(count))
    means.index = pd.Index((edges[:-1] + edges[1:]) / 2, name="time_s")
    return means.set_axis(list(EMOTIONS), axis=1)


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """Share of the readings of each person that showed each emotion, or none clearly.

    Returns:
        A row a person, by number; columns ``EMOTIONS`` and ``uncertain`` sum to 1; ``visible`` is
        the share of all pictures read in which the person was seen.
    """
    faces = table[table["person"].notna()]
    shown = faces["emotion"].where(~faces["uncertain"].astype(bool), "uncertain")
    counts = pd.crosstab(faces["person"].astype(int), shown)
    counts = counts.reindex(columns=[*EMOTIONS, "uncertain"], fill_value=0)
    result = counts.div(counts.sum(axis=1), axis=0)
    result["visible"] = counts.sum(axis=1) / max(table["frame"].nunique(), 1)
    return result


def key_moments(table: pd.DataFrame, most: int = MOST_MOMENTS) -> tuple[KeyMoment, ...]:
    """The clearest moment of each emotion of each person, in the order of time.

    Where there are more than ``most``, persons who are seen longer and clearer moments stay, and
    *neutral* goes first.
    """
    sure = table[table["person"].notna() & ~table["uncertain"].fillna(value=True).astype(bool)]
    if sure.empty:
        return ()
    best = sure.loc[sure.groupby(["person", "emotion"])["confidence"].idxmax()]
    seen = table["person"].value_counts()
    order = pd.DataFrame(
        {
            "neutral": best["emotion"] == "neutral",
            "seen": -best["person"].map(seen).astype(float),
            "confidence": -best["confidence"].astype(float),
        }
    ).sort_values(["neutral", "seen", "confidence"])
    chosen = best.loc[order.index[:most]].sort_values("time_s")
    return tuple(
        KeyMoment(
            int(row["person"]), str(row["emotion"]), float(row["time_s"]), float(row["confidence"]),
            (float(row["x1"]), float(row["y1"]), float(row["x2"]), float(row["y2"])),
        )
        for row in chosen.to_dict("records")
    )  # fmt: skip


def portrait(file: Path, moment: KeyMoment) -> bytes:
    """The face at that moment as JPEG bytes, square; empty if the picture is not found again."""
    factor = probe(file).work_size[0] / probe(file).width
    for shot in shots(file, moment.time_s - 0.0005):
        rgb = to_rgb(shot.yuv)
        return encode(face_crop(rgb, Box(*moment.xyxy).scale(factor), PORTRAIT_SIDE, margin=MARGIN))
    return b""


def save_moments(table: pd.DataFrame, file: Path, folder: Path) -> None:
    """Find the key moments of ``file`` and keep them with their pictures in ``folder``."""
    found = key_moments(table)
    for number, moment in enumerate(found):
        write_bytes(folder / f"{number:02}.jpg", portrait(file, moment))
    write_json(folder / "moments.json", {"moments": [asdict(moment) for moment in found]})


def load_moments(folder: Path) -> tuple[tuple[KeyMoment, bytes], ...]:
    """What ``save_moments`` kept; nothing where it did not."""
    try:
        noted = json.loads((folder / "moments.json").read_text("utf-8"))["moments"]
        return tuple(
            (KeyMoment(**one | {"xyxy": tuple(one["xyxy"])}), picture.read_bytes())
            for one, picture in zip(noted, sorted(folder.glob("*.jpg")), strict=True)
        )
    except (OSError, ValueError, KeyError, TypeError):
        return ()
