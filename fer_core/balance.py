"""Balance a dataset: plan how many images each class gets, then write that as a new dataset.

The plan is a table of targets that can be looked at and changed before anything is written, as
imbalanced-learn does it. Only the training split is changed: copies made before a split would leak
into what the model is judged by.
"""

import os
import shutil
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from fer_core import augmentation, chunks, files
from fer_core.augmentation import Spec
from fer_core.chunks import Progress
from fer_core.dataset import pixels, store, votes
from fer_core.dataset.index import DatasetIndex
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS

STRATEGIES: Final = ("largest", "median")
BLOCK: Final = 4096
"""What a small file takes on disk, in bytes."""

IMAGE_SECONDS: Final = 0.00022
PIXEL_SECONDS: Final = 3e-8
"""Time to make and write one image: a fixed part and one a pixel. From ``benchmarks/dataset.py``:
3,466 images of 48x48 a second on two cores; larger pictures are ruled by their PNG encoding."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Training images of each emotion now and after.

    Attributes:
        counts: Now.
        target_count: After; not the number to add but the number there will be.
    """

    counts: Mapping[str, int]
    target_count: Mapping[str, int]

    @property
    def extra_count(self) -> dict[str, int]:
        """Images to make, by emotion."""
        return {name: max(self.target_count[name] - n, 0) for name, n in self.counts.items()}

    @property
    def removed_count(self) -> dict[str, int]:
        """Images to leave out, by emotion."""
        return {name: max(n - self.target_count[name], 0) for name, n in self.counts.items()}

    @property
    def changes_anything(self) -> bool:
        """Some target differs from the count."""
        return any(self.extra_count.values()) or any(self.removed_count.values())


def plan(
    counts: Mapping[str, int],
    strategy: str | int | Mapping[str, int] = "largest",
    undersample: bool = False,
) -> Plan:
    """Turn any wish into one target a class.

    Args:
        counts: Training images of each emotion.
        strategy: ``largest`` or ``median`` (of the classes that have images), a number for every
            class, or a target for some classes; the others stay as they are.
        undersample: Classes above the target are cut down to it, by chance. Otherwise they stay,
            and a target given by hand below the present count is an error.

    Raises:
        DatasetError: An unknown strategy or class, a target below 1 or, see above, below the
            present count, or above 0 for a class with no image to start from.
    """
    present = [count for count in counts.values() if count]
    if not present:
        raise DatasetError("There are no training images to balance.")
    if isinstance(strategy, Mapping):
        return Plan(dict(counts), _by_hand(counts, strategy, undersample))
    if strategy == "largest":
        level = max(present)
    elif strategy == "median":
        level = int(statistics.median(present))
    elif isinstance(strategy, int) and strategy >= 1:
        level = strategy
    else:
        raise DatasetError(
            f"A strategy is {', '.join(STRATEGIES)}, a number from 1, or targets by class. "
            f"Received: {strategy!r}."
        )
    least = dict.fromkeys(counts, 0) if undersample else counts
    return Plan(
        dict(counts), {name: max(level, least[name]) if n else 0 for name, n in counts.items()}
    )


def _by_hand(
    counts: Mapping[str, int], targets: Mapping[str, int], undersample: bool
) -> dict[str, int]:
    for name, target in targets.items():
        if name not in counts:
            raise DatasetError(f"There is no class {name!r}. Use {', '.join(counts)}.")
        if target < 1 and counts[name]:
            raise DatasetError(f"The target of {name} must be at least 1. Received: {target}.")
        if target > 0 and not counts[name]:
            raise DatasetError(f"{name} has no image to start from: its target must be 0.")
        if target < counts[name] and not undersample:
            raise DatasetError(
                f"The target of {name}, {target:,}, is below its {counts[name]:,} images. "
                "Raise it, or allow undersampling."
            )
    return {name: int(targets.get(name, count)) for name, count in counts.items()}


def train_counts(index: DatasetIndex) -> dict[str, int]:
    """Readable training images of each emotion."""
    train = index.table[index.is_readable & np.asarray(index.table["split"] == "train")]
    return {str(name): int(n) for name, n in train["label"].value_counts(sort=False).items()}


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a balanced dataset: the same recipe on the same files, the same bytes.

    Attributes:
        plan: Targets; see ``plan``.
        spec: How new images may differ from those they are made of.
        seed: Of every random choice.
    """

    plan: Plan
    spec: Spec = field(default_factory=Spec)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What applying a plan will cost.

    Attributes:
        images: Pictures to make.
        bytes: Disk space. Pictures that stay as they are take none: they are linked.
        seconds: Time on two cores.
    """

    images: int
    bytes: int
    seconds: float


def estimate(index: DatasetIndex, wanted: Plan) -> Estimate:
    """Disk space and time from the sizes of each class's present files."""
    table = index.table.assign(
        size=np.ceil(index.table["bytes"] / BLOCK) * BLOCK,
        area=index.table["width"].astype(float) * index.table["height"],
    )
    means = table[index.is_readable].groupby("label", observed=True)[["size", "area"]].mean()
    extra = pd.Series(wanted.extra_count).reindex(means.index)
    size = float((means["size"] * extra).sum())
    seconds = float(((IMAGE_SECONDS + PIXEL_SECONDS * means["area"]) * extra).sum())
    return Estimate(int(extra.sum()), int(size), seconds)


