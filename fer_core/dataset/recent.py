"""The datasets that were opened last, so that one click or an address opens them again."""

import contextlib
import json
from pathlib import Path
from typing import Final

from fer_core.dataset.source import DatasetSource
from fer_core.system import files
from fer_core.system.settings import settings

FORMAT: Final = 1
MOST: Final = 6


def recent() -> tuple[DatasetSource, ...]:
    """Return the datasets opened last whose folders still exist, the newest first."""
    try:
        content = json.loads(_file().read_text("utf-8"))
        sources = [DatasetSource.from_dict(each) for each in content["datasets"]]
        return tuple(source for source in sources if Path(source.data).is_dir())
    except (OSError, ValueError, TypeError, KeyError):  # none yet, or damaged
        return ()


def remember(source: DatasetSource) -> None:
    """Put a dataset first; where nothing may be stored, as on public links, forget it."""
    if not settings().policy.may_store:
        return
    older = [each for each in recent() if each.data != source.data]
    datasets = [each.to_dict() for each in (source, *older)][:MOST]
    with contextlib.suppress(OSError):  # without the list it only takes more clicks
        files.write_json(_file(), {"format": FORMAT, "datasets": datasets})


def find(name: str) -> DatasetSource | None:
    """Return the recent dataset whose folder has this name, or None."""
    return next((source for source in recent() if Path(source.data).name == name), None)


def _file() -> Path:
    return settings().home / "recent_datasets.json"
