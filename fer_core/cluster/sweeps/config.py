"""What a sweep is made of: one frozen ``SweepConfig``, as YAML on disk."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from fer_core.dataset.source import OLD_FIELDS, DatasetSource
from fer_core.errors import TrainingError
from fer_core.system.files import write_bytes
from fer_core.training.config import Augmentation, TrainConfig, recipes

MOST_TRIALS: Final = 1000
DRAWS: Final = 20
"""So often a trial is drawn anew where another has the same values."""

NUMBERS: Final = {
    "trials": (1, MOST_TRIALS), "grace": (1, 10_000), "reduction": (2, 100), "at_once": (0, 1000),
    "threads": (1, 64), "seed": (0, 2**31),
}  # fmt: skip
"""Whole numbers and their limits."""


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from ``low`` to ``high``; ``log`` draws their orders of magnitude evenly."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, slots=True)
class SweepConfig:
    """Every choice of a sweep. Wrong values raise ``TrainingError`` naming the field.

    Attributes:
        title: What a user calls it.
        source: The dataset that all trials train on.
        base: Fields of ``TrainConfig`` that all trials share.
        fields: What is tried: name of a field to a ``Range`` or a tuple of values; those of the
            augmentation as ``augmentation.rotation``.
        trials: How many.
        grace: Epochs that every trial gets before it may be stopped.
        reduction: Of the trials that reach a rung, one in so many goes on to the next, which is so
            many times as far (ASHA, Li et al., 2020).
        at_once: Trials that train at the same time; 0 for as many as there is room for.
        threads: Cores of a trial.
        gpus: GPUs of a trial, which may be a share such as 0.5; None for one where there are any.
        seed: Of what is drawn.
    """

    title: str
    source: DatasetSource
    fields: Mapping[str, Range | tuple[Any, ...]]
    base: Mapping[str, Any] = field(default_factory=dict)
    trials: int = 8
    grace: int = 1
    reduction: int = 3
    at_once: int = 0
    threads: int = 1
    gpus: float | None = None
    seed: int = 7

    def __post_init__(self) -> None:
        for name, (low, high) in NUMBERS.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise _wrong(name, f"a whole number from {low} to {high}", value)
        if self.gpus is not None and not (
            isinstance(self.gpus, (int, float)) and 0 <= self.gpus <= 64
        ):
            raise _wrong("gpus", "a number from 0 to 64, or left out", self.gpus)
        if not self.fields:
            raise _wrong("fields", "at least one field to try", dict(self.fields))
        known = kinds()
        for name in self.fields:
            if name not in known:
                raise TrainingError(
                    f"there is no field {name} to try. Fields: {', '.join(sorted(known))}."
                )
        self.configs()

    @property
    def monitor(self) -> str:
        """The figure that decides which trial is better."""
        return str(self.base.get("monitor", TrainConfig().monitor))

    def values(self) -> list[dict[str, Any]]:
        """What each trial tries: name of a field to its value. The same at every call.

        Lists alone, with no more combinations than ``trials``, give every combination once.
        """
        lists = [one for one in self.fields.values() if not isinstance(one, Range)]
        combinations = math.prod(map(len, lists))
        if len(lists) == len(self.fields) and combinations <= self.trials:
            every = itertools.product(*lists)
            return [dict(zip(self.fields, one, strict=True)) for one in every]
        random = np.random.default_rng(self.seed)
        found: list[dict[str, Any]] = []
        for _ in range(self.trials):
            for _ in range(DRAWS):
                drawn = {name: _draw(name, one, random) for name, one in self.fields.items()}
                if drawn not in found:
                    break
            found.append(drawn)
        return found

    def configs(self) -> list[TrainConfig]:
        """The config of each trial.

        Raises:
            TrainingError: One of them is not allowed.
        """
        return [_config(self.base, values) for values in self.values()]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as ``from_dict`` reads them."""
        tried = {
            name: asdict(one) if isinstance(one, Range) else list(one)
            for name, one in self.fields.items()
        }
        source = self.source.to_dict()
        rest = {name: getattr(self, name) for name in (*NUMBERS, "gpus")}
        return {"title": self.title, **source, "base": dict(self.base), "fields": tried, **rest}

    def save(self, file: Path) -> None:
        """Write as YAML."""
        write_bytes(file, yaml.safe_dump(self.to_dict(), sort_keys=False).encode())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SweepConfig":
        """The config of ``values``; what is left out has its default.

        ``base`` may be the name of a recipe or a YAML file of ``TrainConfig`` instead of fields.

        Raises:
            TrainingError: An unknown field, or a wrong value.
        """
        rest = {OLD_FIELDS.get(name, name): value for name, value in values.items()}
        known = {"title", "base", "fields", "gpus", *NUMBERS, *DatasetSource.__slots__}
        for name in rest:
            if name not in known:
                raise TrainingError(
                    f"there is no field {name} of a sweep. Fields: {', '.join(sorted(known))}."
                )
        if not rest.get("data"):
            raise TrainingError("data must name a dataset folder, or be the word demo.")
        source = DatasetSource(
            **{
                field.name: rest.pop(field.name)
                for field in fields(DatasetSource)
                if field.name in rest
            }
        )
        base = _base(rest.pop("base", {}))
        tried = rest.pop("fields", None)
        if not isinstance(tried, Mapping):
            raise _wrong("fields", "a group of fields to try", tried)
        ways = {str(name): _way(str(name), one) for name, one in tried.items()}
        title = str(rest.pop("title", "Sweep"))
        return cls(title=title, source=source, base=base, fields=ways, **rest)

    @classmethod
    def load(cls, file: Path) -> "SweepConfig":
        """Read YAML; see ``from_dict``."""
        try:
            values = yaml.safe_load(file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise TrainingError(f"{file}: cannot be read as YAML ({error}).") from error
        if not isinstance(values, dict):
            raise TrainingError(
                f"{file}: must hold fields such as 'trials: 8'. See docs/scaling.md."
            )
        try:
            return cls.from_dict(values)
        except TrainingError as error:
            raise TrainingError(f"{file}: {error}") from error


def kinds() -> dict[str, type]:
    """Every field that can be tried, with the type of its values."""
    outer = {one.name: type(one.default) for one in fields(TrainConfig)}
    outer.pop("augmentation")
    inner = {f"augmentation.{one.name}": type(one.default) for one in fields(Augmentation)}
    return outer | inner


def _base(given: Any) -> Mapping[str, Any]:
    if isinstance(given, str):
        return TrainConfig.load(recipes().get(given, Path(given))).to_dict()
    if not isinstance(given, Mapping):
        raise _wrong("base", "a recipe, a YAML file or a group of fields", given)
    return TrainConfig.from_dict(given).to_dict()


def _way(name: str, given: Any) -> Range | tuple[Any, ...]:
    if isinstance(given, list) and given:
        return tuple(given)
    try:
        way = Range(float(given["low"]), float(given["high"]), bool(given.get("log", False)))
        is_known = set(given) <= {"low", "high", "log"}
    except (TypeError, KeyError, ValueError):
        is_known = False
    if not is_known:
        raise _wrong(f"fields.{name}", "a list, or low and high (and log: true)", given)
    if not way.low <= way.high or (way.log and way.low <= 0):
        raise _wrong(f"fields.{name}", "low up to high, above 0 where log is true", given)
    if kinds().get(name, float) not in (int, float):
        raise _wrong(f"fields.{name}", "a list: its values are no numbers", given)
    return way


def _draw(name: str, way: Range | tuple[Any, ...], random: np.random.Generator) -> Any:
    if not isinstance(way, Range):
        return way[int(random.integers(len(way)))]
    low, high = (math.log(way.low), math.log(way.high)) if way.log else (way.low, way.high)
    drawn = float(random.uniform(low, high))
    value = math.exp(drawn) if way.log else drawn
    return round(value) if kinds()[name] is int else float(f"{value:.4g}")


def _config(base: Mapping[str, Any], values: Mapping[str, Any]) -> TrainConfig:
    whole = {**base, "augmentation": dict(base.get("augmentation", {}))}
    for name, value in values.items():
        outer, _, inner = name.rpartition(".")
        (whole[outer] if outer else whole)[inner] = value
    return TrainConfig.from_dict(whole)


def _wrong(name: str, allowed: str, value: Any) -> TrainingError:
    return TrainingError(f"{name} must be {allowed}. Received: {value!r}.")
