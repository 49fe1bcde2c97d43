"""Read the descriptions of Plotly's properties one by one, when a chart sets them.

Plotly 7.1 parses a file of 3 MB at its first chart and keeps 10 MB of it, of which a page needs a
few hundred of 10,000 entries.
"""

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import plotly
from plotly.validator_cache import ValidatorCache

FILE: Final = Path(plotly.__file__).parent / "validators" / "_validators.json"

_ENTRY: Final = re.compile(rb'^    "([^"]+)": (?=\{)', re.MULTILINE)
_END: Final = b"    }"


class Descriptions:
    """Entries of the file by name; ``get`` is all that Plotly calls."""

    def get(self, name: str) -> dict[str, Any] | None:
        """Return a new dict for the property ``name``; None where there is none."""
        offset = self._offsets.get(name.encode())
        if offset is None:
            return None
        lines = []
        with FILE.open("rb") as file:
            file.seek(offset)
            for line in file:
                lines.append(line)
                if line.startswith(_END):
                    break
        entry: dict[str, Any] = json.loads(b"".join(lines).rstrip().rstrip(b","))
        return entry

    @cached_property
    def _offsets(self) -> dict[bytes, int]:
        return {entry[1]: entry.end() for entry in _ENTRY.finditer(FILE.read_bytes())}


def read_when_needed() -> None:
    """Have Plotly read its descriptions so, unless it has read them already or keeps other ones."""
    if FILE.is_file() and getattr(ValidatorCache, "_json_cache", FILE) is None:
        ValidatorCache._json_cache = Descriptions()
