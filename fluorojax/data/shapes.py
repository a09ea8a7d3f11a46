"""Shapes drawn into masks: polygons, rectangles, circles, and lines with a width.

Every format that says shapes is drawn here, so that one drawing gives one mask whatever tool saved
it. Places are pixels: pixel (r, c) covers [c, c + 1] along x and [r, r + 1] along y.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.data.problems import said

MOST_SHAPES = 20_000
MOST_POINTS = 1_000_000
"""Of a frame's annotation."""
FARTHEST = 1e6
"""Pixels from the frame's corner; no picture is as large."""
MOST_WORK = 250_000_000
"""Pixels looked at while one frame is drawn, or a hundred times the frame's if that is more."""

_SCAN_LINES = 4  # a pixel
_STRIP = 64  # rows of a long line that are looked at together
_AT_ONCE = 100_000  # pixels of the windows of short segments that are looked at at once
_OF_LINES = 3  # such a pixel takes so much longer than one of an area

Points = np.ndarray  # [N, 2] float64: x (column), y (row); pixel (r, c) covers [c, c+1] x [r, r+1]
Shape = tuple[int, int]


class Outline(NamedTuple):
    """One polygon, rectangle, circle or line, checked but for its place.

    Attributes:
        kind: one of `KINDS`.
        points: the corners; of a circle its centre and a point of its edge.
        where: file, case and shape, for messages.
        width: of a line in pixels, one for all of it or one a point [N]: between two points it
            changes evenly.
    """

    kind: str
    points: Points
    where: str
    width: float | np.ndarray = 0.0


@dataclasses.dataclass
class _Sheet:
    """The frame that is drawn on, and how many pixels may still be looked at."""

    shape: Shape
    left: int

    def spend(self, pixels: int, where: str) -> None:
        """Count pixels that are looked at.

        Raises:
            InputError: too many by now.
        """
        self.left -= pixels
        if self.left < 0:
            raise InputError(
                f"{where}: the shapes up to here run over the frame hundreds of times; delete "
                "those that stand there twice, or simplify the longest"
            )


class Canvas:
    """A mask a class, into which shapes are drawn one after the other."""

    def __init__(self, shape: Shape, classes: int):
        """Begin with nothing: `mask` is [*shape, classes] bool, all False."""
        self.mask = np.zeros((*shape, classes), bool)
        self._shape = shape
        self._sheet = _Sheet(shape, max(MOST_WORK, 100 * shape[0] * shape[1]))

    def draw(self, class_index: int, *outlines: Outline) -> None:
        """Draw the parts of one thing.

        Raises:
            InputError: none of them draws a pixel, one lies in 0 to 1 instead of pixels, or more
                was drawn by now than anybody draws.
        """
        drawn = False
        for item in outlines:
            _refuse_shares(item.points, self._shape, item.where)
            drawn |= KINDS[item.kind].draw(item, self._sheet, self.mask[..., class_index])
        if not drawn:
            points = np.concatenate([item.points for item in outlines])
            raise InputError(f"{outlines[0].where}: {_why_nothing(points, self._shape)}")

    def put(self, class_index: int, pixels: np.ndarray, corner: Shape, where: str) -> None:
        """Set the True pixels of `pixels: [h, w] bool`, whose first lies at (row, column) `corner`.

        What lies outside of the frame is left out.

        Raises:
            InputError: there is none within the frame, or more was drawn by now than anybody does.
        """
        self._sheet.spend(pixels.size, where)
        (top, left), (height, width) = corner, self._shape
        inside = pixels[max(-top, 0) : height - top, max(-left, 0) : width - left]
        if top >= height or left >= width or not inside.any():
            raise InputError(f"{where}: its mask has no pixel in the frame; correct or delete it")
        top, left = max(top, 0), max(left, 0)
        rows, columns = inside.shape
        self.mask[top : top + rows, left : left + columns, class_index] |= inside


