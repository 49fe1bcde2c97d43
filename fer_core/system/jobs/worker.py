"""Run a job: report its progress, follow requests, write its final state."""

import errno
import math
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final, Literal

from fer_core.errors import CancelledError, FerError, JobError
from fer_core.system.jobs import job, process_lock
from fer_core.system.jobs.job import CANCEL, OWNER, PAUSE, RUNNING, State
from fer_core.system.jobs.progress import ProgressWriter
from fer_core.system.settings import settings

POLL_S: Final = 0.2
"""Requests are read this often, and at once after a signal."""

WAIT_S: Final = 0.5


class PausedError(FerError):
    """Work that a user paused; it continues from its saved state."""


class Work:
    """Progress and requests of a job, for its main thread; see ``working``.

    Attributes:
        folder: The job's folder.
        summary: Facts on its results; becomes ``Job.summary``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary: dict[str, Any] = {}
        self._progress = ProgressWriter(folder)
        self._polled_s = 0.0
        self._request = ""
        self._terminated = self._interrupted = False
        self._until = math.inf

    def limit(self) -> None:
        """End the work when the time that the policy allows is over."""
        hours = settings().policy.work_hours
        if hours < math.inf:
            self._until = job.load(self.folder).created + hours * 3600

    def report(self, done: float, total: float = 0, note: str = "") -> None:
        """Report progress, and stop where that is requested.

        Raises:
            CancelledError, PausedError: As ``check``.
        """
        self._progress.report(done, total, note)
        self.check()

    @property
    def request(self) -> str:
        """The user's request to the job: ``cancel``, ``pause``, a word of its own, or nothing."""
        now = time.monotonic()
        if now - self._polled_s >= POLL_S:
            self._polled_s = now
            self._request = job.requested(self.folder)
        return self._request

    def check(self) -> None:
        """Stop where that is requested.

        Raises:
            CancelledError: The user cancelled it.
            PausedError: The user paused it.
            JobError: Its time is over.
            SystemExit: The system ends the process; the job can be resumed.
            KeyboardInterrupt: Ctrl-C was pressed, and its exception did not get through.
        """
        if self._interrupted:
            raise KeyboardInterrupt
        if time.time() > self._until:
            raise JobError(
                f"The {settings().policy.work_hours:g} hours that a file has on this public link "
                "are over. Choose a smaller one, or fewer images of it."
            )
        word = self.request
        if word == CANCEL:
            raise CancelledError("Cancelled.")
        if word == PAUSE:
            raise PausedError("Paused.")
        if self._terminated and not word:
            raise SystemExit(143)

    def wait_for_turn(self) -> None:
        """Wait until no other job below the same root runs; older ones run first."""
        root = self.folder.parent
        while _is_preceded(self.folder) or not process_lock.hold(root / RUNNING, process_lock.me()):
            self.report(0, 0, "Waiting for another job")
            time.sleep(WAIT_S)
        self._progress = ProgressWriter(self.folder)  # the pace leaves the waiting out

    def flush(self) -> None:
        """Write the last progress."""
        self._progress.flush()

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Read the request at once after SIGTERM; without one the process ends."""
        self._polled_s = 0.0
        self._terminated = True

    def on_interrupt(self, _number: int, _frame: FrameType | None) -> None:
        """Stop after SIGINT, here and in ``check``.

        Python and some libraries drop what is raised in a finalizer or a callback from C.

        Raises:
            KeyboardInterrupt: Always.
        """
        self._interrupted = True
        raise KeyboardInterrupt


@contextmanager
def working(
    folder: Path, title: str = "", kind: str = "", turn: Literal["any", "wait", "refuse"] = "any"
) -> Iterator[Work]:
    """Be the job in ``folder`` while the block runs; its end decides the job's state.

    Args:
        folder: The job's folder. Where it was not created by ``Jobs.create`` it becomes a job.
        title: Its title, where it becomes a job here.
        kind: Its kind, where it becomes a job here.
        turn: While another job below the same root runs: ``any`` runs beside it, ``wait`` stays
            queued, ``refuse`` fails. Only jobs that wait or refuse are seen by one another.

    Raises:
        JobError: Another process works on it already, or it is not this job's turn.
        CancelledError, PausedError: A user stopped it.
        FerError: Of the block. Other errors pass through too.
    """
    work = Work(folder)
    _take(folder, title, kind)
    work.limit()
    with _on_signals(work):
        try:
            if turn == "wait":
                work.wait_for_turn()
            elif turn == "refuse" and not process_lock.hold(
                folder.parent / RUNNING, process_lock.me()
            ):
                raise JobError("Another one is running. Wait until it is done, or stop it first.")
            job.set_state(folder, State.RUNNING)
            yield work
            work.flush()
            job.set_state(folder, State.FINISHED, summary=work.summary)
        except PausedError:
            _leave(work, State.PAUSED)
            raise
        except CancelledError:
            _leave(work, State.CANCELLED)
            raise
        except (SystemExit, KeyboardInterrupt):
            _leave(work, State.INTERRUPTED)
            raise
        except BaseException as error:
            if not isinstance(error, FerError):
                traceback.print_exc()
            _leave(work, State.FAILED, explain(error))
            raise
        finally:
            process_lock.release(folder.parent / RUNNING)


def explain(error: BaseException) -> str:
    """Return the error of a job as one sentence for a user."""
    if isinstance(error, FerError):
        return str(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full. Free some space, then resume: what is done stays."
    if isinstance(error, MemoryError):
        return "There was not enough memory. Close other programs, then resume."
    if not settings().policy.shows_server:
        return "Something unexpected went wrong. The log on the server has more."
    return f"Something unexpected went wrong ({type(error).__name__}: {error}). See the log."


def _take(folder: Path, title: str, kind: str) -> None:
    """Become the job's owner; the launcher may have written that already."""
    with process_lock.guard(folder.parent):
        now = process_lock.living(folder / OWNER)
        if now and now != process_lock.me():
            raise JobError(f"{folder} is being worked on by another process ({now.pid}).")
        if not (folder / job.JOB).is_file():
            job.describe(folder, title or folder.name, kind, {}, tuple(sys.argv[1:]))
        if now is None:  # an old request; one made since the launch stays
            (folder / job.REQUEST).unlink(missing_ok=True)
        job.set_state(folder, State.QUEUED)
        process_lock.write(folder / OWNER, process_lock.me())


def _leave(work: Work, state: State, message: str = "") -> None:
    """Write the final state; on a full disk it is lost, and the job counts as interrupted."""
    work.flush()
    try:
        job.set_state(work.folder, state, message, work.summary)
    except OSError:
        traceback.print_exc()


@contextmanager
def _on_signals(work: Work) -> Iterator[None]:
    """Handle SIGTERM and Ctrl-C while the block runs.

    A process that was started in the background ignores Ctrl-C, and still does.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {signal.SIGTERM: signal.signal(signal.SIGTERM, work.on_signal)}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        handlers[signal.SIGINT] = signal.signal(signal.SIGINT, work.on_interrupt)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _is_preceded(folder: Path) -> bool:
    """Return True where an older job still waits below the same root."""
    created = job.load(folder).created
    return any(
        other.state is State.QUEUED and other.created < created
        for other in job.load_all(folder.parent)
    )
