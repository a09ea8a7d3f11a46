"""The most probable curve: from its parent's tip to where the evidence ends; a free one; or none.

A wire is followed as an observer follows it, along the ridges of its probabilities
(`fluorojax.inference.paths`). What is found is a line with a width and a confidence, and the mask
is drawn along it.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

from fluorojax.geometry.centreline import EIGHT_NEIGHBOURS
from fluorojax.geometry.redrawing import drawn
from fluorojax.geometry.ridges import ridges, typical_width
from fluorojax.geometry.skeleton import window
from fluorojax.geometry.surface import positions
from fluorojax.inference.paths import NO_PATH, Path, Paths
from fluorojax.inference.steps import PathCosts
from fluorojax.schema.limits import choice, number, rate, whole

LOW = 0.1  # smoothed probability below which no ridge is looked for
LIKELY = 0.5  # probability from which a pixel is rather the curve's than not
LEAST = 6.0  # evidence of a curve: two widths of it, as sure as can be
TYPICAL = 0.7  # of the typical width: what a curve has at least, in gaps
ASIDE = 1.6  # half widths, and a pixel, from the axis within which likely pixels are the curve's
THINNER = 0.25  # px that a drawn line is thinner than the curve, a side
PIECE = 1.4  # px, of a drawn line
LINE = 0.75  # px, least half width of a drawn line: it stays in one piece


@dataclasses.dataclass(frozen=True)
class CurveRules:
    """How a curve is found in the probabilities of a class; by default it is not looked for.

    Attributes:
        curve: 'none': masks are thresholded pixels; 'free': the curve of most evidence; 'attached':
            the one that starts at the parent's tip, where there is a sure parent and a free one is
            not much better.
        reach_mm, reach_px: longest gap that is passed, in millimetres where the spacing is known,
            and else in pixels of the network's grid.
        bend: cost of a turn, a squared radian.
        clip: greatest log odds, for and against, that a pixel counts with.
        exit_cost: of a start away from the parent's tip, a pixel beyond the parent's thickness.
        attached_share: share of the free curve's evidence that the attached one must have.
        certainty: mean probability of the parent's pixels from which on it is taken for one.
        most: number of curves where none is attached.
    """

    curve: str = choice("none", ("none", "free", "attached"))
    reach_mm: float = number(15.0, 0.0, 1000.0)
    reach_px: float = number(20.0, 0.0, 1000.0)
    bend: float = number(30.0, 0.0, 1000.0)
    clip: float = number(3.0, 0.0, 20.0, above=True)
    exit_cost: float = number(20.0, 0.0, 1000.0)
    attached_share: float = rate(0.6)
    certainty: float = rate(0.95)
    most: int = whole(3, 1, 100)


class Curve(NamedTuple):
    """A curve, from its start to its tip.

    Attributes:
        points: [N, 2] float, row and column (px; the centre of the first pixel is 0, 0).
        widths: [N] local width (px), from the probabilities across it.
        confidence: [N] in [0, 1], the probability along it.
        attached: it starts at the parent, and its first point is the exit.
        evidence: log odds that it is there, a width of it (see `find_curves`).
    """

    points: np.ndarray
    widths: np.ndarray
    confidence: np.ndarray
    attached: bool
    evidence: float

    def enlarged(self, factor: int) -> "Curve":
        """Return the same on a grid so many times finer, which shows the same field."""
        points = (self.points + 0.5) * factor - 0.5
        return self._replace(points=points, widths=self.widths * factor)

    def length(self, scale: tuple[float, float] = (1.0, 1.0)) -> float:
        """Return its length, in the unit of `scale`, the size of a pixel."""
        return float(np.hypot(*(np.diff(self.points, axis=0) * scale).T).sum())


class Found(NamedTuple):
    """The curves of a frame, the surest first, and the evidence of the best, if it is one or not.

    The evidence is -inf where there is nothing at all.
    """

    curves: tuple[Curve, ...]
    evidence: float


def find_curves(
    probability: np.ndarray, parent: np.ndarray | None, rules: CurveRules, reach: float
) -> Found:
    """Return the curves in a map of probabilities.

    A curve's evidence is the sum of its pixels' log odds, clipped, less what its turns cost, over
    its width: pixels nearer than that are no independent witnesses. From LEAST on it is a curve.

    Args:
        probability: [H, W] in [0, 1].
        parent: [H, W] bool, what the curve comes out of; None, or empty: it is not known.
        rules: see `CurveRules`.
        reach: longest gap that is passed (px).
    """
    width = typical_width(probability >= LIKELY)
    points = ridges(probability, width, LOW)
    if len(points.position) < 2:
        return Found((), -np.inf)
    costs = PathCosts(rules.bend, rules.clip, rules.exit_cost, reach)
    chosen = _chosen(Paths(probability, points, costs), parent, rules)
    found = [_curve(path, probability, width) for path in chosen]
    kept = tuple(curve for curve in found if curve.evidence >= LEAST)
    return Found(kept, max((curve.evidence for curve in found), default=-np.inf))


def _chosen(paths: Paths, parent: np.ndarray | None, rules: CurveRules) -> list[Path]:
    """Return the path out of the parent, or the free ones where those have much more evidence."""
    attached = NO_PATH
    if rules.curve == "attached" and parent is not None and parent.any():
        attached = paths.out_of(parent)
    # Often no free path can have enough more, and none need be looked for.
    if len(attached.places):
        most = attached.evidence + paths.beside(attached)
        if attached.evidence >= rules.attached_share * most:
            return [attached]
    free = paths.free()
    if len(attached.places) and attached.evidence >= rules.attached_share * free.evidence:
        return [attached]
    return paths.several(free, rules.most) if len(free.places) else []


def _curve(path: Path, probability: np.ndarray, width: float) -> Curve:
    """Return a path as a curve."""
    places = _to_the_end(probability, path.places, width)
    if not path.attached:
        places = _to_the_end(probability, places[::-1], width)[::-1]
    # Over a few points: single ones lie a fraction of a pixel beside the curve.
    along = ndimage.uniform_filter1d(np.gradient(places, axis=0), 5, axis=0, mode="nearest")
    along /= np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    confidence = _sampled(probability, places)
    widths = _widths(probability, places, along, width)
    return Curve(places, widths, confidence, path.attached, path.evidence / width)


def _sampled(probability: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the probability at places [..., 2] between pixels; 0 outside of the frame."""
    at = np.moveaxis(places, -1, 0)
    return np.asarray(ndimage.map_coordinates(probability, at, float, order=1, mode="constant"))


