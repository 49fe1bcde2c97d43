"""Training runs of the dashboard: jobs in ``$FER_HOME/runs`` that train one at a time."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fer_core.dataset.source import DatasetSource
from fer_core.errors import JobError, TrainingError
from fer_core.models import registry
from fer_core.models import store as model_store
from fer_core.system import memory_limit
from fer_core.system.extras import check_training_available, training_available
from fer_core.system.files import writing
from fer_core.system.jobs import Job, Jobs
from fer_core.system.settings import settings
from fer_core.training import history
from fer_core.training.config import TrainConfig
from fer_core.training.run_folder import RunFolder

STOP: Final = "stop"
"""Asked of a run: end, and make a model of the best epoch so far."""

TRAINING: Final = "Training"
"""The job's note while ``epoch.json`` has the progress of the epoch."""

PRELOAD: Final = "fer_core.training.preload:preload"

LEAST_FREE: Final = 3_000_000_000
"""Bytes of memory that must be free for a process that waits for a run: it takes 0.7 GB."""

END_S: Final = 10
"""Time that a killed process may take to end."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run: its job, its config and its epochs."""

    job: Job
    config: TrainConfig
    epochs: list[dict[str, Any]]

    @property
    def folder(self) -> RunFolder:
        """Return its folder."""
        return RunFolder(self.job.folder)

    @property
    def best(self) -> Mapping[str, Any] | None:
        """Return the epoch whose network is kept; None before the first."""
        return history.best(self.epochs, self.config.monitor)

    @property
    def seconds(self) -> float:
        """Return the time of all finished epochs."""
        return float(sum(line.get("seconds", 0) for line in self.epochs))

    @property
    def has_model(self) -> bool:
        """Return True where a model has been made of it."""
        return (self.folder.model / "card.json").is_file()


def store() -> Jobs:
    """Return the runs as jobs, of which one may train at a time."""
    return Jobs(settings().home / "runs", exclusive=True, preload=PRELOAD)


def load(name: str) -> Run:
    """Return the run called ``name``.

    Raises:
        JobError: There is none.
        TrainingError: Its config is damaged.
    """
    return _run(store().get(name))


def all_runs() -> tuple[Run, ...]:
    """Return all runs, newest first; those whose config is damaged are left out."""
    runs = []
    for job in store().list():
        with suppress(TrainingError):
            runs.append(_run(job))
    return tuple(runs)


def active() -> Job | None:
    """Return the run that trains; None without one."""
    return next((job for job in store().list() if job.state.is_active), None)


def check_may_train() -> None:
    """Raise ``JobError`` where another run trains, and on public links."""
    if not settings().policy.may_train:
        raise JobError("This is a public link: nothing is trained here.")
    check_training_available()
    if now := active():
        raise JobError(f"{now.title} is training. Pause or stop it first.")


def prepare() -> None:
    """Have a process import TensorFlow for the next run, where one may start and memory is free."""
    may_start = settings().policy.may_train and training_available() and not active()
    if may_start and memory_limit.free() > LEAST_FREE:
        store().prepare()


def memory_shortage(needed: int = 0) -> str:
    """Return why a run cannot start for want of memory, the rest of a sentence; empty where it can.

    Args:
        needed: Bytes that it takes where that was measured; at least those of a small network.
    """
    return store().shortage(max(memory_limit.TENSORFLOW, needed))


def start(config: TrainConfig, source: DatasetSource, title: str, needed: int = 0) -> Job:
    """Start a run; ``needed`` as for ``memory_shortage``.

    Raises:
        JobError: Another one trains, this is a public link, memory does not suffice, or it cannot
            be started; it is deleted then.
    """
    check_may_train()
    _check_memory(needed)
    jobs = store()
    stamp = datetime.now(UTC).strftime(f"%Y%m%d-%H%M%S-{config.architecture}")
    job = jobs.create(title, "train", name=jobs.free_name(stamp))
    folder = RunFolder(job.folder)
    try:
        with writing(job.folder, JobError):
            config.save(folder.config)
            folder.write_source(source.to_dict())
            return jobs.launch(job.name, command(job.folder))
    except JobError:
        jobs.delete(job.name)
        raise


def resume(name: str) -> Job:
    """Resume a run that was paused, stopped, or died.

    Raises:
        JobError: Another one trains, it has ended, or memory does not suffice.
    """
    _check_memory()
    return store().resume(name)


def extend(name: str, epochs: int) -> Job:
    """Train a run that has ended for ``epochs`` more.

    The optimizer, its moments, the callbacks and the random numbers continue.
    The cosine schedule is that of the new total, so the learning rate rises to its value in a run
    of that length; a constant one stays. The best epoch so far remains until one is better.

    Raises:
        JobError: It trains, another one does, or memory does not suffice.
        TrainingError: There would be too many epochs, or no more than train the heads alone.
    """
    check_may_train()
    run = load(name)
    _check_memory()
    run.folder.extend(run.config, len(run.epochs) + epochs)
    return store().launch(name, command(run.job.folder))


def discard(name: str) -> None:
    """End a run at once if it trains, and delete it with everything it made.

    Raises:
        JobError: It does not end, or cannot be removed.
    """
    jobs = store()
    jobs.kill(name)
    limit = time.monotonic() + END_S
    while jobs.get(name).state.is_active and time.monotonic() < limit:
        time.sleep(0.05)
    jobs.delete(name)


def promote(name: str, model: str) -> str:
    """Copy a run's model to the user's models, use it from then on, and return its name there.

    Raises:
        ModelError: It has none, or it cannot be copied.
        SettingsError: This is a public link.
    """
    entry = model_store.Entry(load(name).folder.model, name, "run", is_default=False)
    registry.load_card(entry.folder)
    free = model_store.free_name(model)
    model_store.keep(entry, free)
    registry.promote(free)
    return free


def _check_memory(needed: int = 0) -> None:
    if reason := memory_shortage(needed):
        raise JobError(
            f"Training {reason}. Close other programs, choose a smaller network or batch, or train "
            "on a larger machine."
        )


def _run(job: Job) -> Run:
    folder = RunFolder(job.folder)
    return Run(job, TrainConfig.load(folder.config), folder.epochs())


def command(folder: Path) -> list[str]:
    """Return the command of the first start and every resume; the folder holds the config."""
    return ["train", "--run", str(folder.absolute()), "--resume"]
