"""Create, launch, list, stop, resume and delete the jobs below one folder."""

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fer_core.errors import JobError
from fer_core.system import memory_limit
from fer_core.system.files import numbered, os_errors, remove_folder, write_json, writing
from fer_core.system.jobs import job, process_lock, warm
from fer_core.system.jobs.job import LOG, OWNER, REQUEST, RUNNING, Job, State
from fer_core.system.paths import PACKAGES
from fer_core.system.settings import settings

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
"""Names of jobs: they come from addresses, and must not lead out of the folder."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs below ``root``, one folder each.

    Attributes:
        root: Their folder; made when the first one is created.
        exclusive: At most one runs at a time; launching a second one is refused.
        program: Program of the jobs' commands.
        max_active: Most jobs that wait or run at a time; None for any number.
        max_stored: Most jobs. One more replaces the oldest that stopped before its end; where
            there is none it is refused.
        needed_bytes: Memory without which no process is started.
        preload: ``module:function`` that imports what the jobs need, for ``prepare``; ``program``
            is then ``python -m`` and a module.
    """

    root: Path
    exclusive: bool = False
    program: tuple[str, ...] = (sys.executable, "-m", "fer_core")
    max_active: int | None = None
    max_stored: int | None = None
    needed_bytes: int = 0
    preload: str = ""

    def prepare(self) -> None:
        """Have a process import what the next job needs, so that the job starts at once.

        It ends after ten minutes without a job, and with this process. Where it cannot be started
        the job takes a new process, as without it.
        """
        with suppress(OSError):
            if process := warm.prepare(self.preload, _environment()):
                _watch(process)

    def shortage(self, needed: int) -> str:
        """Return why ``needed`` bytes for the next job cannot be taken, as ``memory_limit`` does.

        A process that waits for the job has taken some of them already.
        """
        return memory_limit.shortage(needed - warm.bytes_of(self.preload))

    def create(
        self,
        title: str,
        kind: str,
        details: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> Job:
        """Create a job that does nothing yet: put its files into its folder, then ``launch``.

        Args:
            title: Its title for users.
            kind: Kind of work.
            details: Values to store with it.
            name: Name of its folder; a token that cannot be guessed if None.

        Raises:
            JobError: The name is taken or not allowed, the folder cannot be written, there are as
                many as may be, or memory does not suffice for one more.
        """
        folder = self._folder(name or secrets.token_hex(16))
        with writing(folder, JobError), process_lock.guard(self.root):
            self._check_active()
            self._check_memory(title)
            self._make_room()
            if folder.exists():
                raise JobError(f"There is a job {folder.name} already. Choose another name.")
            folder.mkdir(parents=True)
            process_lock.write(folder / OWNER, process_lock.me())  # until it is launched
            job.set_state(folder, State.QUEUED)
            job.describe(folder, title, kind, details or {})
        return job.load(folder)

    def free_name(self, name: str) -> str:
        """Return ``name``, with a number behind it where there is a job of that name."""
        return numbered(name, lambda name: (self.root / name).exists())

    def launch(self, name: str, command: Sequence[str]) -> Job:
        """Start ``python -m fer_core`` with the arguments ``command`` as the job's process.

        The process outlives this one, has the same environment, and prints into ``log.txt``.

        Raises:
            JobError: It runs already, another one does and the store is exclusive, as many run as
                may, or it cannot be started: the job has failed then.
        """
        return self._start(name, command=list(command), cwd=str(Path.cwd()))

    def resume(self, name: str) -> Job:
        """Start a job again that stopped before its end, as it was started before.

        Raises:
            JobError: It runs or is finished, was never launched, or as ``launch``.
        """
        now = self.get(name)
        if not now.state.can_resume or not now.command:
            raise JobError(f"{now.title} is {now.state}: there is nothing to resume.")
        return self._start(name)

    def get(self, name: str) -> Job:
        """Return the job of that name, as it is now.

        Raises:
            JobError: There is none.
        """
        return job.load(self._folder(name))

    def list(self, held: Collection[str] = ()) -> tuple[Job, ...]:
        """Return the jobs, newest first; on public links only those whose names are in ``held``."""
        sees_all = settings().policy.shows_server
        return tuple(entry for entry in job.load_all(self.root) if sees_all or entry.name in held)

    def ask(self, name: str, word: str) -> None:
        """Send a request to a running job: ``job.CANCEL``, ``job.PAUSE`` or a word of its own.

        It follows a fraction of a second later as a rule. A job that has ended ignores it.

        Raises:
            JobError: There is no such job, or its folder cannot be written.
        """
        now = self.get(name)
        if not now.state.is_active:
            return
        with writing(now.folder, JobError):
            write_json(now.folder / REQUEST, {"ask": word})
        process = process_lock.living(now.folder / OWNER)
        if now.state is State.RUNNING and process and os.name == "posix":
            _send(process, signal.SIGTERM)  # it looks at the request at once

    def kill(self, name: str) -> None:
        """End a job's process and its children at once; the last request decides the state.

        One that runs on another machine gets a request to end instead.
        """
        process = process_lock.living(self.get(name).folder / OWNER)
        if process and not process.is_here:
            self.ask(name, job.CANCEL)
        if process and process != process_lock.me():
            _send(process, getattr(signal, "SIGKILL", signal.SIGTERM), group=True)

    def rename(self, name: str, title: str) -> None:
        """Give a job another title.

        Raises:
            JobError: There is no such job, or its folder cannot be written.
        """
        now = self.get(name)
        with writing(now.folder, JobError):
            job.change(now.folder, title=title)

    def delete(self, name: str) -> None:
        """Remove a job and all its files.

        Raises:
            JobError: It is running, or its folder cannot be removed.
        """
        now = self.get(name)
        if self._is_running(now):
            raise JobError(f"{now.title} is {now.state}. Stop it first, then delete it.")
        with os_errors(f"{now.folder} cannot be removed", JobError):
            remove_folder(now.folder)

    def prune(self, hours: float) -> int:
        """Delete the jobs that ended more than ``hours`` ago; return their number.

        Folders that a crash left without a readable description go by their age as well.
        """
        limit = time.time() - hours * 3600
        entries = job.load_all(self.root)
        old = [entry for entry in entries if not self._is_running(entry) and entry.changed < limit]
        for entry in old:
            with suppress(JobError):
                self.delete(entry.name)
        names = {entry.name for entry in entries}
        for folder in self.root.glob("*/"):
            stray = folder.name not in names and folder.stat().st_mtime < limit
            if stray or folder.name.startswith(".deleted-"):
                shutil.rmtree(folder, ignore_errors=True)
        return len(old)

    def _start(self, name: str, **changes: Any) -> Job:
        folder = self._folder(name)
        with writing(self.root, JobError), process_lock.guard(self.root):
            now = job.load(folder)
            if self._is_running(now):
                raise JobError(f"{now.title} runs already.")
            if self.exclusive and process_lock.living(self.root / RUNNING):
                raise JobError("Another one is running. Wait until it is done, or stop it first.")
            self._check_active(but=name)
            self._check_memory(now.title)
            try:
                (folder / REQUEST).unlink(missing_ok=True)
                job.change(folder, **changes)
                job.set_state(folder, State.QUEUED)
                self._start_process(folder)
            except OSError as error:
                message = _not_started(now.title, error)
                with suppress(OSError):
                    job.set_state(folder, State.FAILED, message)
                raise JobError(message) from error
        return job.load(folder)

    def _start_process(self, folder: Path) -> None:
        """Start the job's process and write its owner; where that fails the process is ended."""
        process = self._detach(job.load(folder))
        try:
            child = process_lock.Owner.of(process.pid)
            process_lock.write(folder / OWNER, child)
            if self.exclusive:
                process_lock.write(self.root / RUNNING, child)
        except OSError:
            process.kill()
            raise

    def _detach(self, entry: Job) -> "subprocess.Popen[bytes]":
        """Start a process in a session of its own, which no terminal or signal of this one reaches.

        One that waits is taken where there is one.
        """
        log, environment = entry.folder / LOG, _environment()
        start = warm.Start(self.program[-1], entry.command, entry.cwd, environment, log)
        with log.open("ab") as out:
            if self.preload and (process := warm.become(self.preload, start)):
                return process
            process = subprocess.Popen(  # noqa: S603  # the command is this package's own
                [*self.program, *entry.command],
                cwd=entry.cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        _watch(process)
        return process

    def _check_active(self, but: str = "") -> None:
        if self.max_active is None:
            return
        active = [
            entry
            for entry in job.load_all(self.root)
            if entry.state.is_active and entry.name != but
        ]
        if len(active) >= self.max_active:
            raise JobError("Files of others are being read at the moment. Try again in a minute.")

    def _check_memory(self, title: str) -> None:
        if self.needed_bytes and (reason := memory_limit.shortage(self.needed_bytes)):
            raise JobError(f"{title}: reading it {reason}. Try again when other work here is done.")

    def _make_room(self) -> None:
        entries = job.load_all(self.root) if self.max_stored is not None else ()
        if len(entries) < (self.max_stored or 1):
            return
        stopped = [entry for entry in entries if entry.state.can_resume]
        if not stopped:
            raise JobError(
                "The server has no room for another file. Delete one of yours that you do not "
                "need, or try again in some hours."
            )
        self.delete(stopped[-1].name)

    def _folder(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise JobError(f"There is no job {name!r}.")
        return self.root / name

    @staticmethod
    def _is_running(entry: Job) -> bool:
        """Return True where it has a process; before its launch it has only its creator's."""
        return (
            entry.state.is_active and process_lock.read(entry.folder / OWNER) != process_lock.me()
        )


def _not_started(title: str, error: OSError) -> str:
    file = f": {error.filename}" if error.filename else ""
    return (
        f"{title} cannot be started ({error.strerror or error}{file}). Repair that, then start it "
        "again."
    )


def _environment() -> dict[str, str]:
    """Return the environment variables of a job."""
    path = os.pathsep.join(filter(None, (str(PACKAGES), os.environ.get("PYTHONPATH"))))
    return os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def _watch(process: "subprocess.Popen[bytes]") -> None:
    """Have the server go before a process in time and memory; clear it away when it has ended."""
    lower_priority(process.pid)
    memory_limit.end_first(process.pid)
    threading.Thread(target=process.wait, daemon=True).start()  # leaves no zombie


def _send(process: process_lock.Owner, number: int, group: bool = False) -> None:
    if not process.is_here:
        return
    with suppress(OSError):
        if group and os.name == "posix" and os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, number)
        else:
            os.kill(process.pid, number)


NICE: Final = 10
"""Of a processor that both want, the server gets nine times as much as such a process."""


def lower_priority(pid: int) -> None:
    """Give a process the lowest share of the processors' time, where the system can.

    Linux on a desktop shares the time among sessions before it looks at processes, and a job is a
    session of its own, so the session is told as well (sched(7), autogroup).
    """
    with suppress(OSError, AttributeError):  # Windows has no such call
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
        Path(f"/proc/{pid}/autogroup").write_text(str(NICE))
