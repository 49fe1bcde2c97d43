"""Faces found in large photos and in photos that lie on their side, with times.

    python benchmarks/detect.py [--root CHECKOUT] [--shared ../shared] [--detector yunet]

Only names of the public interface are used, so that ``--root`` may be an older checkout.
"""

import argparse
import os
import statistics
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import skimage.data

HERE = Path(__file__).resolve().parent.parent
Box = tuple[float, float, float, float]
YUNET = "weights/face_detection_yunet_2026may.onnx"


def p50_ms(call: Callable[[], object], runs: int) -> float:
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def photo_720p() -> np.ndarray:
    """1280x720 with one large face."""
    face = cv2.resize(skimage.data.astronaut(), (720, 720), interpolation=cv2.INTER_AREA)
    return cv2.copyMakeBorder(face, 0, 0, 280, 280, cv2.BORDER_REPLICATE)


def heads(recognizer: object, shared: Path) -> list[tuple[np.ndarray, Box]]:
    """Faces with their surroundings, and the box of each face in them."""
    files = sorted((shared / "media").glob("*_face.jpg"))
    photos = [cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in files]
    photos.append(skimage.data.astronaut())
    cut = []
    for photo in photos:
        for face in recognizer.recognize(photo):
            x1, y1, x2, y2 = face.box.xyxy
            left, top = max(int(x1 - 0.6 * (x2 - x1)), 0), max(int(y1 - 0.5 * (y2 - y1)), 0)
            right, bottom = int(x2 + 0.6 * (x2 - x1)), int(y2 + 0.5 * (y2 - y1))
            cut.append((photo[top:bottom, left:right], (x1 - left, y1 - top, x2 - left, y2 - top)))
    return cut


def group(
    people: list[tuple[np.ndarray, Box]], width: int, height: int, size: int
) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """24 faces of ``size`` pixels on grey, and their centres."""
    photo = np.full((height, width, 3), 140, np.uint8)
    centers = []
    for n in range(24):
        head, (x1, y1, x2, y2) = people[n % len(people)]
        share = size / (x2 - x1)
        small = cv2.resize(head, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        x, y = int((n % 6 + 0.1) * width / 6), int((n // 6 + 0.1) * height / 4)
        photo[y : y + small.shape[0], x : x + small.shape[1]] = small
        centers.append((x + share * (x1 + x2) / 2, y + share * (y1 + y2) / 2))
    return photo, centers


def hits(recognizer: object, photo: np.ndarray, centers: list, size: int) -> int:
    """How many of the faces at ``centers`` are detected."""
    boxes = [face.box for face in recognizer.recognize(photo)]
    return sum(
        any(
            abs((box.x1 + box.x2) / 2 - x) < size / 3
            and abs((box.y1 + box.y2) / 2 - y) < size / 2
            and 0.5 < (box.x2 - box.x1) / size < 2
            for box in boxes
        )
        for x, y in centers
    )


def turned(recognizer: object, photos: list[np.ndarray]) -> dict[int, tuple[int, int, int]]:
    """By angle: faces detected, answered, and answered otherwise than upright."""
    counts = {}
    for quarters in (1, 2, 3):
        found = answered = wrong = 0
        for photo in photos:
            upright, face = (
                max(recognizer.recognize(np.ascontiguousarray(image)), default=None,
                    key=lambda face: face.box.area)
                for image in (photo, np.rot90(photo, quarters))
            )  # fmt: skip
            if upright is None or face is None:
                continue
            found += 1
            answered += not face.uncertain
            wrong += (
                not face.uncertain and not upright.uncertain and face.emotion != upright.emotion
            )
        counts[90 * quarters] = found, answered, wrong
    return counts


def fer_photos(shared: Path, count: int) -> list[np.ndarray]:
    """Test faces of FER-2013, three times as large, with a border."""
    with zipfile.ZipFile(shared / "data" / "fer2013.zip") as archive:
        names = [n for n in archive.namelist() if "/test/" in n and n.endswith(".png")]
        chosen = np.random.default_rng(0).choice(names, count, replace=False)
        data = [np.frombuffer(archive.read(name), np.uint8) for name in chosen]
    photos = []
    for one in data:
        large = cv2.resize(cv2.imdecode(one, 1), (144, 144), interpolation=cv2.INTER_CUBIC)
        photos.append(cv2.copyMakeBorder(large, 72, 72, 72, 72, cv2.BORDER_REPLICATE))
    return photos


def measure(recognizer: object, shared: Path) -> dict[str, float]:
    rows: dict[str, float] = {}
    photo = photo_720p()
    rows["1280x720, one large face, p50 ms"] = p50_ms(lambda: recognizer.recognize(photo), 40)
    people = heads(recognizer, shared)
    for label, width, height, size in (
        ("12 MP, 24 faces of 60 px", 4032, 3024, 60),
        ("12 MP, 24 faces of 30 px", 4032, 3024, 30),
        ("12 MP, 24 faces of 200 px", 4032, 3024, 200),
        ("48 MP, 24 faces of 100 px", 8000, 6000, 100),
    ):
        photo, centers = group(people, width, height, size)
        rows[f"{label}: found"] = hits(recognizer, photo, centers, size)
        rows[f"{label}: p50 ms"] = p50_ms(lambda p=photo: recognizer.recognize(p), 3)
    textures = [np.tile(texture, (12, 12, 1))[:3024, :4032] for texture in
                (skimage.data.coffee(), skimage.data.chelsea(), skimage.data.rocket())]  # fmt: skip
    textures += [np.dstack([np.tile(t, (8, 8))[:3024, :4032]] * 3) for t in
                 (skimage.data.grass(), skimage.data.gravel(), skimage.data.brick())]  # fmt: skip
    rows["12 MP, 6 textures without faces: found"] = sum(
        len(recognizer.recognize(np.ascontiguousarray(texture))) for texture in textures
    )
    if (shared / "data" / "fer2013.zip").is_file():
        for angle, counts in turned(recognizer, fer_photos(shared, 200)).items():
            for word, value in zip(("found", "answered", "other emotion"), counts, strict=True):
                rows[f"200 FER-2013 faces turned by {angle}: {word}"] = value
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=HERE)
    parser.add_argument("--shared", type=Path, default=HERE.parent / "shared")
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if (options.shared / YUNET).is_file():
        os.environ.setdefault("FER_YUNET", str((options.shared / YUNET).resolve()))
    sys.path[:0] = [str(options.root.resolve())]
    from benchmarks import table
    from fer_core import Recognizer

    recognizer = Recognizer.load(detector=options.detector)
    table.show(measure(recognizer, options.shared), options.json)


if __name__ == "__main__":
    main()
