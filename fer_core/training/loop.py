"""``train``: the one training loop, for the command line, the dashboard and the releases."""

import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras

from fer_core.errors import TrainingError
from fer_core.files import write_json
from fer_core.training import distillation, networks, samples, targets
from fer_core.training.augment import OPERATION, Augment
from fer_core.training.batches import Batches, steps
from fer_core.training.callbacks import state
from fer_core.training.callbacks.averages import EvaluationWeights, Swap
from fer_core.training.callbacks.checkpoint import BestModel
from fer_core.training.callbacks.control import Control, Interrupted, Request
from fer_core.training.callbacks.progress import MetricsLog, Progress
from fer_core.training.callbacks.state import Keep, Place
from fer_core.training.callbacks.validation import Validation
from fer_core.training.config import TrainConfig
from fer_core.training.losses import ReadingLoss, accuracy
from fer_core.training.run import RunFolder
from fer_core.training.samples import Samples

FINISHED, PAUSED, STOPPED = "finished", "paused", "stopped"


def train(  # noqa: PLR0913  (three things and how to go about it)
    config: TrainConfig,
    run_dir: Path,
    data: Mapping[str, Samples],
    *,
    resume: bool = False,
    request: Request = lambda: "",
    until: int | None = None,
) -> str:
    """Train, keeping everything in ``run_dir``.

    Every epoch is a ``fit`` of its own, with the same state before and after as if it were one:
    so going on after a pause or a crash is what happens at every epoch.

    Args:
        config: What to train.
        run_dir: The run's folder; see ``RunFolder``. Made if needed.
        data: ``train`` and ``validation``; see ``samples.load``.
        resume: Go on with the run that is in the folder. ``config`` may differ in ``epochs``.
        request: Asked four times a second: ``pause`` saves in the middle of the epoch and returns,
            ``stop`` returns and keeps the best.
        until: Return before this epoch, counted from 0, as if paused.

    Returns:
        ``finished``, ``paused`` or ``stopped``.

    Raises:
        TrainingError: Bad data, a run that cannot be taken up, a loss that is not a number.
    """
    folder = RunFolder(run_dir)
    samples.check(data, config.readings)
    place = _take_up(folder) if resume else _begin(folder)
    config.save(folder.config)
    _note_environment(folder)
    keras.utils.set_random_seed(config.seed)
    session = _Session.open(config, folder, data, place)
    try:
        while place.epoch < config.epochs and not place.stopped:
            if until is not None and place.epoch >= until:
                return PAUSED
            session.run_epoch(request)
    except Interrupted as wish:
        if wish.request == "pause":
            session.save_within(wish.step)
            return PAUSED
        return STOPPED
    return FINISHED


@dataclass(slots=True)
class _Session:
    """The model around the network, compiled for the phase that ``place`` is in."""

    config: TrainConfig
    folder: RunFolder
    data: Mapping[str, Samples]
    place: Place
    targets: targets.Targets
    network: keras.Model
    model: keras.Model
    metrics: list[Any] = field(default_factory=list)

    @classmethod
    def open(
        cls, config: TrainConfig, folder: RunFolder, data: Mapping[str, Samples], place: Place
    ) -> "_Session":
        taught = distillation.logits(config, data["train"], folder.root / "teachers")
        goal = targets.make(data["train"], config, taught)
        network = networks.build(config)
        session = cls(
            config, folder, data, place, goal, network, with_augmentation(network, config)
        )
        session.compile()
        if place.epoch or place.step:
            session.metrics = state.load(folder.state, session.model)
        return session

    @property
    def heads_only(self) -> bool:
        return self.place.epoch < self.config.head_epochs

    def compile(self) -> None:
        config = self.config
        networks.freeze(self.network, config, self.heads_only)
        self.model.compile(
            optimizer(config, steps_of(self.data["train"], config), self.heads_only),
            loss={n: ReadingLoss(n, config, self.targets.prior) for n in config.readings},
            weighted_metrics={n: [keras.metrics.MeanMetricWrapper(accuracy, "accuracy")]
                              for n in config.readings},
            jit_compile=keras.backend.backend() == "jax",
        )  # fmt: skip

    def run_epoch(self, request: Request) -> None:
        """One ``fit`` of what is left of the epoch."""
        config, place = self.config, self.place
        if place.epoch == config.head_epochs > 0 and place.step == 0:
            self.compile()
        metrics = self.metrics if place.step else []
        batches = Batches(self.data["train"], self.targets, config, place.epoch, place.step)
        self.model.fit(
            batches, initial_epoch=place.epoch, epochs=place.epoch + 1, shuffle=False,
            callbacks=self._callbacks(request, metrics), verbose=0,
        )  # fmt: skip

    def save_within(self, step: int) -> None:
        """Save in the middle of an epoch."""
        self.place.step = step
        state.save(self.folder.state, self.model, self.place)

    def _callbacks(self, request: Request, metrics: list[Any]) -> list[keras.callbacks.Callback]:
        config, folder, place = self.config, self.folder, self.place
        train = self.data["train"]
        batch = min(config.batch_size, len(train))
        validation = Validation(self.network, self.data["validation"], config.readings)
        weights = EvaluationWeights(
            self.model, self.network, train,
            ema=config.ema > 0, refresh=config.refresh_batchnorm, batch=batch,
        )  # fmt: skip
        count = steps(len(train), batch)
        first: list[keras.callbacks.Callback] = [
            Control(request, place.step),
            Progress(folder.progress, config.epochs, count, batch, place.step),
            Swap(weights),
            validation,
            BestModel(self.network, folder.best, config.monitor),
            Swap(weights, undo=True),
            *_keras_callbacks(config, folder),
            MetricsLog(folder.metrics, validation, place.burst),
        ]
        return [*first, Keep(folder.state, place, first, metrics)]


