"""Carry out a sweep: connect to Ray, let its trials train, and leave none behind."""

import shutil
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from fer_core.cluster.connection import connected
from fer_core.cluster.sweeps import store
from fer_core.cluster.sweeps.config import SweepConfig
from fer_core.cluster.sweeps.trial_runner import end
from fer_core.errors import FerError, JobError, TrainingError
from fer_core.system.jobs import State, Work, process_lock
from fer_core.system.jobs.job import RUNNING
from fer_core.system.settings import settings
from fer_core.training import runs
from fer_core.training.config import differences

TUNE: Final = "tune"
"""Ray Tune's own files, in the sweep's folder."""

FITTED: Final = frozenset({"heads", "batch_size", "epochs"})
"""Fields that training itself fits to votes and memory, or that a user extends."""


def run(name: str, work: Work, address: str | None = None) -> None:
    """Train the trials that are not over yet.

    Args:
        name: The sweep.
        work: Hears of the progress, in epochs.
        address: See ``connection.connected``.

    Raises:
        JobError: Another run trains.
        DatasetError: The dataset, its votes or its decisions cannot be read.
        ClusterError: See ``connection.connected``.
        TrainingError: Ray Tune failed, or every trial did; or ``sweep.yaml`` has changed since a
            trial was trained.
        CancelledError: It was asked to stop; what was trained is kept.
    """
    sweep = store.load(name)
    _check_config(sweep)
    lock = runs.store().root / RUNNING
    if not process_lock.hold(lock, process_lock.me()):
        raise JobError("A run is training. Wait until it is done, or stop it first.")
    try:
        work.report(0, 0, "Reading the dataset")
        sweep.config.source.open()  # errors are raised once, and the demo is drawn once
        total = sum(one.epochs for one in sweep.config.configs())
        work.report(0, total, "Starting Ray")
        with connected(address) as ray:
            _tune(ray, name, sweep.config, work, total)
        _check_trained(name)
    finally:
        _end_trials(name)
        process_lock.release(lock)


def _check_config(sweep: store.Sweep) -> None:
    """Check that every trial was trained with what ``sweep.yaml`` says now.

    Raises:
        TrainingError: One was not: its result would stand beside values that it never had.
    """
    for trial, config in zip(sweep.trials(), sweep.config.configs(), strict=True):
        changed = differences(trial.run.config, config) if trial.run else []
        words = [f"{name} from {old} to {new}" for name, old, new in changed if name not in FITTED]
        if trial.run and words:
            raise TrainingError(
                f"{sweep.job.title}: sweep.yaml has changed since {trial.run.job.name} was trained "
                f"({', '.join(words)}). Undo the change to resume, or start a new sweep."
            )


def _check_trained(name: str) -> None:
    trials = store.load(name).trials()
    if all(one.best is None for one in trials):
        said = next((one.run.job.message for one in trials if one.run), "")
        raise TrainingError(f"No trial has trained an epoch. The first says: {said}")


def _tune(ray: Any, name: str, config: SweepConfig, work: Work, total: int) -> None:
    from fer_core.cluster.sweeps.ray_tune import tune_all

    stop: list[BaseException] = []

    def heard(epochs: int) -> None:
        try:
            work.report(epochs, total, f"{epochs} epochs of at most {total}")
        except BaseException as error:
            stop.append(error)
            raise

    def over(number: int) -> None:
        one = store.load(name).trials()[number]
        state = one.run.job.state if one.run else State.FAILED
        if one.run and (state.is_active or state is State.CANCELLED):
            store.note_trial(one.run.job.folder, name, number, stopped_early=True)

    room, folder = _room(ray, config), store.store().root.absolute() / name
    shutil.rmtree(folder / TUNE, ignore_errors=True)
    try:
        tune_all(settings().home.absolute(), name, folder, config, room, heard, over)
    except Exception as error:
        if stop:
            raise stop[0] from error
        raise TrainingError(
            f"Ray Tune failed ({type(error).__name__}: {error}). What was trained is kept: "
            "resume the sweep."
        ) from error


def _room(ray: Any, config: SweepConfig) -> dict[str, float]:
    """Return the resources that a trial needs.

    Raises:
        TrainingError: No machine of the cluster has as much.
    """
    there = ray.cluster_resources()
    gpus = config.gpus if config.gpus is not None else float(there.get("GPU", 0) >= 1)
    for what, need in (("CPU", config.threads), ("GPU", gpus)):
        most = max(node["Resources"].get(what, 0) for node in ray.nodes() if node["Alive"])
        if need > most:
            raise TrainingError(
                f"a trial asks for {need:g} {what}s, and no machine has more than {most:g}. "
                "Give it fewer threads or gpus."
            )
    return {"cpu": config.threads, "gpu": gpus}


def _end_trials(name: str) -> None:
    """Runs that still train have nobody left who follows them."""
    jobs = replace(runs.store(), exclusive=False)
    for one in store.load(name).trials():
        if one.run and one.run.job.state.is_active:
            with suppress(FerError):
                end(jobs, one.run.job)
