"""Speed, memory and quality of the dataset explorer, measured on FER-2013 and a large tree.

    python -m benchmarks.dataset speed --data FER2013
    python -m benchmarks.dataset growth --work FOLDER
    python -m benchmarks.dataset copies --data FER2013
    python -m benchmarks.dataset labels --data FER2013 --votes labels.csv --judge judge.npz

``judge.npz`` comes from ``benchmarks.audit_judge``. Each prints one line a figure, with its target.
Scans are kept in a folder of their own, so that "cold" means that nothing is known of the files;
the operating system may have them in memory.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from fer_core import balance
from fer_core.audit import duplicates, label_issues
from fer_core.dataset import DatasetIndex, ferplus, image_reading, scan
from fer_core.images.augment import Spec
from fer_core.labels import EMOTIONS
from fer_core.models.classifier import EmotionClassifier
from fer_core.system.settings import settings


def say(what: str, value: float, target: str) -> None:
    print(f"{what:58} {value:10.3f}   target {target}", flush=True)


def timed(work: Callable[[], object]) -> tuple[float, object]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def speed(args: argparse.Namespace) -> None:
    seconds, index = timed(lambda: scan(args.data))
    say(f"scan of {len(index):,} images, cold: s", seconds, "<= 6")
    seconds, index = timed(lambda: scan(args.data))
    say("scan from cache: s", seconds, "<= 0.5")
    seconds, _ = timed(lambda: duplicates.find(index))
    say("search for copies: s", seconds, "<= 20")
    judged = index.readable().split("train")
    classifier = EmotionClassifier.load()
    features_s, values = timed(lambda: label_issues.features(judged, classifier))
    head_s, _ = timed(lambda: judge(judged, values))
    say(f"labels of {len(judged):,} images: features, s", features_s, "")
    say("labels: head and ranking, s", head_s, "")
    say("labels in all: s", features_s + head_s, "<= 120")
    say("peak memory up to here: GB", peak_gb(), "<= 1")
    plan = balance.plan(balance.train_counts(index), "largest")
    made = sum(plan.extra_count.values())
    with tempfile.TemporaryDirectory() as home:
        recipe = balance.Recipe(plan, Spec())
        seconds, _ = timed(lambda: balance.apply(index, recipe, "v", Path(home)))
    say(f"upsampling by {made:,} images, originals linked: images/s", made / seconds, ">= 3000")


def judge(index: DatasetIndex, values: label_issues.Features) -> pd.DataFrame:
    codes = index.label_codes()
    digests = index.table["digest"].to_numpy()
    return label_issues.suspects(codes, label_issues.out_of_fold(values, codes, digests))


def growth(args: argparse.Namespace) -> None:
    """Trees of 35,000 and 500,000 small images, drawn by code and kept under ``--work``."""
    times, proposing = [], []
    for count in (35_000, 500_000):
        root = args.work / f"tree-{count}"
        if not root.is_dir():
            plant(root, count)
        seconds, index = timed(lambda root=root: scan(root))
        say(f"scan of {count:,}: s", seconds, "")
        seconds, index = timed(lambda root=root: scan(root))
        say(f"scan of {count:,} from cache: s", seconds, "")
        begin = time.process_time()
        duplicates.propose(index.thumbs)
        proposing.append(time.process_time() - begin)
        begin = time.process_time()
        seconds, pairs = timed(lambda index=index: duplicates.find(index))
        times.append(time.process_time() - begin)
        planted = count // 1000
        say(f"copies in {count:,}: s ({len(pairs):,} pairs, {planted:,} planted)", seconds, "")
        say(f"copies in {count:,}: s of one core", times[-1], "")
        say(f"peak memory after {count:,}: GB", peak_gb(), "<= 1 or <= 2")
    grown = 500_000 * np.log(500_000) / (35_000 * np.log(35_000))
    say(
        "proposing: growth in a core's time over n log n",
        proposing[1] / proposing[0] / grown,
        "<= 1",
    )
    say("copies: growth in a core's time over n log n", times[1] / times[0] / grown, "<= 1")


def plant(root: Path, count: int) -> None:
    """Smooth random pictures of 32 pixels; each thousandth is there twice, as a JPEG."""
    random = np.random.default_rng(count)
    for number in range(count):
        folder = root / "train" / EMOTIONS[number % 7] / f"{number // 7000:03}"
        if number % 7000 < 7:
            folder.mkdir(parents=True, exist_ok=True)
        small = random.integers(0, 255, (8, 8)).astype(np.uint8)
        picture = np.asarray(cv2.resize(small, (32, 32), interpolation=cv2.INTER_CUBIC))
        (folder / f"{number:06}.png").write_bytes(image_reading.png(picture))
        if number % 1000 == 0:
            jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
            (folder / f"{number:06}-again.jpg").write_bytes(jpeg.tobytes())


def find_injected(args: argparse.Namespace) -> None:
    """Copies of known kinds among FER-2013's own images: how many of each are found."""
    index = scan(args.data).split("train")
    random = np.random.default_rng(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "fer"
        chosen = random.choice(len(index), 1500, replace=False)
        for row in range(len(index)):
            target = root / index.table["file"].iloc[row]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(index.path(row))
        kinds = dict(zip(chosen.tolist(), np.arange(1500) // 300, strict=True))
        for row, kind in kinds.items():
            changed = CHANGES[kind][1](image_reading.read(index.path(row)), random)
            name = Path(index.table["file"].iloc[row])
            (root / name.parent / f"injected-{kind}-{name.stem}.png").write_bytes(
                image_reading.png(changed)
            )
        found = scan(root)
        pairs = duplicates.find(found)
    pairs = pairs[pairs["difference"] <= duplicates.DEFAULT_DIFFERENCE]
    files = found.table["file"].map(lambda name: Path(name).stem).to_numpy()
    group = {row: number for number, rows in enumerate(duplicates.groups(pairs)) for row in rows}
    place = {name: row for row, name in enumerate(files)}
    for kind, (title, _) in enumerate(CHANGES):
        names = [Path(index.table["file"].iloc[row]).stem for row, k in kinds.items() if k == kind]
        hits = sum(
            group.get(place[name], -1) == group.get(place[f"injected-{kind}-{name}"], -2)
            for name in names
        )
        say(f"injected {title}: share found", hits / len(names), ">= 1" if kind == 0 else ">= 0.95")


def cut(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Up to 2 of 48 pixels off each side, at least one in all, and back to 48."""
    left, top, right, bottom = random.integers(0, 3, 4)
    inner = picture[top : 48 - bottom, left : 48 - max(right, 1)]
    return np.asarray(cv2.resize(inner, (48, 48)), np.uint8)


def jpeg50(picture: np.ndarray, _: np.random.Generator) -> np.ndarray:
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


CHANGES = (
    ("exact copies", lambda picture, _: picture),
    ("mirror images", lambda picture, _: np.ascontiguousarray(picture[:, ::-1])),
    ("slight crops", cut),
    ("JPEG 50", jpeg50),
    ("slight crops in JPEG 50", lambda picture, random: jpeg50(cut(picture, random), random)),
)


def label_quality(args: argparse.Namespace) -> None:
    """The audit's ranking against the FER+ votes, with features that never saw them."""
    index = ferplus.attach(scan(args.data).readable().split("train"), args.votes)
    given = index.label_codes()
    top, clear = wins(index.votes)
    wrong = clear & (top != given)
    say("chance: FER+ majority disagrees", wrong.mean(), "about 0.37")
    clean = np.flatnonzero(clear & ~wrong)
    for title, values, parts in sources(args, index):
        chances = by_part(index, values, given, parts)
        ranked = label_issues.suspects(given, chances)
        say(f"{title}: accuracy out of fold", (chances.argmax(1) == given).mean(), "")
        share = wrong[ranked["row"][:500]].mean()
        say(f"{title}: of the 500 most suspicious, wrong", share, ">= 0.80")
        shares = [flips(index.where(np.isin(np.arange(len(index)), clean)), values[clean],
                        parts[clean], seed) for seed in range(3)]  # fmt: skip
        say(f"{title}: flipped labels in the top 3 %", float(np.mean(shares)), ">= 0.70")
    if args.judge:
        judged = np.load(args.judge)["probabilities"]
        ranked = label_issues.suspects(given, judged)
        share = wrong[ranked["row"][:500]].mean()
        say("judge's own probabilities: of the 500, wrong", share, ">= 0.80")


def wins(votes: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The emotion with most votes as a place in EMOTIONS, -1 for none; and where there is one."""
    counts = votes[[*EMOTIONS, "other"]].to_numpy()
    best = counts.argmax(axis=1)
    return np.where(best == len(EMOTIONS), -1, best), counts.sum(axis=1) > 0


def sources(args: argparse.Namespace, index: DatasetIndex) -> list[tuple]:
    """Title, features and the part whose images share a feature space, for each source."""
    whole = np.zeros(len(index), np.int64)
    found = []
    if args.judge:
        judge_file = np.load(args.judge)
        assert (judge_file["digests"] == index.table["digest"].to_numpy()).all()
        values = judge_file["features"].astype(np.float32)
        found.append(("FER-2013 labels only, cross-fitted", values, judge_file["half"]))
    if args.imagenet:
        found.append(("ImageNet", imagenet(args.imagenet, index), whole))
    shipped = label_issues.features(index, EmotionClassifier.load())
    found.append(("shipped model (saw these labels and FER+)", shipped, whole))
    return found


def imagenet(start: Path, index: DatasetIndex) -> np.ndarray:
    """Features of MobileNetV2's ImageNet weights, read from a LiteRT export."""
    from ai_edge_litert.interpreter import Interpreter

    from fer_core.images.crop import network_input
    from fer_core.training import networks
    from fer_core.training.config import TrainConfig

    config = TrainConfig(start=str(start))
    model = networks.build(config)
    reader = networks.keras.Model(model.inputs, {"features": model.get_layer("pooled").output})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "imagenet.tflite"
        reader.export(file, format="litert", verbose=False)
        run = Interpreter(str(file), num_threads=2).get_signature_runner()
        parts = []
        for start_row in range(0, len(index), 64):
            rows = range(start_row, min(start_row + 64, len(index)))
            crops = [image_reading.read(index.path(row)) for row in rows]
            parts.append(run(pixels=network_input(crops, config.input_size, 1))["features"])
    return np.concatenate(parts)


def by_part(
    index: DatasetIndex, values: np.ndarray, given: np.ndarray, parts: np.ndarray
) -> np.ndarray:
    chances = np.zeros((len(given), len(EMOTIONS)), np.float32)
    digests = index.table["digest"].to_numpy()
    for part in np.unique(parts):
        rows = parts == part
        chances[rows] = label_issues.out_of_fold(values[rows], given[rows], digests[rows])
    return chances


def flips(index: DatasetIndex, values: np.ndarray, parts: np.ndarray, seed: int) -> float:
    """Of 300 labels flipped by chance, the share in the 3 % that are believed least."""
    random = np.random.default_rng(seed)
    given = index.label_codes()
    flipped = random.choice(len(given), 300, replace=False)
    given = given.copy()
    given[flipped] = (given[flipped] + random.integers(1, 7, 300)) % 7
    ranked = label_issues.suspects(given, by_part(index, values, given, parts))
    return float(np.isin(flipped, ranked["row"][: round(0.03 * len(given))]).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("speed", "growth", "copies", "labels"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--votes", type=Path)
    parser.add_argument("--judge", type=Path)
    parser.add_argument("--imagenet", type=Path, help="ImageNet weights without top")
    parser.add_argument("--work", type=Path, default=Path("growth"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["FER_CACHE"] = cache
        settings.cache_clear()
        runs = {"speed": speed, "growth": growth, "copies": find_injected, "labels": label_quality}
        runs[args.what](args)


if __name__ == "__main__":
    main()
