"""The states of a path along ridges, and the steps between them: what each costs and brings.

The states are the points of the ridges, each with one of its two directions: so a path goes
straight on through a crossing, and walks through a loop instead of cutting it short. Between
neighbouring points, across a gap from the end of a ridge to the start of another, and over a
crossing, in which ridges run into each other, a step of length d costs

    d (mean of -log p + STEP) + bend (a^2 + b^2)

with a and b the angles (radians) between the step and the directions at its ends, and brings the
evidence of its pixels, d times the mean of log(p / (1 - p)), clipped, less the cost of the turn.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import KDTree

from fluorojax.geometry.ridges import Ridges
from fluorojax.inference.trees import Edges

FLOOR = 1e-3  # probability that the surest background is given
STEP = 0.02  # cost of a pixel of certain curve
NEIGHBOURS = 2.5  # px between neighbouring points of a ridge
TURN = 0.5  # least cosine between the step to a neighbour and the directions at its ends
STRAIGHT = 0.7  # the same of a gap
SMOOTH = 0.9  # the same where a ridge does not bend into another
CROSSING = 16.0  # px, longest step over a crossing
MOSTLY = 0.8  # of its pixels are rather the curve's than not
AHEAD = 4.0  # px within which a line goes on
BACK = 4  # links before a bend from which a crossing may be stepped over

NOWHERE = np.zeros(0, np.intp)


class PathCosts(NamedTuple):
    """What paths are weighed by.

    Attributes:
        bend: cost of a turn, a squared radian.
        clip: greatest log odds, for and against, that a pixel counts with.
        exit_cost: of a start away from the parent's tip, a pixel beyond the parent's thickness.
        reach: longest gap (px).
    """

    bend: float
    clip: float
    exit_cost: float
    reach: float


class Steps:
    """The states of paths over a map, and the steps between them.

    State k is point k of the ridges along its tangent, state k + N the same backwards.

    Attributes:
        points: the ridges.
        costs: what steps are weighed by.
        count: N, the number of points.
        odds: [N] log odds of each point in the smoothed map, at least 0.
        sure: [N] those of the pixel that each lies in, at least 0.
        pixel: [N, 2] that pixel.
        begins: states at which a ridge begins, and those a link behind them.
        edges: all steps.
    """

    def __init__(self, probability: np.ndarray, points: Ridges, costs: PathCosts):
        """Take a map [H, W] in [0, 1] and its ridges."""
        self.points, self.costs, self.count = points, costs, len(points.position)
        self._price = np.full(probability.shape, STEP - np.log(FLOOR), np.float32)
        self._odds_of_pixels = np.full(probability.shape, -costs.clip, np.float32)
        possible = probability > FLOOR  # few are
        p = np.minimum(probability[possible], 1 - FLOOR)
        self._price[possible] = STEP - np.log(p)
        self._odds_of_pixels[possible] = np.clip(np.log(p / (1 - p)), -costs.clip, costs.clip)
        height = np.clip(points.height, FLOOR, 1 - FLOOR)
        self.odds = np.clip(np.log(height / (1 - height)), 0.0, costs.clip)
        links = self._links()
        self._places = np.tile(points.position, (2, 1))
        self._headings = np.concatenate([points.tangent, -points.tangent])
        self.pixel = np.rint(points.position).astype(np.intp)
        row, column = self.pixel.T
        self.sure = np.maximum(self._odds_of_pixels[row, column], 0.0)
        ends, bends = self._ends_of(links)
        ends = self._up_to(ends, links, 1)
        self.begins = self.reverse(ends)
        gaps = self.between(ends, self.begins, NEIGHBOURS, costs.reach)
        bends = self._up_to(bends, links, BACK)
        over = self.between(bends, self.reverse(bends), NEIGHBOURS, CROSSING, SMOOTH)
        self.edges = links.and_others(gaps, over.where(self._is_likely(over)))

    def reverse(self, states: np.ndarray) -> np.ndarray:
        """Return the same points in the other direction."""
        return (states + self.count) % (2 * self.count)

    def place(self, states: np.ndarray) -> np.ndarray:
        """Return the positions of states, [N, 2]."""
        return self._places[states]

    def heading(self, states: np.ndarray) -> np.ndarray:
        """Return the directions of states, [N, 2]."""
        return self._headings[states]

    def priced(
        self, start: np.ndarray, end: np.ndarray, cosines: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return cost and evidence of straight steps between places [M, 2].

        Args:
            start, end: the places.
            cosines: of the angles between the step and the directions at its ends.
        """
        length, at = np.hypot(*(end - start).T), self._pixels(start, end)
        turn = self.costs.bend * sum(np.arccos(np.clip(c, -1.0, 1.0)) ** 2 for c in cosines)
        price, odds = self._price[at].mean(1), self._odds_of_pixels[at].mean(1)
        return length * price + turn, length * odds - turn

    def _pixels(self, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and columns of the pixels of straight steps, [M, K] each, evenly spaced."""
        step = end - start
        count = int(np.ceil(max(np.hypot(*step.T).max(initial=0.0), 1.0)))
        share = (np.arange(count) + 0.5) / count
        pixels = np.rint(start[:, None] + step[:, None] * share[:, None]).astype(np.intp)
        np.clip(pixels, 0, np.array(self._price.shape) - 1, out=pixels)
        return pixels[..., 0], pixels[..., 1]

    def _is_likely(self, steps: Edges) -> np.ndarray:
        """Return which steps lead over likely pixels, but for a few, [M]."""
        at = self._pixels(self.place(steps.first), self.place(steps.second))
        return np.asarray((self._odds_of_pixels[at] > 0).mean(1) >= MOSTLY)

    def _links(self) -> Edges:
        """Return the steps between neighbouring points, both ways."""
        position, tangent = self.points.position, self.points.tangent
        one, other = KDTree(position).query_pairs(NEIGHBOURS, output_type="ndarray").T
        step = position[other] - position[one]
        length = np.maximum(np.hypot(*step.T), 1e-9)
        before, after = ((tangent[k] * step).sum(1) / length for k in (one, other))
        usable = (np.abs(before) >= TURN) & (np.abs(after) >= TURN)
        one, other, before, after = (x[usable] for x in (one, other, before, after))
        priced = self.priced(position[one], position[other], (np.abs(before), np.abs(after)))
        a = np.where(before > 0, one, one + self.count)
        b = np.where(after > 0, other, other + self.count)
        return Edges(
            np.concatenate([a, self.reverse(b)]),
            np.concatenate([b, self.reverse(a)]),
            *(np.tile(x, 2) for x in priced),
        )

    def _ends_of(self, links: Edges) -> tuple[np.ndarray, np.ndarray]:
        """Return where no link goes on, and where ridges run into each other, [2 N] bool each.

        There links go on, none of them straight, or none does though the line goes on.
        """
        a, b = links.first, links.second
        step = self.place(b) - self.place(a)
        least = SMOOTH * np.hypot(*step.T)
        straight = (self.heading(a) * step).sum(1) >= least
        straight &= (self.heading(b) * step).sum(1) >= least
        some, smooth = (np.bincount(x, minlength=2 * self.count) for x in (a, a[straight]))
        every = np.arange(2 * self.count)
        ahead = np.rint(self.place(every) + AHEAD * self.heading(every)).astype(np.intp)
        row, column = np.clip(ahead, 0, np.array(self._odds_of_pixels.shape) - 1).T
        goes_on = self._odds_of_pixels[row, column] > 0
        return some == 0, (smooth == 0) & ((some > 0) | goes_on)

    def _up_to(self, ending: np.ndarray, links: Edges, back: int) -> np.ndarray:
        """Return the states of a mask [2 N], and those up to so many links before them."""
        reached = ending.copy()
        for _ in range(back):
            reached[links.first[reached[links.second]]] = True
        return np.flatnonzero(reached)

    def between(
        self,
        first: np.ndarray,
        second: np.ndarray,
        least: float,
        most: float,
        cosine: float = STRAIGHT,
    ) -> Edges:
        """Return straight steps of a length in (least, most] from some states to others.

        `cosine` is the least one between a step and the directions at its ends.
        """
        if not (len(first) and len(second)):
            return Edges(NOWHERE, NOWHERE, np.zeros(0), np.zeros(0))
        one, other = KDTree(self.place(first)), KDTree(self.place(second))
        pairs = one.sparse_distance_matrix(other, most, output_type="ndarray")
        a, b, length = first[pairs["i"]], second[pairs["j"]], pairs["v"]

        def cosines(ends: np.ndarray) -> np.ndarray:
            step, heading = self.place(b) - self.place(a), self.heading(ends)
            along = step[:, 0] * heading[:, 0] + step[:, 1] * heading[:, 1]
            return along / np.maximum(length, 1e-9)

        kept = (length > least) & ((before := cosines(a)) >= cosine)
        a, b, length, before = (x[kept] for x in (a, b, length, before))
        kept = (after := cosines(b)) >= cosine
        a, b, before, after = (x[kept] for x in (a, b, before, after))
        return Edges(a, b, *self.priced(self.place(a), self.place(b), (before, after)))

    def connected(self) -> tuple[int, np.ndarray]:
        """Return how many ridges are connected, across gaps too, and of which each point is."""
        first, second = self.edges.first % self.count, self.edges.second % self.count
        steps = sparse.csr_array((np.ones(len(first)), (first, second)), (self.count,) * 2)
        number, part = csgraph.connected_components(steps, directed=False)
        return int(number), part

    def beside(self, places: np.ndarray, reach: float) -> np.ndarray:
        """Return the points within reach of any of some places, [N, 2]."""
        return np.flatnonzero(np.isfinite(self.distance(places, reach)))

    def distance(self, places: np.ndarray, reach: float) -> np.ndarray:
        """Return the distance of each point from the nearest place, [N]; inf beyond the reach."""
        distance, _ = KDTree(places).query(self.points.position, distance_upper_bound=reach)
        return np.asarray(distance)

    def so_far(self, states: np.ndarray) -> np.ndarray:
        """Return the evidence of a path's steps up to each of its states."""
        a, b = states[:-1], states[1:]
        step = self.place(b) - self.place(a)
        step /= np.maximum(np.hypot(*step.T), 1e-9)[:, None]
        before, after = ((self.heading(x) * step).sum(1) for x in (a, b))
        evidence = self.priced(self.place(a), self.place(b), (before, after))[1]
        return np.concatenate([[0.0], np.cumsum(evidence)])
