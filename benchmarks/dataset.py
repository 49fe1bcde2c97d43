"""Speed, memory and quality of the dataset explorer, measured on FER-2013 and a large tree.

    python -m benchmarks.dataset speed --data FER2013
    python -m benchmarks.dataset growth --work FOLDER
    python -m benchmarks.dataset copies --data FER2013
    python -m benchmarks.dataset labels --data FER2013 --votes labels.csv --judge judge.npz

``judge.npz`` comes from ``benchmarks.audit_judge``. Each prints one line a figure, with its target.
Scans are cached in a folder of their own, so that "cold" means that no file is cached; the
operating system may have the files in memory.
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


def say(figure: str, value: float, target: str) -> None:
    print(f"{figure:58} {value:10.3f}   target {target}", flush=True)


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
    say("search for duplicates: s", seconds, "<= 20")
    scored = index.readable().split("train")
    classifier = EmotionClassifier.load()
    features_s, values = timed(lambda: label_issues.features(scored, classifier))
    head_s, _ = timed(lambda: rank_labels(scored, values))
    say(f"labels of {len(scored):,} images: features, s", features_s, "")
    say("labels: head and ranking, s", head_s, "")
    say("labels in all: s", features_s + head_s, "<= 120")
    say("peak memory up to here: GB", peak_gb(), "<= 1")
    plan = balance.plan(balance.train_counts(index), "largest")
    new_images = sum(plan.extra_count.values())
    with tempfile.TemporaryDirectory() as home:
        recipe = balance.Recipe(plan, Spec())
        seconds, _ = timed(lambda: balance.apply(index, recipe, "v", Path(home)))
    pace = new_images / seconds
    say(f"upsampling by {new_images:,} images, originals linked: images/s", pace, ">= 3000")


def rank_labels(index: DatasetIndex, values: label_issues.Features) -> pd.DataFrame:
    codes = index.label_codes()
    digests = index.table["digest"].to_numpy()
    return label_issues.suspects(codes, label_issues.out_of_fold(values, codes, digests))


def growth(args: argparse.Namespace) -> None:
    """Measure trees of 35,000 and 500,000 small images, drawn by code and kept under ``--work``."""
    times, proposing = [], []
    for count in (35_000, 500_000):
        root = args.work / f"tree-{count}"
        if not root.is_dir():
            plant(root, count)
        seconds, index = timed(lambda root=root: scan(root))
        say(f"scan of {count:,}: s", seconds, "")
        seconds, index = timed(lambda root=root: scan(root))
        say(f"scan of {count:,} from cache: s", seconds, "")
        start_s = time.process_time()
        duplicates.propose(index.thumbs)
        proposing.append(time.process_time() - start_s)
        start_s = time.process_time()
        seconds, pairs = timed(lambda index=index: duplicates.find(index))
        times.append(time.process_time() - start_s)
        planted = count // 1000
        say(f"duplicates in {count:,}: s ({len(pairs):,} pairs, {planted:,} planted)", seconds, "")
        say(f"duplicates in {count:,}: s of one core", times[-1], "")
        say(f"peak memory after {count:,}: GB", peak_gb(), "<= 1 or <= 2")
    grown = 500_000 * np.log(500_000) / (35_000 * np.log(35_000))
    say(
        "proposing: growth in a core's time over n log n",
        proposing[1] / proposing[0] / grown,
        "<= 1",
    )
    say("duplicates: growth in a core's time over n log n", times[1] / times[0] / grown, "<= 1")


def plant(root: Path, count: int) -> None:
    """Write smooth random images of 32 pixels; each thousandth also as a JPEG."""
    random = np.random.default_rng(count)
    for number in range(count):
        folder = root / "train" / EMOTIONS[number % 7] / f"{number // 7000:03}"
        if number % 7000 < 7:
            folder.mkdir(parents=True, exist_ok=True)
        small = random.integers(0, 255, (8, 8)).astype(np.uint8)
        image = np.asarray(cv2.resize(small, (32, 32), interpolation=cv2.INTER_CUBIC))
        (folder / f"{number:06}.png").write_bytes(image_reading.png(image))
        if number % 1000 == 0:
            jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
            (folder / f"{number:06}-again.jpg").write_bytes(jpeg.tobytes())


def find_injected(args: argparse.Namespace) -> None:
    """Report how many injected duplicates of each kind are found among FER-2013's images."""
    index = scan(args.data).split("train")
    random = np.random.default_rng(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "fer"
        sampled = random.choice(len(index), 1500, replace=False)
        for row in range(len(index)):
            target = root / index.table["file"].iloc[row]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(index.path(row))
        kinds = dict(zip(sampled.tolist(), np.arange(1500) // 300, strict=True))
        for row, kind in kinds.items():
            changed = CHANGES[kind][1](image_reading.read(index.path(row)), random)
            name = Path(index.table["file"].iloc[row])
            (root / name.parent / f"injected-{kind}-{name.stem}.png").write_bytes(
                image_reading.png(changed)
            )
        mixed = scan(root)
        pairs = duplicates.find(mixed)
    pairs = pairs[pairs["difference"] <= duplicates.DEFAULT_DIFFERENCE]
    files = mixed.table["file"].map(lambda name: Path(name).stem).to_numpy()
    group = {row: number for number, rows in enumerate(duplicates.groups(pairs)) for row in rows}
    row_of = {name: row for row, name in enumerate(files)}
    for kind, (title, _) in enumerate(CHANGES):
        names = [Path(index.table["file"].iloc[row]).stem for row, k in kinds.items() if k == kind]
        hits = sum(
            group.get(row_of[name], -1) == group.get(row_of[f"injected-{kind}-{name}"], -2)
            for name in names
        )
        say(f"injected {title}: share found", hits / len(names), ">= 1" if kind == 0 else ">= 0.95")


def cut(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Crop up to 2 of 48 pixels off each side, at least one in all, and scale back to 48."""
    left, top, right, bottom = random.integers(0, 3, 4)
    inner = image[top : 48 - bottom, left : 48 - max(right, 1)]
    return np.asarray(cv2.resize(inner, (48, 48)), np.uint8)


def jpeg50(image: np.ndarray, _: np.random.Generator) -> np.ndarray:
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


CHANGES = (
    ("exact copies", lambda image, _: image),
    ("mirror images", lambda image, _: np.ascontiguousarray(image[:, ::-1])),
    ("slight crops", cut),
    ("JPEG 50", jpeg50),
    ("slight crops in JPEG 50", lambda image, random: jpeg50(cut(image, random), random)),
)


def label_quality(args: argparse.Namespace) -> None:
    """Compare the audit's ranking with the FER+ votes, by features that never saw them."""
    index = ferplus.attach(scan(args.data).readable().split("train"), args.votes)
    labels = index.label_codes()
    top, clear = wins(index.votes)
    is_wrong = clear & (top != labels)
    say("chance: FER+ majority disagrees", is_wrong.mean(), "about 0.37")
    clean = np.flatnonzero(clear & ~is_wrong)
    for title, values, parts in sources(args, index):
        probabilities = by_part(index, values, labels, parts)
        ranked = label_issues.suspects(labels, probabilities)
        say(f"{title}: accuracy out of fold", (probabilities.argmax(1) == labels).mean(), "")
        share = is_wrong[ranked["row"][:500]].mean()
        say(f"{title}: of the 500 most suspicious, wrong", share, ">= 0.80")
        shares = [flips(index.where(np.isin(np.arange(len(index)), clean)), values[clean],
                        parts[clean], seed) for seed in range(3)]  # fmt: skip
        say(f"{title}: flipped labels in the top 3%", float(np.mean(shares)), ">= 0.70")
    if args.judge:
        scored = np.load(args.judge)["probabilities"]
        ranked = label_issues.suspects(labels, scored)
        share = is_wrong[ranked["row"][:500]].mean()
        say("predictions of judge.npz: of the 500, wrong", share, ">= 0.80")


def wins(votes: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the index of the emotion with most votes, -1 for none, and where there are votes."""
    counts = votes[[*EMOTIONS, "other"]].to_numpy()
    best = counts.argmax(axis=1)
    return np.where(best == len(EMOTIONS), -1, best), counts.sum(axis=1) > 0


def sources(args: argparse.Namespace, index: DatasetIndex) -> list[tuple]:
    """Return title, features and the part whose images share a feature space, for each source."""
    one_space = np.zeros(len(index), np.int64)
    rows = []
    if args.judge:
        scorer_file = np.load(args.judge)
        assert (scorer_file["digests"] == index.table["digest"].to_numpy()).all()
        values = scorer_file["features"].astype(np.float32)
        rows.append(("FER-2013 labels only, cross-fitted", values, scorer_file["half"]))
    if args.imagenet:
        rows.append(("ImageNet", imagenet(args.imagenet, index), one_space))
    shipped = label_issues.features(index, EmotionClassifier.load())
    rows.append(("shipped model (saw these labels and FER+)", shipped, one_space))
    return rows


def imagenet(start: Path, index: DatasetIndex) -> np.ndarray:
    """Return features of MobileNetV2's ImageNet weights, from a LiteRT export."""
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
    index: DatasetIndex, values: np.ndarray, labels: np.ndarray, parts: np.ndarray
) -> np.ndarray:
    probabilities = np.zeros((len(labels), len(EMOTIONS)), np.float32)
    digests = index.table["digest"].to_numpy()
    for part in np.unique(parts):
        rows = parts == part
        probabilities[rows] = label_issues.out_of_fold(values[rows], labels[rows], digests[rows])
    return probabilities


def flips(index: DatasetIndex, values: np.ndarray, parts: np.ndarray, seed: int) -> float:
    """Return the share of 300 flipped labels that is among the 3% with the least likely labels."""
    random = np.random.default_rng(seed)
    labels = index.label_codes()
    flipped = random.choice(len(labels), 300, replace=False)
    labels = labels.copy()
    labels[flipped] = (labels[flipped] + random.integers(1, 7, 300)) % 7
    ranked = label_issues.suspects(labels, by_part(index, values, labels, parts))
    return float(np.isin(flipped, ranked["row"][: round(0.03 * len(labels))]).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("speed", "growth", "copies", "labels"))
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
        runs[args.part](args)


if __name__ == "__main__":
    main()
