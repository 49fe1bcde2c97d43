"""Read very many files, photos and videos, in a way that survives being killed."""

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from fer_core.bulk import inputs, object_store, writers
from fer_core.bulk.checkpoint import Parts, Standing
from fer_core.bulk.inputs import Opener, Source
from fer_core.bulk.video_job import VideoJob
from fer_core.errors import FerError, ImageError, JobError
from fer_core.models.card import LITERT_FILE
from fer_core.recognition.photos import Photo, PhotoReader
from fer_core.recognition.pool import RecognizerPool
from fer_core.recognition.recognizer import Recognizer
from fer_core.recognition.results import check_format
from fer_core.system.files import digest, numbered
from fer_core.system.jobs import process_lock
from fer_core.system.jobs.job import OWNER
from fer_core.system.paths import shown, typed
from fer_core.video import Sampling, probe

Report = Callable[[float, float, str], None]
"""Called with pictures done, pictures in all and the file at work; may raise to stop."""

PHOTOS_A_PART: Final = 250
SECONDS_A_PART: Final = 5.0
"""What a kill costs at most."""

PLAN_VERSION: Final = 1

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """How files are read.

    Attributes:
        is_crop: Each photo is one face already; see ``PhotoReader``.
        sampling: Which pictures of a video are read.
        annotated: Folder for annotated copies of the videos; None for no copies.
        below: See ``sources.listing``.
        restart: Forget what an earlier call did.
    """

    is_crop: bool = False
    sampling: Sampling = field(default_factory=Sampling)
    annotated: Path | None = None
    below: Path | None = None
    restart: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """What came out.

    Attributes:
        files: Files read, those with errors too.
        faces: Rows with a face.
        rows: Rows in all.
        errors: Files with something wrong.
        error_file: The table of errors; written if there are any.
    """

    files: int
    faces: int
    rows: int
    errors: int
    error_file: Path


def parts_folder(target: Path) -> Path:
    """Where the parts lie until ``target`` is complete."""
    return target.with_name(target.name + ".parts")


def error_file(target: Path) -> Path:
    """The table of errors that belongs to ``target``."""
    return target.with_name(f"{target.stem}.errors.csv")


def classify(
    named: Sequence[str],
    pool: RecognizerPool,
    targets: Sequence[Path],
    options: Options | None = None,
    report: Report = lambda done, total, note: None,
) -> Summary:
    """Read everything that is named and write one table; goes on where an earlier call stopped.

    Args:
        named: See ``sources.listing``.
        pool: Who reads.
        targets: Tables to write, all with the same rows: ``.csv``, ``.json`` or ``.parquet``.
        options: How files are read.
        report: Hears of the progress.

    Raises:
        FerError: Nothing to read, results cannot be written, or other half-done results are in
            the way. What is done stays for the next call.
    """
    options = options or Options()
    for target in targets:
        check_format(target)
    folder, errors = parts_folder(targets[0]), error_file(targets[0])
    try:
        with _alone(folder):
            found = inputs.listing(named, options.below)
            _check_copies(named, found, options.annotated)
            parts = Parts(folder, plan(named, pool, options), options.restart)
            _Run(found, pool, parts, options, report).go()
            counts = writers.write(parts.tables(), targets, errors)
            parts.delete()
    except OSError as error:
        raise FerError(
            f"{targets[0]} cannot be written ({error.strerror or error}). Free some space or "
            "choose another place. What is done is kept: the same call goes on from there."
        ) from error
    return Summary(len(found), counts.faces, counts.rows, counts.errors, errors)


class _Run:
    """One call's work."""

    def __init__(
        self,
        found: Sequence[Source],
        pool: RecognizerPool,
        parts: Parts,
        options: Options,
        report: Report,
    ) -> None:
        self._pool, self._parts, self._options = pool, parts, options
        self._report = report
        self._standing = parts.standing()
        finished = set(self._standing.finished)
        waiting = [source for source in found if source.name not in finished]
        half = self._standing.video  # comes first: files added since may precede it in the list
        self._waiting = sorted(waiting, key=lambda source: source.name != half)
        self._weights = {one.name: _weight(one, options.sampling) for one in found}
        self._done = float(sum(self._weights[one.name] for one in found if one.name in finished))
        self._total = float(sum(self._weights.values()))
        self._copies = _copies(found, options.annotated)

    def go(self) -> None:
        """Read what is waiting."""
        for is_video, group in groupby(self._waiting, key=lambda one: one.is_video):
            if is_video:
                for source in group:
                    self._read_video(source)
            else:
                self._read_photos(list(group))
        self._report(self._total, self._total, "Writing the tables")

    def _read_photos(self, waiting: Sequence[Source]) -> None:
        with ExitStack() as stack:
            opener = Opener(stack)
            read_photos = self._pool.map(
                lambda member, source: read_photo(
                    member, source.name, partial(opener.read, source), self._options
                ),
                waiting,
            )
            stack.enter_context(closing(read_photos))
            for photos in _batches(read_photos, self._photo_done):
                rows = [row for photo in photos for row in photo.rows()]
                self._parts.add(rows, Standing(tuple(photo.name for photo in photos)))

    def _photo_done(self, photo: Photo) -> None:
        self._done += 1
        self._report(self._done, self._total, photo.name)

    def _read_video(self, source: Source) -> None:
        copy = self._copies.get(source.name)
        job = VideoJob(source, self._pool, self._parts, self._options.sampling, copy)
        before, weight = self._done, self._weights[source.name]
        with closing(job.go(self._standing)) as shares:
            for share in shares:
                self._report(before + weight * share, self._total, source.name)
        self._done = before + weight
        self._standing = Standing()


