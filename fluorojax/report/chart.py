"""Line charts as SVG text: the same numbers give the same bytes, and a page's CSS gives colours."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from html import escape

Point = tuple[float, float | None]  # y is None where the value was not a finite number

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 24  # room for the labels of the axes
MOST_POINTS = 300
MOST_DOTS = 60


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
    css: Mapping[str, str] | None = None,
    x_name: str = "step",
    marks: Sequence[float] = (),
) -> str:
    """Return an `<svg>` of lines with axes; a gap stands where a value is not finite.

    Args:
        series: name -> (x, y), in the order of x.
        css: name -> CSS class of the line; a line that is not in it has its name as class, which
            must then be a plain word.
        x_name: what x is, for the text that a dot shows under the pointer.
        marks: values of x at which an upright line stands.

    Returns:
        SVG text without a title, to be put into a page.

    Raises:
        ValueError: no finite value at all.
    """
    lines = {name: thinned(points) for name, points in series.items()}
    ys = [y for points in lines.values() for _, y in points if y is not None]
    if not ys:
        raise ValueError("nothing to draw: no finite value")
    xs = [x for points in series.values() for x, _ in points]
    axes = _Axes(min(xs), max(xs), *_range(ys))
    drawn = [f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">', *_grid(axes)]
    for x in marks:
        drawn.append(f'<path class="mark" d="M{axes.across(x):.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
    for name, points in lines.items():
        drawn += _line(name, (css or {}).get(name, name), x_name, points, axes)
    return "".join([*drawn, "</svg>"])


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


def _grid(axes: _Axes) -> list[str]:
    drawn = []
    for y in ticks(axes.y0, axes.y1):
        v = axes.down(y)
        drawn.append(f'<path class="grid" d="M{LEFT} {v:.1f}H{WIDTH - RIGHT}"/>')
        drawn.append(f'<text class="y" x="{LEFT - 6}" y="{v + 3.5:.1f}">{label(y)}</text>')
    for x in ticks(axes.x0, axes.x1):
        u = axes.across(x)
        drawn.append(f'<text class="x" x="{u:.1f}" y="{HEIGHT - 6}">{label(x)}</text>')
    return drawn


def _line(name: str, css: str, x_name: str, points: Sequence[Point], axes: _Axes) -> list[str]:
    """Return the path of one line, and a dot with its value at each point where they are few."""
    path, dots = "", []
    move = "M"
    for x, y in points:
        if y is None:
            move = "M"  # lift the pen over the gap
            continue
        u, v = axes.across(x), axes.down(y)
        path += f"{move}{u:.1f} {v:.1f}"
        move = "L"
        if len(points) <= MOST_DOTS:
            tip = escape(f"{name}, {x_name} {x:g}: {y:.4g}")
            dots.append(f'<circle cx="{u:.1f}" cy="{v:.1f}" r="2.2"><title>{tip}</title></circle>')
    return [f'<g class="line {escape(css)}"><path d="{path}"/>', *dots, "</g>"]
