"""Write a balanced dataset as a new one beside the old."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import cv2
import numpy as np
import pandas as pd

from fer_core.balance.manifest import Recipe, make_manifest
from fer_core.balance.plan import Plan
from fer_core.dataset import ferplus, image_reading, store
from fer_core.dataset.index import DatasetIndex
from fer_core.errors import DatasetError
from fer_core.images import augment
from fer_core.system import files, parallel
from fer_core.system.parallel import Progress

BLOCK: Final = 4096
"""What a small file takes on disk, in bytes."""

IMAGE_SECONDS: Final = 0.00022
PIXEL_SECONDS: Final = 3e-8
"""Time to make and write one image: a fixed part and one a pixel. From ``benchmarks/dataset.py``:
3,466 images of 48x48 a second on two cores; larger pictures are ruled by their PNG encoding."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What applying a plan will cost.

    Attributes:
        images: Pictures to make.
        bytes: Disk space. Pictures that stay as they are take none where they can be linked.
        seconds: Time on two cores.
    """

    images: int
    bytes: int
    seconds: float


def estimate(index: DatasetIndex, wanted: Plan, home: Path | None = None) -> Estimate:
    """Disk space and time from the sizes of each class's present files.

    Args:
        index: The dataset.
        wanted: What is to become of its training images.
        home: The store in which the new one is to be written; see ``dataset.store``.
    """
    table = index.table.assign(
        size=np.ceil(index.table["bytes"] / BLOCK) * BLOCK,
        area=index.table["width"].astype(float) * index.table["height"],
    )
    means = table[index.is_readable].groupby("label", observed=True)[["size", "area"]].mean()
    extra = pd.Series(wanted.extra_count).reindex(means.index)
    size = float((means["size"] * extra).sum())
    if not _is_on_one_disk(index.root, home or store.default_home()):
        kept = table.loc[index.is_readable, "size"].sum()
        size += float(kept - (means["size"] * pd.Series(wanted.removed_count)).sum())
    seconds = float(((IMAGE_SECONDS + PIXEL_SECONDS * means["area"]) * extra).sum())
    return Estimate(int(extra.sum()), int(size), seconds)


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
        The new folder, with ``manifest.parquet``, ``version.json`` and, where votes are known,
        ``votes.csv``.

    Raises:
        DatasetError: The name is taken, the disk is too small, a source has gone, or another
            dataset is being written. Nothing is left behind.
        CancelledError: ``progress`` asked to stop. Nothing is left behind.
    """
    manifest = make_manifest(index, recipe)
    need = estimate(index, recipe.plan, home).bytes
    with store.new_dataset(name, need, home) as folder:
        write(manifest, index.root, folder, progress)
        origins = pd.Index(index.table["file"]).get_indexer(pd.Index(manifest["source"]))
        ferplus.keep(index, folder, manifest["file"], origins)
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
        DatasetError, ImageError: A source is missing or damaged, or two rows name one file.
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
        steps = augment.operations(made.iloc[start:stop])
        origin, picture = "", np.empty(0, np.uint8)
        for row, step in enumerate(steps, start):
            if origins[row] != origin:
                origin, picture = origins[row], image_reading.read(source / origins[row])
            data = image_reading.png(augment.apply(picture, step))
            with (folder / targets[row]).open("xb") as file:  # never through a link to the source
                file.write(data)

    def linked(done: int, total: int) -> None:
        if progress:
            progress(0, len(made))  # nothing is made yet, but it can be stopped

    parallel.run(link, len(same), linked, threads)
    parallel.run(make, len(made), progress, threads)


def version_name(index: DatasetIndex, home: Path | None = None) -> str:
    """A free name for a balanced version of a dataset."""
    return store.free_name(f"{index.root.name}-balanced", home)


def _is_on_one_disk(root: Path, home: Path) -> bool:
    """Whether files of ``root`` can be linked into ``home``, which may not exist yet."""
    there = next(place for place in (home, *home.absolute().parents) if place.exists())
    return root.exists() and root.stat().st_dev == there.stat().st_dev


def _link(old: Path, new: Path) -> None:
    try:
        os.link(old.resolve() if old.is_symlink() else old, new)
    except FileExistsError as error:  # a link to another source: copying would overwrite that
        raise DatasetError(
            f"{new.name}: two pictures of the new dataset have this name."
        ) from error
    except OSError:
        store.copy(old, new)
