"""Read the stored plan of a job, of this version or of 0.1, and compare it with another."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fer_core.errors import FerError

FORMAT: Final = 2
"""Version of plan and parts. Version 1, of 0.1.0, has no fingerprints."""

OLD_KEYS: Final = {"reading": "head", "every": "step"}
"""Keys of a plan in version 0.1 and their present names."""


def changes(plan: Mapping[str, Any], stored: Mapping[str, Any], folder: Path | str) -> str:
    """Return the names of the fields in which two plans differ, separated by commas.

    Raises:
        FerError: ``stored`` is of a newer version.
    """
    if int(stored.get("version", 1)) > FORMAT:
        raise FerError(
            f"{folder} was written by a newer version of FER Studio. Finish the job with that "
            "version, or choose another --out."
        )
    return ", ".join(sorted(key for key in plan if stored.get(key) != plan[key]))


def read_plan(text: str) -> dict[str, Any]:
    """Return the plan that a JSON text holds; the keys of version 0.1 get their present names.

    Raises:
        ValueError: It is no JSON object, or its version is no number.
    """
    plan = json.loads(text, object_hook=_renamed)
    if not isinstance(plan, dict) or not isinstance(plan.get("version", 1), int):
        raise ValueError("it is no plan")
    return plan


def _renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {OLD_KEYS.get(key, key): value for key, value in values.items()}
