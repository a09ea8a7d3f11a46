"""Fields that say beside themselves what they may hold: the one way to state limits and check them.

What is simulated, the configuration of a run and the terms of the loss are made of these fields.
Every number has a lowest and a highest value, both finite, so NaN and infinity are refused
everywhere. Free of jax, so that configurations can hold these fields before its flags are set.
"""

import dataclasses
import re
import reprlib
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Protocol

Range = tuple[float, float]

_BRIEF = reprlib.Repr()
_BRIEF.maxstring = _BRIEF.maxother = _BRIEF.maxlong = 60


def shown(value: Any) -> str:
    """Write a value as Python does, cut where it is long or deep: a message is one line."""
    return _BRIEF.repr(value)


class Limits(Protocol):
    """What a field may hold."""

    def problem(self, value: Any) -> str:
        """Return what is wrong with a value and what to write instead; '' where nothing is."""
        ...


@dataclasses.dataclass(frozen=True)
class Number:
    """A number in [low, high], or in (low, high] if it is `above`; `whole`: an integer."""

    low: float
    high: float
    above: bool = False
    whole: bool = False

    @property
    def kind(self) -> str:
        """What is asked for, in words."""
        return "whole number" if self.whole else "number"

    @property
    def rule(self) -> str:
        """Where it must lie, in words."""
        low, high = _plain(self.low), _plain(self.high)
        return f"be above {low} and at most {high}" if self.above else f"lie in {low} to {high}"

    def is_one(self, value: Any) -> bool:
        """Say whether the value is a number of this kind at all; True and False are none."""
        return isinstance(value, Integral if self.whole else Real) and not isinstance(value, bool)

    def holds(self, value: Any) -> bool:
        """Say whether a number lies within; NaN never does."""
        return self.low <= value <= self.high and not (self.above and value == self.low)

    def problem(self, value: Any) -> str:
        """Return what is wrong with a value; '' where nothing is."""
        if not self.is_one(value):
            return f"is {shown(value)}; write one {self.kind}, which must {self.rule}"
        return "" if self.holds(value) else f"is {shown(value)}; it must {self.rule}"


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two numbers; `rising`: the first is at most the second."""

    each: Number
    names: str = "low and high"
    rising: bool = True

    def problem(self, value: Any) -> str:
        """Return what is wrong with a value; '' where nothing is."""
        is_pair = isinstance(value, tuple | list) and len(value) == 2
        if not is_pair or not all(map(self.each.is_one, value)):
            return f"is {shown(value)}; write two {self.each.kind}s, {self.names}"
        if not all(map(self.each.holds, value)):
            return f"is {value}; it must {self.each.rule}"
        if self.rising and value[0] > value[1]:
            return f"is {value}; the smaller number comes first"
        return ""


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of a few words."""

    options: tuple[str, ...]

    def problem(self, value: Any) -> str:
        """Return what is wrong with a value; '' where nothing is."""
        if value in self.options:
            return ""
        return f"is {shown(value)}; write one of {', '.join(map(repr, self.options))}"


@dataclasses.dataclass(frozen=True)
class Flag:
    """True or False."""

    def problem(self, value: Any) -> str:
        """Return what is wrong with a value; '' where nothing is."""
        return "" if isinstance(value, bool) else f"is {shown(value)}; write True or False"


@dataclasses.dataclass(frozen=True)
class Text:
    """Any text; `optional`: or None."""

    optional: bool = False

    def problem(self, value: Any) -> str:
        """Return what is wrong with a value; '' where nothing is."""
        good = isinstance(value, str) or (self.optional and value is None)
        return "" if good else f"is {shown(value)}; write text"


@dataclasses.dataclass(frozen=True)
class Exactly:
    """One value, the only one that this version knows."""

    only: Any

    def problem(self, value: Any) -> str:
        """Return what is wrong with a value; '' where nothing is."""
        same = type(value) is type(self.only) and value == self.only
        return "" if same else f"is {shown(value)}; this version knows {self.only!r} alone"


