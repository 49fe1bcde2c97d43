"""The seven emotions: their one order and their one palette."""

from typing import Final

EMOTIONS: Final = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
"""The only class order anywhere: alphabetical, as Keras reads class folders."""

COLORS: Final = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#9467BD",
    "happy": "#E69F00",
    "neutral": "#7F7F7F",
    "sad": "#0072B2",
    "surprise": "#CC79A7",
}
"""One colour an emotion. Six are from Okabe and Ito's colour-blind-safe set
(https://jfly.uni-koeln.de/color/); purple and grey join them because the set's
yellow and sky blue are unreadable on white and close to blue."""
