"""Configs as pydantic dataclasses: limits on each field, and errors that are one sentence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, ClassVar, Final, Literal, get_args, get_origin

import annotated_types
import pydantic
from pydantic import ConfigDict, Field, ValidationError, model_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

from fer_core.errors import FerError, TrainingError

STRICT: Final = ConfigDict(strict=True)
"""No text for a number, no ``true`` for 1; a whole number is allowed where a float is asked for."""

Names = Annotated[tuple[str, ...], Field(strict=False)]
"""A tuple of names; a list, as YAML has it, becomes one."""

Numbers = Annotated[tuple[float, ...], Field(strict=False)]
"""A tuple of numbers; a list, as YAML has it, becomes one."""


def described(default: Any, text: str, low: float | None = 0, high: float | None = None) -> Any:
    """Return a field with one line of help; a number is from ``low`` to ``high``, None: no limit.

    Forms and ``docs/config.md`` show the text.
    """
    if isinstance(default, bool) or not isinstance(default, (int, float)):
        low = None
    return Field(default, ge=low, le=high, description=text)


@pydantic_dataclass(frozen=True, config=STRICT)
class Checked:
    """Base of configs: wrong values raise ``error``, with ``prefix`` before the field's name."""

    error: ClassVar[type[FerError]] = TrainingError
    prefix: ClassVar[str] = ""

    @model_validator(mode="wrap")
    @classmethod
    def _in_one_sentence(cls, values: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            fields = fields_of(cls)
            name = str(first["loc"][0])
            if name not in fields:
                raise no_such_field(f"{cls.prefix}{shown_name(name)}", fields) from error
            allowed = fields[name].allowed
            raise cls.error(must_be(f"{cls.prefix}{name}", allowed, first["input"])) from error


@dataclass(frozen=True, slots=True)
class ConfigField:
    """Facts on a field for a form.

    Attributes:
        name: The field's name.
        kind: ``int``, ``float``, ``bool``, ``str`` or ``tuple``; a class for a group of fields.
        default: Its default; None where each config gets a new one.
        help: One line.
        choices: The only values allowed; empty for no such list.
        low: Smallest number allowed.
        high: Largest number allowed; None for no limit.
        items: What a tuple holds, in words.
    """

    name: str
    kind: type
    default: Any
    help: str
    choices: tuple[Any, ...]
    low: float
    high: float | None
    items: str = "names"

    @property
    def allowed(self) -> str:
        """Return the allowed values in words, for ``NAME must be …``."""
        if self.choices:
            return f"one of {', '.join(map(str, self.choices))}"
        if self.kind in (int, float):
            kind = "a whole number" if self.kind is int else "a number"
            upper = f"of {self.low:g} or more" if self.high is None else (
                f"from {self.low:g} to {self.high:g}"
            )  # fmt: skip
            return f"{kind} {upper}"
        words = {bool: "true or false", str: "text", tuple: f"a list of {self.items}"}
        return words.get(self.kind, "a group of fields")


def fields_of(config: type) -> Mapping[str, ConfigField]:
    """Return the fields of a pydantic dataclass by name."""
    infos: Mapping[str, pydantic.fields.FieldInfo] = config.__pydantic_fields__  # type: ignore[attr-defined]
    return {name: _field(name, info) for name, info in infos.items()}


def _field(name: str, info: pydantic.fields.FieldInfo) -> ConfigField:
    annotation: Any = info.annotation
    if get_origin(annotation) is UnionType:
        annotation = get_args(annotation)[0]
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
    limits = info.metadata
    return ConfigField(
        name=name,
        kind=type(choices[0]) if choices else get_origin(annotation) or annotation,
        default=None if info.is_required() or info.default_factory else info.default,
        help=info.description or "",
        choices=choices,
        low=next((float(x.ge) for x in limits if isinstance(x, annotated_types.Ge)), 0.0),  # type: ignore[arg-type]
        high=next((float(x.le) for x in limits if isinstance(x, annotated_types.Le)), None),  # type: ignore[arg-type]
        items="numbers" if get_args(annotation)[:1] == (float,) else "names",
    )


def no_such_field(name: str, fields: Mapping[str, Any]) -> TrainingError:
    """Return the error of an unknown field, with the names of those that there are."""
    return TrainingError(f"there is no field {name}. Fields: {', '.join(sorted(fields))}.")


def must_be(name: str, allowed: str, value: Any) -> str:
    """Return the sentence of a wrong value."""
    return f"{name} must be {allowed}. Received: {_shown(value)}."


def shown_name(name: Any) -> str:
    """Return a field's name as a message may hold it."""
    return name[:100] if isinstance(name, str) else _shown(name)


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes out no number of more than 4,300 digits
        return "a number too long to be shown"
    return text if len(text) <= 200 else f"{text[:200]}…"
