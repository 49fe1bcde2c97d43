"""Ray Tune's side of a sweep. The only module here that imports Ray; import it when asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ray import tune
from ray.tune.schedulers import ASHAScheduler

from fer_core.cluster.sweeps.config import SweepConfig
from fer_core.cluster.sweeps.trial_runner import Follower

FAILURES: Final = 3
"""Machines that a trial may lose; it goes on from its last epoch elsewhere."""


class Trial(tune.Trainable):  # type: ignore[misc]
    """A trial as Ray Tune sees it: a step is an epoch."""

    def setup(self, config: dict[str, Any]) -> None:
        """Begin its run, or find it as it is."""
        self._follower = Follower(config["home"], config["sweep"], config["trial"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Another trial in the same process, whose start takes as long as a tiny trial does."""
        self._follower.close()
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """The next epoch."""
        return self._follower.next()

    def cleanup(self) -> None:
        """Called when the trial is over, by itself or because others are better."""
        self._follower.close()

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: the run's folder is the checkpoint."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing: see ``save_checkpoint``."""


class Listener(tune.Callback):  # type: ignore[misc]
    """Calls back with the number of epochs that trials have reported, and when one is over."""

    def __init__(self, heard: Callable[[int], None], over: Callable[[int], None]) -> None:
        self._heard, self._over = heard, over
        self._epochs: dict[str, int] = {}

    def on_trial_result(
        self, iteration: int, trials: Any, trial: Any, result: Any, **_: Any
    ) -> None:
        """An epoch is done."""
        self._epochs[trial.trial_id] = int(result["epochs"])

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """It has ended, or was ended because others are better; not so when the sweep stops."""
        self._over(int(trial.config["trial"]))

    def on_step_end(self, iteration: int, trials: Any, **_: Any) -> None:
        """Ray Tune has looked at all trials once more."""
        self._heard(sum(self._epochs.values()))


def tune_all(  # noqa: PLR0913, PLR0917
    home: Path, sweep: str, folder: Path, config: SweepConfig, room: dict[str, float],
    heard: Callable[[int], None], over: Callable[[int], None],
) -> None:  # fmt: skip
    """Carry out every trial; returns when the last is over.

    Args:
        home: ``FER_HOME``.
        sweep: Name of the sweep.
        folder: Where Ray Tune keeps its own files.
        config: What is tried.
        room: Resources of a trial, such as ``{"cpu": 1, "gpu": 0.5}``.
        heard: Called a few times a second with the number of epochs done; may raise to stop.
        over: Called with the number of a trial that will not be trained further.
    """
    configs = config.configs()
    most = max(one.epochs for one in configs) + 1
    scheduler = ASHAScheduler(
        max_t=most, grace_period=min(config.grace, most), reduction_factor=config.reduction,
    )  # fmt: skip
    numbers = tune.grid_search(list(range(len(configs))))
    tuner = tune.Tuner(
        tune.with_resources(Trial, room),
        param_space={"home": str(home), "sweep": sweep, "trial": numbers},
        tune_config=tune.TuneConfig(
            metric=config.monitor, mode="min" if config.monitor.endswith("loss") else "max",
            scheduler=scheduler, max_concurrent_trials=config.parallel_trials or None,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="tune", storage_path=str(folder), verbose=0, callbacks=[Listener(heard, over)],
            failure_config=tune.FailureConfig(max_failures=FAILURES),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )  # fmt: skip
    tuner.fit()
