"""Track faces through a video: persons keep their numbers; boxes and labels do not flicker."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np

from fer_core.images.boxes import Box, iou
from fer_core.labels import EMOTIONS
from fer_core.recognition.face import Detection, FaceEmotion
from fer_core.types import Probabilities

MAX_ABSENCE_S: Final = 1.0
"""A face that is away for longer, in seconds, returns as a new person."""

MAX_GAP_S: Final = 3.0
"""Nothing is known of a face while no frame is looked at: a busy machine may not look for so long,
in seconds, and the faces that it saw last keep their numbers."""

SPEED: Final = 3.0
"""Sides of its box that a face moves in a second at the most: after a longer gap between two looks
it is searched for further away."""

LEAD: Final = 0.08
"""The label changes when another emotion leads it by this much probability."""

BAND: Final = 0.03
"""``uncertain`` switches this far above or below the model's threshold."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackedFace(FaceEmotion):
    """A face of a video with values that are smoothed over time.

    Attributes:
        person: Number of the person, from 1 on; the same while the face stays in view.
        label: The displayed emotion; it does not flicker between two that are close.
    """

    person: int = 1
    label: str = EMOTIONS[0]

    @property
    def emotion(self) -> str:
        """The displayed emotion; where uncertain, the one with the largest probability."""
        return EMOTIONS[int(np.argmax(self.probabilities))] if self.uncertain else self.label

    @property
    def confidence(self) -> float:
        """Smoothed probability of ``emotion``."""
        return float(self.probabilities[EMOTIONS.index(self.emotion)])

    def recenter(
        self, old: tuple[int, int], new: tuple[int, int], factor: float | None = None
    ) -> "TrackedFace":
        """Return the same face in an image of another size; see ``Box.recenter``."""
        box = self.box.recenter(old, new, factor).clip(*new)
        return replace(self, detection=replace(self.detection, box=box, landmarks=()))

    def to_dict(self) -> dict[str, Any]:
        """Return the face without its crop, fit for JSON."""
        return {
            "box": asdict(self.box),
            "detection_score": self.detection_score,
            "probabilities": self.probabilities.tolist(),
            "uncertain": self.uncertain,
            "reason": self.reason,
            "roll": self.roll,
            "person": self.person,
            "label": self.label,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrackedFace":
        """Return the face that ``to_dict`` described."""
        return cls(
            Detection(Box(**values["box"]), values["detection_score"], values["roll"]),
            np.asarray(values["probabilities"], np.float32),
            values["uncertain"],
            reason=values.get("reason", ""),
            person=values["person"],
            label=values["label"],
        )


@dataclass(slots=True)
class _Track:
    """The state of one person: last detection, smoothed probabilities, displayed label."""

    person: int
    detection: Detection
    seen_s: float
    probabilities: Probabilities | None = None
    read_s: float = 0.0
    label: str = ""
    uncertain: bool = False
    reason: str = ""
    reason_weight: float = 0.0


class Tracker:
    """Numbers persons and smooths their boxes, probabilities and labels. For one thread.

    Args:
        half_life_s: Time after which an old value weighs half; 0 means no smoothing.
        max_absence_s: Time that a face may be away and keep its number.
    """

    def __init__(self, half_life_s: float = 0.3, max_absence_s: float = MAX_ABSENCE_S) -> None:
        self.half_life_s = half_life_s
        self._max_absence_s = max_absence_s
        self._tracks: dict[int, _Track] = {}
        self._last_person = 0
        self._looked_s = 0.0

    def associate(
        self, detections: Sequence[Detection], time_s: float
    ) -> tuple[tuple[int, ...], tuple[Detection, ...]]:
        """Assign the faces of one frame to persons.

        Args:
            detections: The faces of one frame.
            time_s: Time of the frame in seconds; never earlier than in the call before.

        Returns:
            The person of each face, and the faces with stabilized boxes, in the order given.
        """
        self._tracks = {
            person: track
            for person, track in self._tracks.items()
            if self._may_return(track, time_s)
        }
        candidates = list(self._tracks.values())
        radius = min(max(1.0, SPEED * (time_s - self._looked_s)), SPEED)
        pairs = _match([t.detection.box for t in candidates], [d.box for d in detections], radius)
        self._looked_s = time_s
        matches = {column: candidates[row] for row, column in pairs}
        tracks = [
            self._update(matches.get(index), detection, time_s)
            for index, detection in enumerate(detections)
        ]
        return tuple(t.person for t in tracks), tuple(t.detection for t in tracks)

    def smooth(
        self,
        persons: Sequence[int],
        faces: Sequence[FaceEmotion],
        time_s: float,
        abstain_below: float,
    ) -> tuple[TrackedFace, ...]:
        """Smooth the predictions for the persons of one frame.

        Args:
            persons: From ``associate``.
            faces: The classifier's prediction for each person in this frame.
            time_s: Time of the frame in seconds.
            abstain_below: Probability below which a label is uncertain.
        """
        return tuple(
            self._smooth(self._tracks[person], face, time_s, abstain_below)
            for person, face in zip(persons, faces, strict=True)
        )

    def resize(self, old: tuple[int, int], new: tuple[int, int]) -> None:
        """Carry the tracks over to frames of another size; persons keep their numbers.

        Cameras that change size and phones that are turned keep the middle of the image.

        Args:
            old: Width and height of the frames so far in pixels.
            new: Width and height from here on.
        """
        for track in self._tracks.values():
            box = track.detection.box.recenter(old, new)
            track.detection = replace(track.detection, box=box)

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state, fit for JSON; ``restore`` takes it back exactly."""
        tracks = []
        for track in self._tracks.values():
            values = asdict(track)
            if track.probabilities is not None:
                values["probabilities"] = track.probabilities.tolist()
            tracks.append(values)
        return {"last": self._last_person, "looked_s": self._looked_s, "tracks": tracks}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue from a snapshot; an empty one changes nothing."""
        for values in snapshot.get("tracks", ()):
            saved, probabilities = values["detection"], values["probabilities"]
            if probabilities is not None:
                probabilities = np.asarray(probabilities, np.float32)
            detection = Detection(Box(**saved["box"]), saved["score"], saved["roll"])
            track = _Track(**values | {"detection": detection, "probabilities": probabilities})
            self._tracks[track.person] = track
        self._last_person = snapshot.get("last", self._last_person)
        self._looked_s = snapshot.get("looked_s", self._looked_s)

    def _may_return(self, track: _Track, time_s: float) -> bool:
        """Return True unless the face was away for too long: a face nobody missed was not away."""
        in_view = track.seen_s == self._looked_s
        limit_s = max(self._max_absence_s, MAX_GAP_S) if in_view else self._max_absence_s
        return time_s - track.seen_s <= limit_s

    def _update(self, track: _Track | None, detection: Detection, time_s: float) -> _Track:
        if track is None:
            self._last_person += 1
            track = self._tracks[self._last_person] = _Track(self._last_person, detection, time_s)
        else:
            box = stabilize_box(track.detection.box, detection.box)
            track.detection, track.seen_s = replace(detection, box=box), time_s
        return track

    def _smooth(
        self, track: _Track, face: FaceEmotion, time_s: float, abstain_below: float
    ) -> TrackedFace:
        if track.probabilities is None:
            track.probabilities = face.probabilities
            track.uncertain = face.uncertain and not face.reason
            track.label = face.emotion
            track.reason, track.reason_weight = face.reason, float(bool(face.reason))
        else:
            weight = ema_weight(time_s - track.read_s, self.half_life_s)
            mixed = track.probabilities + weight * (face.probabilities - track.probabilities)
            track.probabilities = np.asarray(mixed, np.float32)
            track.label = hysteresis_label(track.label, track.probabilities)
            confidence = float(track.probabilities[EMOTIONS.index(track.label)])
            track.uncertain = confidence < abstain_below + (BAND if track.uncertain else -BAND)
            track.reason = face.reason or track.reason
            track.reason_weight += weight * (bool(face.reason) - track.reason_weight)
        has_reason = track.reason_weight >= 0.5  # most of the last moments
        track.read_s = time_s
        return TrackedFace(
            detection=replace(face.detection, box=track.detection.box),
            probabilities=track.probabilities,
            uncertain=track.uncertain or has_reason,
            crop=face.crop,
            reason=track.reason if has_reason else "",
            person=track.person,
            label=track.label,
        )


def ema_weight(elapsed_s: float, half_life_s: float) -> float:
    """Return the weight 0..1 of a new value in an exponential moving average.

    The weight of the old value halves every ``half_life_s`` seconds: ``1 - 2 ** (-t / half_life)``.
    """
    if half_life_s <= 0:
        return 1.0
    return 1.0 - math.exp2(-max(elapsed_s, 0.0) / half_life_s)


def hysteresis_label(label: str, probabilities: Probabilities) -> str:
    """Return the label to display: ``label`` until another emotion leads it by ``LEAD``.

    Args:
        label: The emotion displayed so far.
        probabilities: float32 (7,), in ``EMOTIONS`` order.
    """
    best = int(np.argmax(probabilities))
    lead = float(probabilities[best] - probabilities[EMOTIONS.index(label)])
    return EMOTIONS[best] if lead > LEAD else label


def stabilize_box(old: Box, new: Box) -> Box:
    """Return a box between two: near ``old`` for jitter, ``new`` for a move of 10% of its side."""
    side = max(new.width, new.height, 1.0)
    move = max(abs(a - b) for a, b in zip(old.xyxy, new.xyxy, strict=True)) / side
    weight = min(0.3 + 7 * move, 1.0)
    return Box(*(a + weight * (b - a) for a, b in zip(old.xyxy, new.xyxy, strict=True)))


def match_score(a: Box, b: Box, radius: float = 1.0) -> float:
    """Return how well two boxes match as one face a moment apart; 0 or less means no match.

    The score is the overlap (IoU) plus one minus the distance of the centres as a share of
    ``radius`` mean sides. Boxes of which one is 2.5 times as wide as the other never match.
    """
    side = (max(a.width, a.height) + max(b.width, b.height)) / 2
    narrow, wide = sorted((a.width, b.width))
    if side <= 0 or wide > 2.5 * narrow:
        return 0.0
    return iou(a, b) + max(1 - math.dist(a.center, b.center) / (radius * side), 0.0)


def _match(
    tracks: Sequence[Box], detections: Sequence[Box], radius: float
) -> list[tuple[int, int]]:
    """Return the pairs (track, detection) with the largest total score, each box once."""
    scores = np.array([[match_score(a, b, radius) for b in detections] for a in tracks])
    if scores.size == 0:
        return []
    if min(scores.shape) == 1:
        pairs = [divmod(int(scores.argmax()), scores.shape[1])]
    else:
        from scipy.optimize import linear_sum_assignment  # takes 0.1 s: only where there are two

        pairs = list(zip(*linear_sum_assignment(scores, maximize=True), strict=True))
    return [(int(row), int(column)) for row, column in pairs if scores[row, column] > 0]
