"""The metrics of a run by epoch: the best epoch, the callbacks' counters, advice.

``epochs`` is the result of ``RunFolder.epochs``: a mapping an epoch, in order.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fer_core.labels import EMOTIONS
from fer_core.training.config import TrainConfig

Epochs = Sequence[Mapping[str, Any]]

PATIENCE: Final = 3
"""Epochs for which a pattern must hold before there is advice on it."""

SWING: Final = 0.04
"""Mean change of the validation accuracy from epoch to epoch that counts as a swing."""


def training_value(line: Mapping[str, Any], name: str, head: str) -> float | None:
    """Return ``loss`` or ``accuracy`` of one head on the training images."""
    value = line.get(f"{head}_{name}", line.get(name))
    return None if value is None else float(value)


def best(epochs: Epochs, monitor: str) -> Mapping[str, Any] | None:
    """Return the epoch whose network is kept; the earlier of equals, as ModelCheckpoint does."""
    measured = [line for line in epochs if monitor in line]
    if not measured:
        return None
    sign = -1 if monitor.endswith("loss") else 1
    return max(measured, key=lambda line: (sign * line[monitor], -line["epoch"]))


def resumed_epochs(epochs: Epochs) -> list[int]:
    """Return the epochs before which the run was resumed."""
    pairs = itertools.pairwise(epochs)
    return [int(line["epoch"]) for last, line in pairs if line["session"] != last["session"]]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Epochs that a callback has waited for an improvement; it acts after ``patience``."""

    name: str
    waited: int
    patience: int


def waiting(epochs: Epochs, config: TrainConfig) -> tuple[Waiting, ...]:
    """Return the state of EarlyStopping and ReduceLROnPlateau after the last epoch."""
    counters = epochs[-1].get("callbacks", {}) if epochs else {}
    patiences = {"EarlyStopping": config.early_stopping, "ReduceLROnPlateau": config.reduce_lr}
    return tuple(
        Waiting(name, int(counters.get(name, {}).get("wait") or 0), patience)
        for name, patience in patiences.items()
        if patience
    )


def ended_early(epochs: Epochs, config: TrainConfig) -> str:
    """Return why EarlyStopping ended a run before its last epoch; empty where it did not."""
    stopping = next((w for w in waiting(epochs, config) if w.name == "EarlyStopping"), None)
    if stopping is None or stopping.waited < stopping.patience or len(epochs) >= config.epochs:
        return ""
    return (
        f"EarlyStopping ended it after epoch {len(epochs)} of {config.epochs}: {config.monitor} "
        f"had not improved for {stopping.patience} epochs."
    )


def drops(epochs: Epochs, config: TrainConfig) -> list[str]:
    """Return a sentence on each time ReduceLROnPlateau lowered the learning rate."""
    if not config.reduce_lr:
        return []
    sentences = []
    for last, line in itertools.pairwise(epochs):
        old, new = last["learning_rate"], line["learning_rate"]
        if new < old * 0.999:
            sentences.append(
                f"After epoch {last['epoch'] + 1} the learning rate fell from {old:.2g} to "
                f"{new:.2g}: {config.monitor} had not improved for {config.reduce_lr} epochs."
            )
    return sentences


def advice(epochs: Epochs, config: TrainConfig) -> tuple[str, ...]:
    """Return advice on typical problems of the curves; empty without any."""
    checks = (_not_learning, _overfits, _silent_class, _swings, _still_rising)
    return tuple(text for check in checks if (text := check(epochs, config)))


def _not_learning(epochs: Epochs, config: TrainConfig) -> str:
    if len(epochs) < PATIENCE or epochs[-1]["epoch"] < config.head_epochs + PATIENCE - 1:
        return ""
    if max(line["val_macro_f1"] for line in epochs) > 1.5 / len(EMOTIONS):
        return ""
    return (
        "It has hardly learned anything: it predicts little more than one emotion for every "
        "face. Try a learning rate ten times higher or lower, and check the labels."
    )


def _overfits(epochs: Epochs, config: TrainConfig) -> str:
    if len(epochs) <= PATIENCE:
        return ""
    lowest = min(epochs, key=lambda line: line["val_loss"])
    last = epochs[-1]
    head = config.heads[0]
    trained = [training_value(line, "loss", head) for line in (lowest, last)]
    if None in trained or last["epoch"] - lowest["epoch"] < PATIENCE:
        return ""
    if last["val_loss"] < 1.05 * lowest["val_loss"] or trained[1] >= trained[0]:  # type: ignore[operator]
        return ""
    return (
        f"It overfits since epoch {lowest['epoch'] + 1}: the loss falls on the training images "
        "and rises on the validation images. Stop and keep the best, or try more augmentation, "
        "more weight decay or fewer epochs."
    )


def _silent_class(epochs: Epochs, _: TrainConfig) -> str:
    late = [line for line in epochs if "recall" in line][-PATIENCE:]
    if len(epochs) < PATIENCE + 2:
        return ""
    present = {name for row, name in enumerate(EMOTIONS) if sum(late[-1]["confusion"][row]) > 0}
    silent = [n for n in EMOTIONS if n in present and not any(x["recall"].get(n) for x in late)]
    if not silent:
        return ""
    return (
        f"{' and '.join(silent)} {'has' if len(silent) == 1 else 'have'} not been predicted "
        f"correctly once in the last {PATIENCE} epochs. Rare classes gain from balanced "
        "class weights, the logit-adjusted loss, or a balanced version of the dataset."
    )


def _swings(epochs: Epochs, config: TrainConfig) -> str:
    late = [line["val_accuracy"] for line in epochs if line["epoch"] > config.head_epochs][-6:]
    changes = [b - a for a, b in itertools.pairwise(late)]
    turns = sum(a * b < 0 for a, b in itertools.pairwise(changes))
    if len(changes) < 4 or turns < 2 or sum(map(abs, changes)) / len(changes) < SWING:
        return ""
    return (
        "The validation accuracy swings from epoch to epoch. The usual cause is stale BatchNorm "
        f"averages: lower the BatchNorm momentum (it is {config.batchnorm_momentum:g}) or set "
        "BatchNorm refresh to about 40 batches. A small validation "
        "split or a high learning rate swing too."
    )


def _still_rising(epochs: Epochs, config: TrainConfig) -> str:
    top = best(epochs, config.monitor)
    if top is None or len(epochs) < config.epochs or top["epoch"] < config.epochs - 1:
        return ""
    return "The last epoch was the best: a few more epochs may improve it."