def _to_the_end(probability: np.ndarray, places: np.ndarray, width: float) -> np.ndarray:
    """Return places with one more: straight on as far as pixels are likely.

    A crest ends before its line does, by the smoothing; at most two widths are added.
    """
    step = places[-1] - places[max(len(places) - 4, 0)]
    ahead = 0.5 * step / max(np.hypot(*step), 1e-9)
    further = places[-1] + np.arange(1, int(4 * width) + 1)[:, None] * ahead
    likely = np.cumprod(_sampled(probability, further) >= LIKELY).sum()
    return np.concatenate([places, places[-1:] + likely * ahead])


def _widths(
    probability: np.ndarray, places: np.ndarray, along: np.ndarray, typical: float
) -> np.ndarray:
    """Return the local width (px) at each place, [N]; in gaps, a little less than is typical.

    It is the sum of the probabilities across, one a pixel, as far as they fall on either side.
    """
    reach = int(np.ceil(1.5 * typical)) + 1
    across = np.stack([-along[:, 1], along[:, 0]], -1)
    offsets = np.arange(-reach, reach + 1)[:, None]
    p = _sampled(probability, places[:, None] + offsets * across[:, None])
    right = np.minimum.accumulate(p[:, reach:], 1).sum(1)
    left = np.minimum.accumulate(p[:, reach::-1], 1)[:, 1:].sum(1)
    width = np.maximum(right + left, TYPICAL * typical)
    return np.asarray(ndimage.median_filter(width, min(5, len(width)), mode="nearest"))


def drawn_curves(curves: Sequence[Curve], probability: np.ndarray, threshold: float) -> np.ndarray:
    """Return the mask of curves: the likely pixels along each, in one piece with its line.

    Args:
        curves: as found in `probability`, or in the same on a coarser grid (`Curve.enlarged`).
        probability: [H, W] in [0, 1].
        threshold: from which a pixel along a curve belongs to it.
    """
    mask = np.zeros(probability.shape, bool)
    likely = positions(probability >= threshold)
    for curve in curves:
        starts, ends, half = _pieces(curve)
        line = drawn(starts, ends, np.maximum(half - THINNER, LINE), mask.shape)
        if not line.any():
            continue
        one = line.copy()
        distance, nearest = KDTree(ends).query(
            likely, distance_upper_bound=ASIDE * half.max() + 1.0
        )
        along = np.flatnonzero(np.isfinite(distance))
        along = along[distance[along] <= ASIDE * half[nearest[along]] + 1.0]
        one[tuple(likely[along].T)] = True
        inside = window(one)
        piece, _ = ndimage.label(one[inside], EIGHT_NEIGHBOURS)
        kept = np.unique(piece[line[inside]])
        mask[inside] |= np.isin(piece, kept[kept > 0])
    return mask


def _pieces(curve: Curve) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pieces of a curve's line, at most PIECE long, [M, 2] and [M, 2], and half widths."""
    steps = np.hypot(*np.diff(curve.points, axis=0).T)
    so_far = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0.0, so_far[-1], int(np.ceil(so_far[-1] / PIECE)) + 2)
    row, column, width = (np.interp(at, so_far, x) for x in (*curve.points.T, curve.widths))
    points = np.stack([row, column], -1)
    return points[:-1], points[1:], np.maximum(width[:-1], width[1:]) / 2
