"""The midline of a bone's shaft, whatever way it lies on the film."""

import dataclasses
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from fluorojax.knee.measure.fits import LineFit, huber_line
from fluorojax.knee.measure.plane import HALF, Plane, opened, quarter_turn, solid, unit
from fluorojax.knee.measure.result import NotMeasurable

SMOOTHING_ROWS = 4.0  # s.d. of the Gaussian under which a width's change is read
LEAST_ROWS = 8  # midpoints that a shaft's straight part has at least
LEAST_NOISE_PX = 0.1  # coverage is rounded, too, and its errors are alike from row to row
NOISE_ROWS = 12  # midpoints over which even a flare is a line: what is left is noise
NOISE_LOST = 1.6  # what such a line takes of the noise along: neighbours are alike

# Chosen on simulated knees (benchmarks/studies/knee_measures.py), as multiples of the noise's
# variance.
GAIN = 2.0  # what a further midpoint is worth
BEND_WEIGHT = 4.0  # how often the misfit that a parabola explains counts once more
BEYOND = 2.0  # gains that a midpoint left out beyond the straight part costs
PATIENCE = 4.0  # by how much a window may be worse and still have a third of the best one's weight


@dataclasses.dataclass(frozen=True)
class ShaftRules:
    """Which part of a bone is shaft.

    Attributes:
        flare: a height counts while the bone is at most so many times as wide as where narrowest.
        parallel: largest change of the width a unit of height; more is flare or a cut.
        least_widths: visible shaft needed, in multiples of its width.
        most_error_deg: largest standard error of the midline's direction (degrees).
        leak: half the width of what is no bone but a string of its mask that leaks along another
            bone's edge, as a share of the film's longer side; 1.5 mm of an ordinary film.
    """

    flare: float = 1.4
    parallel: float = 0.65
    least_widths: float = 0.5
    most_error_deg: float = 1.5
    leak: float = 0.006


@dataclasses.dataclass(frozen=True)
class Shaft:
    """A shaft's midline.

    Attributes:
        line: its direction points away from the knee; its points are the midpoints used.
        width: median distance between the two edges (plane units).
        length: of the heights used (plane units).
    """

    line: LineFit
    width: float
    length: float


@dataclasses.dataclass(frozen=True)
class Profile:
    """A bone's edges at heights along an axis, all in plane units.

    Attributes:
        heights: [N], rising away from the knee.
        low, high: [N], where the outermost edges lie across the axis; NaN: bone is not met.
        whole: [N] bool, both edges are bone's own: not the film's border, not a component's.
    """

    heights: np.ndarray
    low: np.ndarray
    high: np.ndarray
    whole: np.ndarray


def shaft(
    silhouette: np.ndarray,
    bone: np.ndarray,
    component: np.ndarray,
    plane: Plane,
    start: np.ndarray,
    away: np.ndarray,
    rules: ShaftRules,
    name: str,
) -> Shaft:
    """Measure the midline: midpoints between the two edges, Huber's line where they are straight.

    Heights run along the axis itself: the line found is the axis of the next profile, until it
    moves by less than 0.01 degrees. Heights of the flare, of cuts, of the film's border, and where
    a component lies on the bone's surface are left out; a stem inside is no obstacle. Of what is
    left `straightest` takes the part that does not bend.

    Args:
        silhouette: [H, W] in [0, 1], of bone and what is inside it, connected.
        bone: [H, W] in [0, 1], the bone's own class.
        component: [H, W] in [0, 1], the implant's.
        plane: of the film.
        start: [2], a point near the knee (plane).
        away: [2], roughly from the knee along the bone.
        rules: what counts as shaft.
        name: of the bone, for the reason of a refusal.

    Raises:
        NotMeasurable: less shaft is visible than `rules.least_widths` of its widths, or its
            direction is less certain than `rules.most_error_deg`.
    """
    silhouette = solid(opened(silhouette, round(rules.leak * max(silhouette.shape))))
    if not (silhouette >= HALF).any():
        _refuse_short(0.0, 0.0, rules, plane, name)
    point, direction = start, unit(away)
    for _ in range(12):
        seen = profile(silhouette, bone, component, plane, point, direction)
        found = _midline(seen, plane, point, direction, rules, name)
        line = found.line
        turned = np.abs(direction @ quarter_turn(line.direction))
        point, direction = line.point, line.direction
        if turned < 1.7e-4:
            break
    error = _direction_error(found, plane)
    _refuse_uncertain(error, found, rules, plane, name)
    return Shaft(line._replace(error_deg=error), found.width, found.length)


class _Midline(NamedTuple):
    """The straight part of a midline; `heights: [N]` are those used, `doubt` is in degrees."""

    line: LineFit
    heights: np.ndarray
    width: float
    length: float
    doubt: float


