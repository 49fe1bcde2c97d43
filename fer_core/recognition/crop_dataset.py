"""Datasets of photos: tell them from face crops, and cut their faces out into a new dataset."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

import cv2
import numpy as np
import pandas as pd

from fer_core.dataset import ferplus, groups, image_reading, store
from fer_core.dataset.import_record import ImportRecord
from fer_core.dataset.index import DatasetIndex
from fer_core.dataset.left_out import MAX_EXAMPLES, LeftOut
from fer_core.errors import DatasetError, ImageError
from fer_core.images.boxes import Box
from fer_core.images.crop import face_crop
from fer_core.recognition.detection import MARGINS, FaceDetector, choose_detector
from fer_core.recognition.face import Detection
from fer_core.system import files, parallel
from fer_core.system.parallel import Progress
from fer_core.types import Pixels, Rows

CROP_SIDE: Final = 128
"""Images up to this longer side, in pixels, that are nearly square are face crops: no detector is
run on them."""

CROP_ASPECT: Final = 1.5
"""Longer side / shorter side of the longest face crop."""

SAMPLE: Final = 24
"""Images that the detector looks at to tell photos from crops: below a second for most datasets."""

FACE_SHARE: Final = 0.6
"""Least side of the face's square as a share of the image's shorter side. FER-2013's crops have 0.9
(a margin of 30% on each side gives 0.6), portraits 0.4, other photos less."""

PHOTO_SHARE: Final = 0.2
"""Least share of photos in a dataset that should be cut."""

SIDES: Final = (48, 224)
"""Least and largest side of a crop in pixels; between them a face keeps its resolution."""

ENLARGED: Final = 192
BORDER: Final = 64
"""Sides in pixels of an enlarged image and of the edge repeated around it: a detector expects some
space around a face that fills the image."""

BYTES: Final = 60_000
"""Disk space of a crop, at most about this."""


class Detector(Protocol):
    """A face detector, or a recognizer that has one."""

    def detect(self, rgb: Pixels, /) -> tuple[Detection, ...]:
        """Return the faces of uint8 (H, W, 3) RGB."""


@dataclass(frozen=True, slots=True)
class PhotoCheck:
    """Result of a sample of a dataset's images.

    Attributes:
        sampled: Images the detector looked at; 0 where the sizes tell that all are crops.
        photos: Sampled images whose face fills less than ``FACE_SHARE`` of them.
        are_photos: The dataset should be cut before it is evaluated, audited or trained on.
    """

    sampled: int = 0
    photos: int = 0
    are_photos: bool = False

    @property
    def sentence(self) -> str:
        """The result for a user; empty for face crops."""
        if not self.are_photos:
            return ""
        return (
            f"These are photos, not face crops: in {self.photos} of {self.sampled} sampled images "
            f"the face fills less than {FACE_SHARE:.0%} of the image."
        )


@dataclass(frozen=True, slots=True)
class CroppedDataset:
    """A dataset of faces cut out of photos.

    Attributes:
        folder: The new dataset.
        faces: Crops in it.
        without_face: Files of the photos in which no face was detected.
    """

    folder: Path
    faces: int
    without_face: tuple[str, ...]


def check_photos(index: DatasetIndex, detector: FaceDetector | None = None) -> PhotoCheck:
    """Tell a dataset of photos from one of face crops.

    The sizes known from the scan decide first; only larger or oblong images are sampled.

    Args:
        index: The dataset.
        detector: None for the default one.
    """
    width, height = index.table["width"].to_numpy(), index.table["height"].to_numpy()
    longer, shorter = np.maximum(width, height), np.maximum(np.minimum(width, height), 1)
    doubtful = index.is_readable & ((longer > CROP_SIDE) | (longer > CROP_ASPECT * shorter))
    rows = np.flatnonzero(doubtful)
    share = len(rows) / max(int(index.is_readable.sum()), 1)
    if share < PHOTO_SHARE:
        return PhotoCheck()
    detector = detector or choose_detector().detector
    sample = rows[np.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).round().astype(int)]
    photos = sum(_is_photo(index.path(row), detector) for row in sample.tolist())
    are_photos = share * photos / len(sample) >= PHOTO_SHARE
    return PhotoCheck(len(sample), photos, are_photos)


def crop_dataset(
    index: DatasetIndex,
    name: str | None = None,
    home: Path | None = None,
    *,
    every_face: bool = False,
    progress: Progress | None = None,
) -> CroppedDataset:
    """Write a new dataset of the faces in ``index``, cut and turned upright by ``face_crop``.

    Splits, labels and FER+ votes are kept. The photos are not changed.

    Args:
        index: The photos.
        name: Name of the new dataset; None for the photos' name with ``-faces``.
        home: The store; see ``dataset.store``.
        every_face: Cut out all faces of a photo instead of the largest one.
        progress: Called with the photos searched and their number.

    Raises:
        DatasetError: No photo has a face, or the new dataset cannot be written.
        CancelledError: ``progress`` asked to stop. No partial dataset remains.
    """
    photos, name_of_photos = index, index.root.name
    index, detector = index.readable(), choose_detector().detector
    name = store.free_name(name or f"{index.root.name}-faces", home)
    faces: list[Sequence[Detection]] = [()] * len(index)
    stems = _stems(index)
    with store.new_dataset(name, len(index) * BYTES, home) as folder:

        def work(start: int, stop: int) -> None:
            for row in range(start, stop):
                image = image_reading.read(index.path(row))
                detections = detect_faces(image, detector)
                largest = sorted(detections, key=lambda face: face.box.area, reverse=True)
                faces[row] = largest if every_face else largest[:1]
                for number, face in enumerate(faces[row]):
                    crop = cut_face(image, face, detector.name)
                    file = folder / _file(stems[row], number)
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(image_reading.png(crop))

        parallel.run(work, len(index), progress, size=16)
        manifest = _manifest(index, stems, faces)
        without_face = tuple(
            str(file) for file, cut in zip(index.table["file"], faces, strict=True) if not cut
        )
        if manifest.empty:
            raise DatasetError(
                f"{index.root}: no face was detected in any of {len(index):,} images."
            )
        rows = manifest.pop("row").to_numpy()
        for table in (ferplus, groups):
            table.save(index, folder, manifest["file"].tolist(), rows)
        (folder / store.MANIFEST).write_bytes(files.parquet_bytes(manifest))
        about = {"source": str(index.root), "faces": len(manifest), "detector": detector.name,
                 "every_face": every_face, "without_face": without_face}  # fmt: skip
        store.write_about(folder, about)
        ImportRecord(name_of_photos, left_out=_left_out(photos, without_face)).save(folder)
    return CroppedDataset((home or store.default_home()) / name, len(manifest), without_face)


def _left_out(photos: DatasetIndex, without_face: Sequence[str]) -> tuple[LeftOut, ...]:
    """Return what of a dataset of photos is not among its faces."""
    unreadable = photos.table["file"][~photos.is_readable].astype(str).tolist()
    reasons = (("no face", without_face), ("unreadable", unreadable))
    return (
        *photos.left_out,
        *(
            LeftOut(kind, len(names), tuple(names[:MAX_EXAMPLES]), unit="photos")
            for kind, names in reasons
            if names
        ),
    )


def cropped_once(index: DatasetIndex, home: Path, progress: Progress | None = None) -> Path:
    """Return a dataset of the largest faces of ``index``; the same photos are cut once only.

    Args:
        index: The photos.
        home: Folder of the new dataset's folder.
        progress: Called with the photos searched and their number.

    Raises:
        DatasetError: See ``crop_dataset``.
    """
    rows = index.readable()
    table = rows.table[["file", "split", "label", "digest"]]
    key = hashlib.sha256(table.to_csv(index=False).encode())
    key.update(b"" if rows.votes is None else rows.votes.to_csv(index=False).encode())
    name = f"{index.root.name}-faces-{key.hexdigest()[:8]}"
    if (home / name).is_dir():
        return home / name
    return crop_dataset(index, name, home, progress=progress).folder


def detect_faces(image: Pixels, detector: Detector) -> tuple[Detection, ...]:
    """Detect the faces of an image, also one that fills the image.

    Args:
        image: uint8 (H, W, 3) RGB or (H, W) grey.
        detector: Detects the faces.

    Returns:
        Faces in pixels of ``image``; none is ``()``.
    """
    rgb = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    if faces := detector.detect(rgb):
        return faces
    height, width = rgb.shape[:2]
    factor = ENLARGED / max(height, width)
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    border = ((BORDER, BORDER), (BORDER, BORDER), (0, 0))
    framed = np.pad(cv2.resize(rgb, size), border, mode="edge")
    return tuple(
        replace(face, box=_shifted(face.box).scale(1 / factor), landmarks=()).clip(width, height)
        for face in detector.detect(framed.astype(np.uint8))
    )


def _shifted(box: Box) -> Box:
    return Box(*(value - BORDER for value in box.xyxy))


def _is_photo(file: Path, detector: FaceDetector) -> bool:
    """Return True if the largest face fills less than ``FACE_SHARE`` of the image."""
    try:
        image = image_reading.read(file)
    except ImageError:
        return False
    boxes = [face.box for face in detect_faces(image, detector)]
    sides = [max(box.width, box.height) * (1 + 2 * MARGINS[detector.name]) for box in boxes]
    return bool(sides) and max(sides) < FACE_SHARE * min(image.shape[:2])


def cut_face(image: Pixels, face: Detection, detector: str) -> Pixels:
    """Return a face as it is stored in a dataset, with S within ``SIDES``.

    Args:
        image: uint8 (H, W, 3) RGB or (H, W).
        face: The face in pixels of ``image``.
        detector: Name of its detector; see ``detection.MARGINS``.

    Returns:
        uint8 (S, S, 3) or (S, S).
    """
    margin = MARGINS[detector]
    side = max(face.box.width, face.box.height) * (1 + 2 * margin)
    return face_crop(image, face.box, int(np.clip(round(side), *SIDES)), face.roll, margin)


def _stems(index: DatasetIndex) -> list[str]:
    """Return ``split/label/name`` of each image without repetitions."""
    stems: dict[str, None] = {}  # ordered
    repeats: Counter[str] = Counter()
    for split, label, file in index.table[["split", "label", "file"]].itertuples(index=False):
        stem = name = f"{split}/{label}/{PurePosixPath(file).stem}"
        while name in stems:
            repeats[stem] += 1
            name = f"{stem}-{repeats[stem] + 1}"
        stems[name] = None
    return list(stems)


def _file(stem: str, number: int) -> str:
    return f"{stem}-face-{number + 1}.png" if number else f"{stem}.png"


def _manifest(
    index: DatasetIndex, stems: Sequence[str], faces: Sequence[Sequence[Detection]]
) -> pd.DataFrame:
    """Return a row a crop: file, source, split, label, the face's box and roll, and its row."""
    columns = ["row", "file", "score", "roll", "x1", "y1", "x2", "y2"]
    rows = [
        (row, _file(stems[row], number), face.score, face.roll, *face.box.xyxy)
        for row, detections in enumerate(faces)
        for number, face in enumerate(detections)
    ]
    table = pd.DataFrame(rows, columns=columns)
    origin: Rows = table["row"].to_numpy(np.int64)
    originals = index.table[["file", "split", "label"]].rename(columns={"file": "source"})
    return table.join(originals.iloc[origin].reset_index(drop=True))
