"""Write files so that no reader ever sees half of one."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_bytes(file: Path, data: bytes) -> None:
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
