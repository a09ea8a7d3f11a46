"""Line charts as plain data, in the units of their SVG; `templates/charts.html.j2` draws them."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Point = tuple[float, float | None]  # y is None where the value was not a finite number

WIDTH, HEIGHT = 360, 216
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 12, 40  # room for the labels of the axes
MOST_POINTS = 300
MOST_DOTS = 60


class Tick(NamedTuple):
    """A round number on an axis: its place along that axis, and its text."""

    place: float
    label: str


class Dot(NamedTuple):
    """A point of a line, and the text shown under the pointer."""

    x: float
    y: float
    text: str


@dataclasses.dataclass(frozen=True)
class Line:
    """A line: its CSS class, its path (SVG path data), and its dots where they are few."""

    css: str
    path: str
    dots: Sequence[Dot]


@dataclasses.dataclass(frozen=True)
class Chart:
    """Lines with named axes, and the places of upright lines across the whole height."""

    x_name: str
    y_name: str
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    marks: Sequence[float]
    lines: Sequence[Line]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """Return at most `most` points, means of runs of neighbours; None: a run without a number."""
    run = math.ceil(len(points) / most) or 1
    return [_mean_point(points[i : i + run]) for i in range(0, len(points), run)]


def _mean_point(points: Sequence[Point]) -> Point:
    values = [y for _, y in points if y is not None]
    x = sum(x for x, _ in points) / len(points)
    return x, sum(values) / len(values) if values else None


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Return round numbers (1, 2 or 5 times a power of ten apart) within [low, high]."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def label(value: float) -> str:
    """Return a short form of an axis value: 12k, 0.25, 3e-04."""
    if value and (abs(value) < 1e-3 or abs(value) >= 1e6):
        return f"{value:.0e}"
    if abs(value) >= 1e4:
        return f"{value / 1e3:g}k"
    return f"{value:.4g}"


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Return the range of an axis, a little wider than that of the values."""
    low, high = min(values), max(values)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 0.5
    # Scores and losses start at 0 and many end at 1: the margin must not suggest values beyond.
    bottom = max(low - margin, 0.0) if low >= 0 else low - margin
    top = min(high + margin, 1.0) if 0.5 <= high <= 1 else high + margin
    return bottom, top


def line_chart(
    series: Mapping[str, Sequence[Point]],
    *,
    x_name: str,
    y_name: str,
    css: Mapping[str, str] | None = None,
    marks: Sequence[float] = (),
) -> Chart:
    """Return lines with axes; a gap stands where a value is not finite.

    Args:
        series: name -> (x, y), in the order of x.
        x_name, y_name: what x and y are, with their units, beside the axes; x also in the text that
            a dot shows under the pointer.
        css: name -> CSS class of the line; a line that is not in it has its name as class, which
            must then be a plain word.
        marks: values of x at which an upright line stands.

    Raises:
        ValueError: no finite value at all.
    """
    css = css or {}
    lines = {name: thinned(points) for name, points in series.items()}
    ys = [y for points in lines.values() for _, y in points if y is not None]
    if not ys:
        raise ValueError("nothing to draw: no finite value")
    xs = [x for points in series.values() for x, _ in points]
    axes = _Axes(min(xs), max(xs), *_range(ys))
    return Chart(
        x_name=x_name,
        y_name=y_name,
        x_ticks=[Tick(axes.across(x), label(x)) for x in ticks(axes.x0, axes.x1, 5)],
        y_ticks=[Tick(axes.down(y), label(y)) for y in ticks(axes.y0, axes.y1)],
        marks=[axes.across(x) for x in marks],
        lines=[
            Line(css.get(name, name), _path(points, axes), _dots(f"{name}, {x_name}", points, axes))
            for name, points in lines.items()
        ],
    )


@dataclasses.dataclass(frozen=True)
class _Axes:
    """The ranges of both axes: x0 to x1, y0 to y1."""

    x0: float
    x1: float
    y0: float
    y1: float

    def across(self, x: float) -> float:
        share = (x - self.x0) / (self.x1 - self.x0) if self.x1 > self.x0 else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def down(self, y: float) -> float:
        share = (self.y1 - y) / (self.y1 - self.y0)
        return TOP + share * (HEIGHT - TOP - BOTTOM)


def _path(points: Sequence[Point], axes: _Axes) -> str:
    path, move = "", "M"
    for x, y in points:
        if y is None:
            move = "M"  # lift the pen over the gap
            continue
        path += f"{move}{axes.across(x):.1f} {axes.down(y):.1f}"
        move = "L"
    return path


def _dots(words: str, points: Sequence[Point], axes: _Axes) -> list[Dot]:
    """Return a dot with its value at each point where they are few; `words` begin its text."""
    if len(points) > MOST_DOTS:
        return []
    return [
        Dot(axes.across(x), axes.down(y), f"{words} {x:g}: {y:.4g}")
        for x, y in points
        if y is not None
    ]
