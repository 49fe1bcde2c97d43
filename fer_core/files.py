"""Write files so that no reader ever sees half of one."""

import io
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # pandas takes a third of a second, and recognising needs none of it
    import pandas as pd


def write_bytes(file: Path, data: bytes | memoryview) -> None:
    """Write under a temporary name beside ``file`` and rename; makes the folder if needed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=file.name, delete=False) as new:
        part = Path(new.name)
        try:
            new.write(data)
            new.flush()
            part.chmod(0o644)
            part.replace(file)
        except OSError:
            part.unlink(missing_ok=True)
            raise


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write readable JSON as ``write_bytes`` does."""
    write_bytes(file, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def npy_bytes(array: npt.NDArray[Any]) -> memoryview:
    """An array as the bytes of an ``.npy`` file."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getbuffer()


def parquet_bytes(table: "pd.DataFrame") -> bytes:
    """A table as the bytes of a ``.parquet`` file."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()
