"""The ``watch`` command: a camera, file or stream without a browser, a line a second."""

import argparse
import csv
import signal
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType

from fer_core.cli.recognizer_options import add_model
from fer_core.cli.terminal import without_runtime_notice
from fer_core.errors import VideoError
from fer_core.live.capture import CapturedFrame, capture_frames, without_login
from fer_core.recognition import Recognizer
from fer_core.recognition.drawing import caption
from fer_core.recognition.results import RESULT_COLUMNS, Origin, face_rows
from fer_core.recognition.tracking import TrackedFace
from fer_core.recognition.tracking_recognizer import RecognitionOptions, TrackingRecognizer
from fer_core.system.text import counted
from fer_core.video import frames


def add(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of ``python -m fer_core watch``."""
    parser.add_argument("source", help="camera number, video file or stream address")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write every result there too")
    parser.add_argument("--seconds", type=float, help="stop after so long (default: at Ctrl-C)")
    add_model(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Watch until the end, ``--seconds`` or Ctrl-C; rows written by then stay."""
    with without_runtime_notice():
        recognizer = Recognizer.load(options.model, options.detector, options.head)
    if recognizer.notice:
        print(recognizer.notice, file=sys.stderr)
    handler = signal.signal(signal.SIGTERM, _interrupt)
    with _writing(options.out), ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGTERM, handler)
        source = stack.enter_context(closing(_frames(options.source)))
        watcher = Watcher(recognizer, without_login(options.source), _table(stack, options.out))
        try:
            for frame in source:
                if line := watcher.add(frame):
                    print(line, flush=True)
                if options.seconds and frame.time_s >= options.seconds:
                    break
        except KeyboardInterrupt:
            print(file=sys.stderr)
    print(f"{counted(watcher.frames, 'frame')}, {counted(watcher.faces, 'face')}")
    return 0


class Watcher:
    """Recognizes frame by frame and summarizes once a second.

    Args:
        recognizer: Detects and classifies faces.
        source: Name of the source in the results.
        table: Receives a row for each face, if given.

    Attributes:
        frames: Frames so far.
        faces: Faces in them.
    """

    def __init__(
        self, recognizer: Recognizer, source: str, table: "csv.DictWriter[str] | None"
    ) -> None:
        self._recognizer, self._source, self._table = recognizer, source, table
        self._tracking, self._options = TrackingRecognizer(), RecognitionOptions()
        self._second, self._since = -1, 0
        self.frames = self.faces = 0

    def add(self, frame: CapturedFrame) -> str:
        """Recognize one frame; return a line for the terminal once a second, else nothing."""
        faces = self._tracking.recognize(frame.rgb, frame.time_s, self._recognizer, self._options)
        self.frames += 1
        self.faces += len(faces)
        self._since += 1
        if self._table:
            origin = Origin(self._source, frame.number, round(frame.time_s, 4))
            persons = [face.person for face in faces]
            self._table.writerows(face_rows(origin, faces, self._recognizer.detector_name, persons))
        if int(frame.time_s) == self._second:
            return ""
        self._second, rate, self._since = int(frame.time_s), self._since, 0
        return f"{self._second:6} s  {rate:3} frames  {summarize(faces)}"


def summarize(faces: Sequence[TrackedFace]) -> str:
    """Return all faces of a frame in one line."""
    return ", ".join(f"person {face.person}: {caption(face)}" for face in faces) or "no face"


def _frames(source: str) -> Generator[CapturedFrame]:
    """Yield all frames of a file, or the newest ones of a camera or stream."""
    if not Path(source).is_file():
        return capture_frames(source)
    return (CapturedFrame(f.number, f.time_s, f.rgb()) for f in frames(Path(source)))


def _table(stack: ExitStack, file: Path | None) -> "csv.DictWriter[str] | None":
    """Open the table, unbuffered: every row is on the disk at once."""
    if file is None:
        return None
    if file.suffix != ".csv":
        raise VideoError(f"--out must be a .csv file here. Received: {file}.")
    file.parent.mkdir(parents=True, exist_ok=True)
    out = stack.enter_context(file.open("w", newline="", encoding="utf-8", buffering=1))
    table = csv.DictWriter(out, RESULT_COLUMNS)
    table.writeheader()
    return table


@contextmanager
def _writing(file: Path | None) -> Iterator[None]:
    """Name the table where it cannot be written; a reader of the lines that has gone is another."""
    try:
        yield
    except OSError as error:
        if file is None or isinstance(error, BrokenPipeError):
            raise
        raise VideoError(
            f"{file} cannot be written ({error.strerror or error}). The rows before are in it. "
            "Free some space or choose another place."
        ) from error


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
