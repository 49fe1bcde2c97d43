"""Memory that this process and those it starts may take: the machine's, or less in a container.

A container's processes share one limit, a control group's, and the kernel kills one of them where
it is passed. What the system tells of its memory is the whole machine's there.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

GROUPS: Final = Path("/sys/fs/cgroup")
MEMBERSHIP: Final = Path("/proc/self/cgroup")

END_FIRST: Final = 500
"""Added, in thousandths of all memory, to what a process takes when one has to be killed."""

TENSORFLOW: Final = 900_000_000
"""Bytes of a process that imports TensorFlow and builds a small network."""

_VERSION_1: Final = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")
_VERSION_2: Final = ("memory.max", "memory.current", "")
"""Files with the limit and the use, and the beginning of the names in ``memory.stat``."""


def total() -> int:
    """Return the bytes that all processes of this machine or container may take together."""
    machine = psutil.virtual_memory().total + psutil.swap_memory().total
    return int(min([machine, *(limit for limit, _ in _limits())]))


def free() -> int:
    """Return the bytes that may still be taken; pages of files that can be read again are free."""
    machine = psutil.virtual_memory().available + psutil.swap_memory().free
    return int(min([machine, *(max(limit - used, 0) for limit, used in _limits())]))


def shortage(needed: int) -> str:
    """Return why ``needed`` bytes cannot be taken, the rest of a sentence; empty where they can."""
    if needed <= (available := free()):
        return ""
    most = total()
    machine = f"this machine has {_gb(most)}"
    return f"needs about {_gb(needed)} of memory, and {machine}" + (
        "" if needed > most else f", of which {_gb(available)} are free"
    )


def end_first(pid: int | str = "self") -> None:
    """Have the kernel end this process before the server where memory runs out, on Linux."""
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(END_FIRST))


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _limits() -> Iterator[tuple[int, int]]:
    """Yield limit and use in bytes of each control group with a limit around this process.

    Source: Linux, Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.
    """
    try:
        lines = MEMBERSHIP.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root, files = GROUPS, _VERSION_2
        elif "memory" in controllers.split(","):
            root, files = GROUPS / "memory", _VERSION_1
        else:
            continue
        # In a container the path may be the host's, while its own group is mounted at the root.
        folder = root / path.lstrip("/")
        for group in (folder, *folder.parents):
            if group.is_relative_to(root) and (values := _values(group, *files)):
                yield values


def _values(group: Path, limit: str, use: str, prefix: str) -> tuple[int, int] | None:
    """Return limit and use of one group; None where it has no limit or cannot be read."""
    try:
        most, used = int((group / limit).read_text()), int((group / use).read_text())
        rows = (line.split() for line in (group / "memory.stat").read_text().splitlines())
        stat = {name: int(value) for name, value in rows}
    except (OSError, ValueError):  # "max": no limit
        return None
    files = stat.get(f"{prefix}active_file", 0) + stat.get(f"{prefix}inactive_file", 0)
    return most, max(used - files, 0)
