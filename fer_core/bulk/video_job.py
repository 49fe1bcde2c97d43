"""Read one video part by part, with an annotated copy if wanted."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

from fer_core.bulk.checkpoint import Standing
from fer_core.bulk.inputs import Source
from fer_core.errors import VideoError
from fer_core.recognition.pool import RecognizerPool
from fer_core.recognition.results import Origin, error_row, face_rows
from fer_core.video import Position, RecognizedFrame, Sampling, VideoRecognizer
from fer_core.video.writer import PieceWriter, draw, join

SHOTS_A_PART: Final = 500
"""Pictures after which a part is written: what a kill costs at most, about 3 s of work."""


class Keeper(Protocol):
    """Where rows go: ``Parts``, or whoever writes them in a way of its own."""

    folder: Path

    def add(self, rows: Iterable[Mapping[str, Any]], standing: Standing) -> None:
        """Keep these."""


class VideoJob:
    """One video on its way into the parts.

    Args:
        source: The video.
        pool: Who reads.
        parts: Where rows go.
        sampling: Which pictures are read.
        copy: Where an annotated copy goes; None for none.
    """

    def __init__(
        self,
        source: Source,
        pool: RecognizerPool,
        parts: Keeper,
        sampling: Sampling,
        copy: Path | None,
    ) -> None:
        self._source, self._pool, self._parts = source, pool, parts
        self._sampling, self._copy = sampling, copy
        self._rows: list[Mapping[str, Any]] = []
        self._pieces = 0

    def go(self, standing: Standing) -> Generator[float]:
        """Read to the end; gives the share 0..1 that is done after each picture.

        Args:
            standing: Where the job stood; reading goes on there if it was in this video.
        """
        goes_on = standing.video == self._source.name
        self._pieces = standing.pieces if goes_on else 0
        position = standing.position if goes_on else None
        try:
            yield from self._read(position)
            self._finish_copy()
        except VideoError as error:
            self._add_error(error)
        self._parts.add(self._rows, Standing((self._source.name,)))
        for number in range(self._pieces):
            self._piece(number).unlink(missing_ok=True)

    def _read(self, position: Position | None) -> Iterator[float]:
        """Read part by part; what is left of the last part stays in ``_rows``."""
        draws = self._copy is not None
        reader = VideoRecognizer(self._source.path, self._pool, self._sampling, position, draws)
        seconds = reader.info.seconds
        with closing(iter(reader)) as frames:
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
                    self._new.replace(self._piece(self._pieces))
                    self._pieces += 1
                if count < SHOTS_A_PART:
                    break
                standing = Standing((), self._source.name, reader.position(), self._pieces)
                self._parts.add(self._rows, standing)
                self._rows = []
        self._check_end(reader)

    def _finish_copy(self) -> None:
        """Join the pieces to the annotated copy."""
        if self._copy:
            part = self._copy.with_name(f".{self._copy.name}.part")
            join([self._piece(number) for number in range(self._pieces)], self._source.path, part)
            part.replace(self._copy)

    def _new_piece(self, reader: VideoRecognizer) -> AbstractContextManager[PieceWriter | None]:
        return PieceWriter(self._new, reader.info.rate) if self._copy else nullcontext()

    def _add_rows(self, read: RecognizedFrame, reader: VideoRecognizer) -> None:
        if not read.is_sampled:
            return
        factor = reader.info.width / read.frame.yuv.shape[1]
        faces = [face.scale(factor) for face in read.faces]
        origin = Origin(self._source.name, read.frame.number, round(read.frame.time_s, 4))
        persons = [face.person for face in faces]
        self._rows += face_rows(origin, faces, self._pool.first.detector_name, persons)

    def _check_end(self, reader: VideoRecognizer) -> None:
        """A file that ends before its time gets a word in the table of errors."""
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

    def _piece(self, number: int) -> Path:
        return self._parts.folder / f"piece-{number:06}.nut"

    @property
    def _new(self) -> Path:
        return self._parts.folder / "new.nut"