def make_manifest(index: DatasetIndex, recipe: Recipe) -> pd.DataFrame:
    """Decide on every file of the new dataset without touching any.

    Each image of a class is used equally often, give or take one.

    Returns:
        One row a file: ``file`` (path in the new dataset), ``source`` (path in the old one),
        ``split``, ``label``, ``augmented``, and the columns of ``augmentation.Operation``. The
        same arguments give the same rows.

    Raises:
        DatasetError: Images are to be made, but every augmentation is off.
    """
    wanted = recipe.plan
    if any(wanted.extra_count.values()) and not recipe.spec.changes_anything:
        raise DatasetError("Every augmentation is off: the new images would be plain copies.")
    random = np.random.default_rng(recipe.seed)
    good = index.readable().table[["file", "split", "label"]]
    train = good["split"] == "train"
    kept, extra = [np.flatnonzero(~train)], [np.empty(0, np.int64)]
    for name in EMOTIONS:
        rows = np.flatnonzero(train & (good["label"] == name))
        target = wanted.target_count.get(name, len(rows))
        order = random.permutation(rows)
        kept.append(np.sort(order[:target]))
        extra.append(np.sort(np.resize(order, max(target - len(rows), 0))))
    originals = _rows(good, np.concatenate(kept), augmented=False)
    copies = _rows(good, np.concatenate(extra), augmented=True)
    drawn = augmentation.draw(recipe.spec, len(copies), int(random.integers(2**63)))
    same = pd.DataFrame([asdict(augmentation.Operation())] * len(originals), columns=drawn.columns)
    table = pd.concat([originals.join(same.astype(drawn.dtypes)), copies.join(drawn)])
    return table.reset_index(drop=True)


def _rows(good: pd.DataFrame, rows: npt.NDArray[np.int64], augmented: bool) -> pd.DataFrame:
    """Manifest rows for the images ``rows`` of ``good``, with file names that do not repeat."""
    table = good.iloc[rows].rename(columns={"file": "source"}).reset_index(drop=True)
    paths = [PurePosixPath(source) for source in table["source"]]
    folder = table["split"].astype("str") + "/" + table["label"].astype("str") + "/"
    stem = folder + [path.stem for path in paths]
    number = stem.groupby(stem).cumcount()
    if augmented:
        table["file"] = stem + "-made-" + (number + 1).astype("str").str.zfill(3) + ".png"
    else:
        again = ("-same-name-" + number.astype("str")).where(number > 0, "")
        table["file"] = stem + again + [path.suffix for path in paths]
    table["augmented"] = augmented
    return table[["file", "source", "split", "label", "augmented"]]


def apply(
    index: DatasetIndex,
    recipe: Recipe,
    name: str,
    home: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write the balanced dataset as a new one beside the old, which is not touched.

    Args:
        index: The old dataset, possibly seen through decisions (see ``audit.decisions``).
        recipe: What to make.
        name: The new dataset's name.
        home: The store; see ``dataset.store``.
        progress: See ``chunks.Progress``.

    Returns:
        The new folder, with ``manifest.parquet`` and ``version.json``.

    Raises:
        DatasetError: The name is taken, the disk is too small, a source has gone, or another
            dataset is being written. Nothing is left behind.
        CancelledError: ``progress`` asked to stop. Nothing is left behind.
    """
    manifest = make_manifest(index, recipe)
    need = estimate(index, recipe.plan).bytes
    with store.new_dataset(name, need, home) as folder:
        write(manifest, index.root, folder, progress)
        for file in votes.FILES:
            if (index.root / file).is_file():
                shutil.copyfile(index.root / file, folder / file)
        (folder / store.MANIFEST).write_bytes(files.parquet_bytes(manifest))
        about = {
            "source": str(index.root), "seed": recipe.seed, "counts": dict(recipe.plan.counts),
            "target_count": dict(recipe.plan.target_count), "augmentation": asdict(recipe.spec),
            "opencv": cv2.__version__, "numpy": np.__version__,
        }  # fmt: skip
        files.write_json(folder / "version.json", about)
    return (home or store.default_home()) / name


def write(
    manifest: pd.DataFrame,
    source: Path,
    folder: Path,
    progress: Progress | None = None,
    threads: int = 2,
) -> None:
    """Make the files of a manifest below ``folder``, which is empty.

    The same rows give the same bytes as long as OpenCV and NumPy are the same. Files that are
    not changed are linked where the file system can, else copied.

    Raises:
        ImageError: A source is missing or damaged.
    """
    for place in {str(PurePosixPath(file).parent) for file in manifest["file"]}:
        (folder / place).mkdir(parents=True, exist_ok=True)
    same = manifest[~manifest["augmented"]]
    made = manifest[manifest["augmented"]].sort_values("source", kind="stable")
    old, new = same["source"].tolist(), same["file"].tolist()
    origins, targets = made["source"].tolist(), made["file"].tolist()

    def link(start: int, stop: int) -> None:
        for row in range(start, stop):
            _link(source / old[row], folder / new[row])

    def make(start: int, stop: int) -> None:
        steps = augmentation.operations(made.iloc[start:stop])
        origin, picture = "", np.empty(0, np.uint8)
        for row, step in enumerate(steps, start):
            if origins[row] != origin:
                origin, picture = origins[row], pixels.read(source / origins[row])
            data = pixels.png(augmentation.apply(picture, step))
            (folder / targets[row]).write_bytes(data)

    chunks.run(link, len(same), None, threads)
    chunks.run(make, len(made), progress, threads)


def version_name(index: DatasetIndex, home: Path | None = None) -> str:
    """A free name for a balanced version of a dataset."""
    return store.free_name(f"{index.root.name}-balanced", home)


def _link(old: Path, new: Path) -> None:
    try:
        os.link(old.resolve() if old.is_symlink() else old, new)
    except OSError:
        shutil.copyfile(old, new)
