"""Follow faces through a video: who is who, with steady boxes, probabilities and labels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np

from fer_core.images.boxes import Box, iou
from fer_core.labels import EMOTIONS
from fer_core.recognition.detection import Detection
from fer_core.recognition.recognizer import FaceEmotion
from fer_core.types import Probabilities

KEEP_S: Final = 1.0
"""A face that is away for longer, in seconds, comes back as a new person."""

LEAD: Final = 0.08
"""The label changes when another emotion leads it by this much probability."""

BAND: Final = 0.03
"""``uncertain`` switches this far above or below the model's threshold."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackedFace(FaceEmotion):
    """A face of a video: its values are smoothed over time.

    Attributes:
        person: Number of the person, from 1 on; the same while the face stays in view.
        label: The emotion that is shown; it does not flicker between two that are close.
    """

    person: int = 1
    label: str = EMOTIONS[0]

    @property
    def emotion(self) -> str:
        """The emotion that is shown."""
        return self.label

    @property
    def confidence(self) -> float:
        """Smoothed probability of ``emotion``."""
        return float(self.probabilities[EMOTIONS.index(self.label)])

    def scale(self, factor: float) -> "TrackedFace":
        """Return the same face in an image ``factor`` times as large."""
        return replace(self, detection=self.detection.scale(factor))


@dataclass(slots=True)
class _Track:
    """What is remembered of one person."""

    person: int
    detection: Detection
    seen_s: float
    probabilities: Probabilities | None = None
    read_s: float = 0.0
    label: str = ""
    uncertain: bool = False