class Count:
    """Counts the shapes and points of a frame's annotation while they are read."""

    def __init__(self) -> None:
        self._points = 0

    def shapes(self, number: int, where: str) -> None:
        """Refuse more shapes than anybody draws.

        Raises:
            InputError: more than MOST_SHAPES.
        """
        if number > MOST_SHAPES:
            raise InputError(
                f"{where}: {number} shapes, and at most {MOST_SHAPES} are read; join or delete some"
            )

    def add(self, outline: Outline) -> Outline:
        """Count the points of an outline, and return it.

        Raises:
            InputError: more than MOST_POINTS by now.
        """
        self._points += len(outline.points)
        if self._points > MOST_POINTS:
            raise InputError(
                f"{outline.where}: more than {MOST_POINTS} points up to here; simplify the shapes"
            )
        return outline


def points_of(given: Any, where: str) -> Points:
    """Return a list of [x, y] as [N, 2] float64.

    Raises:
        InputError: another value, or a point farther away than any picture is large.
    """
    if not isinstance(given, list):
        raise InputError(f"{where}: points are not pairs of numbers; draw it again")
    for n, point in enumerate(given):
        if not isinstance(point, list) or len(point) != 2:
            raise InputError(
                f"{where}: point {n} is {said(point)}; points are not pairs of numbers: write each "
                "as [x, y]"
            )
        if type(point[0]) not in (int, float) or type(point[1]) not in (int, float):
            raise InputError(
                f"{where}: point {n} is {said(point)}; points are not pairs of numbers: write both "
                "as numbers, without quotes"
            )
        if not (abs(point[0]) <= FARTHEST and abs(point[1]) <= FARTHEST):
            raise InputError(
                f"{where}: point {n} is {said(point)}, farther away than any picture is large; "
                "draw it again"
            )
    return np.asarray(given, np.float64).reshape(-1, 2)


def check_count(kind: str, points: Points, where: str) -> None:
    """Check that a shape of this kind may have so many points.

    Raises:
        InputError: too few, or too many.
    """
    least, most = KINDS[kind].points
    if len(points) < least:
        raise InputError(
            f"{where}: a {kind} of {len(points)} points needs {least}; finish or delete it"
        )
    if len(points) > most and not (kind == "rectangle" and _is_upright(points)):
        raise InputError(
            f"{where}: a {kind} of {len(points)} points has {most}; draw it as a polygon"
        )


def check_width(width: float, shape: Shape, where: str) -> float:
    """Return the width of a line that a frame can hold.

    Raises:
        InputError: it is wider than the frame.
    """
    if width > max(shape):
        raise InputError(
            f"{where}: width_px={width:g} is wider than the frame, {shape[0]} x {shape[1]}; "
            "correct it"
        )
    return width


def _is_upright(points: Points) -> bool:
    """Say whether these are the four corners of a rectangle along the axes."""
    return len(points) == 4 and all(len(np.unique(side)) <= 2 for side in points.T)


def _refuse_shares(points: Points, shape: Shape, where: str) -> None:
    """Refuse places given as shares of the picture's sides, as some tools export them.

    In pixels, such a shape would lie within the first pixel.
    """
    if min(shape) > 2 and points.min() >= 0 and points.max() <= 1:
        raise InputError(
            f"{where}: all points lie within 0 to 1, as shares of the picture's sides; write "
            f"pixels: multiply x by {shape[1]} and y by {shape[0]}"
        )


def _why_nothing(points: Points, shape: Shape) -> str:
    (left, top), (right, bottom) = points.min(0), points.max(0)
    if right <= 0 or bottom <= 0 or left >= shape[1] or top >= shape[0]:
        return (
            f"draws no pixel: it lies outside of the frame ({shape[0]} rows, {shape[1]} columns), "
            f"at x {left:g} to {right:g}, y {top:g} to {bottom:g}; draw it on the frame, or "
            "delete it"
        )
    return "draws no pixel: it covers no pixel by half; draw it larger, or delete it"


# Areas


