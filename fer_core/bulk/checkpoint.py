"""Keep the results of a long job in parts: what is written stays, whatever happens next.

A part is one Parquet file with rows and, in its metadata, the files that it finishes, each with its
fingerprint. Its name holds its number and a digest of its content. It appears under that name when
it is on the disk, so a killed job leaves whole parts only. ``plan.json`` says what the job is: it
is written before the first part and removed after the last, so parts never lie without their plan.
"""

import hashlib
import io
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fer_core.bulk import pieces
from fer_core.bulk.plan_file import FORMAT, changes, read_plan
from fer_core.errors import FerError
from fer_core.recognition import results
from fer_core.system.files import sync_folder, write_bytes

KEY: Final = b"fer_studio"
PLAN: Final = "plan.json"
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Sources that a part finishes, and the position in a half-read video.

    Attributes:
        finished: Names of the sources that the part finishes, each with its fingerprint; empty
            where version 0.1 wrote none.
        video: The one video whose rows the part holds, or empty for photos.
        fingerprint: Fingerprint of that video when its reading began.
        number: Number of the part among those of the video, from 0.
        position: Where reading the video continues, as JSON values; None where it is finished.
        pieces: Names of the pieces of its annotated copy that are written.
        copy: Name of its annotated copy, or empty.
    """

    finished: Mapping[str, str] = field(default_factory=dict)
    video: str = ""
    fingerprint: str = ""
    number: int | None = None
    position: Mapping[str, Any] | None = None
    pieces: Sequence[str] = ()
    copy: str = ""


@dataclass(frozen=True, slots=True)
class _Part:
    file: Path
    checkpoint: Checkpoint


class Parts:
    """The parts in ``folder``, which one process at a time may open.

    Args:
        folder: Their folder; made if needed.
        plan: What decides the rows. Parts of another plan are not continued.
        restart: Remove the parts that are there.

    Raises:
        FerError: Parts of another plan, or of a newer version, are there.
        OSError: They cannot be written.
    """

    def __init__(self, folder: Path, plan: Mapping[str, Any], restart: bool = False) -> None:
        self.folder = folder
        self._forgotten: set[str] = set()
        if restart:
            self.delete()
        self._remove_halves()
        self._claim(json.loads(json.dumps(plan)))
        self._parts = [part for file in self._files() if (part := self._open(file))]
        self._remove_broken_videos()

    def add(self, rows: Iterable[Mapping[str, Any]], checkpoint: Checkpoint) -> None:
        """Write the next part; it is on the disk when this returns."""
        table = pa.Table.from_pandas(results.table(map(dict, rows)), preserve_index=False)
        note = json.dumps({"format": FORMAT, **asdict(checkpoint)}).encode()
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), KEY: note})
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        data = buffer.getvalue()
        number = int(self._parts[-1].file.name[:6]) + 1 if self._parts else 0
        file = self.folder / f"{number:06}-{_digest(data)}.parquet"
        write_bytes(file, data, durable=True)
        self._parts.append(_Part(file, checkpoint))
        self._forgotten.difference_update(checkpoint.finished)

    def finished(self) -> dict[str, str]:
        """Return the names of all finished sources, each with its fingerprint."""
        return {
            name: fingerprint
            for part in self._parts
            for name, fingerprint in part.checkpoint.finished.items()
            if name not in self._forgotten
        }

    def half_read(self) -> Checkpoint | None:
        """Return the last checkpoint of the video that is half read; None where there is none."""
        finished = self.finished()
        for part in reversed(self._parts):
            video = part.checkpoint.video
            if video and video not in finished:
                return part.checkpoint
        return None

    def copies(self) -> dict[str, str]:
        """Return the names of the annotated copies, by video."""
        notes = [part.checkpoint for part in self._parts if part.checkpoint.copy]
        return {note.video: note.copy for note in notes}

    def forget(self, name: str) -> None:
        """Leave the rows of a source that has changed out of the table; it must be read again."""
        self._forgotten.add(name)
        chain = [part for part in self._parts if part.checkpoint.video == name]
        for part in reversed(chain):  # those left by a kill are a video's beginning
            part.file.unlink(missing_ok=True)
            self._parts.remove(part)
        if chain and not self.half_read():  # else the pieces may be of the half-read one
            for piece in self.folder.glob("*.nut"):
                piece.unlink()

    def tables(self) -> Iterator[pd.DataFrame]:
        """Yield the rows, part by part, of each source those of the part that finished it last.

        Raises:
            FerError: A part is no longer what was written.
        """
        last = {name: part.file for part in self._parts for name in part.checkpoint.finished}
        for part in self._parts:
            table = _read(part.file).astype(results.TYPES)
            replaced = {name for name in part.checkpoint.finished if last[name] != part.file}
            replaced |= self._forgotten
            yield table[~table["source"].isin(replaced)] if replaced else table

    def delete(self) -> None:
        """Remove the parts, then what belongs to them, and the plan last."""
        for file in (*self._files(), *self.folder.glob("*.nut")):
            file.unlink()
        self._parts = []
        (self.folder / PLAN).unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.parquet"))

    def _remove_halves(self) -> None:
        """Remove files that were being written when a process was killed."""
        for file in (*self.folder.glob(".*.parquet-*"), *self.folder.glob(f".{PLAN}-*")):
            file.unlink()

    def _claim(self, plan: dict[str, Any]) -> None:
        """Write the plan, or check that it is the one that is there."""
        file = self.folder / PLAN
        try:
            stored = read_plan(file.read_text("utf-8"))
        except FileNotFoundError:
            if self._files():
                raise FerError(
                    f"{self.folder} holds parts of a job without their {PLAN}. Use --restart to "
                    "remove them, or another --out."
                ) from None
            text = json.dumps({"version": FORMAT, **plan}, indent=2) + "\n"
            write_bytes(file, text.encode(), durable=True)
            sync_folder(self.folder.parent)
            return
        except (OSError, ValueError) as error:
            raise FerError(f"{file} is damaged. Use --restart to begin anew.") from error
        changed = changes(plan, stored, self.folder)
        if changed:
            raise FerError(
                f"{self.folder} holds half of another job (different: {changed}). Give the same "
                "options to finish it, --restart to begin anew, or another --out."
            )

    def _open(self, file: Path) -> _Part | None:
        """Return a part; None, and no file, where it is damaged and its sources must be read again.

        Raises:
            FerError: It is damaged, and version 0.1 wrote it.
        """
        try:
            note = json.loads(pq.read_schema(pa.BufferReader(_content(file))).metadata[KEY])
            return _Part(file, _checkpoint(note))
        except (ValueError, KeyError, TypeError, OSError, pa.ArrowException) as error:
            if not _named_digest(file):
                raise FerError(f"{file} is damaged. Use --restart to begin anew.") from error
            _LOGGER.warning("%s is damaged: its files are read again.", file)
            file.unlink(missing_ok=True)
            return None

    def _remove_broken_videos(self) -> None:
        """Forget videos of which a part is missing."""
        numbers: dict[str, list[int]] = {}
        for part in self._parts:
            note = part.checkpoint
            if note.number is not None:
                numbers.setdefault(note.video, []).append(note.number)
        for video, chain in numbers.items():
            if chain != list(range(len(chain))):
                self.forget(video)


def _checkpoint(note: Mapping[str, Any]) -> Checkpoint:
    """Return the checkpoint that a part's metadata holds, of this version or of 0.1."""
    values = {name: value for name, value in note.items() if name != "format"}
    if not isinstance(note["finished"], dict):
        values["finished"] = dict.fromkeys(note["finished"], "")
    if isinstance(count := values.get("pieces"), int):
        values["pieces"] = pieces.of_version_0_1(count)
    return Checkpoint(**values)


def _read(file: Path) -> pd.DataFrame:
    """Return the rows of a part.

    Raises:
        FerError: It is gone, or no longer what was written.
    """
    try:
        table: pd.DataFrame = pq.read_table(pa.BufferReader(_content(file))).to_pandas()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise FerError(
            f"{file} was removed or changed while the job ran ({error}). Nothing was written: give "
            "the same command again, and its files are read again."
        ) from error
    return table


def _content(file: Path) -> bytes:
    """Return the bytes of a part; ``ValueError`` where they are not those that its name says."""
    data = file.read_bytes()
    if _digest(data) != (_named_digest(file) or _digest(data)):
        raise ValueError("its content is not what was written")
    return data


def _named_digest(file: Path) -> str:
    """Return the digest in a part's name; version 0.1 wrote none."""
    return file.stem.partition("-")[2]


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
