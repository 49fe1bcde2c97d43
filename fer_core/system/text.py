"""Show text from outside, such as file names, in a table, on a terminal, in HTML or in Markdown.

Nothing of such text may act: no control code on the terminal, no tag, no image or link.
"""

import html as html_module
import re
import unicodedata
from typing import Final

MARKDOWN: Final = re.compile(
    r"([\\`*_{}\[\]<>#$~|&!]|:(?=[\w+-])|^[-+=](?=\s|$)|(?<=^\d)[.)](?=\s|$))"
)
"""Characters that CommonMark, its extensions or Streamlit read; each may follow a backslash."""

AUTOMATIC: Final = re.compile(r"(\w(?=://)|\bwww(?=\.)|@|:(?=[\w+/-]+:))", re.IGNORECASE)
"""What becomes a link, an emoji or an icon even where its punctuation is escaped. A ``WORD_JOINER``
behind ``https://`` would not help: Streamlit 1.67 links whatever follows it."""

WORD_JOINER: Final = "\u2060"
"""Takes no room and lets no line break in."""

INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories: controls, formats such as a change of direction, surrogates, line ends."""


def counted(count: int, unit: str, units: str = "") -> str:
    """Return a number with its unit: ``1 file``, ``2,000 files``.

    Args:
        count: The number.
        unit: Its unit, also with a verb, for one.
        units: The same for another number; ``unit`` with an *s* if empty.
    """
    return f"{count:,} {unit if count == 1 else units or f'{unit}s'}"


def utf8(name: str) -> str:
    r"""Return a file name as text that every table takes.

    Bytes of a name that are not UTF-8, which Python keeps as halves of a surrogate pair, become
    ``\udcff`` and the like, so that different names stay different. A carriage return becomes
    ``\r``: Python's CSV writer leaves it without quotes, and readers take it for the end of a row.
    """
    return name.encode("utf-8", "backslashreplace").decode("utf-8").replace("\r", r"\r")


def terminal(text: str) -> str:
    r"""Return text as one line for a terminal: controls become ``\x1b``, ``\n`` and the like."""
    return "".join(
        sign.encode("unicode_escape").decode() if unicodedata.category(sign) in INVISIBLE else sign
        for sign in text
    )


def html(text: str) -> str:
    """Return text for HTML, in an element or in a quoted attribute."""
    return html_module.escape(terminal(text))


def markdown(text: str) -> str:
    """Return text for Streamlit's Markdown, where it is shown as it is written."""
    plain = AUTOMATIC.sub(rf"\1{WORD_JOINER}", terminal(text))
    return MARKDOWN.sub(r"\\\1", plain)