def _midline(
    seen: Profile,
    plane: Plane,
    point: np.ndarray,
    direction: np.ndarray,
    rules: ShaftRules,
    name: str,
) -> _Midline:
    """Fit a line to the midpoints of the straight part of a bone's profile."""
    candidates, width = narrow_part(seen, plane, rules)
    heights, middle = seen.heights[candidates], (seen.low + seen.high)[candidates] / 2
    used, doubt = straightest(heights, middle, plane)
    length = float(np.ptp(heights[used])) if used.any() else 0.0
    _refuse_short(length, width, rules, plane, name)
    across = quarter_turn(direction)
    midpoints = point + np.outer(heights[used], direction) + np.outer(middle[used], across)
    return _Midline(
        huber_line(midpoints, direction, plane.step), heights[used], width, length, doubt
    )


def _direction_error(found: _Midline, plane: Plane) -> float:
    """Return the standard error of a midline's direction, in degrees."""
    count = len(found.heights)
    hidden = np.degrees(plane.edge_error / (np.sqrt(count) * found.heights.std()))
    return float(np.hypot(found.doubt, max(found.line.error_deg, hidden)))


def _refuse_uncertain(
    error: float, found: _Midline, rules: ShaftRules, plane: Plane, name: str
) -> None:
    if error > rules.most_error_deg:
        raise NotMeasurable(
            f"visible shaft of the {name} too short: {found.length:.1f} {plane.unit}, "
            f"{found.length / found.width:.2f} of its width, which leaves its direction uncertain "
            f"by {error:.1f} degrees; {rules.most_error_deg:g} are allowed; take a film that shows "
            "more"
        )


def _refuse_short(length: float, width: float, rules: ShaftRules, plane: Plane, name: str) -> None:
    needed = rules.least_widths * width
    if length >= max(needed, 6 * plane.step):
        return
    there = (
        f"{length:.1f} {plane.unit}, {length / width:.2f} of its width; {needed:.1f} {plane.unit}, "
        f"{rules.least_widths:g} of its width, are needed"
        if length > 0
        else f"no straight part is seen; {rules.least_widths:g} of its width is needed"
    )
    raise NotMeasurable(
        f"visible shaft of the {name} too short: {there}; take a film that shows more"
    )


def profile(
    silhouette: np.ndarray,
    bone: np.ndarray,
    component: np.ndarray,
    plane: Plane,
    point: np.ndarray,
    axis: np.ndarray,
) -> Profile:
    """Read a bone's outermost edges across an axis at heights a pixel apart, sub-pixel."""
    across, step = quarter_turn(axis), plane.step
    offsets = plane.from_pixels(np.argwhere(silhouette >= HALF)) - point
    along, aside = offsets @ axis, offsets @ across
    heights = np.arange(along.min(), along.max(), step)
    sides = np.arange(aside.min() - 2 * step, aside.max() + 2 * step, step)
    places = point + heights[:, None, None] * axis + sides[:, None] * across
    low, high = outermost(plane.sample(silhouette, places), sides)
    inner_low, inner_high = outermost(plane.sample(component, places), sides)
    # Comparison with NaN is False: no component at that height.
    covered = (inner_low <= low + 1.5 * step) | (inner_high >= high - 1.5 * step)
    own_low, own_high = outermost(plane.sample(bone, places), sides)
    own = (own_low <= low + step) & (own_high >= high - step)
    base = point + np.outer(heights, axis)
    free = [plane.inside(base + np.outer(np.nan_to_num(e), across), 1.5) for e in (low, high)]
    return Profile(heights, low, high, free[0] & free[1] & own & ~covered)


