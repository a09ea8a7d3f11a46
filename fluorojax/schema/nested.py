"""Nested records, as JSON files hold them: what each field may hold, checked at every depth.

A single value has one of the limits of `fluorojax.schema.limits`; here are objects, lists and
mappings of them. A problem is named by its path, such as `masks.classes[1].min_component_px`.
"""

import dataclasses
import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from fluorojax.schema.limits import Limits, limits_of, shown


class Nested(Protocol):
    """What an object, a list or a mapping may hold."""

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """Yield what is wrong with a value and in it, each with its path."""
        ...


Schema = Nested | Limits


def problems(schema: Schema, value: Any, path: str) -> Iterator[str]:
    """Yield what is wrong with a value that stands at a path; '' is the whole file."""
    if hasattr(schema, "problems"):
        yield from schema.problems(value, path)
    elif problem := schema.problem(value):
        yield f"{path} {problem}"


@dataclasses.dataclass(frozen=True)
class Record:
    """An object with certain fields; `open`: others may stand there too, and are not looked at."""

    needed: Mapping[str, Schema]
    optional: Mapping[str, Schema] = dataclasses.field(default_factory=dict)
    open: bool = False

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """Yield what is wrong with an object."""
        if not isinstance(value, Mapping):
            yield f"{path or 'the file'} is {shown(value)}; it must be an object"
            return
        known = {**self.needed, **self.optional}
        unknown = [name for name in value if name not in known]
        for name in [] if self.open else unknown:
            yield f"{_inside(path, shown(name)[1:-1])} is an unknown field{_near(name, known)}"
        for name in self.needed:
            if name not in value:
                yield f"{_inside(path, name)} is missing"
        for name, schema in known.items():
            if name in value:
                yield from problems(schema, value[name], _inside(path, name))


@dataclasses.dataclass(frozen=True)
class Many:
    """A list of `least` to `most` values; `of`: the field of each that no two share."""

    each: Schema
    least: int
    most: int
    unique: str = ""

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """Yield what is wrong with a list."""
        if not isinstance(value, list | tuple):
            yield f"{path} is {shown(value)}; it must be a list"
            return
        if not self.least <= len(value) <= self.most:
            yield f"{path} has {len(value)} entries; it must have {self.least} to {self.most}"
            return
        found = [p for k, one in enumerate(value) for p in problems(self.each, one, f"{path}[{k}]")]
        yield from found or self._repeated(value, path)

    def _repeated(self, value: Any, path: str) -> Iterator[str]:
        if self.unique:
            names = [one.get(self.unique) if isinstance(one, Mapping) else one for one in value]
            for name in dict.fromkeys(name for name in names if names.count(name) > 1):
                yield f"{path} has {shown(name)} twice; each {self.unique} stands there once"


@dataclasses.dataclass(frozen=True)
class ByName:
    """An object whose names are the data's own, each with a value of one kind."""

    each: Schema
    name: Limits | None = None

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """Yield what is wrong with names and values."""
        if not isinstance(value, Mapping):
            yield f"{path} is {shown(value)}; it must be an object"
            return
        for name, one in value.items():
            if self.name and (problem := self.name.problem(name)):
                yield f"{path}: the name {problem}"
            yield from problems(self.each, one, _inside(path, shown(name)[1:-1]))


@dataclasses.dataclass(frozen=True)
class Perhaps:
    """A value, or null."""

    of: Schema

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """Yield what is wrong with a value that is not null."""
        if value is not None:
            yield from problems(self.of, value, path)


@dataclasses.dataclass(frozen=True)
class Finite:
    """Anything that JSON has, but its numbers are finite: `1e999` is read as infinity."""

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """Yield the path of each number that is not finite."""
        left = [(path, value)]  # no recursion: JSON may be a thousand levels deep
        while left:
            at, one = left.pop()
            if isinstance(one, Mapping):
                left += [(_inside(at, str(name)), inner) for name, inner in one.items()]
            elif isinstance(one, list):
                left += [(f"{at}[{k}]", inner) for k, inner in enumerate(one)]
            elif isinstance(one, float) and not math.isfinite(one):
                yield f"{at[:200]} is {one}; it must be finite"


def record_of(kind: type[Any], *, whole: bool = False) -> Record:
    """Return the fields of a dataclass, which have their limits beside them.

    Args:
        kind: the dataclass; a field without limits is refused here, not when a file is read.
        whole: fields with a usual value are needed too.
    """
    fields = dataclasses.fields(kind)
    needed = {f.name: limits_of(f) for f in fields if whole or _has_no_default(f)}
    return Record(needed, {f.name: limits_of(f) for f in fields if f.name not in needed})


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is field.default_factory is dataclasses.MISSING


def within(limits: Schema) -> dict[str, Any]:
    """Return the metadata of a field with these limits: `x: int = field(metadata=within(...))`."""
    return {"limits": limits}


def first_of(found: Iterable[str]) -> str:
    """Return the first problem, and how many others there are; '' where there is none."""
    lines = list(found)
    others = f" (and {len(lines) - 1} more like it)" if len(lines) > 1 else ""
    return lines[0] + others if lines else ""


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
