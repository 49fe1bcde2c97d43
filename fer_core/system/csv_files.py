"""Read CSV from strangers: rows of a bounded length, and some columns of a table."""

import csv
import io
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

import pandas as pd

MAX_CHARACTERS: Final = 20_000
"""Longest row. An image of fer2013.csv has 9,300; 300,000 commas make pandas take a gigabyte."""


def rows(
    text: Iterable[str], delimiter: str = ",", longest: int = MAX_CHARACTERS
) -> Iterator[list[str]]:
    """Return the rows of a CSV, from its lines; a row may go on over several.

    Args:
        text: The lines.
        delimiter: The character between values.
        longest: Most characters of a row.

    Raises:
        csv.Error: A row is too long, or its quotes are wrong.
    """
    characters = 0

    def lines() -> Iterator[str]:
        nonlocal characters
        for line in text:
            characters += len(line)
            if characters > longest:
                raise csv.Error(f"a row is longer than {longest:,} characters")
            yield line

    csv.field_size_limit(max(csv.field_size_limit(), longest))
    for row in csv.reader(lines(), strict=True, delimiter=delimiter):
        yield row
        characters = 0


def header(data: bytes) -> list[str]:
    """Return the names in the first line of a CSV, in small letters; whatever the encoding."""
    line = data[:2000].decode("utf-8", "replace").lstrip("\ufeff").partition("\n")[0]
    return [name.strip().strip('"').lower() for name in line.split(",")]


def table(data: bytes, columns: Collection[str], **options: Any) -> pd.DataFrame:
    """Those of ``columns`` that the CSV has, in small letters or large, with spaces or without.

    Args:
        data: The file's bytes, UTF-8.
        columns: Names in small letters.
        **options: For ``pandas.read_csv``.

    Raises:
        ValueError: It is no CSV, a row is too long, or a column is there twice.
    """
    text = io.StringIO(data.decode().lstrip("\ufeff"), newline=None)
    try:
        for _ in rows(text):
            pass
    except csv.Error as error:
        raise ValueError(str(error)) from error
    text.seek(0)
    frame: pd.DataFrame = pd.read_csv(
        text,
        usecols=lambda name: _plain(name) in columns,
        index_col=False,  # else a longer row makes its first values an index, one level each
        **options,
    )
    frame.columns = [_plain(name) for name in frame.columns]
    if not frame.columns.is_unique:
        raise ValueError("it has two columns of the same name")
    return frame


def _plain(name: object) -> str:
    return str(name).strip().lower()
