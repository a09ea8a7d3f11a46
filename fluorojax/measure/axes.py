"""The midline of a bone's shaft, whatever way it lies on the film."""

import dataclasses

import numpy as np
from scipy import ndimage

from fluorojax.measure.fits import LineFit, huber_line, with_edge_error
from fluorojax.measure.plane import HALF, Plane, quarter_turn, unit
from fluorojax.measure.result import Refused

ASYMMETRY = 0.03  # of a taper may be one-sided and turn the midline: chosen, not known
SMOOTHING_ROWS = 4.0  # s.d. of the Gaussian under which a width's change is read


@dataclasses.dataclass(frozen=True)
class ShaftRules:
    """Which part of a bone is shaft.

    Attributes:
        flare: a height counts while the bone is at most so many times as wide as where narrowest.
        parallel: largest change of the width a unit of height; more is flare or a cut.
        trim: share of the shaft's length left out at either end.
        least_widths: visible shaft needed, in multiples of its width.
    """

    flare: float = 1.3
    parallel: float = 0.5
    trim: float = 0.05
    least_widths: float = 0.5


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
    """Measure the midline: midpoints between the two edges at many heights, Huber's line.

    Heights run along the axis itself: the line found is the axis of the next profile, until it
    moves by less than 0.01 degrees. Heights of the flare, of cuts, of the film's border, and where
    a component lies on the bone's surface are left out; a stem inside is no obstacle.

    Args:
        silhouette: [H, W] in [0, 1], of bone and what is inside it, one piece.
        bone: [H, W] in [0, 1], the bone's own class.
        component: [H, W] in [0, 1], the implant's.
        plane: of the film.
        start: [2], a point near the knee (plane).
        away: [2], roughly from the knee along the bone.
        rules: what counts as shaft.
        name: of the bone, for the reason of a refusal.

    Raises:
        Refused: less shaft is visible than `rules.least_widths` of its widths.
    """
    point, direction = start, unit(away)
    for _ in range(12):
        seen = profile(silhouette, bone, component, plane, point, direction)
        used, width = straight_part(seen, plane, rules)
        length = float(np.ptp(seen.heights[used])) if used.any() else 0.0
        _refuse_short(length, width, rules, plane, name)
        middle = (seen.low + seen.high)[used] / 2
        across = quarter_turn(direction)
        midpoints = point + np.outer(seen.heights[used], direction) + np.outer(middle, across)
        line = huber_line(midpoints, direction, plane.step)
        turned = np.abs(direction @ quarter_turn(line.direction))
        point, direction = line.point, line.direction
        if turned < 1.7e-4:
            break
    line = with_edge_error(line, plane, edges=2)
    taper = np.polyfit(seen.heights[used], (seen.high - seen.low)[used], 1)[0]
    error = np.hypot(line.error_deg, np.degrees(ASYMMETRY * abs(taper)))
    return Shaft(line._replace(error_deg=float(error)), width, length)


def _refuse_short(length: float, width: float, rules: ShaftRules, plane: Plane, name: str) -> None:
    needed = rules.least_widths * width
    if length >= max(needed, 6 * plane.step):
        return
    there = (
        f"{length:.1f} {plane.unit}, {length / width:.2f} of its width; {needed:.1f} {plane.unit}, "
        f"{rules.least_widths:g} of its width, are needed"
        if width > 0
        else f"no straight part is seen; {rules.least_widths:g} of its width is needed"
    )
    raise Refused(f"visible shaft of the {name} too short: {there}; take a film that shows more")


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


def straight_part(seen: Profile, plane: Plane, rules: ShaftRules) -> tuple[np.ndarray, float]:
    """Return the heights of the shaft, [N] bool, trimmed, and the shaft's width (0: none).

    The shaft is the longest run of heights that are nearly as narrow as the narrowest, among those
    whose width changes slowly: a bone may taper, and its midline is between its edges all the same.
    """
    width = seen.high - seen.low
    if seen.whole.sum() < 4:
        return np.zeros(len(width), bool), 0.0
    calm = seen.whole & (np.abs(_slope(width, seen.whole, plane.step)) <= rules.parallel)
    if calm.sum() < 4:
        return np.zeros(len(width), bool), 0.0
    narrowest = float(np.quantile(width[calm], 0.05))
    run = longest_run(calm & (width <= rules.flare * narrowest))
    if not run.any():
        return run, narrowest
    first, last = np.flatnonzero(run)[[0, -1]]
    trim = max(2, round(rules.trim * (last - first)))
    run[: first + trim] = False
    run[last + 1 - trim :] = False
    return run, float(np.median(width[run])) if run.any() else narrowest


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