class Tracker:
    """Gives faces their numbers and smooths what is read from them. For one thread.

    Args:
        half_life_s: Time after which an old reading weighs half; 0 means no smoothing.
        keep_s: How long a face may be away and keep its number.
    """

    def __init__(self, half_life_s: float = 0.3, keep_s: float = KEEP_S) -> None:
        self.half_life_s = half_life_s
        self._keep_s = keep_s
        self._tracks: dict[int, _Track] = {}
        self._last = 0

    def follow(
        self, detections: Sequence[Detection], time_s: float
    ) -> tuple[tuple[int, ...], tuple[Detection, ...]]:
        """Find out who is who.

        Args:
            detections: The faces of one picture.
            time_s: When it was taken; never earlier than in the call before.

        Returns:
            The person of each face, and the faces with boxes that tremble less, in the order given.
        """
        known = {
            person: track
            for person, track in self._tracks.items()
            if time_s - track.seen_s <= self._keep_s
        }
        pairs = _pairs([track.detection.box for track in known.values()], detections)
        persons = list(known)
        owner = {index: known[persons[row]] for row, index in pairs}
        self._tracks = known
        tracks = [self._seen(owner.get(index), one, time_s) for index, one in enumerate(detections)]
        return tuple(t.person for t in tracks), tuple(t.detection for t in tracks)

    def steady(
        self,
        persons: Sequence[int],
        faces: Sequence[FaceEmotion],
        time_s: float,
        abstain_below: float,
    ) -> tuple[TrackedFace, ...]:
        """Smooth what the classifier says of persons that ``follow`` has named.

        Args:
            persons: From ``follow``.
            faces: One a person, as the classifier reads them now.
            time_s: When the picture was taken.
            abstain_below: Threshold under which an answer is uncertain.
        """
        return tuple(
            self._read(self._tracks[person], face, time_s, abstain_below)
            for person, face in zip(persons, faces, strict=True)
        )

    def snapshot(self) -> dict[str, Any]:
        """Everything it remembers, fit for JSON; ``restore`` takes it back exactly."""
        tracks = []
        for track in self._tracks.values():
            values = asdict(track)
            if track.probabilities is not None:
                values["probabilities"] = track.probabilities.tolist()
            tracks.append(values)
        return {"last": self._last, "tracks": tracks}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go on from a snapshot; an empty one changes nothing."""
        for values in snapshot.get("tracks", ()):
            found, chances = values["detection"], values["probabilities"]
            detection = Detection(Box(**found["box"]), found["score"], found["roll"])
            probabilities = None if chances is None else np.asarray(chances, np.float32)
            track = _Track(**values | {"detection": detection, "probabilities": probabilities})
            self._tracks[track.person] = track
        self._last = snapshot.get("last", self._last)

    def _seen(self, track: _Track | None, found: Detection, time_s: float) -> _Track:
        if track is None:
            self._last += 1
            track = self._tracks[self._last] = _Track(self._last, found, time_s)
        else:
            track.detection = replace(found, box=calm(track.detection.box, found.box))
            track.seen_s = time_s
        return track

    def _read(
        self, track: _Track, face: FaceEmotion, time_s: float, abstain_below: float
    ) -> TrackedFace:
        if track.probabilities is None:
            track.probabilities = face.probabilities
            track.uncertain = face.uncertain
            track.label = face.emotion
        else:
            weight = fresh_weight(time_s - track.read_s, self.half_life_s)
            mixed = track.probabilities + weight * (face.probabilities - track.probabilities)
            track.probabilities = np.asarray(mixed, np.float32)
            track.label = settle(track.label, track.probabilities)
            sure = float(track.probabilities[EMOTIONS.index(track.label)])
            track.uncertain = sure < abstain_below + (BAND if track.uncertain else -BAND)
        track.read_s = time_s
        return TrackedFace(
            detection=replace(face.detection, box=track.detection.box),
            probabilities=track.probabilities,
            uncertain=track.uncertain,
            crop=face.crop,
            person=track.person,
            label=track.label,
        )


def fresh_weight(elapsed_s: float, half_life_s: float) -> float:
    """Weight 0..1 of a new value after ``elapsed_s``: the old one halves every ``half_life_s``."""
    if half_life_s <= 0:
        return 1.0
    return 1.0 - math.exp2(-max(elapsed_s, 0.0) / half_life_s)


def settle(label: str, probabilities: Probabilities) -> str:
    """The label to show: ``label`` until another emotion leads it by ``LEAD``."""
    best = int(np.argmax(probabilities))
    lead = float(probabilities[best] - probabilities[EMOTIONS.index(label)])
    return EMOTIONS[best] if lead > LEAD else label


def calm(old: Box, new: Box) -> Box:
    """A box between two: near ``old`` for a tremble, ``new`` for a move of a tenth of its side."""
    side = max(new.width, new.height, 1.0)
    move = max(abs(a - b) for a, b in zip(old.xyxy, new.xyxy, strict=True)) / side
    weight = min(0.3 + 7 * move, 1.0)
    return Box(*(a + weight * (b - a) for a, b in zip(old.xyxy, new.xyxy, strict=True)))


def _pairs(known: Sequence[Box], found: Sequence[Detection]) -> list[tuple[int, int]]:
    """Best partners first, each box once: (index in ``known``, index in ``found``)."""
    scores = sorted(
        (
            (closeness(old, new.box), row, column)
            for row, old in enumerate(known)
            for column, new in enumerate(found)
        ),
        reverse=True,
    )
    pairs: dict[int, int] = {}
    for score, row, column in scores:
        if score > 0 and row not in pairs and column not in pairs.values():
            pairs[row] = column
    return list(pairs.items())


def closeness(a: Box, b: Box) -> float:
    """How likely two boxes are one face a moment apart; 0 or less: not the same.

    Overlap (IoU) plus what is left of a reach of one mean side between the centres. Boxes of which
    one is more than 2.5 times as wide as the other are never the same face.
    """
    side = (max(a.width, a.height) + max(b.width, b.height)) / 2
    narrow, wide = sorted((a.width, b.width))
    if side <= 0 or wide > 2.5 * narrow:
        return 0.0
    return iou(a, b) + max(1 - math.dist(a.center, b.center) / side, 0.0)
