"""Lines, tangents and circles fitted to contour points, each with its standard error.

Standard errors. The points of a digitised edge are not independent: neighbours share a step of the
grid. So errors come from a bootstrap over blocks of neighbours (Künsch 1989), and the place of an
edge within its pixel, which residuals cannot show, is added in quadrature (`Plane.edge_error`).
"""

import warnings
from typing import NamedTuple

import numpy as np
from scipy import optimize
from skimage.measure import CircleModel, ransac

from fluorojax.knee.measure.plane import Contour, Plane, quarter_turn, unit

BLOCK = 8  # neighbouring points that a bootstrap keeps together
ALIKE = 3  # neighbouring points of which only one is news
DRAWS = 200
FACING_DEG = 35.0  # a contour's normal may differ by this from the direction a face looks in
STRAIGHT_DEG = 30.0  # and on the face itself, from the face's own: rounded corners are not flat
LEAST_COVERED = 0.4  # share of a face's length that its points cover
WIDEST_PX, NARROWEST_PX = 1.8, 0.8  # within which of a line a point lies on it
# The same, and the window in which a face is looked for, in standard errors of an edge's place: a
# network's wander by more than a pixel, and a plateau in front and behind is one face all the same.
WIDEST_ERRORS, WINDOW_ERRORS = 4.0, 3.3
TILT_DEG = 30.0  # a face's line may be tilted by this against the expected direction


class LineFit(NamedTuple):
    """A line in the plane.

    Attributes:
        point: [2], the middle of the points it was fitted to.
        direction: [2], unit.
        points: [N, 2], those it was fitted to.
        error_deg: standard error of the direction (degrees).
    """

    point: np.ndarray
    direction: np.ndarray
    points: np.ndarray
    error_deg: float

    def towards(self, side: np.ndarray) -> "LineFit":
        """Return the same line with its direction turned to the half plane of `side: [2]`."""
        return self._replace(direction=self.direction * (1 if self.direction @ side >= 0 else -1))

    def normal(self, side: np.ndarray) -> np.ndarray:
        """Return the unit normal that points into the half plane of `side: [2]`."""
        across = quarter_turn(self.direction)
        return across if across @ side >= 0 else -across

    def ends(self) -> np.ndarray:
        """Return the two ends of the fitted points on the line, [2, 2], along the direction."""
        along = (self.points - self.point) @ self.direction
        return self.point + np.outer([along.min(), along.max()], self.direction)

    def length(self) -> float:
        """Return the distance between the ends (units)."""
        return float(np.ptp(self.points @ self.direction))


class Vertex(NamedTuple):
    """The farthest point of a curve in a direction; `error`: of its place along it (units)."""

    point: np.ndarray
    error: float


class CircleFit(NamedTuple):
    """A circle; `arc_deg` is how much of it the points cover, `error` its centre's (units)."""

    centre: np.ndarray
    radius: float
    arc_deg: float
    error: float


def huber_line(points: np.ndarray, along: np.ndarray, step: float) -> LineFit:
    """Fit a line by Huber's loss on the distances across it.

    min sum rho((y - a - b x) / (step / 2)), x along and y across the expected direction, by
    weighted least squares with the weights min(1, step / 2 / |residual|) of the fit before (Huber
    1981); twice: the second time along the direction found first. Not by SciPy's `least_squares`,
    which gives the same to 0.001 degrees and takes ten times as long.

    Args:
        points: [N, 2], N >= 3.
        along: [2], the expected direction, unit; the line's points the same way.
        step: half of it is the distance from which on a point counts less (units).
    """
    direction, centre = unit(along), points.mean(0)
    for _ in range(2):
        across = quarter_turn(direction)
        x, y = (points - centre) @ direction, (points - centre) @ across
        slope, offset = _huber(x, y, step / 2)
        centre = centre + offset * across
        direction = unit(direction + slope * across)
    return LineFit(centre, direction, points, slope_error_deg(x, y))


def _huber(x: np.ndarray, y: np.ndarray, scale: float, rounds: int = 30) -> tuple[float, float]:
    """Return slope and offset of the line with the least Huber loss."""
    slope, offset = 0.0, 0.0
    weight = np.ones_like(y)
    for _ in range(rounds):
        total = weight.sum()
        mean_x, mean_y = weight @ x / total, weight @ y / total
        spread = max(float(weight @ (x - mean_x) ** 2), 1e-12)
        last, slope = slope, float(weight @ ((x - mean_x) * (y - mean_y)) / spread)
        offset = float(mean_y - slope * mean_x)
        if abs(slope - last) < 1e-6:
            break
        weight = scale / np.maximum(np.abs(y - slope * x - offset), scale)
    return slope, offset


def slope_error_deg(x: np.ndarray, y: np.ndarray) -> float:
    """Return the standard error of a line's slope by the block bootstrap, in degrees."""
    order = np.argsort(x)
    x, y = x[order] - x.mean(), y[order] - y.mean()
    y = y - x * (x @ y) / max(x @ x, 1e-12)
    blocks = np.arange(len(x)) // min(BLOCK, max(len(x) // 4, 1))
    sums = np.stack([np.bincount(blocks, w) for w in (np.ones_like(x), x, y, x * x, x * y)])
    count = sums.shape[1]
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), DRAWS)
    n, sx, sy, sxx, sxy = sums @ drawn.T
    slopes = (n * sxy - sx * sy) / np.maximum(n * sxx - sx**2, 1e-12)
    return float(np.degrees(slopes.std()))


