"""Balanced versions that 0.1.0 wrote: their FER+ votes are joined anew from their source."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from fer_core.dataset import ferplus, store
from fer_core.dataset.index import DatasetIndex
from fer_core.dataset.listing import Listing
from fer_core.errors import DatasetError


def with_votes_of_source(
    index: DatasetIndex, list_files: Callable[[Path], Listing]
) -> DatasetIndex:
    """Return a version with the votes that its source has now, where its own are of 0.1.0.

    Args:
        index: The version, whose notes say that its own votes cannot be right.
        list_files: Lists the files of the source.

    Returns:
        ``index`` where the source is gone or has no votes.
    """
    try:
        about = json.loads((index.root / "version.json").read_text("utf-8"))
        manifest = pd.read_parquet(index.root / store.MANIFEST, columns=["file", "source"])
        source = Path(about["source"])
        listing = list_files(source)
    except (OSError, ValueError, KeyError, TypeError, DatasetError):
        return index
    empty = np.empty((0, 0, 0), np.uint8)
    votes = ferplus.find(DatasetIndex(source, listing.table(), empty)).votes
    if votes is None:
        return index
    sources = manifest.set_index("file")["source"].reindex(index.table["file"])
    joined = votes.set_axis(listing.files).reindex(sources).fillna(0).astype(np.int64)
    notes = [note for note in index.notes if ferplus.OLD_VOTES not in note]
    note = (
        f"{ferplus.KEPT} {ferplus.OLD_VOTES}, by a rule that does not hold. The FER+ votes were "
        f"taken anew from {source}: evaluate and train again what used them."
    )
    return replace(index, votes=joined.reset_index(drop=True), notes=(*notes, note))
