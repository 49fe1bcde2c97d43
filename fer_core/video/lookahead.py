"""Recognize some frames of a video, and interpolate the faces of those between them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from fer_core.images.boxes import Box, iou
from fer_core.recognition.face import Detection, FaceEmotion
from fer_core.types import Probabilities

SPAN_S: Final = 0.2
"""Seconds between two frames that are always recognized. Where the frames of a video come
irregularly, those between are interpolated up to half as long again."""

SAME_IOU: Final = 0.5
"""Least overlap of two boxes of one face, between which it moves in a line."""

SAME_EMOTION: Final = 0.3
"""Largest total variation distance of the probabilities between which a face is interpolated."""

Faces = tuple[FaceEmotion, ...]


@dataclass(frozen=True, slots=True)
class Recognition:
    """The faces of a frame that was recognized itself, and its time in seconds."""

    time_s: float
    faces: Faces

    def to_dict(self) -> dict[str, Any]:
        """Return the faces without crops and landmarks, fit for JSON."""
        faces = [
            {"box": asdict(face.box), "score": face.detection_score, "roll": face.roll,
             "probabilities": face.probabilities.tolist(), "uncertain": face.uncertain,
             "reason": face.reason}
            for face in self.faces
        ]  # fmt: skip
        return {"time_s": self.time_s, "faces": faces}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recognition":
        """Return what ``to_dict`` described."""
        faces = [
            FaceEmotion(
                Detection(Box(**face["box"]), face["score"], face["roll"]),
                np.asarray(face["probabilities"], np.float32),
                face["uncertain"],
                reason=face["reason"],
            )
            for face in values["faces"]
        ]
        return cls(values["time_s"], tuple(faces))


def recognize_span(
    recognize: Callable[[int], Faces],
    times: Sequence[float],
    last: Faces,
    previous: Recognition | None,
) -> list[Faces]:
    """Return the faces of some successive frames, of which few are recognized.

    Where the frames at both ends of a stretch show the same faces, close together and with nearly
    the same probabilities, those between them are interpolated. Elsewhere the frame in the middle
    is recognized, and so on for both halves.

    Args:
        recognize: Gives the faces of the n-th frame, from 0 on.
        times: Time of each frame in seconds.
        last: The faces of the last frame.
        previous: The frame before the first; None at the start of a video.
    """
    end = len(times) - 1
    results = {end: last}
    start = 0 if previous is None else -1
    if previous is not None:
        results[-1] = previous.faces
    elif end:
        results[0] = recognize(0)
    moments = {-1: previous.time_s if previous else 0.0, **dict(enumerate(times))}
    open_stretches = [(start, end)]
    while open_stretches:
        low, high = open_stretches.pop()
        if high - low < 2:
            continue
        length = moments[high] - moments[low]
        pairs = _pairs(results[low], results[high]) if length < 1.5 * SPAN_S else None
        if pairs is None:
            middle = (low + high) // 2
            results[middle] = recognize(middle)
            open_stretches += [(low, middle), (middle, high)]
            continue
        for index in range(low + 1, high):
            share = (moments[index] - moments[low]) / (length or 1)
            results[index] = tuple(_between(a, b, share) for a, b in pairs)
    return [results[index] for index in range(len(times))]


def _pairs(first: Faces, second: Faces) -> list[tuple[FaceEmotion, FaceEmotion]] | None:
    """Return each face with itself a moment later; None where they are not clearly the same."""
    if len(first) != len(second):
        return None
    pairs, free = [], list(second)
    for face in first:
        match = max(free, key=lambda other: iou(face.box, other.box))
        if not _is_same(face, match):
            return None
        free.remove(match)
        pairs.append((face, match))
    return pairs


def _is_same(first: FaceEmotion, second: FaceEmotion) -> bool:
    return (
        first.emotion == second.emotion
        and (first.uncertain, first.reason) == (second.uncertain, second.reason)
        and _distance(first.probabilities, second.probabilities) <= SAME_EMOTION
        and iou(first.box, second.box) >= SAME_IOU
    )


def _distance(first: Probabilities, second: Probabilities) -> float:
    """Return the total variation distance, 0..1, of two float32 (7,)."""
    return float(np.abs(first - second).sum()) / 2


def _between(first: FaceEmotion, second: FaceEmotion, share: float) -> FaceEmotion:
    """Return the face after ``share``, 0..1, of the way from the first to the second."""
    corners = zip(first.box.xyxy, second.box.xyxy, strict=True)
    box = Box(*(a + share * (b - a) for a, b in corners))
    score = first.detection_score + share * (second.detection_score - first.detection_score)
    turn = (second.roll - first.roll + 180) % 360 - 180
    roll = (first.roll + share * turn + 180) % 360 - 180
    mixed = first.probabilities + share * (second.probabilities - first.probabilities)
    probabilities = np.asarray(mixed, np.float32)
    detection = Detection(box, score, roll)
    return FaceEmotion(detection, probabilities, first.uncertain, reason=first.reason)
