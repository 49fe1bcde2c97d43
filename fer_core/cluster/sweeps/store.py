"""Sweeps as they lie on the disk: jobs in ``$FER_HOME/sweeps``, their trials in ``runs``."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fer_core.cluster.sweeps.config import SweepConfig
from fer_core.errors import FerError, JobError
from fer_core.system.files import write_json
from fer_core.system.jobs import CANCEL, Job, Jobs, State
from fer_core.system.settings import settings
from fer_core.training import runs
from fer_core.training.runs import Run

CONFIG: Final = "sweep.yaml"
TRIAL: Final = "trial.json"
"""In a trial's run: what of the sweep it is."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial as it is now.

    Attributes:
        number: From 0.
        tried: Its settings: field to value.
        run: Its run; None before it has begun.
        stopped_early: The sweep stopped it because others were better.
    """

    number: int
    tried: Mapping[str, Any]
    run: Run | None = None
    stopped_early: bool = False

    @property
    def best(self) -> float | None:
        """The best figure so far of what decides."""
        top = self.run.best if self.run else None
        return None if top is None or self.run is None else float(top[self.run.config.monitor])

    @property
    def word(self) -> str:
        """Its state in a word or two."""
        if self.run is None:
            return "waiting"
        if self.stopped_early and not self.run.job.state.is_active and not self.run.has_model:
            return "stopped early"
        return "training" if self.run.job.state.is_active else str(self.run.job.state)


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep as it is now."""

    job: Job
    config: SweepConfig

    def trials(self) -> list[Trial]:
        """All trials, in their order."""
        every = enumerate(self.config.values())
        return [trial(self.job.name, number, values) for number, values in every]


def store() -> Jobs:
    """The sweeps as jobs, of which one may run at a time."""
    return Jobs(settings().home / "sweeps", exclusive=True)


def load(name: str) -> Sweep:
    """The sweep called ``name``.

    Raises:
        JobError: There is none.
        TrainingError: Its config is damaged.
    """
    job = store().get(name)
    return Sweep(job, SweepConfig.load(job.folder / CONFIG))


def create(config: SweepConfig) -> Job:
    """Make the folder of a new sweep, which does nothing yet.

    Raises:
        JobError: It cannot be written, or this is a public link.
    """
    if not settings().policy.may_train:
        raise JobError("This is a public link: nothing is trained here.")
    jobs = store()
    word = re.sub(r"[^a-z0-9]+", "-", config.title.lower()).strip("-")[:40] or "sweep"
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    made = jobs.create(config.title, "sweep", name=jobs.free_name(f"{stamp}-{word}"))
    try:
        config.save(made.folder / CONFIG)
    except OSError as error:
        jobs.delete(made.name)
        raise JobError(
            f"{made.folder} cannot be written ({error.strerror or error}). Free some space."
        ) from error
    return made


def start(config: SweepConfig) -> Job:
    """Begin a sweep on this machine, as a job.

    Raises:
        JobError: Something else trains, or as ``create``.
    """
    runs.check_may_train()
    made = create(config)
    try:
        return store().launch(made.name, ["sweep", "--resume", made.name])
    except JobError:
        store().delete(made.name)
        raise


def stop(name: str) -> None:
    """Ask a sweep to end; its trials are kept, and ``Jobs.resume`` goes on."""
    store().ask(name, CANCEL)


def trial(sweep: str, number: int, values: Mapping[str, Any]) -> Trial:
    """A trial as it is now."""
    try:
        run = runs.load(run_name(sweep, number))
    except FerError:
        return Trial(number, values)
    try:
        said = json.loads((run.job.folder / TRIAL).read_text("utf-8"))
    except (OSError, ValueError):
        said = {}
    return Trial(number, values, run, bool(said.get("stopped_early")))


def run_name(sweep: str, number: int) -> str:
    """Name of a trial's run."""
    return f"{sweep}-{number + 1:03}"


def note_trial(folder: Path, sweep: str, number: int, stopped_early: bool = False) -> None:
    """Write into a run's folder which trial it is."""
    write_json(folder / TRIAL, {"sweep": sweep, "number": number, "stopped_early": stopped_early})


def is_over(trial: Trial) -> bool:
    """Return true if nothing is left to train."""
    if trial.run is None:
        return False
    return trial.stopped_early or trial.run.job.state in (State.FINISHED, State.FAILED)
