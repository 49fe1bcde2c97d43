"""``train``: the one training loop, for the command line, the dashboard and the releases."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import keras

from fer_core.errors import TrainingError
from fer_core.labels import EMOTIONS
from fer_core.training import (
    arrays,
    distillation,
    networks,
    optimizer,
    session_start,
    sharpness,
    targets,
)
from fer_core.training.arrays import Samples
from fer_core.training.augment_layer import OPERATION, Augment
from fer_core.training.batches import Batches, steps
from fer_core.training.callbacks import resume_state, standard
from fer_core.training.callbacks.best_model import BestModel
from fer_core.training.callbacks.ema import EvaluationWeights, Swap
from fer_core.training.callbacks.interrupt import Interrupt, Interrupted, Request, StopOnNaN
from fer_core.training.callbacks.metrics_log import EpochProgress, MetricsLog
from fer_core.training.callbacks.resume_state import SaveState, TrainingState
from fer_core.training.callbacks.validation import Validation
from fer_core.training.config import TrainConfig
from fer_core.training.losses import HeadLoss, accuracy
from fer_core.training.run_folder import RunFolder

OnEpoch = Callable[[Mapping[str, Any]], None]

FINISHED, PAUSED, STOPPED = "finished", "paused", "stopped"
ENDS: Final = {"pause": PAUSED, "stop": STOPPED}


def train(  # noqa: PLR0913
    config: TrainConfig,
    run_dir: Path,
    data: Mapping[str, Samples],
    *,
    resume: bool = False,
    request: Request = lambda: "",
    until: int | None = None,
    on_epoch: OnEpoch = lambda line: None,
) -> str:
    """Train, with every file in ``run_dir``.

    Every epoch is a ``fit`` of its own, with the same state before and after as in one long
    ``fit``, so resuming after a pause or a crash is what happens at every epoch. Where the GPU's
    memory is too small the batch is halved, once, and the epoch started again.

    Args:
        config: What to train.
        run_dir: The run's folder; see ``RunFolder``. Created if needed.
        data: ``train`` and ``validation``; see ``arrays.load``.
        resume: Continue the run that is in the folder. ``config`` may differ in
            ``session_start.MAY_CHANGE``,
            which is noted in ``environment.json``. With other ``epochs`` the cosine is that of the
            new number, from the step that has been reached.
        request: Called four times a second: ``pause`` saves in the middle of the epoch and returns,
            ``stop`` returns and keeps the best.
        until: Return before this epoch, counted from 0, as if paused.
        on_epoch: Called with each epoch's line of ``metrics.jsonl``.

    Returns:
        ``finished``, ``paused`` or ``stopped``.

    Raises:
        TrainingError: Bad data, a run that cannot be resumed, a changed config, a NaN loss.
    """
    folder, note = RunFolder(run_dir), ""
    while True:
        try:
            return _train(config, folder, data, resume, request, until, on_epoch, note)
        except Exception as error:  # each backend has its own
            if not is_exhausted(error):
                raise
            batch = min(config.batch_size, len(data["train"]))
            if note or batch < 2:
                raise TrainingError(
                    f"the GPU's memory is too small even for batches of {batch}. Choose a smaller "
                    "batch, input size or network."
                ) from error
        note = f"The GPU's memory was too small for batches of {batch}; now they have {batch // 2}."
        config, resume = replace(config, batch_size=batch // 2), True
        keras.backend.clear_session()


def _train(  # noqa: PLR0913, PLR0917
    config: TrainConfig, folder: RunFolder, data: Mapping[str, Samples], resume: bool,
    request: Request, until: int | None, on_epoch: OnEpoch, note: str,
) -> str:  # fmt: skip
    arrays.check(data, config.heads)
    state = session_start.resume(folder) if resume else session_start.start(folder)
    changes = session_start.check_config(config, state)
    state.config = config.to_dict()
    config.save(folder.config)
    session_start.note_environment(folder, " ".join(filter(None, (note, changes))))
    keras.utils.set_random_seed(config.seed)
    session = Session.open(config, folder, data, state)
    try:
        while state.epoch < config.epochs and not state.stopped:
            if until is not None and state.epoch >= until:
                return PAUSED
            if requested := request():
                return ENDS[requested]
            session.run_epoch(request)
            on_epoch(folder.epochs()[-1])
    except Interrupted as interrupt:
        if interrupt.request == "pause":
            session.save_within(interrupt.step)
        return ENDS[interrupt.request]
    return FINISHED


@dataclass(slots=True)
class Session:
    """The model around the network, compiled for the phase that ``state`` is in."""

    config: TrainConfig
    folder: RunFolder
    data: Mapping[str, Samples]
    state: TrainingState
    targets: targets.Targets
    network: keras.Model
    augment: Augment
    model: keras.Model
    metrics: list[Any] = field(default_factory=list)

    @classmethod
    def open(
        cls, config: TrainConfig, folder: RunFolder, data: Mapping[str, Samples],
        state: TrainingState,
    ) -> "Session":  # fmt: skip
        """Build the network and restore the state that ``folder`` holds."""
        teachers = distillation.logits(config, data["train"], folder.root / "teachers")
        y_true = targets.make(data["train"], config, teachers)
        network, augment = networks.build(config), Augment(config.seed, name="augment")
        size = config.small_size if state.epoch < config.small_epochs else 0
        session = cls(
            config, folder, data, state, y_true, network, augment,
            with_augmentation(network, config, augment, size),
        )  # fmt: skip
        session.compile(session.heads_only)
        if state.epoch or state.step:
            session.metrics = resume_state.restore(folder.state, session.model)
        session.count_by_batch()
        return session

    @property
    def heads_only(self) -> bool:
        """Return True while the backbone is frozen, up to the first step of the epochs after."""
        state, heads = self.state, self.config.head_epochs
        return state.epoch < heads or (state.epoch == heads > 0 and state.step == 0)

    def compile(self, heads_only: bool, old: keras.optimizers.Optimizer | None = None) -> None:
        """Freeze the layers that do not learn, and take the optimizer ``old`` or make one."""
        config = self.config
        networks.freeze(self.network, config, heads_only)
        self.model.compile(
            old or optimizer.make(config, steps_of(self.data["train"], config), heads_only),
            loss={n: HeadLoss(n, config, self.targets.prior) for n in config.heads},
            weighted_metrics={n: [keras.metrics.MeanMetricWrapper(accuracy, "accuracy")]
                              for n in config.heads},
            jit_compile=keras.backend.backend() == "jax",
        )  # fmt: skip
        self._build()

    def count_by_batch(self) -> None:
        """Convert the schedule's steps where the batch size has changed, and restart the epoch."""
        state, batch = self.state, min(self.config.batch_size, len(self.data["train"]))
        if state.batch not in (0, batch):
            iterations = self.model.optimizer.iterations
            iterations.assign(round(int(iterations) * state.batch / batch))
            state.step, self.metrics = 0, []
        if state.step >= steps_of(self.data["train"], self.config):
            state.step, self.metrics = 0, []
        state.batch = batch

    def run_epoch(self, request: Request) -> None:
        """Run one ``fit`` over the rest of the epoch."""
        state = self.state
        if state.epoch == self.config.head_epochs > 0 and state.step == 0:
            self.compile(heads_only=False)
        if state.epoch == self.config.small_epochs > 0 and state.step == 0:
            old = self.model.optimizer
            self.model = with_augmentation(self.network, self.config, self.augment)
            self.compile(self.heads_only, old)
        callbacks = self._callbacks(request, self.metrics if state.step else [])
        try:
            self.model.fit(
                self._batches(state.step), initial_epoch=state.epoch, epochs=state.epoch + 1,
                shuffle=False, callbacks=callbacks, verbose=0,
            )  # fmt: skip
        except BaseException:
            standard.close(callbacks)
            raise

    def _build(self) -> None:
        """Create the variables of optimizer and metrics.

        Keras creates them in the first step, which TensorFlow then traces a second time; and a
        resumed run gives them their values before that step.
        """
        self.model.optimizer.build(self.model.trainable_variables)
        y_true = {name: values[:1] for name, values in self.targets.values.items()}
        y_pred = {name: keras.ops.zeros((1, len(EMOTIONS))) for name in y_true}
        self.model.compute_loss(y=y_true, y_pred=y_pred)
        self.model.compute_metrics(None, y_true, y_pred)

    def _batches(self, first: int) -> Batches:
        return Batches(self.data["train"], self.targets, self.config, self.state.epoch, first)

    def save_within(self, step: int) -> None:
        """Save in the middle of an epoch."""
        self.state.step = step
        resume_state.save(self.folder.state, self.model, self.state)

    def _callbacks(self, request: Request, metrics: list[Any]) -> list[keras.callbacks.Callback]:
        config, folder, state = self.config, self.folder, self.state
        train = self.data["train"]
        batch = min(config.batch_size, len(train))
        validation = Validation(self.network, self.data["validation"], config.heads)
        weights = EvaluationWeights(
            self.model, self.network, train,
            ema=config.ema > 0, refresh=config.refresh_batchnorm, batch=batch,
        )  # fmt: skip
        count = steps(len(train), batch)
        best = BestModel(self.network, folder.best, config.monitor)
        keras_callbacks = standard.make(config, folder)
        callbacks: list[keras.callbacks.Callback] = [
            StopOnNaN(),
            Interrupt(request, state.step),
            EpochProgress(folder.progress, config.epochs, count, batch, state.step),
            Swap(weights),
            validation,
            best,
            Swap(weights, undo=True),
            *keras_callbacks,
            MetricsLog(folder.metrics, validation, state.session, [best, *keras_callbacks]),
        ]
        return [*callbacks, SaveState(folder.state, state, callbacks, metrics)]


