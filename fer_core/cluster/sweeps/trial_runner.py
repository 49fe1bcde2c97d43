"""One trial, wherever it is carried out: an ordinary run whose epochs are handed on one by one."""

import os
import time
from dataclasses import replace
from typing import Any, Final

from fer_core.cluster.sweeps import store
from fer_core.errors import TrainingError
from fer_core.system.jobs import CANCEL, Job, Jobs, State, job
from fer_core.system.settings import settings
from fer_core.training import runs
from fer_core.training.config import TrainConfig
from fer_core.training.run_folder import RunFolder

LOOK_S: Final = 0.2
END_S: Final = 20.0
"""So long a run may take to end after it was asked to."""


class Follower:
    """Trains trial ``number`` of a sweep in a process of its own, as the dashboard would.

    The run keeps its state on the disk after each epoch. So whoever follows the trial after a
    crash, on this machine or another one, finds the run as it is and goes on.

    Args:
        home: ``FER_HOME``, the same for all.
        sweep: Name of the sweep.
        number: Of the trial, from 0.
    """

    def __init__(self, home: str, sweep: str, number: int) -> None:
        os.environ["FER_HOME"] = home
        settings.cache_clear()
        self._config = store.load(sweep).config
        self._sweep, self._number = sweep, number
        self._wanted: TrainConfig = self._config.configs()[number]
        self._name, self._given = store.run_name(sweep, number), 0
        values = self._config.values()[number]
        if not store.is_over(store.trial(sweep, number, values)):
            self._begin(f"{self._config.title} {number + 1}: {in_words(values)}")

    def next(self) -> dict[str, Any]:
        """Wait for the next epoch: its figures, and as ``done`` whether it was the last.

        Of a run that ends without another epoch, the last one's figures again.

        Raises:
            TrainingError: Its process was killed; whoever follows the trial next goes on.
        """
        while True:
            state = self._jobs.get(self._name).state  # before its last line is read
            is_active = state.is_active
            if state is State.INTERRUPTED:
                raise TrainingError(f"{self._name}: its process ended without a word.")
            epochs = self._folder.epochs()
            is_last = len(epochs) == self._wanted.epochs and self._given >= len(epochs) - 1
            if len(epochs) > self._given and not (is_last and is_active):
                self._given += 1
                over = not is_active and self._given == len(epochs)
                return self._said(epochs[self._given - 1], over)
            if not is_active and len(epochs) <= self._given:
                return self._said(epochs[-1] if epochs else {}, over=True)
            time.sleep(LOOK_S)

    def close(self) -> None:
        """End the run if it still trains; it can be resumed, by hand or with the sweep."""
        now = self._jobs.get(self._name)
        if now.state.is_active:
            end(self._jobs, now)

    @property
    def _jobs(self) -> Jobs:
        """The runs; several may train at once, since the sweep holds their place."""
        return replace(runs.store(), exclusive=False)

    @property
    def _folder(self) -> RunFolder:
        return RunFolder(self._jobs.root / self._name)

    def _begin(self, title: str) -> None:
        jobs, folder = self._jobs, self._folder
        if not folder.root.exists():
            jobs.create(title, "train", {"sweep": self._sweep}, self._name)
        now = jobs.get(self._name)
        if now.command and now.state.is_active:
            return  # whoever followed it before has gone, and it trains on
        if not now.command:
            self._wanted.save(folder.config)
            folder.write_source(self._config.source.to_dict())
        store.note_trial(folder.root, self._sweep, self._number)
        threads = str(self._config.threads)
        for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ[name] = threads
        os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"  # several may share one
        command = runs.command(folder.root)
        jobs.launch(self._name, [*command, "--sweep", self._sweep])
        job.change(folder.root, command=command)  # resumed by hand, it waits its turn as any other

    def _said(self, line: dict[str, Any], over: bool) -> dict[str, Any]:
        """Return a report for the scheduler; a run that failed before an epoch is the worst."""
        worst = float("inf") if self._config.monitor.endswith("loss") else 0.0
        return {
            self._config.monitor: float(line.get(self._config.monitor, worst)),
            "epochs": self._given, "done": over,
        }  # fmt: skip


def end(jobs: Jobs, now: Job) -> None:
    """Ask a run to stop, and kill it where it does not.

    Raises:
        TrainingError: It does not end.
    """
    jobs.ask(now.name, CANCEL)
    if not _has_ended(jobs, now.name):
        jobs.kill(now.name)
        if not _has_ended(jobs, now.name):
            raise TrainingError(f"{now.title} does not end. End its process where it runs.")


def _has_ended(jobs: Jobs, name: str) -> bool:
    """Wait at most ``END_S``; return true if the run has ended."""
    limit = time.monotonic() + END_S
    while jobs.get(name).state.is_active:
        if time.monotonic() > limit:
            return False
        time.sleep(LOOK_S)
    return True


def in_words(values: dict[str, Any]) -> str:
    """Return the values of a trial as text, for its title."""
    return ", ".join(f"{name.rpartition('.')[2]} {value}" for name, value in values.items())
