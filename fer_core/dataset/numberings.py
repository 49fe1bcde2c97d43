"""Numbers that published datasets give to their classes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

NOT_ONE_OF_SEVEN: Final = "none"
"""Stands in a mapping for classes that are left out by decision."""


@dataclass(frozen=True, slots=True)
class Numbering:
    """The numbers of one dataset's classes.

    Attributes:
        title: Name of the dataset.
        emotions: Number, as text, to emotion or ``NOT_ONE_OF_SEVEN``.
        folder: What the names of its folders contain, as a pattern in small letters.
        file: What the names of its images look like, as a pattern.
    """

    title: str
    emotions: Mapping[str, str]
    folder: str
    file: str

    def note(self) -> str:
        """Return a sentence that says which numbering was recognised."""
        pairs = (f"{number} is {emotion}" for number, emotion in self.emotions.items())
        return f"{self.title} numbering: {', '.join(pairs).replace(NOT_ONE_OF_SEVEN, 'left out')}."


def _numbered(first: int, words: str) -> dict[str, str]:
    return {str(number): word for number, word in enumerate(words.split(), first)}


RAF_DB: Final = Numbering(
    "RAF-DB", _numbered(1, "surprise fear disgust happy sad angry neutral"),
    r"(^|[^a-z])raf([^a-z]|db|$)", r"(train|test)_\d{4,5}(_aligned)?$",
)  # fmt: skip
"""Li et al. 2017."""

FERPLUS: Final = Numbering(
    "FER+", _numbered(0, "neutral happy surprise sad angry disgust fear none none none"),
    r"fer[-_ ]?(2013)?[-_ ]?(plus|\+)", r"fer\d{7}$",
)  # fmt: skip
"""Barsoum et al. 2016."""

FER2013: Final = Numbering(
    "FER-2013", _numbered(0, "angry disgust fear happy sad surprise neutral none"),
    r"fer[-_ ]?2013(?![-_ ]?(plus|\+))", r"(Training|PublicTest|PrivateTest)_\d+",
)  # fmt: skip
"""Goodfellow et al. 2013, by Kaggle; 7 is contempt in ckextended.csv and its like."""

AFFECTNET: Final = Numbering(
    "AffectNet", _numbered(0, "neutral happy sad surprise fear disgust angry none none none none"),
    r"affect[-_ ]?net", r"[0-9a-f]{56}$",
)  # fmt: skip
"""Mollahosseini et al. 2017; 7 is contempt, 8 to 10 are no emotion."""

CK_PLUS: Final = Numbering(
    "CK+", _numbered(0, "neutral angry none disgust fear happy sad surprise"),
    r"(^|[^a-z])ck(\+|plus|[-_ ]?48|$)|cohn[-_ ]?kanade", r"S\d{3}_\d{3}_\d{8}$",
)  # fmt: skip
"""Lucey et al. 2010; 2 is contempt."""

EXPW: Final = Numbering("ExpW", FER2013.emotions, r"exp[-_ ]?w(ild)?([^a-z]|$)", r"(?!)")
"""Zhang et al. 2018."""

NUMBERINGS: Final = (RAF_DB, FERPLUS, FER2013, AFFECTNET, CK_PLUS, EXPW)

SHARE: Final = 0.9
"""Of the images' names must look as a dataset's do, for its numbering to be taken."""


def recognize(
    numbers: Iterable[str], folders: Iterable[str], files: Iterable[str]
) -> Numbering | None:
    """Return the one numbering that the names of folders or images give away, else None.

    Args:
        numbers: The classes, as ``"1"``; leading zeros do not matter.
        folders: Names of the folders around them, the nearest last.
        files: Names of some of their images, without suffix.
    """
    candidates = fitting(numbers)
    for name in reversed([folder.lower() for folder in folders]):
        for each in candidates:
            if re.search(each.folder, name):
                return each
    names = list(files)
    for each in candidates:
        if names and sum(bool(re.match(each.file, n)) for n in names) >= SHARE * len(names):
            return each
    return None


def fitting(numbers: Iterable[str]) -> list[Numbering]:
    """Return the numberings that have all of these numbers; none where one is no number."""
    classes = {plain(number) for number in numbers}
    return [each for each in NUMBERINGS if classes and classes <= each.emotions.keys()]


def find(title: str) -> Numbering | None:
    """Return the numbering of a dataset by its name, however it is written; None for others."""
    letters = _letters(title)
    for each in NUMBERINGS:
        if letters in (_letters(each.title), _letters(each.title.replace("+", "plus"))):
            return each
    return None


def plain(number: str) -> str:
    """Return a number without leading zeros, and without a fraction of zeros."""
    text = number.strip()
    integer = text.split(".")[0] if re.fullmatch(r"\d+\.0*", text) else text
    return str(int(integer)) if integer.isascii() and integer.isdigit() else text


def _letters(title: str) -> str:
    return re.sub(r"[^a-z0-9+]", "", title.lower())


def advice(numbers: Iterable[str]) -> str:
    """Return a sentence that says how to give the meaning of numbered classes."""
    classes = sorted(plain(number) for number in numbers)
    titles = [each.title for each in fitting(classes)]
    pairs = " ".join(f"--classes {number}=EMOTION" for number in classes[:2])
    presets = f"--classes {' or '.join(titles)} where it is that dataset's, or " if titles else ""
    choice = "on the page with Numbers as in, or on the command line " if titles else ""
    return f"Give it {choice}with {presets}{pairs} and so on."
