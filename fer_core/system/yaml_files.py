"""Read a small YAML file of fields, and believe nothing that it says of itself."""

from typing import Any, Final

import yaml

from fer_core.errors import TrainingError

MOST_BYTES: Final = 20_000
"""Ten times what a config with every field takes."""


def fields_of(data: bytes) -> dict[str, Any]:
    """The fields of a YAML file: plain values only.

    Aliases are refused: a few lines of them stand for more than any memory holds.

    Raises:
        TrainingError: It is too large, no YAML, or holds something else than fields.
    """
    if len(data) > MOST_BYTES:
        raise TrainingError(
            f"{len(data):,} bytes are too many for a config; at most {MOST_BYTES:,} are read."
        )
    try:
        text = data.decode("utf-8")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
            raise TrainingError("it holds an alias (*name). Write the value out.")
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise TrainingError(f"cannot be read as YAML ({error}).") from error
    if not isinstance(values, dict):
        raise TrainingError("must hold fields such as 'epochs: 10'.")
    return values
