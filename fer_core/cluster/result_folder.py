"""Keep the results of a job on many machines: a list of shares, and a part for each.

The files to read are listed first, in numbered shares. The rows of a share always go into the part
of its number, complete or not at all. So it does not matter which worker reads a share, how often,
or which one dies: a job is finished when every share has its part. A part also holds a digest of
the fingerprints of its inputs: the next call reads the share again where one of them has changed.

``part-000000.parquet`` … hold the rows. Names that begin with ``_`` are passed over by whatever
reads the folder as one table: ``_plan.json`` says what the job is, ``_inputs-000000.parquet`` holds
the shares from that number on, a row group each, and ``_errors.csv`` is the table of errors.
"""

import bisect
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from fer_core.bulk import object_store
from fer_core.bulk.inputs import Source
from fer_core.bulk.plan_file import FORMAT, changes, read_plan
from fer_core.errors import FerError
from fer_core.recognition import results
from fer_core.system.files import sweep_below, write_bytes
from fer_core.system.text import utf8

PLAN: Final = "_plan.json"
INPUTS: Final = "_inputs-{:06}.parquet"
PART: Final = "part-{:06}.parquet"
ERRORS: Final = "_errors.csv"
FILE_NAMES: Final = ("_plan.json", "_inputs-", "part-", "_errors.csv")
KEY: Final = b"fer_studio"
SHARES_A_FILE: Final = 1000
COLUMNS: Final = ("name", "path", "member", "store")
MIN_FILES: Final = 25
MAX_FILES: Final = 5000
"""Files of a share; in between a job has about a hundred shares."""

TAIL_BYTES: Final = 1_000_000
"""Last bytes of a part, which hold its metadata."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Size of a part, or of all of them; ``notice`` is a sentence on files passed over."""

    files: int = 0
    faces: int = 0
    rows: int = 0
    errors: int = 0
    warnings: int = 0
    notice: str = ""

    def __add__(self, other: "Counts") -> "Counts":
        addends = asdict(other)
        return Counts(**{name: value + addends[name] for name, value in asdict(self).items()})