@dataclasses.dataclass(frozen=True)
class Pattern:
    """Text of a certain form, at most `most` characters."""

    form: str
    in_words: str
    most: int = 200

    def problem(self, value: Any) -> str:
        """Return what is wrong with a value; '' where nothing is."""
        if not isinstance(value, str):
            return f"is {shown(value)}; write {self.in_words}"
        if len(value) > self.most:
            return f"has {len(value)} letters; at most {self.most} are allowed"
        good = re.fullmatch(self.form, value)
        return "" if good else f"is {shown(value)}; write {self.in_words}"


NAME = Pattern(r"[A-Za-z0-9][A-Za-z0-9_.-]*", "a name of letters, digits, '_', '-' and '.'")
"""Of a class, an image label or a data set: it is part of file names, tables and options."""
WORD = Pattern(r"(?s)\S(.*\S)?", "a word without blanks around it")
"""Of a value of an image label."""
DIGEST = Pattern(r"[0-9a-f]{64}", "a sha256 checksum, 64 hexadecimal digits")
PATHS = ("dir", "built_dir", "cases", "init_from", "real_dir", "implants")
"""Fields of a configuration that hold a path, by the last part of their dotted name.

A path can name a user: pages and exports for others leave it out.
"""


@dataclasses.dataclass(frozen=True)
class ByClass:
    """Numbers of single classes as text, such as 'cement=2,tibia=0.5'; '' says nothing of any."""

    each: Number

    def problem(self, value: Any) -> str:
        """Return what is wrong with a value; '' where nothing is."""
        if not isinstance(value, str):
            return f"is {shown(value)}; write text such as 'cement=2,tibia=0.5'"
        for name, number in self.parts(value):
            if not re.fullmatch(r"\d+(\.\d*)?", number):
                return f"is {shown(value)}: {name!r} has no number; write {name}=2 or the like"
            if not self.each.holds(float(number)):
                return f"is {shown(value)}: {name}={number} must {self.each.rule}"
        return ""

    @staticmethod
    def parts(value: str) -> list[tuple[str, str]]:
        """Return the names and what stands behind each."""
        pairs = (part.partition("=") for part in value.split(",") if part)
        return [(name.strip(), number.strip()) for name, _, number in pairs]


def number(default: float, low: float, high: float, *, above: bool = False) -> Any:
    """Make a field of one number in [low, high]; `above`: the low end itself is refused."""
    return _field(default, Number(low, high, above=above))


def rate(default: float) -> Any:
    """Make a field of a probability or share, in [0, 1]."""
    return number(default, 0.0, 1.0)


def whole(default: int, low: int, high: int) -> Any:
    """Make a field of an integer, low <= n <= high."""
    return _field(default, Number(low, high, whole=True))


def uniform(low: float, high: float, least: float, most: float) -> Any:
    """Make a field of a range to draw from, which must lie within [least, most]."""
    return _field((low, high), Pair(Number(least, most)))


def sizes(rows: int, columns: int, least: int, most: int) -> Any:
    """Make a field of rows and columns (px), both in [least, most]."""
    return _field(
        (rows, columns), Pair(Number(least, most, whole=True), "rows and columns", rising=False)
    )


def choice(default: str, options: Sequence[str]) -> Any:
    """Make a field of one of several words."""
    return _field(default, Choice(tuple(options)))


def flag(default: bool) -> Any:
    """Make a field of True or False."""
    return _field(default, Flag())


def text(default: str | None) -> Any:
    """Make a field of text; where the usual value is None, that may be said too."""
    return _field(default, Text(optional=default is None))


def by_class(default: str, low: float, high: float) -> Any:
    """Make a field of numbers of single classes, as text (see `ByClass`)."""
    return _field(default, ByClass(Number(low, high)))


def _field(default: Any, limits: Limits) -> Any:
    return dataclasses.field(default=default, metadata={"limits": limits})


def limits_of(field: dataclasses.Field[Any]) -> Limits:
    """Return what a field made here may hold."""
    return field.metadata["limits"]


def _plain(number: float) -> str:
    """Write a limit, an integer with all its digits."""
    return str(number) if isinstance(number, int) else f"{number:g}"