def with_augmentation(
    network: keras.Model, config: TrainConfig, augment: Augment, size: int = 0
) -> keras.Model:
    """Return the model that is trained: augmentation, then ``network``, with the same weights.

    With ``size`` the pixels are scaled down to it, and the layers of ``network`` run on that.
    """
    side = network.inputs[0].shape[1]
    pixels = keras.Input(network.inputs[0].shape[1:], name="pixels", dtype="uint8")
    operations = keras.Input((len(OPERATION),), name="operations")
    scaled = pixels
    if size:
        scaled = keras.layers.Resizing(size, size, antialias=True, name="small")(pixels)
    outputs = networks.for_training(network, size or side)(augment(scaled, operations))
    inputs = {"pixels": pixels, "operations": operations}
    if not config.sam:
        return keras.Model(inputs, outputs)
    sharpness.check_backend()
    model = sharpness.SharpnessAware(inputs, outputs)
    model.rho = config.sam
    return model


def steps_of(train: Samples, config: TrainConfig) -> int:
    """Return the number of batches an epoch."""
    return steps(len(train), min(config.batch_size, len(train)))


def is_exhausted(error: BaseException) -> bool:
    """Return True if the GPU's memory was too small; each backend has its own error."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return bool(kinds & {"ResourceExhaustedError", "OutOfMemoryError"}) or (
        "RESOURCE_EXHAUSTED" in str(error)
    )
