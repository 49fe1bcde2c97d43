"""The jobs below one folder: create, launch, look, ask, resume, delete."""

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
from fer_core.system.files import numbered, os_errors, remove_folder, write_json, writing
from fer_core.system.jobs import job, process_lock
from fer_core.system.jobs.job import LOG, OWNER, REQUEST, RUNNING, Job, State
from fer_core.system.paths import PACKAGES
from fer_core.system.settings import settings

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
"""What a job may be called: it comes from addresses, and must not lead out of the folder."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs below ``root``, one folder each.

    Attributes:
        root: Where they lie; made when the first one is created.
        exclusive: Only one may run at a time; launching a second one is refused.
        program: What runs the jobs' commands.
        most_active: So many may wait or run at a time, whosever they are; None for any number.
        most_kept: So many are kept. One more takes the place of the oldest that stopped before its
            end; where there is none it is refused.
    """

    root: Path
    exclusive: bool = False
    program: tuple[str, ...] = (sys.executable, "-m", "fer_core")
    most_active: int | None = None
    most_kept: int | None = None

    def create(
        self,
        title: str,
        kind: str,
        details: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> Job:
        """A new job that does nothing yet; put what it needs into its folder, then ``launch``.

        Args:
            title: What a user calls it.
            kind: What sort of work it is.
            details: What to remember with it.
            name: Name of its folder; a token that cannot be guessed if None.

        Raises:
            JobError: The name is taken or not allowed, the folder cannot be written, or there are
                as many as may be.
        """
        folder = self._folder(name or secrets.token_hex(16))
        with writing(folder, JobError), process_lock.guard(self.root):
            self._check_active()
            self._make_room()
            if folder.exists():
                raise JobError(f"There is a job {folder.name} already. Choose another name.")
            folder.mkdir(parents=True)
            process_lock.write(folder / OWNER, process_lock.me())  # until it is launched
            job.set_state(folder, State.QUEUED)
            job.describe(folder, title, kind, details or {})
        return job.load(folder)

    def free_name(self, wanted: str) -> str:
        """``wanted``, with a number behind it where there is a job of that name."""
        return numbered(wanted, lambda name: (self.root / name).exists())

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
        """The job of that name, as it is now.

        Raises:
            JobError: There is none.
        """
        return job.load(self._folder(name))

    def list(self, held: Collection[str] = ()) -> tuple[Job, ...]:
        """The jobs, newest first; on public links only those whose names are in ``held``."""
        sees_all = settings().policy.shows_server
        return tuple(entry for entry in job.every(self.root) if sees_all or entry.name in held)

    def ask(self, name: str, word: str) -> None:
        """Ask a running job for something: ``job.CANCEL``, ``job.PAUSE`` or a word it knows.

        It answers when it gets to it, a fraction of a second later as a rule. Asking a job that
        has ended does nothing.

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
        """End a job's process and its helpers at once. What was asked of it decides the state.

        One that runs on another machine is asked to end instead.
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
        """Remove a job and everything it made.

        Raises:
            JobError: It is running, or its folder cannot be removed.
        """
        now = self.get(name)
        if self._is_running(now):
            raise JobError(f"{now.title} is {now.state}. Stop it first, then delete it.")
        with os_errors(f"{now.folder} cannot be removed", JobError):
            remove_folder(now.folder)

    def prune(self, hours: float) -> int:
        """Delete the jobs that ended more than ``hours`` ago; how many they were.

        Folders that a crash left without a readable description go by their age as well.
        """
        limit = time.time() - hours * 3600
        known = job.every(self.root)
        old = [one for one in known if not self._is_running(one) and one.changed < limit]
        for one in old:
            with suppress(JobError):
                self.delete(one.name)
        names = {one.name for one in known}
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
            try:
                (folder / REQUEST).unlink(missing_ok=True)
                job.change(folder, **changes)
                job.set_state(folder, State.QUEUED)
                self._begin(folder)
            except OSError as error:
                said = _not_started(now.title, error)
                with suppress(OSError):
                    job.set_state(folder, State.FAILED, said)
                raise JobError(said) from error
        return job.load(folder)

    def _begin(self, folder: Path) -> None:
        """Start the job's process and note it; where it cannot be noted it is ended again."""
        process = _detach(self.program, job.load(folder))
        try:
            child = process_lock.Owner.of(process.pid)
            process_lock.write(folder / OWNER, child)
            if self.exclusive:
                process_lock.write(self.root / RUNNING, child)
        except OSError:
            process.kill()
            raise

    def _check_active(self, but: str = "") -> None:
        if self.most_active is None:
            return
        active = [one for one in job.every(self.root) if one.state.is_active and one.name != but]
        if len(active) >= self.most_active:
            raise JobError(
                "Others are having files read here at the moment. Try again in a minute."
            )

    def _make_room(self) -> None:
        kept = job.every(self.root) if self.most_kept is not None else ()
        if len(kept) < (self.most_kept or 1):
            return
        stopped = [one for one in kept if one.state.can_resume]
        if not stopped:
            raise JobError(
                "There is no room here for another file. Delete one of yours that you do not need "
                "any more, or try again in some hours."
            )
        self.delete(stopped[-1].name)

    def _folder(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise JobError(f"There is no job {name!r}.")
        return self.root / name

    @staticmethod
    def _is_running(one: Job) -> bool:
        """It has a process of its own; one that waits to be launched has only its creator."""
        return one.state.is_active and process_lock.read(one.folder / OWNER) != process_lock.me()


def _not_started(title: str, error: OSError) -> str:
    where = f": {error.filename}" if error.filename else ""
    return (
        f"{title} cannot be started ({error.strerror or error}{where}). Repair that, then start it "
        "again."
    )


def _detach(program: tuple[str, ...], one: Job) -> "subprocess.Popen[bytes]":
    """Start a process in a session of its own: no terminal, signal or end of ours reaches it.

    It gives way to the server, so that pages stay quick while it works.
    """
    package = str(PACKAGES)
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    with (one.folder / LOG).open("ab") as out:
        process = subprocess.Popen(  # noqa: S603  # the command is this package's own
            [*program, *one.command],
            cwd=one.cwd,
            env=os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    give_way(process.pid)
    threading.Thread(target=process.wait, daemon=True).start()  # leaves no zombie
    return process


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


def give_way(pid: int) -> None:
    """Take part in the processors' time only as far as others leave it, where the system can.

    Linux on a desktop shares the time among sessions before it looks at processes, and a job is a
    session of its own, so the session is told as well (sched(7), autogroup).
    """
    with suppress(OSError, AttributeError):  # Windows has no such call
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
        Path(f"/proc/{pid}/autogroup").write_text(str(NICE))
