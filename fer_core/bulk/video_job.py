"""Read one video part by part, with an annotated copy where one is asked for."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

from fer_core.bulk import pieces
from fer_core.bulk.checkpoint import Checkpoint
from fer_core.bulk.inputs import MISSING, Source, fingerprint
from fer_core.errors import FerError, VideoError
from fer_core.recognition.pool import RecognizerPool
from fer_core.recognition.results import Origin, error_row, face_rows
from fer_core.system.files import sync, sync_folder
from fer_core.video.recognizer import Position, RecognizedFrame, Sampling, VideoRecognizer
from fer_core.video.writer import PieceWriter, draw, join

SHOTS_A_PART: Final = 500
"""Frames after which a part is written: what a kill costs at most, about 3 s of work."""


class Sink(Protocol):
    """Takes rows: ``Parts``, or another store of them."""

    folder: Path

    def add(self, rows: Iterable[Mapping[str, Any]], checkpoint: Checkpoint) -> None:
        """Store the rows of a part."""


class VideoJob:
    """The reading of one video into parts.

    Args:
        source: The video.
        pool: The recognizers.
        parts: Takes the rows.
        sampling: Which frames are read.
        copy: File for an annotated copy; None for none.
    """

    def __init__(
        self,
        source: Source,
        pool: RecognizerPool,
        parts: Sink,
        sampling: Sampling,
        copy: Path | None,
    ) -> None:
        self._source, self._pool, self._parts = source, pool, parts
        self._sampling, self._copy = sampling, copy
        self._rows: list[Mapping[str, Any]] = []
        self._fingerprint = ""
        self._number = 0
        self._pieces: list[str] = []

    def run(self, checkpoint: Checkpoint | None = None) -> Generator[float]:
        """Read to the end; yields the finished share, 0..1, after each frame.

        Args:
            checkpoint: Where reading continues; None to begin.
        """
        position, self._fingerprint = None, _fingerprint(self._source.path)
        if checkpoint:
            position = Position(**checkpoint.position) if checkpoint.position else None
            self._pieces = list(checkpoint.pieces)
            self._number = (checkpoint.number or 0) + 1
            self._fingerprint = checkpoint.fingerprint or self._fingerprint
        try:
            yield from self._read(position)
            self._finish_copy()
            if _fingerprint(self._source.path) != self._fingerprint:
                raise VideoError(
                    f"{self._source.name}: the file changed while it was read. Run the command "
                    "again when it is complete."
                )
        except VideoError as error:
            self._add_error(error)
        self._add({self._source.name: self._fingerprint}, None)
        pieces.remove(self._parts.folder, self._pieces)

    def _add(self, finished: Mapping[str, str], position: Position | None) -> None:
        """Write the rows so far as the next part of the video."""
        copy = self._copy.name if self._copy else ""
        name, number = self._source.name, self._number
        values = asdict(position) if position else None
        self._parts.add(
            self._rows,
            Checkpoint(
                finished, name, self._fingerprint, number, values, tuple(self._pieces), copy
            ),
        )
        self._number, self._rows = number + 1, []

    def _read(self, position: Position | None) -> Iterator[float]:
        """Read part by part; the rows of the last part stay in ``_rows``."""
        draws = self._copy is not None
        reader = VideoRecognizer(self._source.path, self._pool, self._sampling, position, draws)
        seconds = reader.info.seconds
        with closing(reader.frames(SHOTS_A_PART)) as frames:
            while True:
                count = 0
                with self._new_piece(reader) as writer:
                    for read in islice(frames, SHOTS_A_PART):
                        count += 1
                        self._add_rows(read, reader)
                        if writer:
                            writer.write(draw(read), read.frame.time_s)
                        yield min(read.frame.time_s / seconds, 1.0) if seconds else 0.0
                if writer and count:
                    self._pieces.append(pieces.keep(self._parts.folder, len(self._pieces)))
                if count < SHOTS_A_PART:
                    break
                self._add({}, reader.position())
        self._check_end(reader)

    def _finish_copy(self) -> None:
        """Join the pieces to the annotated copy."""
        if self._copy:
            part = self._copy.with_name(f".{self._copy.name}.part")
            folder = self._parts.folder
            if not pieces.are_whole(folder, self._pieces):
                raise FerError(
                    f"{folder}: a piece of {self._copy.name} was removed or changed while the job "
                    "ran. Give the same command again, and its video is read again."
                )
            join([folder / name for name in self._pieces], self._source.path, part)
            _replace(part, self._copy)

    def _new_piece(self, reader: VideoRecognizer) -> AbstractContextManager[PieceWriter | None]:
        if not self._copy:
            return nullcontext()
        return PieceWriter(self._parts.folder / pieces.NEW, reader.info.rate)

    def _add_rows(self, read: RecognizedFrame, reader: VideoRecognizer) -> None:
        if not read.is_sampled:
            return
        factor = reader.info.width / read.frame.yuv.shape[1]
        faces = [face.scale(factor) for face in read.faces]
        origin = Origin(self._source.name, read.frame.number, round(read.frame.time_s, 4))
        persons = [face.person for face in faces]
        self._rows += face_rows(origin, faces, self._pool.first.detector_name, persons)

    def _check_end(self, reader: VideoRecognizer) -> None:
        """Add an error for a file that ends before its time."""
        if reader.missing_s:
            seconds = reader.info.seconds
            decoded = max(seconds - reader.missing_s, 0)
            self._add_error(
                VideoError(
                    f"{self._source.name}: cut off or damaged; {decoded:.1f} of {seconds:.1f} s "
                    "could be read."
                )
            )

    def _add_error(self, error: VideoError) -> None:
        self._rows.append(error_row(Origin(self._source.name), error))


def _fingerprint(file: Path) -> str:
    try:
        return fingerprint(file)
    except OSError:
        return MISSING


def _replace(new: Path, file: Path) -> None:
    """Rename ``new`` to ``file`` when it is on the disk."""
    with new.open("rb+") as written:
        sync(written)
    new.replace(file)
    sync_folder(file.parent)
