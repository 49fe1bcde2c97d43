"""The choices of a sweep: one frozen ``SweepConfig``, as YAML on disk."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import yaml
from pydantic import ConfigDict, Field, SkipValidation, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from fer_core.dataset.source import OLD_FIELDS, DatasetSource
from fer_core.errors import TrainingError
from fer_core.system.config_fields import STRICT, Checked, described, fields_of, must_be
from fer_core.system.files import reading, write_bytes
from fer_core.system.yaml_files import fields_of as yaml_fields
from fer_core.training.config import Augmentation, TrainConfig, recipes

VERSION: Final = 1
"""Version of the format; files of version 0.1 say none."""

DRAWS: Final = 20
"""Draws of a trial until its values differ from every other trial's."""


@dataclass(frozen=True, config=ConfigDict(strict=True, extra="forbid", allow_inf_nan=False))
class Range:
    """Numbers from ``low`` to ``high``; ``log`` draws their orders of magnitude evenly."""

    low: float
    high: float
    log: bool = False


Search = Range | tuple[Any, ...]
"""The values that are tried of one field."""


@dataclass(frozen=True, config=STRICT)
class SweepConfig(Checked):
    """Every choice of a sweep. Wrong values raise ``TrainingError`` naming the field.

    Attributes:
        title: Its name for a user.
        source: The dataset that all trials train on.
        fields: The search space: name of a field of ``TrainConfig`` to a ``Range`` or a tuple of
            values; those of the augmentation as ``augmentation.rotation``.
        base: Fields of ``TrainConfig`` that all trials share.
        trials: Number of trials.
        grace: Epochs that every trial gets before it may be stopped.
        reduction: Of the trials that reach a rung, one in ``reduction`` goes on to the next, which
            has ``reduction`` times as many epochs (ASHA, Li et al., 2020).
        parallel_trials: Trials that train at the same time; 0 for as many as fit.
        threads: Cores of a trial.
        gpus: GPUs of a trial, which may be a share such as 0.5; None for one where there are any.
        seed: Seed of all draws.
    """

    title: str
    source: DatasetSource
    fields: Annotated[Mapping[str, Search], SkipValidation]
    base: Annotated[Mapping[str, Any], SkipValidation] = Field(default_factory=dict)
    trials: int = described(8, "Number of trials.", 1, 1000)
    grace: int = described(1, "Epochs that every trial gets.", 1, 10_000)
    reduction: int = described(3, "One in so many goes on at each rung.", 2, 100)
    parallel_trials: int = described(0, "Trials that train at the same time.", 0, 1000)
    threads: int = described(1, "Cores of a trial.", 1, 64)
    gpus: float | None = Field(default=None, ge=0, le=64, description="GPUs of a trial.")
    seed: int = described(7, "Seed of all draws.", high=2**31)

    def __post_init__(self) -> None:
        if not self.fields:
            raise TrainingError(must_be("fields", "at least one field to try", dict(self.fields)))
        searchable = kinds()
        for name in self.fields:
            if name not in searchable:
                raise TrainingError(
                    f"there is no field {name} to try. Fields: {', '.join(sorted(searchable))}."
                )
        self.configs()

    @property
    def monitor(self) -> str:
        """Return the metric that decides which trial is better."""
        return str(self.base.get("monitor", TrainConfig().monitor))

    def values(self) -> list[dict[str, Any]]:
        """Return the settings of each trial, name of a field to its value; the same at every call.

        Lists alone, with no more combinations than ``trials``, give every combination once.
        """
        lists = [search for search in self.fields.values() if not isinstance(search, Range)]
        combinations = math.prod(map(len, lists))
        if len(lists) == len(self.fields) and combinations <= self.trials:
            grid = itertools.product(*lists)
            return [dict(zip(self.fields, point, strict=True)) for point in grid]
        random = np.random.default_rng(self.seed)
        trials: list[dict[str, Any]] = []
        for _ in range(self.trials):
            for _ in range(DRAWS):
                drawn = {name: _draw(name, search, random) for name, search in self.fields.items()}
                if drawn not in trials:
                    break
            trials.append(drawn)
        return trials

    def configs(self) -> list[TrainConfig]:
        """Return the config of each trial.

        Raises:
            TrainingError: One of them is not allowed.
        """
        return [_config(self.base, values) for values in self.values()]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as ``from_dict`` reads them."""
        searches = {
            name: asdict(search) if isinstance(search, Range) else list(search)
            for name, search in self.fields.items()
        }
        source = self.source.to_dict()
        numbers = {name: getattr(self, name) for name in NUMBERS}
        return {
            "version": VERSION, "title": self.title, **source, "base": dict(self.base),
            "fields": searches, **numbers,
        }  # fmt: skip

    def save(self, file: Path) -> None:
        """Write as YAML."""
        write_bytes(file, yaml.safe_dump(self.to_dict(), sort_keys=False).encode())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SweepConfig":
        """Return the config of ``values``; fields left out have their defaults.

        ``base`` may be the name of a recipe or a YAML file of ``TrainConfig`` instead of fields.

        Raises:
            TrainingError: An unknown field, a wrong value, or a newer version.
        """
        values = {OLD_FIELDS.get(name, name): value for name, value in values.items()}
        version = values.pop("version", VERSION)
        if version != VERSION:
            raise TrainingError(
                f"this program reads sweeps of version {VERSION}. Received: {version!r}. Update "
                "FER Studio or write the sweep again."
            )
        if "at_once" in values:  # the name in version 0.1
            values.setdefault("parallel_trials", values.pop("at_once"))
        allowed = {"title", "base", "fields", *NUMBERS, *DatasetSource.__slots__}
        for name in values:
            if name not in allowed:
                raise TrainingError(
                    f"there is no field {name} of a sweep. Fields: {', '.join(sorted(allowed))}."
                )
        if not values.get("data"):
            raise TrainingError("data must name a dataset folder, or be the word demo.")
        source = DatasetSource(
            **{
                field.name: values.pop(field.name)
                for field in fields(DatasetSource)
                if field.name in values
            }
        )
        base = _base(values.pop("base", {}))
        space = values.pop("fields", None)
        if not isinstance(space, Mapping):
            raise TrainingError(must_be("fields", "a group of fields to try", space))
        searches = {str(name): _search(str(name), search) for name, search in space.items()}
        title = str(values.pop("title", "Sweep"))
        return cls(title=title, source=source, base=base, fields=searches, **values)

    @classmethod
    def load(cls, file: Path) -> "SweepConfig":
        """Read YAML; see ``from_dict``."""
        with reading(file, TrainingError):
            data = file.read_bytes()
        try:
            return cls.from_dict(yaml_fields(data))
        except TrainingError as error:
            raise TrainingError(f"{file}: {error} See docs/scaling.md.") from error


NUMBERS: Final = ("trials", "grace", "reduction", "parallel_trials", "threads", "gpus", "seed")


def kinds() -> dict[str, type]:
    """Return every field of ``TrainConfig`` that can be tried, with the type of its values."""
    outer = {name: field.kind for name, field in fields_of(TrainConfig).items()}
    outer.pop("augmentation")
    inner = {f"augmentation.{name}": field.kind for name, field in fields_of(Augmentation).items()}
    return outer | inner


def _base(base: Any) -> Mapping[str, Any]:
    if isinstance(base, str):
        return TrainConfig.load(recipes().get(base, Path(base))).to_dict()
    if not isinstance(base, Mapping):
        raise TrainingError(must_be("base", "a recipe, a YAML file or a group of fields", base))
    return TrainConfig.from_dict(base).to_dict()


def _search(name: str, values: Any) -> Search:
    if isinstance(values, list) and values:
        return tuple(values)
    name = f"fields.{name}"
    try:
        search = TypeAdapter(Range).validate_python(values, strict=False)
    except ValidationError as error:
        allowed = "a list, or low and high (and log: true)"
        raise TrainingError(must_be(name, allowed, values)) from error
    if not search.low <= search.high or (search.log and search.low <= 0):
        allowed = "low up to high, above 0 where log is true"
        raise TrainingError(must_be(name, allowed, values))
    if kinds().get(name.removeprefix("fields."), float) not in (int, float):
        raise TrainingError(must_be(name, "a list: its values are no numbers", values))
    return search


def _draw(name: str, search: Search, random: np.random.Generator) -> Any:
    if not isinstance(search, Range):
        return search[int(random.integers(len(search)))]
    low, high = search.low, search.high
    low, high = (math.log(low), math.log(high)) if search.log else (low, high)
    drawn = float(random.uniform(low, high))
    value = math.exp(drawn) if search.log else drawn
    return round(value) if kinds()[name] is int else float(f"{value:.4g}")


def _config(base: Mapping[str, Any], values: Mapping[str, Any]) -> TrainConfig:
    config = {**base, "augmentation": dict(base.get("augmentation", {}))}
    for name, value in values.items():
        outer, _, inner = name.rpartition(".")
        (config[outer] if outer else config)[inner] = value
    return TrainConfig.from_dict(config)
