"""Splits and classes that names of folders stand for."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from fer_core.dataset.numberings import NOT_ONE_OF_SEVEN, plain
from fer_core.labels import OTHER_CLASSES, SPLITS, emotion_named

SPLIT_NAMES: Final = {name: name for name in SPLITS} | {
    "training": "train", "val": "validation", "valid": "validation", "dev": "validation",
    "validate": "validation", "public": "validation", "publictest": "validation",
    "public test": "validation", "testing": "test", "privatetest": "test", "private test": "test",
    "private": "test", "fer train": "train", "fer valid": "validation", "fer test": "test",
}  # fmt: skip
"""Folder names, in lower case and without numbers and ``_FILLERS``, that stand for a split."""

_FILLERS: Final = frozenset({"set", "data", "images", "image", "split", "folder", "faces"})


def split_named(name: str) -> str | None:
    """Return the split that a folder's name stands for, or None."""
    text = unicodedata.normalize("NFKC", name).strip()
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).casefold()  # FER2013Train, trainSet
    words = [word for word in re.findall(r"[a-z]+", text) if word not in _FILLERS]
    return SPLIT_NAMES.get(" ".join(words))


def class_named(name: str, classes: Mapping[str, str]) -> str | None:
    """Return the emotion of a class, ``NOT_ONE_OF_SEVEN``, or None where the name says nothing.

    Args:
        name: The folder's name, or a label.
        classes: Emotions that the user gave to names, in lower case; they come first.
    """
    text = unicodedata.normalize("NFKC", name).casefold().strip()
    chosen_emotion = classes.get(text) or classes.get(plain(text)) or classes.get(name.lower())
    if chosen_emotion:
        return chosen_emotion
    emotion = emotion_named(name)
    if emotion is None:
        word = re.sub(r"[\d\W_]+", "", text)
        return NOT_ONE_OF_SEVEN if word in OTHER_CLASSES else None
    return emotion
