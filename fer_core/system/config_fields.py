"""Fields of a config that say themselves what they mean and what they may be."""

from dataclasses import field
from typing import Any


def described(
    default: Any, text: str, *, choices: tuple[Any, ...] = (), low: float = 0, high: float = 1e9
) -> Any:
    """A dataclass field whose metadata has ``help``, ``choices``, ``low`` and ``high``.

    Args:
        default: Its default; a number is checked against ``low`` and ``high`` by its dataclass.
        text: One line of help: the forms and ``docs/config.md`` show it.
        choices: The only values it may have, words or numbers.
        low: Smallest number it may be.
        high: Largest.
    """
    about = {"help": text, "choices": choices, "low": low, "high": high}
    return field(default=default, metadata=about)