def _draw_polygon(item: Outline, sheet: _Sheet, canvas: np.ndarray) -> bool:
    """Set the pixels covered by half or more (even-odd rule); say whether there are any."""
    return _fill(item.points, sheet, canvas, item.where)


def _draw_rectangle(item: Outline, sheet: _Sheet, canvas: np.ndarray) -> bool:
    (left, top), (right, bottom) = item.points.min(0), item.points.max(0)
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    return _fill(corners, sheet, canvas, item.where)


def _fill(points: Points, sheet: _Sheet, canvas: np.ndarray, where: str) -> bool:
    line, x = _crossings(points, sheet, where)
    if not len(line):
        return False
    window, covered = _coverage(line, x, sheet, where)
    inside = covered >= 0.5 - 1e-6  # a half, rounding aside
    canvas[window] |= inside
    return bool(inside.any())


def _coverage(
    line: np.ndarray, x: np.ndarray, sheet: _Sheet, where: str
) -> tuple[tuple[slice, slice], np.ndarray]:
    """Return the covered share of each pixel: exact along x, four scan lines a pixel along y.

    Args:
        line, x: crossings of the outline.
        sheet: the frame.
        where: for messages.

    Returns:
        the window that holds the shape, and the shares in it.
    """
    order = np.lexsort((x, line))
    line, x = line[order], np.clip(x[order], 0, sheet.shape[1])
    # Inside begins at every other crossing of a scan line and ends at the next.
    sign = np.where(np.arange(len(x)) % 2 == 0, 1.0, -1.0) / _SCAN_LINES
    top, left = int(line[0]) // _SCAN_LINES, int(x.min())
    height, width = int(line[-1]) // _SCAN_LINES + 1 - top, int(x.max()) + 1 - left
    sheet.spend(height * width, where)
    row, column = line // _SCAN_LINES, x.astype(int)
    steps = np.zeros((height, width + 2))
    np.add.at(steps, (row - top, column - left), sign * (column + 1 - x))
    np.add.at(steps, (row - top, column - left + 1), sign * (x - column))
    right = min(left + width, sheet.shape[1])
    window = (slice(top, top + height), slice(left, right))
    return window, steps.cumsum(1)[:, : right - left]


