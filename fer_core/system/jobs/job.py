"""One job as it lies on the disk: a folder that says what it is, how far and in what state.

``job.json`` (what it is: written once), ``state.json`` (written when the state changes),
``owner.json`` (the process), ``progress.json``, ``request.json`` (what a user asks of it),
``log.txt`` (everything it printed).
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
from fer_core.system.files import write_json
from fer_core.system.jobs import process_lock
from fer_core.system.jobs.progress import FILE as PROGRESS
from fer_core.system.jobs.progress import Progress
from fer_core.system.jobs.progress import read as read_progress

JOB, STATE, OWNER = "job.json", "state.json", "owner.json"
REQUEST, LOG = "request.json", "log.txt"
RUNNING: Final = ".running"
"""Beside the jobs: the process that runs while no other may."""


class State(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_active(self) -> bool:
        """It has a process, or is about to get one."""
        return self in (State.QUEUED, State.RUNNING)

    @property
    def can_resume(self) -> bool:
        """Starting it again goes on where it stopped."""
        return self in (State.PAUSED, State.FAILED, State.CANCELLED, State.INTERRUPTED)


CANCEL: Final = "cancel"
PAUSE: Final = "pause"


@dataclass(frozen=True, slots=True)
class Job:
    """What is known of a job at one moment.

    Attributes:
        folder: Where everything of it lies.
        title: What a user calls it.
        kind: What sort of work it is, such as ``classify`` or ``train``.
        command: Arguments of ``python -m fer_core``; empty until it is launched.
        cwd: Folder from which relative paths in ``command`` count.
        details: What whoever created it wanted to remember.
        created: When it was created, in seconds since 1970.
        state: See ``State``.
        changed: When it last changed its state or its progress, in seconds since 1970.
        message: Why it failed, or empty.
        summary: What it says of its results, once finished.
        progress: How far it is.
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
        """The end of what it printed."""
        try:
            with (self.folder / LOG).open("rb") as file:
                file.seek(max(os.fstat(file.fileno()).st_size - most_bytes, 0))
                return file.read().decode(errors="replace")
        except OSError:
            return ""


def load(folder: Path) -> Job:
    """The job in ``folder`` as it is now.

    Raises:
        JobError: There is none, or its description is damaged.
    """
    try:
        known = json.loads((folder / JOB).read_text("utf-8"))
        state, said = _state(folder)
        return Job(
            folder=folder,
            title=str(known["title"]),
            kind=str(known["kind"]),
            command=tuple(map(str, known["command"])),
            cwd=str(known["cwd"]),
            details=dict(known["details"]),
            created=float(known["created"]),
            state=state,
            changed=max(float(said.get("changed", 0)), _reported(folder), float(known["created"])),
            message=str(said.get("message", "")),
            summary=dict(said.get("summary", {})),
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


def every(root: Path) -> tuple[Job, ...]:
    """The jobs below ``root``, newest first; damaged ones are left out."""
    found = []
    for file in root.glob(f"*/{JOB}"):
        try:
            found.append(load(file.parent))
        except JobError:
            continue  # deleted while we looked, or damaged
    return tuple(sorted(found, key=lambda one: one.created, reverse=True))


def describe(
    folder: Path, title: str, kind: str, details: Mapping[str, Any], command: tuple[str, ...] = ()
) -> None:
    """Write what a job is."""
    known = {"title": title, "kind": kind, "command": list(command), "cwd": str(Path.cwd())}
    write_json(folder / JOB, known | {"details": dict(details), "created": time.time()})


def change(folder: Path, **changes: Any) -> None:
    """Replace entries of ``job.json``."""
    known = json.loads((folder / JOB).read_text("utf-8"))
    write_json(folder / JOB, known | changes)


def set_state(
    folder: Path, state: State, message: str = "", summary: Mapping[str, Any] | None = None
) -> None:
    """Write the state of a job. Its launcher says ``queued``, everything else its own process."""
    said = {"state": state, "message": message, "summary": dict(summary or {})}
    write_json(folder / STATE, said | {"changed": time.time()})


def asked(folder: Path) -> str:
    """What a user asks of the job: ``cancel``, ``pause``, another word, or nothing."""
    try:
        return str(json.loads((folder / REQUEST).read_text("utf-8"))["ask"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _state(folder: Path) -> tuple[State, Mapping[str, Any]]:
    """The state and what was written with it; a dead process is found out here."""
    if not _said_state(folder)[0].is_active or process_lock.living(folder / OWNER):
        return _said_state(folder)
    with process_lock.guard(folder.parent):  # nobody is between ``queued`` and a living process
        if process_lock.living(folder / OWNER):
            return _said_state(folder)
        state, said = _said_state(folder)  # its last word may have come after our first look
        if not state.is_active:
            return state, said
        return (State.CANCELLED if asked(folder) == CANCEL else State.INTERRUPTED), said


def _reported(folder: Path) -> float:
    try:
        return (folder / PROGRESS).stat().st_mtime
    except OSError:
        return 0.0


def _said_state(folder: Path) -> tuple[State, Mapping[str, Any]]:
    try:
        said = json.loads((folder / STATE).read_text("utf-8"))
        return State(said["state"]), said
    except (OSError, ValueError, KeyError, TypeError):
        return State.INTERRUPTED, {}
