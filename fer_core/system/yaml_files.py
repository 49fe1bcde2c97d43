"""Read a small YAML file of fields that may come from anywhere."""

import re
from typing import Any, Final

import yaml

from fer_core.errors import TrainingError

MOST_BYTES: Final = 20_000
"""Ten times what a config with every field takes."""


class _Loader(yaml.SafeLoader):
    """A loader that reads ``1e-3`` as a number, as YAML 1.2 does; YAML 1.1 takes it for text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+"),
    list("-+.0123456789"),
)


def fields_of(data: bytes) -> dict[str, Any]:
    """Return the fields of a YAML file: plain values only.

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
        values = yaml.load(text, _Loader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise TrainingError(f"cannot be read as YAML ({error}).") from error
    if not isinstance(values, dict):
        raise TrainingError("must hold fields such as 'epochs: 10'.")
    return values