def _crossings(points: Points, sheet: _Sheet, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (scan line, x) of each crossing of the outline; an even number a scan line.

    Scan line j lies at y = (j + 0.5) / _SCAN_LINES; half-open, so corners count once.
    """
    (x0, y0), (x1, y1) = points.T, np.roll(points, -1, axis=0).T
    ends = np.ceil(np.stack([y0, y1]) * _SCAN_LINES - 0.5).astype(np.int64)
    first, last = np.clip(np.sort(ends, axis=0), 0, sheet.shape[0] * _SCAN_LINES)
    count = last - first
    sheet.spend(50 * int(count.sum()), where)
    edge = np.repeat(np.arange(len(points)), count)
    line = np.arange(len(edge)) - (count.cumsum() - count)[edge] + first[edge]
    y = (line + 0.5) / _SCAN_LINES
    rise = np.where(y1 == y0, 1.0, y1 - y0)
    return line, x0[edge] + (y - y0[edge]) * (x1 - x0)[edge] / rise[edge]


def _draw_circle(item: Outline, sheet: _Sheet, canvas: np.ndarray) -> bool:
    centre, edge = item.points
    radius = math.dist(centre, edge)
    window = _Window.around(centre.tolist(), centre.tolist(), radius, sheet.shape)
    sheet.spend(window.size, item.where)
    return window.set(canvas, _disc(centre, radius, *window.centres())[0])


# Lines


def _draw_linestrip(item: Outline, sheet: _Sheet, canvas: np.ndarray) -> bool:
    """Set the pixels whose centre is at most half the width away: round joints, flat ends.

    The ends are flat because the first and the last point are where the wire begins and ends. A
    line thinner than a pixel is drawn one pixel wide, so that it does not fall to pieces.
    """
    radii = np.broadcast_to(np.maximum(item.width, 1.0) / 2, len(item.points))
    reach = np.maximum(radii[:-1], radii[1:])
    size = np.ptp(np.stack([item.points[:-1], item.points[1:]]), axis=0).max(1) + 2 * reach + 2
    drawn = False
    order = np.argsort(size, kind="stable")
    short = order[size[order] <= _STRIP]
    sheet.spend(_OF_LINES * int((size[short] ** 2).sum()), item.where)
    while len(short):
        # Segments of about one size, as many as fit into the memory of one step.
        few = short[: max(1, int(_AT_ONCE / size[short[0]] ** 2))]
        few = few[size[few] <= max(2 * size[few[0]], 8)]
        drawn |= _draw_short(item.points, few, radii, sheet, canvas)
        short = short[len(few) :]
    long = order[size[order] > _STRIP]
    sheet.spend(_work_of_long(item.points, long, reach[long], sheet.shape), item.where)
    for n in long:
        drawn |= _draw_long(item.points, int(n), radii, sheet, canvas)
    return drawn


def _draw_short(
    points: Points, which: np.ndarray, radii: np.ndarray, sheet: _Sheet, canvas: np.ndarray
) -> bool:
    """Draw segments `which` of a line at once, each in a window of its own, all of one size."""
    start, stop = points[which], points[which + 1]
    radius = radii[which], radii[which + 1]
    reach = np.maximum(*radius)[:, None]
    corner = np.floor(np.minimum(start, stop) - reach).astype(int)
    side = int((np.ceil(np.maximum(start, stop) + reach).astype(int) - corner).max())
    column, row = (corner[:, k, None] + np.arange(side) for k in (0, 1))
    near = _bar(start.T, stop.T, radius, *_centres(column, row))
    joint = which < len(points) - 2
    near |= joint[:, None, None] & _disc(stop.T, radius[1], *_centres(column, row))
    near &= ((row >= 0) & (row < sheet.shape[0]))[:, :, None]
    near &= ((column >= 0) & (column < sheet.shape[1]))[:, None, :]
    n, r, c = near.nonzero()
    canvas[row[n, r], column[n, c]] = True
    return len(n) > 0


def _work_of_long(points: Points, which: np.ndarray, radius: np.ndarray, shape: Shape) -> int:
    """Estimate how many pixels are looked at for long segments, within the frame or beside it."""
    reach = 2 * radius + _STRIP
    most = reach.max(initial=0)
    inside = np.clip(points, -most, np.array(shape[::-1]) + most)
    extent = np.abs(inside[which + 1] - inside[which]).sum(1) + reach
    return int(np.minimum(extent * reach, 2 * shape[0] * shape[1]).sum())


def _draw_long(
    points: Points, n: int, radii: np.ndarray, sheet: _Sheet, canvas: np.ndarray
) -> bool:
    """Draw segment n of a line, window by window."""
    start, stop = points[n : n + 2]
    drawn = False
    reach = float(radii[n : n + 2].max())
    for window in _windows(start.tolist(), stop.tolist(), reach, sheet.shape):
        near = _bar(start, stop, (radii[n], radii[n + 1]), *window.centres())
        if n < len(points) - 2:
            near |= _disc(stop, radii[n + 1], *window.centres())
        drawn |= window.set(canvas, near[0])
    return drawn


def _centres(column: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the centres of pixels [n, w] and [n, h]: x [n, 1, w], y [n, h, 1]."""
    return column[:, None, :] + 0.5, row[:, :, None] + 0.5


def _disc(centre: np.ndarray, radius: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Say of each pixel whether its centre (x, y) is at most `radius` away from `centre`.

    Args:
        centre: [2] or [2, n], x before y.
        radius: in pixels, one or [n].
        x, y: see `_centres`.

    Returns:
        [n, h, w] bool.
    """
    cx, cy = centre.reshape(2, -1, 1, 1)
    return (x - cx) ** 2 + (y - cy) ** 2 <= np.reshape(radius, (-1, 1, 1)) ** 2


def _bar(
    start: np.ndarray, stop: np.ndarray, radius: tuple[Any, Any], x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Say whether each centre lies beside the segment start to stop, within the radius of it.

    The radius, in pixels, goes evenly from that at the start to that at the stop.
    """
    start, stop = start.reshape(2, -1), stop.reshape(2, -1)
    ends = zip(start.T.tolist(), stop.T.tolist(), strict=True)
    length = np.array([math.dist(a, b) for a, b in ends])
    dx, dy = ((stop - start) / np.where(length, length, 1.0))[..., None, None]
    x, y = x - start[0][:, None, None], y - start[1][:, None, None]
    along, across = x * dx + y * dy, x * dy - y * dx
    length = np.where(length, length, -1.0)[:, None, None]  # no centre lies beside a point
    first, last = (np.reshape(r, (-1, 1, 1)) for r in radius)
    grows = bool((first != last).any())
    limit = first + (last - first) * (along / length) if grows else first
    return (along >= 0) & (along <= length) & (np.abs(across) <= limit)


class _Window(NamedTuple):
    """Rows and columns of the frame that a line or a circle may touch."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def around(
        cls, start: Sequence[float], stop: Sequence[float], radius: float, shape: Shape
    ) -> "_Window":
        """Return the window within `radius` of two points (x, y)."""
        (x0, x1), (y0, y1) = sorted((start[0], stop[0])), sorted((start[1], stop[1]))
        rows = (math.floor(y0 - radius), math.ceil(y1 + radius))
        columns = (math.floor(x0 - radius), math.ceil(x1 + radius))
        top, bottom = (min(max(row, 0), shape[0]) for row in rows)
        left, right = (min(max(column, 0), shape[1]) for column in columns)
        return cls(top, bottom, left, right)

    @property
    def size(self) -> int:
        """Number of pixels."""
        return (self.bottom - self.top) * (self.right - self.left)

    def centres(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the pixels' centres as `_centres` does, n = 1."""
        return _centres(
            np.arange(self.left, self.right)[None], np.arange(self.top, self.bottom)[None]
        )

    def set(self, canvas: np.ndarray, near: np.ndarray) -> bool:
        """Set the pixels of the window that are `near`; say whether there are any."""
        canvas[self.top : self.bottom, self.left : self.right] |= near
        return bool(near.any())


def _windows(
    start: Sequence[float], stop: Sequence[float], radius: float, shape: Shape
) -> Iterator[_Window]:
    """Yield windows that hold all pixels within `radius` of a segment; strips where it is long."""
    whole = _Window.around(start, stop, radius, shape)
    if whole.bottom - whole.top <= _STRIP or whole.right - whole.left <= _STRIP:
        yield whole
        return
    slope = (stop[0] - start[0]) / ((stop[1] - start[1]) or 1.0)
    low, high = sorted((start[1], stop[1]))
    for top in range(whole.top, whole.bottom, _STRIP):
        bottom = min(top + _STRIP, whole.bottom)
        # The part of the segment that is within the radius of these rows.
        ends = (min(max(y, low), high) for y in (top - radius - 1, bottom + radius + 1))
        ends_x = [start[0] + (y - start[1]) * slope for y in ends]
        part = _Window.around((min(ends_x), 0), (max(ends_x), 0), radius + 1, shape)
        yield _Window(top, bottom, max(part.left, whole.left), min(part.right, whole.right))


class _Kind(NamedTuple):
    draw: Callable[[Outline, _Sheet, np.ndarray], bool]
    points: tuple[int, int]


KINDS = {
    "polygon": _Kind(_draw_polygon, (3, MOST_POINTS)),
    "rectangle": _Kind(_draw_rectangle, (2, 2)),
    "circle": _Kind(_draw_circle, (2, 2)),
    "linestrip": _Kind(_draw_linestrip, (2, MOST_POINTS)),
    "line": _Kind(_draw_linestrip, (2, MOST_POINTS)),
}
"""What can be drawn, and the least and the largest number of its points."""
LINES = ("linestrip", "line")
"""Of them, those that have a width."""
