"""Definitions of ``docs/glossary.md`` as help texts."""

import re
from functools import cache
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).parents[2] / "docs" / "glossary.md"
ENTRY: Final = re.compile(r'^- <a id="([a-z0-9-]+)"></a>(\*\*.+?\*\*: .+)$', re.MULTILINE)


@cache
def definitions() -> dict[str, str]:
    """Return anchor to definition, ``{"macro-f1": "**Macro-F1**: the mean ..."}``."""
    return dict(ENTRY.findall(FILE.read_text("utf-8")))


def definition(*anchors: str) -> str:
    """Return the definitions of these anchors in Markdown, for the ``help`` of a widget.

    Raises:
        KeyError: The glossary has no such anchor.
    """
    return "\n\n".join(definitions()[anchor] for anchor in anchors)