def outermost(values: np.ndarray, sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and last place where each row of `values: [N, M]` crosses one half.

    Args:
        values: [N, M], samples at `sides`, below one half at both ends.
        sides: [M], rising.

    Returns:
        [N] and [N], linearly interpolated, NaN in rows that stay below.
    """
    inside = values >= HALF
    met = inside.any(1)
    first = np.where(met, inside.argmax(1), 1)
    last = np.where(met, values.shape[1] - 1 - inside[:, ::-1].argmax(1), 1)
    edges = [_crossing(values, sides, first - 1, first), _crossing(values, sides, last, last + 1)]
    return np.where(met, edges[0], np.nan), np.where(met, edges[1], np.nan)


def _crossing(
    values: np.ndarray, sides: np.ndarray, left: np.ndarray, right: np.ndarray
) -> np.ndarray:
    left, right = np.maximum(left, 0), np.minimum(right, values.shape[1] - 1)
    row = np.arange(len(values))
    a, b = values[row, left], values[row, right]
    share = np.where(a != b, (HALF - a) / np.where(a != b, b - a, 1), 0.5)
    return sides[left] + np.clip(share, 0, 1) * (sides[right] - sides[left])


def narrow_part(seen: Profile, plane: Plane, rules: ShaftRules) -> tuple[np.ndarray, float]:
    """Return the heights that may be shaft, [N] bool, and the shaft's width (0: none).

    The longest run of heights that are nearly as narrow as the narrowest, among those whose width
    changes slowly: a bone may taper, and its midline is between its edges all the same.
    """
    width = seen.high - seen.low
    none = np.zeros(len(width), bool)
    if seen.whole.sum() < 4:
        return none, 0.0
    calm = seen.whole & (np.abs(_slope(width, seen.whole, plane.step)) <= rules.parallel)
    if calm.sum() < 4:
        return none, 0.0
    narrowest = float(np.quantile(width[calm], 0.05))
    run = longest_run(calm & (width <= rules.flare * narrowest)) & seen.whole
    return run, float(np.median(width[run])) if run.any() else narrowest


def straightest(heights: np.ndarray, middle: np.ndarray, plane: Plane) -> tuple[np.ndarray, float]:
    """Return which midpoints lie on the straight part of a midline, and its direction's error.

    Every window of neighbours has a score: `GAIN` a midpoint, less the squares of its misfit to a
    line over the noise's variance. Of that misfit what a parabola explains counts more: a shaft
    that begins to flare on one side bends, digitisation does not. The shaft goes on to the film's
    end, so midpoints left out there cost. The best window is taken. Its doubt is the spread of the
    slopes of all windows, weighted by how little worse they are (as in Buckland, Burnham and
    Augustin 1997): not to know where a shaft begins is part of the error.

    Args:
        heights: [N], rising away from the knee.
        middle: [N], across.
        plane: for the pixel's size, and the noise that digitisation leaves at least.

    Returns:
        [N] bool, and the doubt in degrees; none and infinite for too few.
    """
    count = len(heights)
    used = np.zeros(count, bool)
    if count < LEAST_ROWS:
        return used, float("inf")
    noise = NOISE_LOST * _local_noise(heights, middle)
    noise = max(noise, plane.edge_error, LEAST_NOISE_PX * plane.step)
    first, last = _windows(count)
    slope, misfit, bend = _lines(heights, middle, first, last)
    score = GAIN * (last - first) - (misfit + BEND_WEIGHT * bend) / noise**2
    score = score - GAIN * BEYOND * (count - last)
    weight = np.exp((score - score.max()) / (2 * PATIENCE))
    weight = weight / weight.sum()
    doubt = float(np.degrees(np.sqrt(weight @ (slope - weight @ slope) ** 2)))
    best = int(np.argmax(score))
    used[first[best] : last[best]] = True
    return used, doubt


def _local_noise(heights: np.ndarray, middle: np.ndarray) -> float:
    """Return the median over stretches of `NOISE_ROWS` of the s.d. around a line."""
    size = min(NOISE_ROWS, len(heights))
    starts = np.arange(0, len(heights) - size + 1, max(size // 4, 1))
    misfit = _lines(heights, middle, starts, starts + size)[1]
    return float(np.median(np.sqrt(misfit / (size - 2))))


def _windows(count: int, most: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """Return first and one past last of all windows; ends are thinned out to `most` places."""
    ends = np.unique(np.linspace(0, count, min(count, most) + 1).round().astype(int))
    first, last = (ends[k] for k in np.triu_indices(len(ends), 1))
    long = last - first >= LEAST_ROWS
    return first[long], last[long]


def _lines(
    x: np.ndarray, y: np.ndarray, first: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit a line to every window of points by least squares, from running sums.

    Returns:
        slope: [M] of each window.
        misfit: [M] sum of squares around the line.
        bend: [M] how much of the misfit a parabola would take away.
    """
    size = max(float(np.ptp(x)), 1e-9)
    x, y = (x - x.mean()) / size, y - y.mean()
    columns = np.stack([np.ones_like(x), x, x**2, x**3, x**4, y, x * y, x * x * y, y * y])
    sums = np.pad(np.cumsum(columns, 1), ((0, 0), (1, 0)))
    n, x1, x2, x3, x4, y1, xy, xxy, yy = sums[:, last] - sums[:, first]
    spread = np.maximum(x2 - x1**2 / n, 1e-12)
    slope = (xy - x1 * y1 / n) / spread
    misfit = np.maximum(yy - y1**2 / n - slope**2 * spread, 0.0)
    # The parabola's part that no line has: Gram and Schmidt.
    turn = (x3 - x1 * x2 / n) / spread
    left = np.maximum(x4 - x2**2 / n - turn**2 * spread, 1e-12)
    bend = np.minimum((xxy - x2 * y1 / n - turn * slope * spread) ** 2 / left, misfit)
    return slope / size, misfit, bend


def _slope(width: np.ndarray, whole: np.ndarray, step: float) -> np.ndarray:
    """Return dw/dh smoothed over some rows, so that a step of one pixel is not a flare."""
    rows = np.arange(len(width))
    filled = np.interp(rows, rows[whole], width[whole])
    return ndimage.gaussian_filter1d(filled, SMOOTHING_ROWS, order=1, mode="nearest") / step


def longest_run(chosen: np.ndarray, gap: int = 3) -> np.ndarray:
    """Return the longest run of True in `chosen: [N]`; up to `gap` False do not end it."""
    where = np.flatnonzero(chosen)
    kept = np.zeros(len(chosen), bool)
    if len(where):
        runs = np.split(where, np.flatnonzero(np.diff(where) > gap + 1) + 1)
        kept[max(runs, key=len)] = True
    return kept