def with_edge_error(line: LineFit, plane: Plane) -> LineFit:
    """Add to a line's error what digitisation may hide.

    Along the grid an edge steps from one pixel to the next. Without two steps in it, its ends may
    lie almost a pixel apart unseen; with k steps, only about 1 / k of that: in the mean over random
    lines 1.5 and 1.2 / k `Plane.edge_error` over the length.

    Args:
        line: fitted to one edge.
        plane: for its grid and its `edge_error`.
    """
    steps = float(np.abs(np.diff(plane.to_pixels(line.ends()), axis=0)).min())
    share = 1.2 / steps if steps >= 2 else 1.5
    hidden = np.degrees(share * plane.edge_error / max(line.length(), plane.step))
    return line._replace(error_deg=float(np.hypot(line.error_deg, hidden)))


def with_parallel(line: LineFit, other: LineFit) -> LineFit:
    """Return `line` turned to the mean direction of both, weighted by their inverse variances.

    Two lines that differ by more than three of their errors are not parallel: `line` is unchanged.
    """
    other = other.towards(line.direction)
    cross = line.direction[0] * other.direction[1] - line.direction[1] * other.direction[0]
    apart = float(np.degrees(np.arcsin(np.clip(cross, -1, 1))))
    sure, other_sure = (max(fit.error_deg, 1e-6) ** -2 for fit in (line, other))
    if abs(apart) > 3 * np.hypot(line.error_deg, other.error_deg):
        return line
    turn = np.radians(apart * other_sure / (sure + other_sure))
    direction = np.cos(turn) * line.direction + np.sin(turn) * quarter_turn(line.direction)
    return line._replace(direction=direction, error_deg=float((sure + other_sure) ** -0.5))


def face(
    contour: Contour, facing: np.ndarray, plane: Plane, tilt_deg: float = TILT_DEG
) -> LineFit | None:
    """Return the longest straight line among the contour points that look in a direction.

    A Hough transform over tilt and offset finds it, Huber's loss over its points refines it: what
    interrupts a face (stem, peg, keel, eminence, screw) is not on the line and does not count.

    Args:
        contour: outline of a component or bone.
        facing: [2], unit; the normals lie within `FACING_DEG` of it.
        plane: for the pixel's size.
        tilt_deg: how far the line's own normal may be from `facing`.

    Returns:
        The line with its points, or None with fewer than 6 of them.
    """
    looks = contour.normals @ facing >= np.cos(np.radians(FACING_DEG))
    points, normals = contour.points[looks], contour.normals[looks]
    if len(points) < 6:
        return None
    window = max(plane.step, WINDOW_ERRORS * plane.edge_error)
    line = _settled(points, normals, *_hough(points, facing, window, tilt_deg), plane)
    if line is None or np.abs(line.direction @ facing) > np.sin(np.radians(tilt_deg + 2)):
        return None  # what it settled on looks elsewhere
    if len(line.points) * plane.step < LEAST_COVERED * line.length():
        return None  # two corners, and nothing between them
    return with_edge_error(line, plane)


def _settled(
    points: np.ndarray, normals: np.ndarray, direction: np.ndarray, offset: float, plane: Plane
) -> LineFit | None:
    """Fit a line to the points near the one found, and again to those near that; None: too few."""
    step, line = plane.step, None
    tolerance = widest = max(WIDEST_PX * step, WIDEST_ERRORS * plane.edge_error)
    for _ in range(4):
        across = quarter_turn(direction)
        apart = np.abs(points @ across - offset)
        on_line = apart <= tolerance
        on_line &= np.abs(normals @ across) >= np.cos(np.radians(STRAIGHT_DEG))
        if on_line.sum() < 6:
            return None
        line = huber_line(points[on_line], direction, step)
        direction, offset = line.direction, float(line.point @ quarter_turn(line.direction))
        # As wide as the edge is ragged, and a digital edge is by half a pixel to either side.
        noise = 1.4826 * float(np.median(apart[on_line]))
        tolerance = float(np.clip(2.2 * noise, NARROWEST_PX * step, widest))
    return line


def _hough(
    points: np.ndarray, facing: np.ndarray, window: float, most_tilt: float
) -> tuple[np.ndarray, float]:
    """Return direction and offset (along its quarter turn) of the line with most points on it."""
    best = (0, facing, 0.0)
    for tilt in np.radians(np.arange(-most_tilt, most_tilt + 0.25, 0.5)):
        across = np.cos(tilt) * facing + np.sin(tilt) * quarter_turn(facing)
        offsets = np.sort(points @ across)
        # A window over the sorted offsets: no bin's edge can cut a line in two.
        last = np.searchsorted(offsets, offsets + window, side="right")
        count = last - np.arange(len(offsets))
        k = int(np.argmax(count))
        if count[k] > best[0]:
            best = (int(count[k]), -quarter_turn(across), float(offsets[k : last[k]].mean()))
    return best[1], best[2]


