"""Speed and memory of videos and very many photos, on two cores.

    python -m benchmarks.bulk --clip CLIP.mp4                    # speed, 10,000 photos
    python -m benchmarks.bulk --parts video                      # or photos, or memory
    python -m benchmarks.bulk --parts memory --minutes 1 30 --rate 2   # analyse two frames a second

CLIP is 640x360 with one face; longer ones are made by looping it with ffmpeg. Every measurement is
a whole process, ``python -m fer_core classify``, watched from outside.
"""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import table
from fer_core.images.codec import decode
from fer_core.recognition.pool import RecognizerPool
from fer_core.video import probe

PHOTOS = 10_000
CORES = 2


@dataclass
class Run:
    """A whole process: its time, its own CPU time and its peak memory."""

    seconds: float
    cpu_s: float
    megabytes: float


def classify(*arguments: str | Path) -> Run:
    command = [sys.executable, "-m", "fer_core", "classify", *map(str, arguments)]
    start = time.perf_counter()
    process = psutil.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    peak, cpu_s = 0.0, 0.0
    while process.poll() is None:
        try:
            peak = max(peak, process.memory_info().rss)
            cpu_s = sum(process.cpu_times()[:2])
        except psutil.Error:
            break
        time.sleep(0.05)
    assert process.wait() == 0, command
    return Run(time.perf_counter() - start, cpu_s, peak / 1e6)


def loop(clip: Path, minutes: float, target: Path) -> Path:
    """Write the clip in a loop until it has that length."""
    command = ["ffmpeg", "-v", "error", "-y", "-stream_loop", "-1", "-i", clip, "-t"]
    subprocess.run([*command, str(minutes * 60), "-c", "copy", target], check=True)
    return target


def video(rows: dict[str, float], clip: Path, folder: Path) -> None:
    long = loop(clip, 2, folder / "two.mp4")
    seconds = probe(long).seconds
    plain = classify(long, "--out", folder / "plain.parquet")
    drawn = classify(long, "--out", folder / "drawn.parquet", "--annotated", folder / "copies")
    rows["2 min of video, times real time (>= 6)"] = seconds / plain.seconds
    rows["the same if both cores had been free"] = seconds * CORES / plain.cpu_s
    rows["with the annotated copy, times real time (>= 3)"] = seconds / drawn.seconds
    rows["the same if both cores had been free "] = seconds * CORES / drawn.cpu_s


def memory(
    rows: dict[str, float], clip: Path, folder: Path, minutes: list[float], rate: float
) -> None:
    sampling = ["--rate", str(rate)] if rate else []
    for length in minutes:
        long, out = loop(clip, length, folder / "long.mp4"), folder / "long.parquet"
        run = classify(long, "--out", out, "--annotated", folder / "copies", *sampling)
        rows[f"peak memory at {length:g} min with the copy, MB (<= 500)"] = run.megabytes
        rows[f"{length:g} min with the copy, times real time"] = length * 60 / run.seconds


def photos(rows: dict[str, float], folder: Path, count: int) -> None:
    """Compare the job with the sum of its three bare steps on as many cores."""
    folder_of_photos = table.write_photos(folder / "photos", count)
    data = table.different_photos()
    seconds_before = bare(data)
    run = classify(folder_of_photos, "--out", folder / "photos.parquet")
    limit = 2 / (seconds_before + bare(data))
    rows["limit: bare decode + detect + classify on both cores, before and after, photos/s"] = limit
    rows[f"{count:,} photos of 640x480, start included, photos/s"] = count / run.seconds
    rows["share of the limit (>= 0.9)"] = count / run.seconds / limit
    rows[f"peak memory at {count:,} photos, MB (<= 500)"] = run.megabytes


def bare(data: list[bytes]) -> float:
    """Return seconds a photo of the three steps alone, on both cores at once."""
    members = [RecognizerPool(1).first for _ in range(CORES)]

    def work(recognizer) -> None:
        for packed in data * 10:
            rgb = decode(packed, "photo")
            recognizer.classify(rgb, recognizer.detect(rgb))

    threads = [threading.Thread(target=work, args=(member,)) for member in members]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.perf_counter() - start) / (CORES * 10 * len(data))


def main() -> None:
    parser = table.parser(__doc__)
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--minutes", type=float, nargs="*", default=[1, 30])
    parser.add_argument(
        "--rate", type=float, default=0.0, help="of memory: frames analysed a second"
    )
    parser.add_argument("--photos", type=int, default=PHOTOS)
    parser.add_argument("--parts", nargs="*", default=["video", "photos", "memory"])
    options = parser.parse_args()
    clip = options.clip or options.shared / "media" / "one_face_20s.mp4"
    table.use_yunet(options.shared)
    rows: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts: dict[str, Callable[[], None]] = {
            "video": lambda: video(rows, clip, folder),
            "photos": lambda: photos(rows, folder, options.photos),
            "memory": lambda: memory(rows, clip, folder, options.minutes, options.rate),
        }
        for part in options.parts:
            parts[part]()
    table.show(rows, options.json)


if __name__ == "__main__":
    main()
