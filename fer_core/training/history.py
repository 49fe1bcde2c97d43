"""What the lines of ``metrics.jsonl`` tell: figures, the best epoch, callbacks, advice.

``epochs`` is what ``RunFolder.epochs`` gives: a mapping an epoch, in order.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fer_core.labels import EMOTIONS
from fer_core.training.config import TrainConfig

Epochs = Sequence[Mapping[str, Any]]

PATIENCE: Final = 3
"""Epochs for which something must hold before there is advice on it."""

SWING: Final = 0.04
"""Mean change of the validation accuracy from epoch to epoch that is called a swing."""


def training_value(line: Mapping[str, Any], name: str, head: str) -> float | None:
    """``loss`` or ``accuracy`` on the training pictures, of one reading."""
    value = line.get(f"{head}_{name}", line.get(name))
    return None if value is None else float(value)


def best(epochs: Epochs, monitor: str) -> Mapping[str, Any] | None:
    """The epoch whose network is kept; the earlier of equals, as ModelCheckpoint decides."""
    known = [line for line in epochs if monitor in line]
    if not known:
        return None
    sign = -1 if monitor.endswith("loss") else 1
    return max(known, key=lambda line: (sign * line[monitor], -line["epoch"]))


def seams(epochs: Epochs) -> list[int]:
    """Epochs that began another burst."""
    pairs = itertools.pairwise(epochs)
    return [int(now["epoch"]) for before, now in pairs if now["burst"] != before["burst"]]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Epochs a callback has waited for a better one; it acts when they are ``patience``."""

    name: str
    waited: int
    patience: int


def waiting(epochs: Epochs, config: TrainConfig) -> tuple[Waiting, ...]:
    """The state of EarlyStopping and ReduceLROnPlateau after the last epoch."""
    known = epochs[-1].get("callbacks", {}) if epochs else {}
    wanted = {"EarlyStopping": config.early_stopping, "ReduceLROnPlateau": config.reduce_lr}
    return tuple(
        Waiting(name, int(known.get(name, {}).get("wait") or 0), patience)
        for name, patience in wanted.items()
        if patience
    )


def ended_early(epochs: Epochs, config: TrainConfig) -> str:
    """Why a run has ended before its last epoch, where EarlyStopping ended it; else nothing."""
    stopping = next((w for w in waiting(epochs, config) if w.name == "EarlyStopping"), None)
    if stopping is None or stopping.waited < stopping.patience or len(epochs) >= config.epochs:
        return ""
    return (
        f"EarlyStopping ended it after epoch {len(epochs)} of {config.epochs}: {config.monitor} "
        f"had not improved for {stopping.patience} epochs."
    )


def drops(epochs: Epochs, config: TrainConfig) -> list[str]:
    """When ReduceLROnPlateau lowered the learning rate, and why: a sentence each."""
    if not config.reduce_lr:
        return []
    found = []
    for before, now in itertools.pairwise(epochs):
        old, new = before["learning_rate"], now["learning_rate"]
        if new < old * 0.999:
            found.append(
                f"After epoch {before['epoch'] + 1} it fell from {old:.2g} to {new:.2g}: "
                f"{config.monitor} had not improved for {config.reduce_lr} epochs."
            )
    return found


def advice(epochs: Epochs, config: TrainConfig) -> tuple[str, ...]:
    """What a glance at the curves would tell someone who has seen many; nothing if all is well."""
    checks = (_not_learning, _overfits, _silent_class, _swings, _still_rising)
    return tuple(text for check in checks if (text := check(epochs, config)))


def _not_learning(epochs: Epochs, config: TrainConfig) -> str:
    if len(epochs) < PATIENCE or epochs[-1]["epoch"] < config.head_epochs + PATIENCE - 1:
        return ""
    if max(line["val_macro_f1"] for line in epochs) > 1.5 / len(EMOTIONS):
        return ""
    return (
        "It has hardly learned anything: its answers are little better than one and the same for "
        "every face. Try a learning rate ten times higher or lower, and look at the labels."
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
        f"It overfits since epoch {lowest['epoch'] + 1}: the loss falls on the training pictures "
        "and rises on the validation pictures. Stop and keep the best, or try more augmentation, "
        "more weight decay or fewer epochs."
    )


def _silent_class(epochs: Epochs, _: TrainConfig) -> str:
    late = [line for line in epochs if "recall" in line][-PATIENCE:]
    if len(epochs) < PATIENCE + 2:
        return ""
    present = {name for place, name in enumerate(EMOTIONS) if sum(late[-1]["confusion"][place]) > 0}
    silent = [n for n in EMOTIONS if n in present and not any(x["recall"].get(n) for x in late)]
    if not silent:
        return ""
    return (
        f"{' and '.join(silent)} {'has' if len(silent) == 1 else 'have'} not been found once in "
        f"the last {PATIENCE} epochs. Rare classes gain from balanced class weights, the "
        "logit-adjusted loss, or a balanced version of the dataset."
    )


def _swings(epochs: Epochs, config: TrainConfig) -> str:
    late = [line["val_accuracy"] for line in epochs if line["epoch"] > config.head_epochs][-6:]
    changes = [b - a for a, b in itertools.pairwise(late)]
    turns = sum(a * b < 0 for a, b in itertools.pairwise(changes))
    if len(changes) < 4 or turns < 2 or sum(map(abs, changes)) / len(changes) < SWING:
        return ""
    return (
        "The validation accuracy swings from epoch to epoch. The usual cause is stale BatchNorm "
        f"averages: lower the BatchNorm momentum ({config.batchnorm_momentum:g} now) or have the "
        "averages measured anew before each validation (about 40 batches). A small validation "
        "split or a high learning rate swing too."
    )


def _still_rising(epochs: Epochs, config: TrainConfig) -> str:
    top = best(epochs, config.monitor)
    if top is None or len(epochs) < config.epochs or top["epoch"] < config.epochs - 1:
        return ""
    return "The last epoch was the best: it may get better still with a few epochs more."
