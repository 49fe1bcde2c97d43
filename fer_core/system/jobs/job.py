"""Read and write one job on the disk: a folder with its description, state and progress.

``job.json`` (description, written once), ``state.json`` (written when the state changes),
``owner.json`` (the process), ``progress.json``, ``request.json`` (a user's request), ``log.txt``
(everything it printed).
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from fer_core.errors import JobError
from fer_core.system.files import check_format, write_json
from fer_core.system.jobs import process_lock
from fer_core.system.jobs.progress import FILE as PROGRESS
from fer_core.system.jobs.progress import Progress
from fer_core.system.jobs.progress import read as read_progress

JOB, STATE, OWNER = "job.json", "state.json", "owner.json"
REQUEST, LOG = "request.json", "log.txt"
RUNNING: Final = ".running"
"""File beside the jobs: the process that runs while no other may."""

FORMAT: Final = 1
"""Version of ``job.json``; 0.1.0 wrote none."""


class State(StrEnum):
    """State of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_active(self) -> bool:
        """True where it has a process, or is about to get one."""
        return self in (State.QUEUED, State.RUNNING)

    @property
    def can_resume(self) -> bool:
        """True where starting it again continues where it stopped."""
        return self in (State.PAUSED, State.FAILED, State.CANCELLED, State.INTERRUPTED)


CANCEL: Final = "cancel"
PAUSE: Final = "pause"


@dataclass(frozen=True, slots=True)
class Job:
    """A job at one moment.

    Attributes:
        folder: The folder with all its files.
        title: Its title for users.
        kind: Kind of work, such as ``classify`` or ``train``.
        command: Arguments of ``python -m fer_core``; empty until it is launched.
        cwd: Folder to which relative paths in ``command`` belong.
        details: Values that its creator stored.
        created: When it was created, in seconds since 1970.
        state: See ``State``.
        changed: When it last changed its state or its progress, in seconds since 1970.
        message: The error of a failed job, or empty.
        summary: Facts on its results, once finished.
        progress: Its progress.
    """

    folder: Path
    title: str
    kind: str
    command: tuple[str, ...]
    cwd: str
    details: Mapping[str, Any]
    created: float
    state: State
    changed: float
    message: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)

    @property
    def name(self) -> str:
        """Name of its folder; the token of a job that only its owner may see."""
        return self.folder.name

    def log(self, most_bytes: int = 20_000) -> str:
        """Return the end of its log."""
        try:
            with (self.folder / LOG).open("rb") as file:
                file.seek(max(os.fstat(file.fileno()).st_size - most_bytes, 0))
                return file.read().decode(errors="replace")
        except OSError:
            return ""


def load(folder: Path) -> Job:
    """Return the job in ``folder`` as it is now.

    Raises:
        JobError: There is none, or its description is damaged or of a newer version.
    """
    try:
        description = json.loads((folder / JOB).read_text("utf-8"))
        check_format(description, FORMAT, folder / JOB, JobError)
        state, entry = _state(folder)
        return Job(
            folder=folder,
            title=str(description["title"]),
            kind=str(description["kind"]),
            command=tuple(map(str, description["command"])),
            cwd=str(description["cwd"]),
            details=dict(description["details"]),
            created=float(description["created"]),
            state=state,
            changed=max(
                float(entry.get("changed", 0)), _reported(folder), float(description["created"])
            ),
            message=str(entry.get("message", "")),
            summary=dict(entry.get("summary", {})),
            progress=read_progress(folder),
        )
    except FileNotFoundError as error:
        raise JobError(
            f"There is no job {folder.name}. It was deleted, or its time is over."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JobError(
            f"{folder / JOB} is damaged ({type(error).__name__}: {error}). Delete the job."
        ) from error


def load_all(root: Path) -> tuple[Job, ...]:
    """Return the jobs below ``root``, newest first; damaged ones are left out."""
    jobs = []
    for file in root.glob(f"*/{JOB}"):
        try:
            jobs.append(load(file.parent))
        except JobError:
            continue  # deleted meanwhile, or damaged
    return tuple(sorted(jobs, key=lambda entry: entry.created, reverse=True))


def describe(
    folder: Path, title: str, kind: str, details: Mapping[str, Any], command: tuple[str, ...] = ()
) -> None:
    """Write the description of a job."""
    description = {
        "format": FORMAT, "title": title, "kind": kind, "command": list(command),
        "cwd": str(Path.cwd()), "details": dict(details), "created": time.time(),
    }  # fmt: skip
    write_json(folder / JOB, description)


def change(folder: Path, **changes: Any) -> None:
    """Replace entries of ``job.json``."""
    description = json.loads((folder / JOB).read_text("utf-8"))
    write_json(folder / JOB, description | changes)


def set_state(
    folder: Path, state: State, message: str = "", summary: Mapping[str, Any] | None = None
) -> None:
    """Write the state of a job: its launcher ``queued``, its own process the others."""
    entry = {"state": state, "message": message, "summary": dict(summary or {})}
    write_json(folder / STATE, entry | {"changed": time.time()})


def requested(folder: Path) -> str:
    """Return a user's request to the job: ``cancel``, ``pause``, another word, or nothing."""
    try:
        return str(json.loads((folder / REQUEST).read_text("utf-8"))["ask"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _state(folder: Path) -> tuple[State, Mapping[str, Any]]:
    """Return the state and its entry; a job whose process is dead counts as interrupted."""
    if not _written_state(folder)[0].is_active or process_lock.living(folder / OWNER):
        return _written_state(folder)
    with process_lock.guard(folder.parent):  # no job is between ``queued`` and a process
        if process_lock.living(folder / OWNER):
            return _written_state(folder)
        state, entry = _written_state(folder)  # its last state may have come after the first look
        if not state.is_active:
            return state, entry
        return (State.CANCELLED if requested(folder) == CANCEL else State.INTERRUPTED), entry


def _reported(folder: Path) -> float:
    try:
        return (folder / PROGRESS).stat().st_mtime
    except OSError:
        return 0.0


def _written_state(folder: Path) -> tuple[State, Mapping[str, Any]]:
    try:
        entry = json.loads((folder / STATE).read_text("utf-8"))
        return State(entry["state"]), entry
    except (OSError, ValueError, KeyError, TypeError):
        return State.INTERRUPTED, {}
