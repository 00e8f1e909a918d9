"""One option: where its value came from, what it may be, and the one line a person reads when it is wrong. Pure."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import msgspec
from msgspec import inspect

from shared.errors import ConfigError

SHOWN_CHARACTERS = 60


class Option(NamedTuple):
    """The name of an option, as in config.toml."""

    section: str
    key: str

    def __str__(self) -> str:
        return f"[{self.section}] {self.key}"


class Source(IntEnum):
    """Where a value came from; the higher one wins."""

    DEFAULT = 0
    CONFIG_FILE = 1
    ENV_FILE = 2
    ENVIRONMENT = 3
    ARGUMENT = 4


class Given(NamedTuple):
    """A value that somebody wrote; `origin` tells a person where: file and key, variable, or argument."""

    value: Any
    origin: str
    source: Source


Layer = dict[Option, Given]


@dataclass(frozen=True)
class Rule:
    """A marker for `Annotated`: `check` returns the value to use, or raises ValueError with what it must be."""

    check: Callable[[Any], Any]


def checked(given: Given, annotation: Any) -> Any:
    """The value of `given` as the annotation's type, within its bounds and rules; ConfigError otherwise."""
    try:
        value = msgspec.convert(given.value, annotation, dec_hook=_built_from)
    except msgspec.ValidationError:
        raise _wrong(given, annotation) from None
    if isinstance(value, float) and not math.isfinite(value):
        raise _wrong(given, annotation)
    try:
        for rule in _rules(annotation):
            value = rule.check(value)
    except ValueError as error:
        raise ConfigError(f"{given.origin}: {error}") from None
    return value


def allowed(annotation: Any) -> str:
    """What values an annotation takes, in words that follow "must be"."""
    return _words(_kind(annotation))


def _words(kind: inspect.Type) -> str:
    match kind:
        case inspect.IntType(ge=low, le=high):
            return "a whole number" + _bounds(low, high)
        case inspect.FloatType(gt=above) if above is not None:
            return f"a number above {above:g}"
        case inspect.FloatType(ge=low, le=high):
            return "a number" + _bounds(low, high)
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(map(str, values))
        case inspect.VarTupleType():
            return "a list of texts"
        case inspect.DictType(value_type=of_each):
            return f"a table with {_words(of_each)} for each name"
    return "a text"


def nearest(name: str, known: Iterable[str], what: str) -> str:
    """A hint for an unknown name: the known one that looks most like it, or else all of `what`."""
    known = list(known)
    if matches := get_close_matches(name.lower(), known, n=1):
        return f"did you mean {matches[0]}?"
    return f"{what}: {', '.join(known)}"


def shown(value: object) -> str:
    """A wrong value on one line, free of control characters, shortened."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."


def _built_from(kind: type[Any], value: Any) -> Any:
    """For types that msgspec does not know, such as Secret."""
    return kind(value)


def _wrong(given: Given, annotation: Any) -> ConfigError:
    return ConfigError(f"{given.origin}: must be {allowed(annotation)}, not {shown(given.value)}")


def _bounds(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" from {_plain(low)} to {_plain(high)}"


def _plain(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"


def _kind(annotation: Any) -> inspect.Type:
    """The annotation's type; of an optional one that of its value."""
    kind = inspect.type_info(annotation)
    if isinstance(kind, inspect.UnionType):
        return next(part for part in kind.types if not isinstance(part, inspect.NoneType))
    return kind


def _rules(annotation: Any) -> list[Rule]:
    marks = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return [mark for mark in marks if isinstance(mark, Rule)]
