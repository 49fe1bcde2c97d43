"""``train``: the one training loop, for the command line, the dashboard and the releases."""

import os
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import keras

from fer_core.errors import TrainingError
from fer_core.labels import EMOTIONS
from fer_core.system.files import write_json
from fer_core.training import arrays, distillation, networks, optimizer, targets
from fer_core.training.arrays import Samples
from fer_core.training.augment_layer import OPERATION, Augment
from fer_core.training.batches import Batches, steps
from fer_core.training.callbacks import resume_state, standard
from fer_core.training.callbacks.best_model import BestModel
from fer_core.training.callbacks.ema import EvaluationWeights, Swap
from fer_core.training.callbacks.interrupt import Control, Interrupted, Request
from fer_core.training.callbacks.metrics_log import MetricsLog, Progress
from fer_core.training.callbacks.resume_state import Keep, Place
from fer_core.training.callbacks.validation import Validation
from fer_core.training.config import TrainConfig
from fer_core.training.losses import ReadingLoss, accuracy
from fer_core.training.run_folder import RunFolder

Told = Callable[[Mapping[str, Any]], None]

FINISHED, PAUSED, STOPPED = "finished", "paused", "stopped"
ENDS: Final = {"pause": PAUSED, "stop": STOPPED}


def train(  # noqa: PLR0913  (three things and how to go about it)
    config: TrainConfig,
    run_dir: Path,
    data: Mapping[str, Samples],
    *,
    resume: bool = False,
    request: Request = lambda: "",
    until: int | None = None,
    told: Told = lambda line: None,
) -> str:
    """Train, keeping everything in ``run_dir``.

    Every epoch is a ``fit`` of its own, with the same state before and after as if it were one:
    so going on after a pause or a crash is what happens at every epoch. Where the GPU's memory is
    too small the batch is halved, once, and the epoch begun anew.

    Args:
        config: What to train.
        run_dir: The run's folder; see ``RunFolder``. Made if needed.
        data: ``train`` and ``validation``; see ``samples.load``.
        resume: Go on with the run that is in the folder. ``config`` may differ in ``epochs``: the
            cosine is then that of the new number, from the step that has been reached.
        request: Asked four times a second: ``pause`` saves in the middle of the epoch and returns,
            ``stop`` returns and keeps the best.
        until: Return before this epoch, counted from 0, as if paused.
        told: Given each epoch's line of ``metrics.jsonl``.

    Returns:
        ``finished``, ``paused`` or ``stopped``.

    Raises:
        TrainingError: Bad data, a run that cannot be taken up, a loss that is not a number.
    """
    folder, said = RunFolder(run_dir), ""
    while True:
        try:
            return _train(config, folder, data, resume, request, until, told, said)
        except Exception as error:  # each backend has its own
            if not is_exhausted(error):
                raise
            batch = min(config.batch_size, len(data["train"]))
            if said or batch < 2:
                raise TrainingError(
                    f"the GPU's memory is too small even for batches of {batch}. Choose a smaller "
                    "batch, input size or network."
                ) from error
        said = f"The GPU's memory was too small for batches of {batch}; now they have {batch // 2}."
        config, resume = replace(config, batch_size=batch // 2), True
        keras.backend.clear_session()


def _train(  # noqa: PLR0913, PLR0917
    config: TrainConfig, folder: RunFolder, data: Mapping[str, Samples], resume: bool,
    request: Request, until: int | None, told: Told, note: str,
) -> str:  # fmt: skip
    arrays.check(data, config.heads)
    place = _take_up(folder) if resume else _begin(folder)
    config.save(folder.config)
    _note_environment(folder, note)
    keras.utils.set_random_seed(config.seed)
    session = Session.open(config, folder, data, place)
    try:
        while place.epoch < config.epochs and not place.stopped:
            if until is not None and place.epoch >= until:
                return PAUSED
            if wish := request():
                return ENDS[wish]
            session.run_epoch(request)
            told(folder.epochs()[-1])
    except Interrupted as asked:
        if asked.request == "pause":
            session.save_within(asked.step)
        return ENDS[asked.request]
    return FINISHED


@dataclass(slots=True)
class Session:
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
    ) -> "Session":
        """Build the network and take up what ``folder`` holds of its state."""
        taught = distillation.logits(config, data["train"], folder.root / "teachers")
        goal = targets.make(data["train"], config, taught)
        network = networks.build(config)
        session = cls(
            config, folder, data, place, goal, network, with_augmentation(network, config)
        )
        session.compile(session.heads_only)
        if place.epoch or place.step:
            session.metrics = resume_state.load(folder.state, session.model)
        session.count_by_batch()
        return session

    @property
    def heads_only(self) -> bool:
        """Whether the backbone stays as it is, up to the first step of the epochs after."""
        place, heads = self.place, self.config.head_epochs
        return place.epoch < heads or (place.epoch == heads > 0 and place.step == 0)

    def compile(self, heads_only: bool) -> None:
        """Freeze what does not learn, and make the optimizer of this phase."""
        config = self.config
        networks.freeze(self.network, config, heads_only)
        self.model.compile(
            optimizer.make(config, steps_of(self.data["train"], config), heads_only),
            loss={n: ReadingLoss(n, config, self.targets.prior) for n in config.heads},
            weighted_metrics={n: [keras.metrics.MeanMetricWrapper(accuracy, "accuracy")]
                              for n in config.heads},
            jit_compile=keras.backend.backend() == "jax",
        )  # fmt: skip
        self._build()

    def count_by_batch(self) -> None:
        """Where batch or pictures have changed: the schedule's steps by the new, the epoch anew."""
        place, batch = self.place, min(self.config.batch_size, len(self.data["train"]))
        if place.batch not in (0, batch):
            done = self.model.optimizer.iterations
            done.assign(round(int(done) * place.batch / batch))
            place.step, self.metrics = 0, []
        if place.step >= steps_of(self.data["train"], self.config):
            place.step, self.metrics = 0, []
        place.batch = batch

    def run_epoch(self, request: Request) -> None:
        """One ``fit`` of what is left of the epoch."""
        place = self.place
        if place.epoch == self.config.head_epochs > 0 and place.step == 0:
            self.compile(heads_only=False)
        callbacks = self._callbacks(request, self.metrics if place.step else [])
        try:
            self.model.fit(
                self._batches(place.step), initial_epoch=place.epoch, epochs=place.epoch + 1,
                shuffle=False, callbacks=callbacks, verbose=0,
            )  # fmt: skip
        except BaseException:
            standard.close(callbacks)
            raise

    def _build(self) -> None:
        """Make the variables of optimizer and metrics now.

        Keras makes them in the first step, which TensorFlow then traces a second time; and a run
        that is taken up gives them their values before that step.
        """
        self.model.optimizer.build(self.model.trainable_variables)
        goal = {name: values[:1] for name, values in self.targets.values.items()}
        answers = {name: keras.ops.zeros((1, len(EMOTIONS))) for name in goal}
        self.model.compute_loss(y=goal, y_pred=answers)
        self.model.compute_metrics(None, goal, answers)

    def _batches(self, first: int) -> Batches:
        return Batches(self.data["train"], self.targets, self.config, self.place.epoch, first)

    def save_within(self, step: int) -> None:
        """Save in the middle of an epoch."""
        self.place.step = step
        resume_state.save(self.folder.state, self.model, self.place)

    def _callbacks(self, request: Request, metrics: list[Any]) -> list[keras.callbacks.Callback]:
        config, folder, place = self.config, self.folder, self.place
        train = self.data["train"]
        batch = min(config.batch_size, len(train))
        validation = Validation(self.network, self.data["validation"], config.heads)
        weights = EvaluationWeights(
            self.model, self.network, train,
            ema=config.ema > 0, refresh=config.refresh_batchnorm, batch=batch,
        )  # fmt: skip
        count = steps(len(train), batch)
        keeping = BestModel(self.network, folder.best, config.monitor)
        of_keras = standard.make(config, folder)
        first: list[keras.callbacks.Callback] = [
            Control(request, place.step),
            Progress(folder.progress, config.epochs, count, batch, place.step),
            Swap(weights),
            validation,
            keeping,
            Swap(weights, undo=True),
            *of_keras,
            MetricsLog(folder.metrics, validation, place.burst, [keeping, *of_keras]),
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
    place = resume_state.load_place(folder.state)
    place.burst += 1
    if len(folder.totals()) > place.extensions:  # more epochs were asked for
        place.extensions, place.stopped = len(folder.totals()), False
        place.counters.get("EarlyStopping", {})["wait"] = 0
    folder.drop_epochs_from(place.epoch)
    return place


def _note_environment(folder: RunFolder, note: str) -> None:
    bursts = folder.bursts()
    bursts.append(
        {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": sys.version.split()[0],
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "note": note,
        }
    )
    write_json(folder.environment, {"bursts": bursts})


def is_exhausted(error: BaseException) -> bool:
    """Whether the GPU's memory was too small; TensorFlow, PyTorch and JAX have an error each."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return bool(kinds & {"ResourceExhaustedError", "OutOfMemoryError"}) or (
        "RESOURCE_EXHAUSTED" in str(error)
    )
