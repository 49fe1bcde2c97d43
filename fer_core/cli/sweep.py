"""``python -m fer_core sweep``: many training runs with different settings."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from fer_core.cli import dataset_options
from fer_core.cluster import connection
from fer_core.cluster.sweeps import store
from fer_core.cluster.sweeps.config import SweepConfig
from fer_core.cluster.sweeps.run import run as carry_out
from fer_core.cluster.sweeps.trial_runner import in_words
from fer_core.errors import CancelledError, DatasetError, TrainingError
from fer_core.system.jobs import State, working
from fer_core.system.paths import typed
from fer_core.training import runs


def add(parser: argparse.ArgumentParser) -> None:
    """Fill the parser."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--config", type=Path, metavar="FILE", help="YAML file, see docs/scaling.md")
    what.add_argument("--resume", metavar="NAME", help="go on with a sweep that was stopped")
    parser.add_argument("--data", metavar="DIR", help="dataset folder or demo, not the config's")
    dataset_options.add_detect(parser, "refuse photos")
    parser.add_argument(
        "--address", metavar="HOST:PORT",
        help="of a Ray cluster, or auto (default: one on this machine, for this command)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Carry it out; 0 when finished, 130 when stopped by Ctrl-C."""
    connection.check_installed()
    name = options.resume or _create(options)
    sweep = store.load(name)
    if options.resume and sweep.job.state is State.FINISHED:
        raise TrainingError(f"{sweep.job.title} is finished: there is nothing to resume.")
    print(f"Trials: {len(sweep.trials())}, in {runs.store().root}", flush=True)
    try:
        with working(sweep.job.folder, turn="refuse") as work:
            carry_out(name, work, options.address)
            work.summary = _summary(name)
    except (KeyboardInterrupt, CancelledError):
        print(f"Stopped. Go on with: python -m fer_core sweep --resume {name}")
        return 130
    _print(name)
    return 0


def _create(options: argparse.Namespace) -> str:
    config = SweepConfig.load(options.config)
    source = config.source if options.data is None else replace(config.source, data=options.data)
    places: dict[str, Any] = {
        name: str(typed(place, DatasetError).absolute())
        for name in ("data", "votes", "decisions")
        if (place := getattr(source, name)) and place != "demo"
    }
    source = dataset_options.crops_source(options, replace(source, **places))
    return store.create(replace(config, source=source)).name


def _summary(name: str) -> dict[str, object]:
    trials = store.load(name).trials()
    return {
        "trials": len(trials),
        "stopped_early": sum(one.stopped_early for one in trials),
        "epochs": sum(len(one.run.epochs) for one in trials if one.run),
    }


def _print(name: str) -> None:
    """The trials, best first, and what is wrong with those that failed."""
    sweep = store.load(name)
    sign = 1 if sweep.config.monitor.endswith("loss") else -1
    trials = sweep.trials()
    for one in trials:
        if one.run and one.run.job.state is State.FAILED:
            name = store.run_name(sweep.job.name, one.number)
            print(f"failed: {name}: {one.run.job.message}", file=sys.stderr)
    known = [one for one in trials if one.best is not None]
    for one in sorted(known, key=lambda one: sign * (one.best or 0)):
        name = store.run_name(sweep.job.name, one.number)
        print(f"{one.best:.4f}  {name}  {in_words(dict(one.tried))}  ({one.word})")
