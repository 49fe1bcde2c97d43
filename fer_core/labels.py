"""The seven emotions: their one order and their one palette."""

from typing import Final

EMOTIONS: Final = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
"""The only class order anywhere: alphabetical, as Keras reads class folders."""

COLORS: Final = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "happy": "#E69F00",
    "neutral": "#6B6B6B",
    "sad": "#0072B2",
    "surprise": "#56B4E9",
}
"""One colour an emotion: Okabe and Ito's set, made to stay apart for colour-blind readers, with
grey in place of black (https://jfly.uni-koeln.de/color/)."""

UNCERTAIN_COLOR: Final = "#2A2D30"
"""Dark grey for a face whose emotion is left open."""

SPLIT_COLORS: Final = {"train": "#0B6E63", "validation": "#56A99B", "test": "#A5D3CA"}
"""One colour a split of a dataset: shades that no emotion has."""


CLASS_NAMES: Final = {name: name for name in EMOTIONS} | {
    "anger": "angry", "disgusted": "disgust", "fearful": "fear", "afraid": "fear",
    "happiness": "happy", "joy": "happy", "sadness": "sad", "surprised": "surprise",
    "neutrality": "neutral",
}  # fmt: skip
"""Folder names, in lower case, that are taken for an emotion."""
