"""Photos: CPU time of very many, and of one from a phone with one large face.

    python benchmarks/ab.py A B -- python "$PWD/benchmarks/photos.py" [--count 6000]

The checkout is the folder in which the command runs. CPU time counts where other work shares the
cores; one core computes. ``--results FILE`` also writes the rows of the large photos as CSV.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import skimage.data

ROOT = Path(__file__).resolve().parent.parent
YUNET = ROOT.parent / "shared" / "weights" / "face_detection_yunet_2026may.onnx"
RUNS = 9


def large_photo(side: int = 1100) -> bytes:
    """Return a JPEG of 4032x3024 with the grain of a camera and one face about ``side`` wide."""
    head = skimage.data.astronaut()[:230, 110:340]  # its face is 90 pixels wide
    large = cv2.resize(head, None, fx=side / 90, fy=side / 90, interpolation=cv2.INTER_CUBIC)
    large = large[:3024]
    down, right = 3024 - large.shape[0], 4032 - large.shape[1]
    photo = cv2.copyMakeBorder(
        large, down // 2, down - down // 2, right // 2, right - right // 2, cv2.BORDER_REPLICATE
    ).astype(np.int16)
    photo += np.random.default_rng(0).normal(0, 4, photo.shape).astype(np.int16)
    bgr = np.clip(photo, 0, 255).astype(np.uint8)[..., ::-1]
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


def different_photos() -> list[bytes]:
    """Return 40 photos of 640x480 with one face, as JPEG."""
    face = cv2.resize(skimage.data.astronaut(), (480, 480), interpolation=cv2.INTER_AREA)
    scene = cv2.copyMakeBorder(face, 0, 0, 80, 80, cv2.BORDER_REPLICATE)[..., ::-1]
    return [
        cv2.imencode(".jpg", np.roll(scene, n, axis=1), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
        for n in range(40)
    ]


def one_photo(rows: dict[str, float], results: Path | None) -> None:
    """CPU time from bytes to emotions in one process, as the command and the page compute them."""
    cv2.setNumThreads(1)
    from fer_core import Recognizer

    names = ("fer_core.recognition.photos", "fer_core.photos")  # the second in 0.1
    module = next(name for name in names if Path(*name.split(".")).with_suffix(".py").is_file())
    make_reader = import_module(module).PhotoReader
    try:
        recognizer = Recognizer.load(mirror=True)
    except TypeError:  # 0.1
        recognizer = Recognizer.load()
    reader, lines = make_reader(recognizer), []
    for side in (1100, 700):
        data, used = large_photo(side), []
        for _ in range(RUNS):
            start = time.process_time()
            photo = reader.read(data, "photo.jpg", False)
            used.append(1000 * (time.process_time() - start))
        assert len(photo.faces) == 1, photo
        face = photo.faces[0]
        rows[f"12 MP, one face of {side} pixels, CPU ms"] = float(np.median(used))
        values = [*face.box.xyxy, *face.probabilities]
        lines.append(",".join(f"{value:.5f}" for value in values))
    if results:
        results.write_text("\n".join(lines))


def many_photos(rows: dict[str, float], count: int) -> None:
    """The whole command in the checkout of this folder, a process of its own."""
    data = different_photos()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "photos"
        folder.mkdir()
        for number in range(count):
            (folder / f"{number:06}.jpg").write_bytes(data[number % len(data)])
        command = [sys.executable, "-m", "fer_core", "classify", folder, "--out", f"{name}/a.csv"]
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        rows[f"{count} photos of 640x480, seconds"] = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows[f"{count} photos of 640x480, CPU seconds"] = used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=6000, help="0 for none")
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    if YUNET.is_file():
        os.environ.setdefault("FER_YUNET", str(YUNET))
    rows: dict[str, float] = {}
    if options.count:
        many_photos(rows, options.count)
    one_photo(rows, options.results)
    for label, value in rows.items():
        print(f"| {label} | {value:.4g} |")


if __name__ == "__main__":
    main()
