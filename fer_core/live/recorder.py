"""Record a live session: a table of results and the annotated clip, in a temporary folder."""

import csv
import logging
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Final

import av

from fer_core.images.yuv import fit, size_of, to_frame
from fer_core.recognition.results import RESULT_COLUMNS, Origin, face_rows
from fer_core.recognition.tracking import TrackedFace
from fer_core.system import temp_folders
from fer_core.types import Pixels

LIMIT_S: Final = 600.0
"""A recording stops by itself after this long."""

SOURCE: Final = "webcam"
WAITING_FRAMES: Final = 15
"""Frames that may wait for the encoder; further ones are left out of the clip, not queued."""

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RecordingState:
    """The state of a recording.

    Attributes:
        running: It still accepts frames and results.
        seconds: Time from its start to its last frame.
        frames: Frames in the clip.
        left_out: Frames that the encoder had no time for.
        rows: Rows in the table.
        at_limit: It stopped by itself at the limit.
        error: The reason why the table or the clip could not be written, or empty.
    """

    running: bool
    seconds: float
    frames: int
    left_out: int
    rows: int
    at_limit: bool
    error: str


class Recorder:
    """One recording, from construction to ``stop``. Its files are deleted with the object.

    The clip has the size of the first frame. Later frames of another size, as browsers send them
    when bandwidth is short, are fitted into it with black borders, and so are the table's boxes.

    Args:
        limit_s: Stops by itself after this many seconds.
        started: Wall clock at the start; the table's ISO times count from it. Now if None.

    Raises:
        OSError: Its files cannot be created.
    """

    def __init__(self, limit_s: float = LIMIT_S, started: datetime | None = None) -> None:
        self._limit_s = limit_s
        self._folder = temp_folders.folder("live")
        self.csv = Path(self._folder.name) / "results.csv"
        self.mp4 = Path(self._folder.name) / "clip.mp4"
        self._wall = started or datetime.now(UTC)
        self._lock = threading.Lock()
        self._running, self._at_limit, self._error = True, False, ""
        self._start_s: float | None = None
        self._clip_size = self._frame_size = (0, 0)
        self._seconds, self._frames, self._left_out, self._rows = 0.0, 0, 0, 0
        self._file = self.csv.open("w", newline="", encoding="utf-8")
        self._table = csv.DictWriter(self._file, ("time", *RESULT_COLUMNS))
        self._table.writeheader()
        self._queue: queue.Queue[tuple[Pixels, float] | None] = queue.Queue(WAITING_FRAMES + 1)
        self._encoder = threading.Thread(target=self._encode, name="live-recorder", daemon=True)
        self._encoder.start()

    @property
    def state(self) -> RecordingState:
        """The current state."""
        with self._lock:
            return RecordingState(
                self._running,
                self._seconds,
                self._frames,
                self._left_out,
                self._rows,
                self._at_limit,
                self._error,
            )

    def add_result(
        self,
        faces: Sequence[TrackedFace],
        frame: int,
        time_s: float,
        detector: str,
        size: tuple[int, int] | None = None,
    ) -> None:
        """Write one row a face, or one without a box where there is none.

        Where that cannot be written the recording ends, and its state has the reason.

        Args:
            faces: The faces of one frame.
            frame: The frame's number.
            time_s: Its time on the session's clock.
            detector: Name of the detector.
            size: Width and height of the frame in pixels; as the last ``add_frame`` if None.
        """
        with self._lock:
            if not self._accepts(time_s):
                return
            since = self._since(time_s)
            origin = Origin(SOURCE, frame, round(since, 3))
            iso = (self._wall + timedelta(seconds=since)).isoformat(timespec="milliseconds")
            faces = self._in_clip(faces, size or self._frame_size)
            try:
                for row in face_rows(origin, faces, detector, [face.person for face in faces]):
                    self._table.writerow({"time": iso} | row)
                    self._rows += 1
            except OSError as error:
                self._fail("table", error)

    def add_frame(self, yuv: Pixels, time_s: float) -> None:
        """Hand one frame to the encoder; it must not be changed afterwards. Never waits.

        Args:
            yuv: uint8 (3 * H // 2, W), see ``images.yuv``.
            time_s: Its time on the session's clock.
        """
        with self._lock:
            if not self._accepts(time_s):
                return
            self._frame_size = size_of(yuv)
            self._clip_size = self._clip_size if any(self._clip_size) else self._frame_size
            if self._queue.qsize() >= WAITING_FRAMES:
                self._left_out += 1
                return
            self._queue.put_nowait((yuv, self._since(time_s)))

    def finish(self) -> None:
        """Accept nothing more; the clip is completed in the background."""
        with self._lock:
            self._finish()

    def stop(self) -> None:
        """Finish both files and wait for the last frames. The files stay until ``delete``."""
        self.finish()
        self._encoder.join(timeout=10)

    def delete(self) -> None:
        """Stop and remove the files."""
        self.stop()
        self._folder.cleanup()

    def _in_clip(
        self, faces: Sequence[TrackedFace], size: tuple[int, int]
    ) -> Sequence[TrackedFace]:
        """Return the faces of a frame of ``size`` in pixels of the clip."""
        if not any(self._clip_size):  # the first result may come before its frame
            self._clip_size = size
        if size == self._clip_size:
            return faces
        factor = min(self._clip_size[0] / size[0], self._clip_size[1] / size[1])
        return [face.recenter(size, self._clip_size, factor) for face in faces]

    def _since(self, time_s: float) -> float:
        if self._start_s is None:
            self._start_s = time_s
        self._seconds = max(self._seconds, time_s - self._start_s)
        return max(time_s - self._start_s, 0.0)

    def _accepts(self, time_s: float) -> bool:
        if self._start_s is not None and time_s - self._start_s > self._limit_s:
            self._at_limit = self._at_limit or self._running
            self._finish()
        return self._running

    def _finish(self) -> None:
        if self._running:
            self._running = False
            try:
                self._file.close()
            except OSError as error:
                self._fail("table", error)
            finally:
                self._queue.put_nowait(None)  # the queue has one entry more than frames may use

    def _fail(self, file: str, error: Exception) -> None:
        """End the recording and note the reason; the first one stays."""
        reason = getattr(error, "strerror", None) or error
        self._error = self._error or f"The {file} could not be written: {reason}. Free some space."
        self._finish()

    def _encode(self) -> None:
        """Run the encoder's thread."""
        frames = iter(self._queue.get, None)  # ends once, and does not wait again
        try:
            self._write_clip(frames)
        except (av.FFmpegError, OSError) as error:
            _LOGGER.exception("The clip could not be written")
            self._remove_unreadable()
            with self._lock:
                self._fail("clip", error)
            for _ in frames:
                pass

    def _remove_unreadable(self) -> None:
        """Remove a clip that lost its end and does not open."""
        try:
            with av.open(str(self.mp4)) as clip:
                next(clip.decode(video=0))
        except (av.FFmpegError, OSError, StopIteration):
            with suppress(OSError):
                self.mp4.unlink()

    def _write_clip(self, frames: Iterator[tuple[Pixels, float]]) -> None:
        first = next(frames, None)
        if first is None:
            return
        with av.open(str(self.mp4), "w", options={"movflags": "faststart"}) as clip:
            stream = clip.add_stream(
                "libx264", rate=30, options={"preset": "superfast", "crf": "24"}
            )
            stream.width, stream.height = self._clip_size
            stream.pix_fmt = "yuv420p"
            stream.codec_context.thread_count = 1
            stream.codec_context.time_base = Fraction(1, 1000)
            last = -1
            for yuv, time_s in chain([first], frames):
                frame = to_frame(fit(yuv, self._clip_size))
                last = max(round(time_s * 1000), last + 1)
                frame.pts, frame.time_base = last, Fraction(1, 1000)
                clip.mux(stream.encode(frame))
                with self._lock:
                    self._frames += 1
            clip.mux(stream.encode(None))
