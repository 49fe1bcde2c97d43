"""Video with and without looking ahead: CPU time, and how far the results agree.

    python -m benchmarks.lookahead CLIP [CLIP ...]

Both ways run in one process on one core. To compare two checkouts run the whole command in pairs:

    python benchmarks/ab.py A B -- python "$PWD/benchmarks/lookahead.py" --command CLIP
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
YUNET = ROOT.parent / "shared" / "weights" / "face_detection_yunet_2026may.onnx"


def command(clip: Path, more: Sequence[str]) -> dict[str, float]:
    """Return the time of ``classify`` in the checkout of this folder, a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "faces.parquet"
        words = [sys.executable, "-m", "fer_core", "classify", str(clip), "--out", str(out)]
        words += [word.replace("COPIES", folder) for word in more]
        start = time.perf_counter()
        subprocess.run(words, check=True, capture_output=True)
        seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"seconds": seconds, "CPU seconds": used.ru_utime + used.ru_stime}


def agreement(clip: Path) -> dict[str, float]:
    """Return the CPU time of both ways, and the share of equal results."""
    from fer_core.images.boxes import iou
    from fer_core.recognition.pool import RecognizerPool
    from fer_core.video import Sampling, VideoRecognizer

    pool, seconds, results = RecognizerPool(1), [], []
    for every_frame in (True, False):
        start = time.process_time()
        recognizer = VideoRecognizer(clip, pool, Sampling(every_frame=every_frame))
        results.append([frame.faces for frame in recognizer])
        seconds.append(time.process_time() - start)
    persons = [
        [face.person for face in a] == [face.person for face in b]
        for a, b in zip(*results, strict=True)
    ]
    pairs = [
        pair for a, b in zip(*results, strict=True) if len(a) == len(b)
        for pair in zip(a, b, strict=True)
    ]  # fmt: skip
    return {
        "frames": len(persons),
        "CPU seconds, every frame": seconds[0],
        "CPU seconds, looking ahead": seconds[1],
        "ratio": seconds[0] / seconds[1],
        "same persons, % of frames": 100 * np.mean(persons),
        "same label, % of faces": 100 * np.mean([a.emotion == b.emotion for a, b in pairs]),
        "same verdict, % of faces": 100 * np.mean([a.uncertain == b.uncertain for a, b in pairs]),
        "mean IoU": np.mean([iou(a.box, b.box) for a, b in pairs]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP")
    parser.add_argument("--command", action="store_true", help="time the whole command instead")
    parser.add_argument("--annotated", action="store_true", help="with the annotated copy")
    options = parser.parse_args()
    if YUNET.is_file():
        os.environ.setdefault("FER_YUNET", str(YUNET))
    more = ["--annotated", "COPIES/copies"] if options.annotated else []
    for clip in options.clips:
        rows = command(clip.absolute(), more) if options.command else agreement(clip)
        print(f"{clip.name}\n")
        for label, value in rows.items():
            print(f"| {label} | {value:.4g} |")


if __name__ == "__main__":
    main()
