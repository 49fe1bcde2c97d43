"""Datasets whose images have their class in the file name."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fer_core.dataset.folder_names import class_named
from fer_core.dataset.numberings import NOT_ONE_OF_SEVEN

SHARE: Final = 0.8
"""Of the images must fit a pattern for it to be taken."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Names of the images of one dataset.

    Attributes:
        title: Name of the dataset.
        name: Pattern of a file's name without folders; its group is the code of the class.
        emotions: Code in capitals to emotion or ``NOT_ONE_OF_SEVEN``.
    """

    title: str
    name: re.Pattern[str]
    emotions: Mapping[str, str]


_TWO: Final = {
    "AN": "angry", "DI": "disgust", "AF": "fear", "FE": "fear", "HA": "happy", "NE": "neutral",
    "SA": "sad", "SU": "surprise",
}  # fmt: skip

PATTERNS: Final = (
    Pattern("JAFFE", re.compile(r"[A-Z]{2}[.-](AN|DI|FE|HA|NE|SA|SU)\d{1,2}[.-]\d+", re.I), _TWO),
    Pattern("KDEF", re.compile(r"[AB][FM]\d{2}(AF|AN|DI|HA|NE|SA|SU)(?:FL|FR|HL|HR|S)\b", re.I),
            _TWO),
    Pattern("RaFD", re.compile(r"Rafd\d+_\d+_\w+?_(angry|contemptuous|disgusted|fearful|happy|"
                               r"neutral|sad|surprised)_", re.I),
            {"ANGRY": "angry", "CONTEMPTUOUS": NOT_ONE_OF_SEVEN, "DISGUSTED": "disgust",
             "FEARFUL": "fear", "HAPPY": "happy", "NEUTRAL": "neutral", "SAD": "sad",
             "SURPRISED": "surprise"}),
    Pattern("FACES", re.compile(r"\d{3}_[ymo]_[fm]_([adfhns])_[ab]\b", re.I),
            {"A": "angry", "D": "disgust", "F": "fear", "H": "happy", "N": "neutral", "S": "sad"}),
    Pattern("CREMA-D", re.compile(r"\d{4}_[A-Z]{3}_(ANG|DIS|FEA|HAP|NEU|SAD)_", re.I),
            {"ANG": "angry", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral",
             "SAD": "sad"}),
)  # fmt: skip
"""Lyons et al. 1998; Lundqvist et al. 1998; Langner et al. 2010; Ebner et al. 2010; Cao et al.
2014."""


def labels(names: Sequence[str], classes: Mapping[str, str]) -> tuple[list[str | None], str] | None:
    """Return the class of each file name and a sentence that says how it was read; None without.

    Args:
        names: File names without folders (N,).
        classes: Emotions that the user gave to names.
    """
    for pattern in PATTERNS:
        matches = [pattern.name.match(name) for name in names]
        emotions = [m and pattern.emotions[m[1].upper()] for m in matches]
        if names and sum(map(bool, emotions)) >= SHARE * len(names):
            example = next(row for row, label in enumerate(emotions) if label)
            return emotions, (
                f"{pattern.title}: the class is in the file name, {names[example]} is "
                f"{emotions[example]}."
            )
    words = [_word(name, classes) for name in names]
    if names and sum(map(bool, words)) >= SHARE * len(names):
        example = next(row for row, label in enumerate(words) if label)
        return words, (
            f"The class was taken from the file name: {names[example]} is {words[example]}."
        )
    return None


def _word(name: str, classes: Mapping[str, str]) -> str | None:
    """Return the one class that a word of the name stands for."""
    stem = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.rsplit(".", 1)[0])
    emotions = {class_named(word, classes) for word in re.split(r"[\W\d_]+", stem) if len(word) > 2}
    emotions.discard(None)
    return emotions.pop() if len(emotions) == 1 else None
