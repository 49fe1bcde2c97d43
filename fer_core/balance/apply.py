"""Write a balanced dataset as a new one."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import cv2
import numpy as np
import pandas as pd

from fer_core.balance.manifest import Recipe, make_manifest
from fer_core.balance.plan import Plan
from fer_core.dataset import ferplus, groups, image_reading, store
from fer_core.dataset.index import DatasetIndex
from fer_core.errors import DatasetError
from fer_core.images import augment
from fer_core.system import files, parallel
from fer_core.system.parallel import Progress

BLOCK: Final = 4096
"""Bytes that a small file takes on disk: a block of the file system."""

IMAGE_SECONDS: Final = 0.00022
PIXEL_SECONDS: Final = 3e-8
"""Time to make and write one image: a fixed part and one a pixel. From ``benchmarks/dataset.py``:
3,466 images of 48x48 a second on two cores; for larger images the PNG encoding dominates."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated cost of applying a plan.

    Attributes:
        images: Images to make.
        bytes: Disk space. Unchanged images take none where they can be linked.
        seconds: Time on two idle cores; several times as long on busy ones.
    """

    images: int
    bytes: int
    seconds: float


def estimate(index: DatasetIndex, plan: Plan, home: Path | None = None) -> Estimate:
    """Estimate disk space and time from the mean file and image size of each class.

    Args:
        index: The dataset.
        plan: Its targets.
        home: Store of the new dataset; see ``dataset.store``.
    """
    table = index.table.assign(
        size=np.ceil(index.table["bytes"] / BLOCK) * BLOCK,
        area=index.table["width"].astype(float) * index.table["height"],
    )
    means = table[index.is_readable].groupby("label", observed=True)[["size", "area"]].mean()
    extra = pd.Series(plan.extra_count).reindex(means.index)
    size = float((means["size"] * extra).sum())
    if not _is_on_one_disk(index.root, home or store.default_home()):
        originals = table.loc[index.is_readable, "size"].sum()
        size += float(originals - (means["size"] * pd.Series(plan.removed_count)).sum())
    seconds = float(((IMAGE_SECONDS + PIXEL_SECONDS * means["area"]) * extra).sum())
    return Estimate(int(extra.sum()), int(size), seconds)


def apply(
    index: DatasetIndex,
    recipe: Recipe,
    name: str,
    home: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write the balanced dataset as a new one; the original is not changed.

    Args:
        index: The original, or its view after decisions (see ``dataset.decisions``).
        recipe: Targets, augmentation and seed.
        name: Name of the new dataset.
        home: The store; see ``dataset.store``.
        progress: Called with the images made and the images to make.

    Returns:
        The new folder, with ``manifest.parquet``, ``version.json`` and, where votes are known,
        ``votes.csv``.

    Raises:
        DatasetError: The name is in use, the disk is too small, a source file is missing, or
            another dataset is being written. No partial dataset remains.
        CancelledError: ``progress`` asked to stop. No partial dataset remains.
    """
    manifest = make_manifest(index, recipe)
    need = estimate(index, recipe.plan, home).bytes
    with store.new_dataset(name, need, home) as folder:
        write(manifest, index.root, folder, progress)
        origins = pd.Index(index.table["file"]).get_indexer(pd.Index(manifest["source"]))
        for table in (ferplus, groups):
            table.save(index, folder, manifest["file"].tolist(), origins)
        (folder / store.MANIFEST).write_bytes(files.parquet_bytes(manifest))
        about = {
            "source": str(index.root), "seed": recipe.seed, "counts": dict(recipe.plan.counts),
            "target_count": dict(recipe.plan.target_count), "augmentation": asdict(recipe.spec),
            "opencv": cv2.__version__, "numpy": np.__version__,
        }  # fmt: skip
        store.write_about(folder, about)
    return (home or store.default_home()) / name


def write(
    manifest: pd.DataFrame,
    source: Path,
    folder: Path,
    progress: Progress | None = None,
    threads: int = 2,
) -> None:
    """Write the files of a manifest into ``folder``, which is empty.

    The same rows give the same bytes with the same versions of OpenCV and NumPy. Unchanged files
    are hard-linked where the file system allows it, else copied.

    Raises:
        DatasetError, ImageError: A source is missing or damaged, or two rows name one file.
    """
    for subfolder in {str(PurePosixPath(file).parent) for file in manifest["file"]}:
        (folder / subfolder).mkdir(parents=True, exist_ok=True)
    unchanged = manifest[~manifest["augmented"]]
    augmented = manifest[manifest["augmented"]].sort_values("source", kind="stable")
    old, new = unchanged["source"].tolist(), unchanged["file"].tolist()
    origins, targets = augmented["source"].tolist(), augmented["file"].tolist()

    def link(start: int, stop: int) -> None:
        for row in range(start, stop):
            _link(source / old[row], folder / new[row])

    def make(start: int, stop: int) -> None:
        steps = augment.operations(augmented.iloc[start:stop])
        origin, image = "", np.empty(0, np.uint8)
        for row, step in enumerate(steps, start):
            if origins[row] != origin:
                origin, image = origins[row], image_reading.read(source / origins[row])
            data = image_reading.png(augment.apply(image, step))
            with (folder / targets[row]).open("xb") as file:  # never through a link to the source
                file.write(data)

    def on_linked(_: int, __: int) -> None:
        if progress:
            progress(0, len(augmented))  # no image is made yet, but the work can be stopped

    parallel.run(link, len(unchanged), on_linked, threads)
    parallel.run(make, len(augmented), progress, threads)


def version_name(index: DatasetIndex, home: Path | None = None) -> str:
    """Return a free name for a balanced version of a dataset."""
    return store.free_name(f"{index.root.name.removesuffix('-balanced')}-balanced", home)


def _is_on_one_disk(root: Path, home: Path) -> bool:
    """Return True if files of ``root`` can be linked into ``home``, which may not exist yet."""
    parent = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    return root.exists() and root.stat().st_dev == parent.stat().st_dev


def _link(old: Path, new: Path) -> None:
    try:
        os.link(old.resolve() if old.is_symlink() else old, new)
    except FileExistsError as error:  # a link to another source: copying would overwrite that
        raise DatasetError(f"{new.name}: two images of the new dataset have this name.") from error
    except OSError:
        store.copy(old, new)
