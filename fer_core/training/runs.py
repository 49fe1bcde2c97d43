"""Training runs of the dashboard: jobs in ``$FER_HOME/runs`` that train one at a time."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fer_core.dataset.source import DatasetSource
from fer_core.errors import JobError, TrainingError
from fer_core.models import registry
from fer_core.models import store as model_store
from fer_core.system.extras import check_training_available
from fer_core.system.files import writing
from fer_core.system.jobs import Job, Jobs
from fer_core.system.settings import settings
from fer_core.training import history
from fer_core.training.config import TrainConfig
from fer_core.training.run_folder import RunFolder

STOP: Final = "stop"
"""Asked of a run: end now, and make a model of the best epoch so far."""

TRAINING: Final = "Training"
"""The job's note while ``epoch.json`` says how far the epoch is."""

END_S: Final = 10
"""So long a killed process may take to be gone."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it is now: its job, its config and its epochs."""

    job: Job
    config: TrainConfig
    epochs: list[dict[str, Any]]

    @property
    def folder(self) -> RunFolder:
        """Where it lies."""
        return RunFolder(self.job.folder)

    @property
    def best(self) -> Mapping[str, Any] | None:
        """The epoch whose network is kept."""
        return history.best(self.epochs, self.config.monitor)

    @property
    def seconds(self) -> float:
        """Time of all epochs that are finished."""
        return float(sum(line.get("seconds", 0) for line in self.epochs))

    @property
    def has_model(self) -> bool:
        """Whether a model has been made of it."""
        return (self.folder.model / "card.json").is_file()


def store() -> Jobs:
    """The runs as jobs, of which one may train at a time."""
    return Jobs(settings().home / "runs", exclusive=True)


def load(name: str) -> Run:
    """The run called ``name``.

    Raises:
        JobError: There is none.
        TrainingError: Its config is damaged.
    """
    return _run(store().get(name))


def every() -> tuple[Run, ...]:
    """All runs, newest first; those whose config is damaged are left out."""
    found = []
    for one in store().list():
        try:
            found.append(_run(one))
        except TrainingError:
            continue
    return tuple(found)


def active() -> Job | None:
    """The run that trains now."""
    return next((one for one in store().list() if one.state.is_active), None)


def check_may_train() -> None:
    """Raise ``JobError`` where another run trains, and on public links."""
    if not settings().policy.may_train:
        raise JobError("This is a public link: nothing is trained here.")
    check_training_available()
    if now := active():
        raise JobError(f"{now.title} is training. Pause or stop it first.")


def start(config: TrainConfig, source: DatasetSource, title: str) -> Job:
    """Begin a run.

    Raises:
        JobError: Another one trains, this is a public link, or it cannot be started. Nothing is
            left of it then.
    """
    check_may_train()
    jobs = store()
    stamp = datetime.now(UTC).strftime(f"%Y%m%d-%H%M%S-{config.architecture}")
    made = jobs.create(title, "train", name=jobs.free_name(stamp))
    folder = RunFolder(made.folder)
    try:
        with writing(made.folder, JobError):
            config.save(folder.config)
            folder.write_source(source.to_dict())
            return jobs.launch(made.name, command(made.folder))
    except JobError:
        jobs.delete(made.name)
        raise


def go_on(name: str) -> Job:
    """Resume a run that was paused, stopped, or died.

    Raises:
        JobError: Another one trains, or it has ended.
    """
    return store().resume(name)


def extend(name: str, epochs: int) -> Job:
    """Train a run that has ended for ``epochs`` more.

    The optimizer, its moments, the callbacks and the random numbers go on from where they were.
    The cosine schedule is that of the new total, so the learning rate rises to where a run of
    that length would be; a constant one stays. The best epoch so far remains until one is better.

    Raises:
        JobError: It trains, or another one does.
        TrainingError: There would be too many epochs, or no more than train the heads alone.
    """
    check_may_train()
    run = load(name)
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
    """Copy a run's model to the user's models and make it the default; its name there.

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


def differences(one: TrainConfig, other: TrainConfig) -> list[tuple[str, Any, Any]]:
    """The fields in which two configs differ, with both values."""
    mine, theirs = _flat(one), _flat(other)
    return [(name, mine[name], theirs[name]) for name in mine if mine[name] != theirs[name]]


def _flat(config: TrainConfig) -> dict[str, Any]:
    values = config.to_dict()
    inner = values.pop("augmentation")
    return values | {f"augmentation.{name}": value for name, value in inner.items()}


def _run(one: Job) -> Run:
    folder = RunFolder(one.folder)
    return Run(one, TrainConfig.load(folder.config), folder.epochs())


def command(folder: Path) -> list[str]:
    """The same for the first start and every later one: what to do lies in the folder."""
    return ["train", "--run", str(folder.absolute()), "--resume"]