class Folder:
    """A folder on a disk that every machine sees, or in an object store.

    Args:
        address: Its path or address.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        if object_store.is_address(address):
            self._store, self._root = object_store.locate(address)
        else:
            self._store, self._root = pafs.LocalFileSystem(), str(Path(address).absolute())

    @property
    def path(self) -> Path | None:
        """The folder where it is one of this machine; None in an object store."""
        return Path(self._root) if isinstance(self._store, pafs.LocalFileSystem) else None

    def names(self) -> list[str]:
        """Return the names of its files."""
        files = self._store.get_file_info(pafs.FileSelector(self._root, allow_not_found=True))
        return sorted(file.base_name for file in files)

    def read(self, name: str) -> bytes:
        """Return the bytes of a file."""
        with self._store.open_input_file(f"{self._root}/{name}") as file:
            return bytes(file.read())

    def write(self, name: str, data: bytes) -> None:
        """Write a file, complete or not at all."""
        if self.path:
            write_bytes(self.path / name, data, durable=True)
            return
        with self._store.open_output_stream(f"{self._root}/{name}") as file:
            file.write(data)

    def sweep_halves(self) -> None:
        """Remove what killed writers left; in an object store nothing is written by halves."""
        if self.path:
            sweep_below(self.path, older_s=0)

    def delete(self) -> None:
        """Remove the files of a job, where this is the folder of one; the plan last."""
        names = self.names()
        if PLAN in names:
            files = [name for name in names if name.startswith(FILE_NAMES) and name != PLAN]
            for name in (*files, PLAN):
                self._store.delete_file(f"{self._root}/{name}")

    def claim(self, plan: Mapping[str, Any]) -> None:
        """Make it the folder of the job that ``plan`` describes; it may be that already.

        Raises:
            FerError: It holds something else.
        """
        plan, names = json.loads(json.dumps(plan)), self.names()
        if PLAN in names:
            try:
                stored = read_plan(self.read(PLAN).decode())
            except ValueError as error:
                raise FerError(
                    f"{self.address}/{PLAN} is damaged. Use --restart to begin anew."
                ) from error
            changed = changes(plan, stored, self.address)
            if changed:
                raise FerError(
                    f"{self.address} holds the results of another job (different: {changed}). Give "
                    "the same options to continue it, --restart to begin anew, or another --out."
                )
        elif any(not name.startswith(".") for name in names):
            raise FerError(
                f"{self.address} is not empty and holds no job of this command. Choose an empty "
                "folder: results are never mixed with other files."
            )
        else:
            text = json.dumps({"version": FORMAT, **plan}, indent=2) + "\n"
            self.write(PLAN, text.encode())

    def add_inputs(self, sources: Sequence[Source]) -> None:
        """List those of ``sources`` that are not yet listed, in new shares behind the last."""
        listed = {name for number in self._firsts for name in self._listed_names(number)}
        new = [source for source in sources if source.name not in listed]
        shares = list(_shares(new, min(max(len(sources) // 100, MIN_FILES), MAX_FILES)))
        first = self.shares
        for start in range(0, len(shares), SHARES_A_FILE):
            buffer = io.BytesIO()
            schema = pa.schema([(name, pa.string()) for name in COLUMNS])
            with pq.ParquetWriter(buffer, schema) as writer:
                for share in shares[start : start + SHARES_A_FILE]:
                    rows = [_row(source) for source in share]
                    writer.write_table(pa.Table.from_pylist(rows, schema), row_group_size=MAX_FILES)
            self.write(INPUTS.format(first + start), buffer.getvalue())
        self.__dict__.pop("_firsts", None)

    def inputs(self, share: int) -> list[Source]:
        """Return the files of a share."""
        first = self._firsts[bisect.bisect_right(self._firsts, share) - 1]
        rows = self._inputs(first).read_row_group(share - first).to_pylist()
        return [Source(r["name"], Path(r["path"]), r["member"], r["store"]) for r in rows]

    @property
    def shares(self) -> int:
        """The number of shares."""
        if not self._firsts:
            return 0
        return self._firsts[-1] + int(self._inputs(self._firsts[-1]).num_row_groups)

    def sizes(self) -> dict[int, int]:
        """Return the number of files of each share."""
        sizes: dict[int, int] = {}
        for first in self._firsts:
            metadata = self._inputs(first).metadata
            for group in range(metadata.num_row_groups):
                sizes[first + group] = metadata.row_group(group).num_rows
        return sizes

    def write_part(
        self, share: int, rows: Iterable[Mapping[str, Any]], fingerprints: Mapping[str, str]
    ) -> Counts:
        """Write the rows of a share.

        Args:
            share: Its number.
            rows: The rows of its files.
            fingerprints: Name of each file to its fingerprint.

        Raises:
            FerError: A file has no row.
        """
        frame = results.table(map(dict, rows))
        if missing := fingerprints.keys() - set(frame["source"]):
            raise FerError(f"{min(missing)} has no row. Give the same command again.")
        failed = results.failed(frame)
        partial = frame["error"].notna() & ~failed
        counts = Counts(
            len(fingerprints), int(frame["x1"].notna().sum()), len(frame),
            frame["source"][failed].nunique(), frame["source"][partial].nunique(),
        )  # fmt: skip
        table = pa.Table.from_pandas(frame, preserve_index=False)
        note = {"counts": asdict(counts), "inputs": digest_of(fingerprints)}
        metadata = {**(table.schema.metadata or {}), KEY: json.dumps(note).encode()}
        buffer = io.BytesIO()
        pq.write_table(table.replace_schema_metadata(metadata), buffer)
        self.write(PART.format(share), buffer.getvalue())
        return counts

    def finished(self) -> set[int]:
        """Return the shares whose parts are there."""
        names = (name for name in self.names() if name.startswith("part-"))
        return {int(name[5:].partition(".")[0]) for name in names}

    def remove_part(self, share: int) -> None:
        """Remove the part of a share, which is then read again."""
        self._store.delete_file(f"{self._root}/{PART.format(share)}")

    def part(self, share: int) -> tuple[Counts, str]:
        """Return the counts of a part and the digest of its inputs, from its last bytes.

        Version 0.1 wrote no digest: it is empty then.

        Raises:
            FerError: It is damaged or gone.
        """
        name = PART.format(share)
        try:
            with self._store.open_input_file(f"{self._root}/{name}") as file:
                file.seek(max(file.size() - TAIL_BYTES, 0))
                tail = file.read()
            note = json.loads(_metadata(tail)[KEY])
            return Counts(**note.get("counts", note)), str(note.get("inputs", ""))
        except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
            raise FerError(
                f"{self.address}/{name} was removed or is damaged. Give the same command again, "
                "and its files are read again."
            ) from error

    def errors(self, shares: Iterable[int]) -> pd.DataFrame:
        """Return source and error of the files of these parts that failed or miss something."""
        frames = [pd.DataFrame({"source": [], "error": []})]
        for share in shares:
            with self._store.open_input_file(f"{self._root}/{PART.format(share)}") as file:
                frame = pq.read_table(file, columns=["source", "error"]).to_pandas()
            frames.append(frame[frame["error"].notna()])
        return pd.concat(frames).drop_duplicates()

    def write_errors(self, table: pd.DataFrame) -> None:
        """Write the table of errors; where there are none there is no table."""
        if len(table):
            self.write(ERRORS, table.to_csv(index=False).encode())
        elif ERRORS in self.names():
            self._store.delete_file(f"{self._root}/{ERRORS}")

    @cached_property
    def _firsts(self) -> list[int]:
        """The first share of each file of inputs."""
        names = (name for name in self.names() if name.startswith("_inputs-"))
        return [int(name[8:].partition(".")[0]) for name in names]

    def _inputs(self, first: int) -> pq.ParquetFile:
        return pq.ParquetFile(self._store.open_input_file(f"{self._root}/{INPUTS.format(first)}"))

    def _listed_names(self, first: int) -> Iterator[str]:
        yield from self._inputs(first).read(["name"]).column(0).to_pylist()


def digest_of(fingerprints: Mapping[str, str]) -> str:
    """Return one digest of the names of files and their fingerprints."""
    text = json.dumps(dict(sorted(fingerprints.items())))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _metadata(tail: bytes) -> Mapping[bytes, bytes]:
    """Return the metadata of a Parquet file from its last bytes.

    Raises:
        ValueError: They are not the end of one.
    """
    try:
        return pq.read_schema(pa.BufferReader(tail)).metadata or {}
    except (OSError, pa.ArrowException) as error:  # nothing is read from a disk here
        raise ValueError(str(error)) from error


def _row(source: Source) -> dict[str, str]:
    path = source.path if source.store else source.path.absolute()  # workers run elsewhere
    return {
        "name": source.name, "path": utf8(path.as_posix()), "member": source.member,
        "store": source.store,
    }  # fmt: skip


def _shares(sources: Sequence[Source], size: int) -> Iterator[list[Source]]:
    """Yield neighbouring photos together and each video by itself."""
    for is_video, group in groupby(sources, key=lambda source: source.is_video):
        neighbours = list(group)
        step = 1 if is_video else size
        for start in range(0, len(neighbours), step):
            yield neighbours[start : start + step]
