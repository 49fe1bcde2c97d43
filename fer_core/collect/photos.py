"""Collect the faces of files: photos, folders and ZIPs of photos, and videos among them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeAlias

from fer_core.bulk.inputs import Opener, Source, listing
from fer_core.collect import labels, video
from fer_core.collect.collection import Collection, Face, Suggester
from fer_core.collect.report import Report, no_face
from fer_core.errors import FerError, VideoError
from fer_core.images import read_image
from fer_core.labels import emotion_named
from fer_core.recognition import Recognizer
from fer_core.recognition.crop_dataset import cut_face, detect_faces
from fer_core.recognition.pool import RecognizerPool, prefetch
from fer_core.system.parallel import Progress, batches

BATCH: Final = 32
"""Photos whose faces are written at once."""

PhotoFaces: TypeAlias = tuple[list[Face], str]
"""The faces of a photo, and a sentence where some of it is missing."""


@dataclass(frozen=True, slots=True)
class FileOptions:
    """Options for collecting from files.

    Attributes:
        model: The model that suggests labels; see ``Recognizer.load``. The same of
            ``detector`` and ``head``.
        detector: Face detector.
        head: Head of the model.
        workers: Threads.
        below: Sources are named by their path from this folder on.
        folder_labels: Take the name of a photo's folder for its label where it names an emotion.
        clip: Part and pace of videos.
    """

    model: str | None = None
    detector: str = "auto"
    head: str | None = None
    workers: int = 2
    below: Path | None = None
    folder_labels: bool = False
    clip: video.Clip = field(default_factory=video.Clip)


def add_files(
    collection: Collection,
    paths: Sequence[str],
    options: FileOptions | None = None,
    progress: Progress | None = None,
) -> Report:
    """Add the faces of photos and videos to a collection.

    Args:
        collection: Where the faces go.
        paths: Files, folders, ZIPs and patterns; see ``bulk.inputs.listing``.
        options: See ``FileOptions``.
        progress: Called with the photos read, or thousandths of a single video, and all of them.

    Raises:
        FerError: Nothing is there to be read, or the faces cannot be written.
        CancelledError: ``progress`` asked to stop. The faces so far stay.
    """
    options = options or FileOptions()
    listed = listing(paths, options.below)
    pool = RecognizerPool(options.workers, options.model, options.detector, options.head)
    report = Report(notice=" ".join(filter(None, [pool.first.notice, listed.notice])))
    photos = [source for source in listed.sources if not source.is_video]
    _add_photos(collection, photos, pool, options, report, progress)
    for source in listed.sources:
        if source.is_video:
            _add_video(collection, source, pool, options.clip, report, progress)
    return report


def add_in_process(
    collection: str, paths: Sequence[str], options: Mapping[str, Any], progress: Progress
) -> dict[str, Any]:
    """Run ``add_files`` with plain values, for ``isolated.call``.

    Args:
        collection: Its folder.
        paths: See ``add_files``.
        options: Fields of ``FileOptions``; ``clip`` as a list of its fields' values.
        progress: See ``add_files``.
    """
    below = options.get("below")
    clip = video.Clip(*options.get("clip", ()))
    values = {**options, "clip": clip, "below": Path(below) if below else None}
    report = add_files(Collection(Path(collection)), paths, FileOptions(**values), progress)
    return {"sentence": report.sentence, "faces": report.faces, "files": report.files}


def suggester(recognizer: Recognizer) -> Suggester:
    """Return the names of a recognizer's parts."""
    classifier = recognizer.classifier
    return Suggester(classifier.card.name, classifier.head, recognizer.detector_name)


def _add_photos(  # noqa: PLR0913, PLR0917
    collection: Collection,
    photos: Sequence[Source],
    pool: RecognizerPool,
    options: FileOptions,
    report: Report,
    progress: Progress | None,
) -> None:
    with ExitStack() as stack:
        opener = Opener(stack)

        def read(recognizer: Recognizer, source: Source) -> tuple[Source, PhotoFaces | FerError]:
            try:
                return source, photo_faces(recognizer, opener.read(source), source.name)
            except FerError as error:
                return source, error

        results = stack.enter_context(closing(pool.map(read, photos)))
        results = stack.enter_context(closing(prefetch(results, BATCH)))  # while a batch is written
        for batch in batches(results, BATCH):
            _keep(collection, batch, suggester(pool.first), options, report)
            if progress:
                progress(report.files, len(photos))


def photo_faces(recognizer: Recognizer, data: bytes, name: str) -> PhotoFaces:
    """Return the faces of a photo, left to right, and a sentence where some of it is missing.

    Args:
        recognizer: Detects the faces and suggests their labels.
        data: The file's bytes.
        name: The file's name.

    Raises:
        ImageError: It cannot be read.
    """
    image = read_image(data, name)
    detections = sorted(detect_faces(image.pixels, recognizer), key=lambda face: face.box.x1)
    detector = recognizer.detector_name
    faces = [
        Face(
            cut_face(image.pixels, face.detection, detector), "photo", name, f"{name}#{number}",
            face.scale(image.scale).detection, face.probabilities,
        )
        for number, face in enumerate(recognizer.classify(image.pixels, tuple(detections)), 1)
    ]  # fmt: skip
    return faces, image.note


def _keep(
    collection: Collection,
    batch: Iterable[tuple[Source, PhotoFaces | FerError]],
    names: Suggester,
    options: FileOptions,
    report: Report,
) -> None:
    """Write the faces of some photos, their labels and what came of each file."""
    results = list(batch)
    faces = [face for _, result in results if isinstance(result, tuple) for face in result[0]]
    added = collection.add(faces, names)
    if options.folder_labels:
        labels.add(collection, list(_folder_labels(faces, added.files)))
    notes = []
    for source, result in results:
        faces_here, note = result if isinstance(result, tuple) else ([], str(result))
        count = len(faces_here)
        if count and note:
            report.partial.append(note)
        elif not count:
            note = note or no_face(source.name)
            report.problems.append((source.name, note))
        notes.append((source.name, count, note))
    collection.note_sources("photo", notes)
    report.files += len(results)
    report.faces += len(faces) - added.duplicates
    report.duplicates += added.duplicates


def _folder_labels(faces: Sequence[Face], files: Sequence[str]) -> Iterator[labels.Entry]:
    for face, file in zip(faces, files, strict=True):
        emotion = emotion_named(PurePosixPath(face.source).parent.name)
        if file and emotion:
            yield labels.Entry(file, emotion, "folder")


def _add_video(  # noqa: PLR0913, PLR0917
    collection: Collection,
    source: Source,
    pool: RecognizerPool,
    clip: video.Clip,
    report: Report,
    progress: Progress | None,
) -> None:
    report.files += 1
    try:
        count, duplicates = video.add_video(
            collection, source.path, source.name, pool, suggester(pool.first), clip, progress
        )
    except VideoError as error:
        report.problems.append((source.name, str(error)))
        collection.note_sources("video", [(source.name, 0, str(error))])
        return
    report.faces += count
    report.duplicates += duplicates
    if not count + duplicates:
        report.problems.append((source.name, no_face(source.name)))
    note = "" if count + duplicates else no_face(source.name)
    collection.note_sources("video", [(source.name, count, note)])
