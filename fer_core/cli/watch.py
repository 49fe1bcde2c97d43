"""The ``watch`` command: a camera, file or stream without a browser, a line a second."""

import argparse
import csv
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import FrameType

from fer_core.cli.classify import add_model
from fer_core.errors import VideoError
from fer_core.live import ReadOptions
from fer_core.live.capture import Picture, pictures, without_login
from fer_core.live.frame_recognizer import FaceReader
from fer_core.live.metrics import Meters
from fer_core.recognition.drawing import caption
from fer_core.recognition.recognizer import Recognizer
from fer_core.recognition.results import RESULT_COLUMNS, Origin, face_rows
from fer_core.recognition.tracking import TrackedFace


def add(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of ``python -m fer_core watch``."""
    parser.add_argument("source", help="camera number, video file or stream address")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write every result there too")
    parser.add_argument("--seconds", type=float, help="stop after so long (default: at Ctrl-C)")
    add_model(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """0 at the end or when stopped by Ctrl-C; what was written by then stays."""
    recognizer = Recognizer.load(options.model, options.detector, options.head)
    if recognizer.notice:
        print(recognizer.notice, file=sys.stderr)
    before = signal.signal(signal.SIGTERM, _interrupt)
    with ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGTERM, before)
        shown = stack.enter_context(closing(pictures(options.source)))
        watcher = Watcher(recognizer, without_login(options.source), _table(stack, options.out))
        try:
            for picture in shown:
                if line := watcher.look(picture):
                    print(line, flush=True)
                if options.seconds and picture.time_s >= options.seconds:
                    break
        except KeyboardInterrupt:
            print(file=sys.stderr)
    print(f"{watcher.pictures:,} pictures, {watcher.faces:,} faces")
    return 0


class Watcher:
    """Reads one picture after the other and says once a second what it saw.

    Args:
        recognizer: Who reads.
        source: What the results call the source.
        table: Where rows go, if anywhere.

    Attributes:
        pictures: Pictures read so far.
        faces: Faces in them.
    """

    def __init__(
        self, recognizer: Recognizer, source: str, table: "csv.DictWriter[str] | None"
    ) -> None:
        self._recognizer, self._source, self._table = recognizer, source, table
        self._reader = FaceReader(Meters())
        self._second, self._since = -1, 0
        self.pictures = self.faces = 0

    def look(self, picture: Picture) -> str:
        """Read one picture; a line for the terminal once a second, else nothing."""
        faces = self._reader.read(picture.rgb, picture.time_s, self._recognizer, ReadOptions())
        self.pictures += 1
        self.faces += len(faces)
        self._since += 1
        if self._table:
            origin = Origin(self._source, picture.frame, round(picture.time_s, 4))
            persons = [face.person for face in faces]
            self._table.writerows(face_rows(origin, faces, self._recognizer.detector_name, persons))
        if int(picture.time_s) == self._second:
            return ""
        self._second, rate, self._since = int(picture.time_s), self._since, 0
        return f"{self._second:6} s  {rate:3} pictures  {say(faces)}"


def say(faces: Sequence[TrackedFace]) -> str:
    """Everyone in a picture, in one line."""
    return ", ".join(f"person {face.person}: {caption(face)}" for face in faces) or "no face"


def _table(stack: ExitStack, file: Path | None) -> "csv.DictWriter[str] | None":
    """The table, written line by line: what is seen is on the disk at once."""
    if file is None:
        return None
    if file.suffix != ".csv":
        raise VideoError(f"--out must be a .csv file here. Received: {file}.")
    file.parent.mkdir(parents=True, exist_ok=True)
    out = stack.enter_context(file.open("w", newline="", encoding="utf-8", buffering=1))
    table = csv.DictWriter(out, RESULT_COLUMNS)
    table.writeheader()
    return table


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
