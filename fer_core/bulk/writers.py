"""Bring the parts of a job together as tables, a part at a time."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fer_core.recognition import results
from fer_core.system.files import sweep_halves, sync, sync_folder, unused_name, write_bytes


@dataclass(frozen=True, slots=True)
class Counts:
    """Size of the tables.

    Attributes:
        rows: Rows in all.
        faces: Rows with a face.
        errors: Sources that could not be read, or not to their end.
        warnings: Sources that were read although some of them is missing.
    """

    rows: int
    faces: int
    errors: int
    warnings: int


def write(tables: Iterable[pd.DataFrame], targets: Sequence[Path], errors: Path) -> Counts:
    """Write the rows to every target (``.csv``, ``.json``, ``.parquet``), errors to their own CSV.

    Each file appears under its name when it is complete and on the disk. ``errors`` holds the
    warnings too, and exists only if there are any.
    """
    rows = faces = 0
    failures = [pd.DataFrame({"source": [], "error": [], "detector": []}, dtype="string")]
    for file in (*targets, errors):
        sweep_halves(file)
    with ExitStack() as stack:
        writers = [stack.enter_context(_Target(target)) for target in targets]
        for table in tables:
            rows += len(table)
            faces += int(table["x1"].notna().sum())
            failures.append(table.loc[table["error"].notna(), ["source", "error", "detector"]])
            for writer in writers:
                writer.add(table)
        for writer in writers:
            writer.finish()
    problems = pd.concat(failures).drop_duplicates()
    if len(problems):
        table = problems[["source", "error"]]
        write_bytes(errors, table.to_csv(index=False).encode(), durable=True)
    else:
        errors.unlink(missing_ok=True)
    failed = results.failed(problems)
    sources = problems["source"]
    return Counts(rows, faces, sources[failed].nunique(), sources[~failed].nunique())


class _Writer(Protocol):
    def add(self, table: pd.DataFrame) -> None: ...
    def close(self) -> None: ...


class _Target:
    """A file that is written under a temporary name and renamed by ``finish``."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        self._part = unused_name(file).open("xb")  # closed by finish or exit
        self._writer = WRITERS[file.suffix](self._part)

    def add(self, table: pd.DataFrame) -> None:
        self._writer.add(table)

    def finish(self) -> None:
        self._writer.close()
        sync(self._part)
        self._part.close()
        Path(self._part.name).replace(self._file)
        sync_folder(self._file.parent)

    def __enter__(self) -> "_Target":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # a full disk has no room for what is buffered either
            self._part.close()
        Path(self._part.name).unlink(missing_ok=True)


class _Csv:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        file.write(results.encode(results.table([]), ".csv"))

    def add(self, table: pd.DataFrame) -> None:
        self._file.write(table.to_csv(index=False, header=False).encode())

    def close(self) -> None:
        pass


class _Json:
    """A list of objects, one a line."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._separator = b"[\n"

    def add(self, table: pd.DataFrame) -> None:
        text = table.to_json(orient="records", lines=True, double_precision=6, force_ascii=False)
        for line in filter(None, text.split("\n")):  # splitlines also splits at characters in names
            self._file.write(self._separator + line.encode())
            self._separator = b",\n"

    def close(self) -> None:
        self._file.write((b"[" if self._separator == b"[\n" else b"\n") + b"]\n")


class _Parquet:
    """Row groups of many parts."""

    GROUP: Final = 50_000

    def __init__(self, file: IO[bytes]) -> None:
        self._schema = pa.Schema.from_pandas(results.table([]), preserve_index=False)
        self._writer = pq.ParquetWriter(file, self._schema)
        self._waiting: list[pa.Table] = []

    def add(self, table: pd.DataFrame) -> None:
        self._waiting.append(pa.Table.from_pandas(table, self._schema, preserve_index=False))
        if sum(map(len, self._waiting)) >= self.GROUP:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting))
            self._waiting = []


WRITERS: Final[dict[str, Callable[[IO[bytes]], _Writer]]] = {
    ".csv": _Csv,
    ".json": _Json,
    ".parquet": _Parquet,
}
