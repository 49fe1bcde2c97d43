"""Who is in a video and what their faces show, picture by picture."""

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from fer_core.errors import VideoError
from fer_core.images.boxes import Box
from fer_core.images.yuv import to_rgb
from fer_core.recognition.detection import Detection
from fer_core.recognition.pool import RecognizerPool, prefetch
from fer_core.recognition.recognizer import FaceEmotion, Recognizer
from fer_core.recognition.tracking import KEEP_S, TrackedFace, Tracker
from fer_core.video.decoder import Shot, probe, shots
from fer_core.video.metadata import VideoInfo

Found = tuple[tuple[Detection, ...], tuple[FaceEmotion, ...]]

DETECT_EDGE: Final = 480
"""Faces are searched in a copy with this longer side. YuNet needs 0.6 of the time that 640 takes
and finds a face of 1/40 of the longer side; the live page, which is in a hurry, takes 320."""

AHEAD: Final = 4
"""Decoded pictures that may wait to be read."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which pictures are read.

    Attributes:
        every: Every n-th picture, from 1 on.
        per_second: At most so many a second instead; 0 for ``every``.
        half_life_s: Smoothing; see ``Tracker``.
    """

    every: int = 1
    per_second: float = 0.0
    half_life_s: float = 0.3

    def __post_init__(self) -> None:
        if self.every < 1 or self.per_second < 0 or self.half_life_s < 0:
            raise VideoError(
                "Sampling needs every >= 1, per_second >= 0 and half_life_s >= 0. "
                f"Received: {self.every}, {self.per_second}, {self.half_life_s}."
            )

    def interval_s(self, rate: float) -> float:
        """Seconds between two pictures that are read of a video of ``rate`` a second."""
        return max(1 / self.per_second if self.per_second else 0.0, self.every / rate)

    def takes(self, frame: int, time_s: float, last_s: float | None) -> bool:
        """Whether a picture is read, where the last one read was at ``last_s``."""
        if not self.per_second:
            return (frame - 1) % self.every == 0
        return last_s is None or int(time_s * self.per_second) > int(last_s * self.per_second)


@dataclass(frozen=True, slots=True, eq=False)
class ReadShot:
    """One picture of a video and what was read from it.

    Attributes:
        shot: The picture.
        was_read: It was among those that are read; the faces of others are the last ones known.
        faces: Everyone in it, in pixels of ``shot.yuv``.
    """

    shot: Shot
    was_read: bool
    faces: tuple[TrackedFace, ...]


@dataclass(slots=True)
class Position:
    """Where the reading of a video stands; enough to go on in another process.

    Attributes:
        frame: Number of the last picture given.
        time_s: Its time.
        read_s: Time of the last picture that was read.
        tracker: Who was seen; see ``Tracker.snapshot``.
        faces: Rows of the last faces known, for drawing.
        end_s: Until when the last picture given is shown.
    """

    frame: int = 0
    time_s: float = -math.inf
    read_s: float | None = None
    tracker: Mapping[str, Any] = field(default_factory=dict)
    faces: Sequence[Mapping[str, Any]] = ()
    end_s: float = -math.inf


class VideoReader:
    """Reads one video from a position on.

    Args:
        file: The video.
        pool: Who reads.
        sampling: Which pictures.
        position: Where to go on; from the start if None.
        all_shots: Give the pictures that are not read too, for drawing.

    Attributes:
        info: What the file says of itself.

    Raises:
        VideoError: See ``source.probe``.
    """

    def __init__(
        self,
        file: Path,
        pool: RecognizerPool,
        sampling: Sampling | None = None,
        position: Position | None = None,
        all_shots: bool = False,
    ) -> None:
        self.info: VideoInfo = probe(file)
        self._file, self._pool = file, pool
        self._sampling = sampling or Sampling()
        self._all_shots = all_shots
        self._at = position or Position()
        keep_s = max(KEEP_S, 2.5 * self._sampling.interval_s(self.info.rate))
        self._tracker = Tracker(self._sampling.half_life_s, keep_s)
        self._tracker.restore(self._at.tracker)
        self._last = tuple(_face(values) for values in self._at.faces)
        self._end_s = max(self._at.time_s, self._at.end_s)

    def position(self) -> Position:
        """Where it stands after the last picture given."""
        return replace(
            self._at,
            tracker=self._tracker.snapshot(),
            faces=[_values(face) for face in self._last],
        )

    @property
    def end_s(self) -> float:
        """Until when the last picture decoded is shown, whether it was given or not."""
        return self._end_s

    def __iter__(self) -> Generator[ReadShot]:
        """The pictures in their order.

        Raises:
            VideoError: The file cannot be read any more.
        """
        with (
            closing(prefetch(self._wanted(), AHEAD)) as wanted,
            closing(self._pool.map(_read, wanted)) as answers,
        ):
            for shot, found in answers:
                yield self._follow(shot, found)

    def _wanted(self) -> Iterator[tuple[Shot, bool]]:
        """The pictures to give, and whether each is to be read."""
        last = self._at.read_s
        for shot in shots(self._file, self._at.time_s, self._at.frame):
            takes = self._sampling.takes(shot.frame, shot.time_s, last)
            last = shot.time_s if takes else last
            self._end_s = shot.end_s
            if takes or self._all_shots:
                yield shot, takes

    def _follow(self, shot: Shot, found: Found | None) -> ReadShot:
        self._at.frame, self._at.time_s, self._at.end_s = shot.frame, shot.time_s, shot.end_s
        if found is not None:
            detections, faces = found
            persons, _ = self._tracker.follow(detections, shot.time_s)
            threshold = self._pool.first.classifier.abstain_below
            self._last = self._tracker.steady(persons, faces, shot.time_s, threshold)
            self._at.read_s = shot.time_s
        return ReadShot(shot, found is not None, self._last)


def _read(recognizer: Recognizer, wanted: tuple[Shot, bool]) -> tuple[Shot, Found | None]:
    """What one picture shows by itself; the part of the work that fills the cores."""
    shot, takes = wanted
    if not takes:
        return shot, None
    rgb = to_rgb(shot.yuv)
    detections = recognizer.detect(rgb, DETECT_EDGE)
    return shot, (detections, recognizer.classify(rgb, detections))


def _values(face: TrackedFace) -> dict[str, Any]:
    """Return a face as JSON values; ``_face`` is the inverse, without the crop."""
    return {
        "box": asdict(face.box),
        "detection_score": face.detection_score,
        "probabilities": face.probabilities.tolist(),
        "uncertain": face.uncertain,
        "roll": face.roll,
        "person": face.person,
        "label": face.label,
    }


def _face(values: Mapping[str, Any]) -> TrackedFace:
    return TrackedFace(
        detection=Detection(Box(**values["box"]), values["detection_score"], values["roll"]),
        probabilities=np.asarray(values["probabilities"], np.float32),
        uncertain=values["uncertain"],
        person=values["person"],
        label=values["label"],
    )
