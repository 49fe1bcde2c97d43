"""Compare what an earlier call has read with the inputs as they are now."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import pandas as pd

from fer_core.bulk import inputs, pieces
from fer_core.bulk.checkpoint import Checkpoint, Parts
from fer_core.bulk.inputs import Opener, Source
from fer_core.errors import FerError


def forget_gone(sources: Sequence[Source], parts: Parts) -> str:
    """Leave out the rows of files that are no longer among the inputs; return a sentence."""
    half = parts.half_read()
    begun = parts.finished().keys() | ({half.video} if half else set())
    gone = sorted(begun - {source.name for source in sources})
    for name in gone:
        parts.forget(name)
    if not gone:
        return ""
    files = "1 file" if len(gone) == 1 else f"{len(gone):,} files"
    verb = "is" if len(gone) == 1 else "are"
    return (
        f"No rows of {files} that an earlier call has read and that {verb} no longer among the "
        f"inputs, such as {gone[0]}."
    )


def half_read(sources: Sequence[Source], parts: Parts) -> Checkpoint | None:
    """Return where a half-read video continues; one that cannot is forgotten.

    It has gone or changed, or a piece of its annotated copy has.
    """
    paths = {source.name: source.path for source in sources}
    while half := parts.half_read():
        path = paths.get(half.video)
        with suppress(OSError):
            is_same = path and half.fingerprint in {"", inputs.fingerprint(path)}
            if is_same and pieces.are_whole(parts.folder, half.pieces):
                return half
        parts.forget(half.video)
    return None


def still_finished(sources: Sequence[Source], parts: Parts, annotated: Path | None) -> set[str]:
    """Return the finished sources that have not changed since; the parts forget the others.

    A video whose annotated copy is gone counts as changed.
    """
    recorded = parts.finished()
    with ExitStack() as stack:
        opener = Opener(stack)
        finished = [source for source in sources if source.name in recorded]
        changed = {
            source.name
            for source in finished
            if recorded[source.name] and opener.fingerprint(source) != recorded[source.name]
        }
    if annotated:
        copies = parts.copies()
        changed |= {
            video
            for video in recorded
            if (copy := copies.get(video)) and not (annotated / copy).exists()
        }
    for name in changed:
        parts.forget(name)
    return {source.name for source in finished} - changed


def complete(tables: Iterable[pd.DataFrame], sources: Sequence[Source]) -> Iterator[pd.DataFrame]:
    """Yield the tables; raise ``FerError`` at the end where a source has no row in them."""
    missing = {source.name for source in sources}
    for table in tables:
        missing.difference_update(table["source"])
        yield table
    if missing:
        raise FerError(
            f"{len(missing):,} of {len(sources):,} files have no rows, such as {min(missing)}. "
            "Nothing was written: give the same command again, with --restart if that does not "
            "help."
        )