def farthest(
    points: np.ndarray, along: np.ndarray, towards: np.ndarray, half_window: float, plane: Plane
) -> Vertex:
    """Return the point of a convex curve farthest in a direction, with sub-pixel care.

    The extreme pixel of a digitised curve is biased outward and jumps; a parabola through all
    points within the window around it does neither. Its vertex is moved to until it stays.

    Args:
        points: [N, 2], N >= 1.
        along, towards: [2], unit, perpendicular.
        half_window: half the width of the parabola's window (units).
        plane: for the pixel's size.
    """
    u, v = points @ along, points @ towards
    u0, top = u[np.argmax(v)], v.max()
    height, error = top, plane.edge_error
    for _ in range(4):
        # The sides of a condyle are no part of its lower surface.
        near = (np.abs(u - u0) <= half_window) & (v >= top - 0.35 * half_window)
        if near.sum() < 5 or np.ptp(u[near]) < 3 * plane.step:
            break
        a, b, c = np.polyfit(u[near] - u0, v[near], 2)
        shift = -b / (2 * a) if a < 0 else np.sign(b) * half_window
        # Never outside the points that were seen.
        shift = np.clip(shift, *(np.array([u[near].min(), u[near].max()]) - u0))
        height = a * shift**2 + b * shift + c
        residual = v[near] - np.polyval((a, b, c), u[near] - u0)
        # Of a parabola's height at the middle of its points: 9/4 of the mean's variance.
        error = float(1.5 * residual.std() / np.sqrt(near.sum() / ALIKE))
        u0 = u0 + shift
    return Vertex(u0 * along + height * towards, float(max(error, plane.edge_error / 3)))


def common_tangent(
    points: np.ndarray, along: np.ndarray, towards: np.ndarray, window: float, plane: Plane
) -> LineFit:
    """Return the line that touches a two-humped curve at its two farthest points.

    Each half (split at the middle of the extent) has its `farthest` point; the line through both
    defines the direction in which "far" is meant, until it stays.

    Args:
        points: [N, 2], of the contour.
        along: [2], unit, roughly along the tangent; the line points the same way.
        towards: [2], the side on which it touches.
        window: half width of a hump's parabola, as a share of the extent.
        plane: for the pixel's size.
    """
    for _ in range(8):
        u = points @ along
        middle, extent = (u.max() + u.min()) / 2, np.ptp(u)
        across = quarter_turn(along)
        across = across if across @ towards >= 0 else -across
        low = farthest(points[u < middle], along, across, window * extent, plane)
        high = farthest(points[u >= middle], along, across, window * extent, plane)
        turned = unit(high.point - low.point)
        moved, along = np.linalg.norm(turned - along), turned
        if moved < 1e-5:
            break
    apart = float(np.linalg.norm(high.point - low.point))
    error = np.degrees(np.hypot(low.error, high.error) / max(apart, plane.step))
    ends = np.stack([low.point, high.point])
    return LineFit(ends.mean(0), along, ends, float(error))


def circle(points: np.ndarray, radii: tuple[float, float], step: float) -> CircleFit | None:
    """Return the circle within a range of radii that passes through most points.

    scikit-image's RANSAC (Fischler and Bolles 1981) with a fixed seed, refined on its inliers by
    least squares with Huber's loss.

    Args:
        points: [N, 2].
        radii: smallest and largest allowed (units).
        step: distance within which a point lies on the circle (units).

    Returns:
        The circle, or None where fewer than 8 points lie on one.
    """
    rough = _rough_circle(points, radii, step) if len(points) >= 8 else None
    if rough is None:
        return None
    on_circle = points[np.abs(rough.residuals(points)) <= 1.5 * step]
    if len(on_circle) < 8:
        return None
    fitted = optimize.least_squares(
        lambda c: np.linalg.norm(on_circle - c[:2], axis=1) - c[2],
        (*rough.center, rough.radius),
        loss="huber",
        f_scale=step / 2,
    )
    centre, size = fitted.x[:2], float(fitted.x[2])
    bearing = np.degrees(np.arctan2(*(on_circle - centre).T)) % 360
    covered = len(np.unique((bearing // 10).astype(int))) * 10.0
    error = fitted.fun.std() * np.sqrt(3 * BLOCK / len(on_circle))
    return CircleFit(centre, size, covered, float(error))


def _rough_circle(
    points: np.ndarray, radii: tuple[float, float], step: float
) -> CircleModel | None:
    """Return the circle through three points that most others lie on, fitted to those."""
    with warnings.catch_warnings():
        # That no circle fits is an answer, not a fault.
        warnings.simplefilter("ignore", UserWarning)
        model, _ = ransac(
            points,
            CircleModel,
            min_samples=3,
            residual_threshold=step,
            is_model_valid=lambda model, _: radii[0] <= model.radius <= radii[1],
            max_trials=2000,
            stop_probability=0.9999,
            rng=0,
        )
    return model or None
