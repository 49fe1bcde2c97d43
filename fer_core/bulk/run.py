"""Read very many files, photos and videos, in a way that survives being killed."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Final

from fer_core.bulk import inputs, resume, writers
from fer_core.bulk.checkpoint import Checkpoint, Parts
from fer_core.bulk.inputs import Opener, Source
from fer_core.bulk.photo_job import read_photo
from fer_core.bulk.plan import Options, Report, plan
from fer_core.bulk.video_job import VideoJob
from fer_core.errors import FerError, JobError
from fer_core.recognition.photos import Photo
from fer_core.recognition.pool import RecognizerPool
from fer_core.recognition.recognizer import Recognizer
from fer_core.recognition.results import FORMATS, check_format
from fer_core.system.files import numbered, writing
from fer_core.system.jobs import process_lock
from fer_core.system.jobs.job import OWNER
from fer_core.system.text import utf8
from fer_core.video import Sampling, probe

PHOTOS_A_PART: Final = 250
SECONDS_A_PART: Final = 5.0
"""Photos, and seconds, that a kill costs at most."""

ERRORS: Final = ".errors.csv"
"""What the name of a table of errors adds to that of its table."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The size of the result.

    Attributes:
        files: Files read, those with errors too.
        faces: Rows with a face.
        rows: All rows.
        errors: Files with an error.
        error_file: The table of errors and warnings; written if there are any.
        warnings: Files that were read although some of them is missing, such as a photo's end.
        notice: Sentence on files that were passed over; may be empty.
    """

    files: int
    faces: int
    rows: int
    errors: int
    error_file: Path
    warnings: int = 0
    notice: str = ""


def parts_folder(target: Path) -> Path:
    """Return the folder of the parts until ``target`` is complete."""
    return target.with_name(target.name + ".parts")


def error_file(target: Path) -> Path:
    """Return the table of errors that belongs to ``target`` and to no other table."""
    return target.with_name(f"{target.name}{ERRORS}")


def classify(
    names: Sequence[str],
    pool: RecognizerPool,
    targets: Sequence[Path],
    options: Options | None = None,
    report: Report = lambda done, total, note: None,
) -> Summary:
    """Read every file and write one table; continues where an earlier call stopped.

    A file that has changed since an earlier call read it is read again.

    Args:
        names: See ``inputs.listing``.
        pool: The recognizers.
        targets: Tables to write, all with the same rows: ``.csv``, ``.json`` or ``.parquet``.
        options: How files are read.
        report: Called with the progress.

    Raises:
        FerError: Nothing to read, results cannot be written, or the half-done results of another
            job are in the way. What is done stays for the next call.
    """
    options = options or Options()
    for target in targets:
        _check_name(target)
    folder, errors = parts_folder(targets[0]), error_file(targets[0])
    advice = (
        "Free some space or choose another place. What is done stays: the same call continues "
        "from there."
    )
    with writing(targets[0], FerError, advice), _locked(folder):
        listing = inputs.listing(names, options.below)
        _check_copies(names, listing.sources, options.annotated)
        parts = Parts(folder, plan(names, pool, options), options.restart)
        gone = resume.forget_gone(listing.sources, parts)
        _Run(listing.sources, pool, parts, options, report).run()
        counts = writers.write(resume.complete(parts.tables(), listing.sources), targets, errors)
        for other in targets[1:]:  # its table of errors belonged to the table that was replaced
            error_file(other).unlink(missing_ok=True)
        parts.delete()
    return Summary(
        len(listing.sources), counts.faces, counts.rows, counts.errors, errors, counts.warnings,
        f"{listing.notice} {gone}".strip(),
    )  # fmt: skip


def _check_name(target: Path) -> None:
    """Raise ``FerError`` where a table cannot have this name."""
    check_format(target)
    table = Path(target.name.removesuffix(ERRORS))
    if table.name != target.name and table.suffix in FORMATS:
        raise FerError(
            f"{target}: the table of errors of {table} has this name. Choose another --out."
        )


class _Run:
    """The work of one call."""

    def __init__(
        self,
        sources: Sequence[Source],
        pool: RecognizerPool,
        parts: Parts,
        options: Options,
        report: Report,
    ) -> None:
        self._pool, self._parts, self._options = pool, parts, options
        self._report = report
        self._half = resume.half_read(sources, parts)
        finished = resume.still_finished(sources, parts, options.annotated)
        waiting = [source for source in sources if source.name not in finished]
        half = self._half.video if self._half else ""  # first: its pieces are in the folder
        self._waiting = sorted(waiting, key=lambda source: source.name != half)
        self._weights = {source.name: _weight(source, options.sampling) for source in sources}
        self._done = float(sum(self._weights[name] for name in finished))
        self._total = float(sum(self._weights.values()))
        self._copies = _copies(sources, options.annotated, parts.copies())

    def run(self) -> None:
        """Read the waiting files."""
        for is_video, group in groupby(self._waiting, key=lambda source: source.is_video):
            if is_video:
                for source in group:
                    self._read_video(source)
            else:
                self._read_photos(list(group))
        self._report(self._total, self._total, "Writing the tables")

    def _read_photos(self, waiting: Sequence[Source]) -> None:
        is_crop = self._options.is_crop
        with ExitStack() as stack:
            opener = Opener(stack)

            def read(recognizer: Recognizer, source: Source) -> tuple[Photo, str]:
                fingerprint = opener.fingerprint(source)
                fetch = partial(opener.read, source)
                return read_photo(recognizer, source.name, fetch, is_crop), fingerprint

            photos = self._pool.map(read, waiting)
            stack.enter_context(closing(photos))
            for batch in _batches(photos, self._on_photo):
                rows = [row for photo, _ in batch for row in photo.rows()]
                finished = {photo.name: fingerprint for photo, fingerprint in batch}
                self._parts.add(rows, Checkpoint(finished))

    def _on_photo(self, photo: Photo) -> None:
        self._done += 1
        self._report(self._done, self._total, photo.name)

    def _read_video(self, source: Source) -> None:
        copy = self._copies.get(source.name)
        job = VideoJob(source, self._pool, self._parts, self._options.sampling, copy)
        done_before, weight = self._done, self._weights[source.name]
        is_half = self._half is not None and self._half.video == source.name
        with closing(job.run(self._half if is_half else None)) as shares:
            for share in shares:
                self._report(done_before + weight * share, self._total, source.name)
        self._done = done_before + weight


def _batches(
    photos: Iterable[tuple[Photo, str]], on_photo: Callable[[Photo], None]
) -> Iterator[list[tuple[Photo, str]]]:
    """Yield photos in groups that are worth a part: some hundred, or those of some seconds."""
    batch: list[tuple[Photo, str]] = []
    start = time.monotonic()
    for photo in photos:
        batch.append(photo)
        on_photo(photo[0])
        if len(batch) >= PHOTOS_A_PART or time.monotonic() - start > SECONDS_A_PART:
            yield batch
            batch, start = [], time.monotonic()
    if batch:
        yield batch


def _weight(source: Source, sampling: Sampling) -> int:
    """Return the number of images to read, about."""
    if not source.is_video:
        return 1
    try:
        info = probe(source.path)
    except FerError:
        return 1
    return max(round(info.seconds / sampling.interval_s(info.rate)), 1)


def _copies(
    sources: Sequence[Source], folder: Path | None, earlier: Mapping[str, str]
) -> dict[str, Path]:
    """Return the annotated copy of each video; a number tells equal names apart.

    Args:
        sources: All files.
        folder: Folder for the copies; None for none.
        earlier: Names of copies that an earlier call made.
    """
    if folder is None:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    names = dict(earlier)
    for source in sources:
        if source.is_video and source.name not in names:
            in_use = set(names.values())
            stem = numbered(utf8(source.path.stem), lambda stem: f"{stem}.mp4" in in_use)  # noqa: B023
            names[source.name] = f"{stem}.mp4"
    return {video: folder / name for video, name in names.items()}


def _check_copies(names: Sequence[str], sources: Sequence[Source], folder: Path | None) -> None:
    """Raise ``FerError`` where copies would replace originals or be read by the next call."""
    if folder is None:
        return
    home, originals = folder.resolve(), {source.path.resolve() for source in sources}
    folders_read = (Path(name).resolve() for name in names if Path(name).is_dir())
    copies = {file.resolve() for file in _copies(sources, folder, {}).values()}
    if any(map(home.is_relative_to, folders_read)) or not originals.isdisjoint(copies):
        raise FerError(
            f"--annotated {folder}: this is among what is read. Choose another folder for the "
            "annotated copies."
        )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes from the same results; an empty folder is removed at the end."""
    lock = folder / OWNER
    if not process_lock.hold(lock, process_lock.me()):
        raise JobError(f"{folder} is being written by another process. Wait until it is done.")
    try:
        yield
    finally:
        process_lock.release(lock)
        if all(file.name == process_lock.GUARD for file in folder.iterdir()):
            shutil.rmtree(folder)