def read_photo(
    recognizer: Recognizer, name: str, fetch: Callable[[], bytes], options: Options
) -> Photo:
    """One photo's results; whatever is wrong with it is its ``error``."""
    try:
        data = fetch()
        return PhotoReader(recognizer, options.is_crop).read(data, name, draw=False)
    except FerError as error:
        return Photo(name, error=str(error))
    except Exception as error:  # one odd file must not end a job of 100,000
        _LOGGER.exception("%s could not be read", name)
        return Photo(name, error=f"{name}: could not be read ({error}).")


def _batches(photos: Iterator[Photo], done: Callable[[Photo], None]) -> Iterator[list[Photo]]:
    """Photos in groups that are worth a part: some hundred, or what came in some seconds."""
    batch: list[Photo] = []
    began = time.monotonic()
    for photo in photos:
        batch.append(photo)
        done(photo)
        if len(batch) >= PHOTOS_A_PART or time.monotonic() - began > SECONDS_A_PART:
            yield batch
            batch, began = [], time.monotonic()
    if batch:
        yield batch


def _weight(source: Source, sampling: Sampling) -> int:
    """Pictures to read, about."""
    if not source.is_video:
        return 1
    try:
        info = probe(source.path)
    except FerError:
        return 1
    return max(round(info.seconds / sampling.interval_s(info.rate)), 1)


def _copies(found: Sequence[Source], folder: Path | None) -> dict[str, Path]:
    """Video to annotated copy; a number keeps equal names apart."""
    copies: dict[str, Path] = {}
    taken: set[str] = set()
    if folder is None:
        return copies
    folder.mkdir(parents=True, exist_ok=True)
    for source in filter(lambda one: one.is_video, found):
        name = numbered(shown(source.path.stem), taken.__contains__)
        taken.add(name)
        copies[source.name] = folder / f"{name}.mp4"
    return copies


def _check_copies(named: Sequence[str], found: Sequence[Source], folder: Path | None) -> None:
    """Copies take no original's place, and the next call does not read them."""
    if folder is None:
        return
    home, read = folder.resolve(), {source.path.resolve() for source in found}
    above = (Path(name).resolve() for name in named if Path(name).is_dir())
    if any(map(home.is_relative_to, above)) or not read.isdisjoint(
        file.resolve() for file in _copies(found, folder).values()
    ):
        raise FerError(
            f"--annotated {folder}: this is among what is read. Choose another folder for the "
            "annotated copies."
        )


def plan(named: Sequence[str], pool: RecognizerPool, options: Options) -> Mapping[str, Any]:
    """What decides the results; parts of another plan do not fit."""
    card = pool.first.classifier.card
    return {
        "version": PLAN_VERSION,
        "paths": [whereabouts(name) for name in named],
        "model": f"{card.name} {digest(card.folder / LITERT_FILE)[:16]}",
        "head": pool.first.classifier.head,
        "detector": pool.first.detector_name,
        "below": str(options.below.absolute()) if options.below else "",
        "crop": options.is_crop,
        "sampling": asdict(options.sampling),
        "annotated": str(options.annotated.absolute()) if options.annotated else "",
    }


def whereabouts(name: str) -> str:
    """A name that means the same from every folder.

    Raises:
        ImageError: It is no path.
    """
    if object_store.is_address(name):
        return object_store.name_of(name)
    return str(typed(name, ImageError).absolute())


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else writes the same results meanwhile; an empty folder is not left behind."""
    lock = folder / OWNER
    if not process_lock.hold(lock, process_lock.me()):
        raise JobError(f"{folder} is being written by another process. Wait until it is done.")
    try:
        yield
    finally:
        process_lock.release(lock)
        if all(file.name == process_lock.GUARD for file in folder.iterdir()):
            shutil.rmtree(folder)
