"""Collect the faces of everybody in a video, at a pace, and where the emotion changes."""

import math
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fer_core.collect.collection import Collection, Face, Suggester
from fer_core.errors import VideoError
from fer_core.recognition.crop_dataset import cut_face
from fer_core.recognition.pool import RecognizerPool
from fer_core.system.parallel import Progress, batches
from fer_core.video.recognizer import Position, Sampling, VideoRecognizer

READ_RATE: Final = 8.0
"""Frames a second that are looked at for a change of the emotion."""

BATCH: Final = 16
"""Faces that are written at once."""


@dataclass(frozen=True, slots=True)
class Clip:
    """The part of a video that is read, and how many faces are taken of each person.

    Attributes:
        per_second: Faces a second of each person.
        on_change: Take one also whenever the predicted emotion changes.
        start_s: Start of the part, in seconds.
        end_s: Its end; infinite for that of the video.
    """

    per_second: float = 2.0
    on_change: bool = True
    start_s: float = 0.0
    end_s: float = math.inf

    def __post_init__(self) -> None:
        if not (0 < self.per_second <= 30 and 0 <= self.start_s < self.end_s):
            raise VideoError(
                "A clip needs a pace above 0 and up to 30 faces a second, and an end after its "
                f"start. Received: {self.per_second:g} a second, {self.start_s:g} to "
                f"{self.end_s:g} s."
            )


class Pace:
    """Decides which faces are taken. For one video.

    Args:
        clip: The pace.
    """

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self._last: dict[int, tuple[float, str]] = {}

    def takes(self, person: int, time_s: float, emotion: str) -> bool:
        """Return True if the face of ``person`` is taken at ``time_s``, in increasing order."""
        last_s, last_emotion = self._last.get(person, (-math.inf, ""))
        pace = self._clip.per_second
        is_due = last_s < 0 or int(time_s * pace + 0.001) > int(last_s * pace + 0.001)
        changes = self._clip.on_change and emotion != last_emotion
        if is_due or changes:
            self._last[person] = time_s, emotion
        return is_due or changes


def add_video(  # noqa: PLR0913, PLR0917
    collection: Collection,
    file: Path,
    name: str,
    pool: RecognizerPool,
    suggester: Suggester,
    clip: Clip | None = None,
    progress: Progress | None = None,
) -> tuple[int, int]:
    """Add the faces of a video to a collection.

    Args:
        collection: Where the faces go.
        file: The video.
        name: Its name in the collection.
        pool: The recognizers that share the work.
        suggester: Their names.
        clip: See ``Clip``.
        progress: Called with thousandths of the part that are done, and 1000.

    Returns:
        The faces added, and those that were there already.

    Raises:
        VideoError: It cannot be read, or the clip starts after its end.
        DatasetError: The faces cannot be written.
        CancelledError: ``progress`` asked to stop. The faces so far stay.
    """
    count = duplicates = 0
    faces = video_faces(file, name, pool, clip or Clip(), progress)
    with closing(faces):
        for batch in batches(faces, BATCH):
            added = collection.add(batch, suggester)
            count += len(batch) - added.duplicates
            duplicates += added.duplicates
    return count, duplicates


def video_faces(
    file: Path, name: str, pool: RecognizerPool, clip: Clip, progress: Progress | None = None
) -> Generator[Face]:
    """Yield the faces that ``clip`` takes of a video; see ``add_video``."""
    sampling = Sampling(per_second=max(READ_RATE, clip.per_second), half_life_s=0.0)
    position = Position(time_s=clip.start_s - 0.0005) if clip.start_s else None
    recognizer = VideoRecognizer(file, pool, sampling, position)
    info, pace = recognizer.info, Pace(clip)
    if clip.start_s >= max(info.seconds, 0.001):
        raise VideoError(
            f"{name}: it ends at {info.seconds:.1f} s, before the start of the clip at "
            f"{clip.start_s:g} s."
        )
    if position is not None:
        position.frame = round(clip.start_s * info.rate)
    end_s = min(clip.end_s, info.seconds)
    detector = pool.first.detector_name
    with closing(iter(recognizer)) as frames:
        for each in frames:
            frame = each.frame
            if frame.time_s > clip.end_s:
                break
            rgb = None
            for face in each.faces:
                if pace.takes(face.person, frame.time_s, face.label):
                    rgb = frame.rgb() if rgb is None else rgb
                    yield Face(
                        cut_face(rgb, face.detection, detector), "video", name,
                        f"{name}#{face.person}", face.detection, face.probabilities,
                        frame.number, round(frame.time_s, 3),
                    )  # fmt: skip
            if progress:
                share = (frame.time_s - clip.start_s) / max(end_s - clip.start_s, 0.001)
                progress(min(round(1000 * share), 1000), 1000)