def with_augmentation(network: keras.Model, config: TrainConfig) -> keras.Model:
    """The model that is trained: augmentation, then ``network``. It has the same weights."""
    pixels = keras.Input(network.inputs[0].shape[1:], name="pixels", dtype="uint8")
    operations = keras.Input((len(OPERATION),), name="operations")
    changed = Augment(config.seed, name="augment")(pixels, operations)
    return keras.Model({"pixels": pixels, "operations": operations}, network(changed))


def steps_of(train: Samples, config: TrainConfig) -> int:
    """Batches an epoch."""
    return steps(len(train), min(config.batch_size, len(train)))


def optimizer(config: TrainConfig, per_epoch: int, heads_only: bool) -> keras.optimizers.Optimizer:
    """The optimizer of a phase: the heads alone at the full rate, or everything on schedule."""
    rate: Any = config.learning_rate
    if config.schedule == "cosine" and not heads_only:
        total = per_epoch * (config.epochs - config.head_epochs)
        warmup = min(max(round(config.warmup_epochs * per_epoch), 1), max(total - 1, 1))
        rate = keras.optimizers.schedules.CosineDecay(
            rate / 100, max(total - warmup, 1), alpha=1e-3, warmup_target=rate, warmup_steps=warmup
        )
    common = {"weight_decay": config.weight_decay, "use_ema": config.ema > 0}
    common |= {"ema_momentum": config.ema} if config.ema else {}
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **common)
    return keras.optimizers.AdamW(rate, **common)


def _keras_callbacks(config: TrainConfig, folder: RunFolder) -> list[keras.callbacks.Callback]:
    mode = "min" if config.monitor.endswith("loss") else "max"
    found: list[keras.callbacks.Callback] = [keras.callbacks.CSVLogger(folder.history, append=True)]
    if config.early_stopping:
        found.append(
            keras.callbacks.EarlyStopping(
                config.monitor, config.early_stopping_min_delta, config.early_stopping, mode=mode
            )
        )
    if config.reduce_lr:
        found.append(
            keras.callbacks.ReduceLROnPlateau(
                config.monitor, config.reduce_lr_factor, config.reduce_lr, mode=mode,
                min_lr=config.reduce_lr_min, min_delta=config.early_stopping_min_delta,
            )
        )  # fmt: skip
    if config.tensorboard:
        found.append(keras.callbacks.TensorBoard(folder.root / "tensorboard"))
    return found


def _begin(folder: RunFolder) -> Place:
    if folder.state.exists() or folder.metrics.exists():
        raise TrainingError(
            f"{folder.root} holds a run already. Resume it or choose another folder."
        )
    folder.root.mkdir(parents=True, exist_ok=True)
    return Place()


def _take_up(folder: RunFolder) -> Place:
    if not folder.state.exists():  # ended before its first epoch was saved: nothing to lose
        folder.drop_epochs_from(0)
        return Place()
    place = state.load_place(folder.state)
    place.burst += 1
    folder.drop_epochs_from(place.epoch)
    return place


def _note_environment(folder: RunFolder) -> None:
    known = folder.environment.is_file()
    bursts = json.loads(folder.environment.read_text("utf-8"))["bursts"] if known else []
    bursts.append(
        {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": sys.version.split()[0],
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            "machine": platform.machine(),
            "cores": os.cpu_count(),
        }
    )
    write_json(folder.environment, {"bursts": bursts})
