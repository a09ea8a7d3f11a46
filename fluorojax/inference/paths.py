"""Paths along the ridges of a map of probabilities, and the evidence that each gathers.

The states of a path are the points of the ridges, each with one of its two directions: so a path
goes straight on through a crossing, and walks through a loop instead of cutting it short. Between
neighbouring points, across a gap from the end of a ridge to the start of another, and over a
crossing, in which ridges run into each other, a step of length d costs

    d (mean of -log p + STEP) + bend (a^2 + b^2)

with a and b the angles (radians) between the step and the directions at its ends, and brings the
evidence of its pixels, d times the mean of log(p / (1 - p)), clipped, less the cost of the turn.
Dijkstra's cheapest paths from the starts form a tree, and the branch of most evidence is chosen: it
ends where to go on would bring less than nothing. What lies beside it and can be walked through on
the way, a loop, is put in where that brings more.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse import csgraph
from scipy.spatial import KDTree

from fluorojax.geometry.ridges import Ridges
from fluorojax.geometry.skeleton import window
from fluorojax.geometry.surface import contour, positions

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
BESIDE = 2.0  # px from the parent within which a path begins at it
TIP_SHARE = 0.33  # of a square about the parent's edge that is parent: 1/4 at a tip, 1/2 at a side
SEEDS = 3  # ridges that a free path is looked for through
SWEEPS = 2  # from end to end
MORE = 1.5  # px of a path a point of its ridges, at most: sqrt(2) on a diagonal
LARGE = 0.25  # evidence of a further free path, as a share of the first's
SAME = 2.5  # px within which a point belongs to a path
DETOUR = 12.0  # px between a path and what is put into it
DETOURS = 3  # loops that are put in at most
GAIN = 10.0  # evidence that one must bring

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


class Path(NamedTuple):
    """A path: its places [N, 2] in order, its evidence (px), and whether the first is an exit."""

    places: np.ndarray
    evidence: float
    attached: bool = False


NO_PATH = Path(np.zeros((0, 2)), -np.inf)


class _States(NamedTuple):
    """A path as the states it goes through; `origin` [2]: the place before them, or NaN."""

    states: np.ndarray
    evidence: float
    origin: np.ndarray


_NO_ORIGIN = np.full(2, np.nan)
_NO_STATES = _States(NOWHERE, -np.inf, _NO_ORIGIN)


class _Starts(NamedTuple):
    """States that a path may begin with, what it costs and brings, and the place before, [M, 2]."""

    states: np.ndarray
    cost: np.ndarray
    evidence: np.ndarray
    origin: np.ndarray


class _Edges(NamedTuple):
    """Steps between states, [M] each."""

    first: np.ndarray
    second: np.ndarray
    cost: np.ndarray
    evidence: np.ndarray

    def where(self, chosen: np.ndarray) -> "_Edges":
        """Return some of the steps."""
        return _Edges(*(x[chosen] for x in self))

    def and_others(self, *others: "_Edges") -> "_Edges":
        """Return these and others, in the order of `first` and `second`, the cheaper of twins."""
        every = _Edges(*(np.concatenate(x) for x in zip(self, *others, strict=True)))
        key = every.first * (every.second.max(initial=0) + 1) + every.second
        order = np.lexsort((every.cost, key))
        new = np.append(True, np.diff(key[order]) != 0)[: len(order)]
        return every.where(order[new])


class _Tree(NamedTuple):
    """The cheapest paths from the starts to each of `size` states.

    Attributes:
        before: the state before each, `size` of a start; negative where none leads there.
        source: the start of the path; negative where there is none.
        total: evidence gathered from the start on; -inf where none leads there.
        distance: what the path costs.
    """

    before: np.ndarray
    source: np.ndarray
    total: np.ndarray
    distance: np.ndarray

    def states(self, end: int) -> np.ndarray:
        """Return the states from a start up to `end`."""
        found = [end]
        while (state := int(self.before[found[-1]])) < len(self.before):
            found.append(state)
        return np.array(found[::-1])


class Paths:
    """The states of paths over a map, and the steps between them.

    State k is point k of the ridges along its tangent, state k + N the same backwards.
    """

    def __init__(self, probability: np.ndarray, points: Ridges, costs: PathCosts):
        """Take a map [H, W] in [0, 1] and its ridges."""
        self._points, self._costs, self._count = points, costs, len(points.position)
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
        self._pixel = np.rint(points.position).astype(np.intp)
        ends, bends = self._ends_of(links)
        self._ends = self._up_to(ends, links, 1)
        gaps = self._between(self._ends, self._reverse(self._ends), NEIGHBOURS, costs.reach)
        bends = self._up_to(bends, links, BACK)
        over = self._between(bends, self._reverse(bends), NEIGHBOURS, CROSSING, SMOOTH)
        self._edges = links.and_others(gaps, over.where(self._is_likely(over)))

    def out_of(self, parent: np.ndarray) -> Path:
        """Return the path of most evidence that starts at the tip of `parent: [H, W] bool`.

        It ends outside of it.
        """
        starts = self._starts_at(parent)
        if not len(starts.states):
            return NO_PATH
        row, column = self._pixel.T
        return self._as_path(self._best(starts, no_ends=np.flatnonzero(parent[row, column])))

    def free(self, taken: np.ndarray = NOWHERE) -> Path:
        """Return the path of most evidence that begins anywhere, clear of the points taken.

        From the surest point of each of the SEEDS connected ridges of most evidence to an end, and
        from end to end: the first may be within a loop.
        """
        odds = self.odds.copy()
        odds[taken] = 0.0
        number, part = self._connected()
        weight = np.bincount(part, odds, minlength=number)
        best = _NO_STATES
        for k in np.argsort(-weight, kind="stable")[:SEEDS]:
            if weight[k] <= max(best.evidence, 0.0):
                break
            seed = int(np.argmax(np.where(part == k, odds, -1.0)))
            states = self._from(seed, taken)
            for _ in range(SWEEPS):
                tip = self._reverse(states[-1:])
                path = self._best(_start_at(tip), taken)
                states = path.states
                best = max(best, path, key=lambda path: path.evidence)
        return self._as_path(best)

    def beside(self, path: Path) -> float:
        """Return how much more evidence than a path another may have: what is not the path's."""
        row, column = self._pixel.T
        odds = np.maximum(self._odds_of_pixels[row, column], 0.0)
        odds[self._beside(_filled(path.places), SAME)] = 0.0
        return MORE * float(odds.sum())

    def several(self, first: Path, most: int) -> list[Path]:
        """Return a free path, and others beside it that are not much less sure; `most` in all."""
        found = [first]
        while len(found) < most:
            taken = self._beside(np.concatenate([_filled(path.places) for path in found]), SAME)
            further = self.free(taken)
            if not further.evidence >= max(LARGE * first.evidence, GAIN):
                break
            found.append(further)
        return found

    def _as_path(self, found: _States) -> Path:
        places, attached = self._place(found.states), bool(np.isfinite(found.origin).all())
        if attached:
            places = np.concatenate([found.origin[None], places])
        return Path(places, found.evidence, attached)

    def _reverse(self, states: np.ndarray) -> np.ndarray:
        """Return the same points in the other direction."""
        return (states + self._count) % (2 * self._count)

    def _place(self, states: np.ndarray) -> np.ndarray:
        """Return the positions of states, [N, 2]."""
        return self._places[states]

    def _heading(self, states: np.ndarray) -> np.ndarray:
        """Return the directions of states, [N, 2]."""
        return self._headings[states]

    def _priced(
        self, start: np.ndarray, end: np.ndarray, cosines: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return cost and evidence of straight steps between places [M, 2].

        Args:
            start, end: the places.
            cosines: of the angles between the step and the directions at its ends.
        """
        length, at = np.hypot(*(end - start).T), self._pixels(start, end)
        turn = self._costs.bend * sum(np.arccos(np.clip(c, -1.0, 1.0)) ** 2 for c in cosines)
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

    def _is_likely(self, steps: _Edges) -> np.ndarray:
        """Return which steps lead over likely pixels, but for a few, [M]."""
        at = self._pixels(self._place(steps.first), self._place(steps.second))
        return np.asarray((self._odds_of_pixels[at] > 0).mean(1) >= MOSTLY)

    def _links(self) -> _Edges:
        """Return the steps between neighbouring points, both ways."""
        position, tangent = self._points.position, self._points.tangent
        one, other = KDTree(position).query_pairs(NEIGHBOURS, output_type="ndarray").T
        step = position[other] - position[one]
        length = np.maximum(np.hypot(*step.T), 1e-9)
        before, after = ((tangent[k] * step).sum(1) / length for k in (one, other))
        usable = (np.abs(before) >= TURN) & (np.abs(after) >= TURN)
        one, other, before, after = (x[usable] for x in (one, other, before, after))
        priced = self._priced(position[one], position[other], (np.abs(before), np.abs(after)))
        a = np.where(before > 0, one, one + self._count)
        b = np.where(after > 0, other, other + self._count)
        return _Edges(
            np.concatenate([a, self._reverse(b)]),
            np.concatenate([b, self._reverse(a)]),
            *(np.tile(x, 2) for x in priced),
        )

    def _ends_of(self, links: _Edges) -> tuple[np.ndarray, np.ndarray]:
        """Return where no link goes on, and where ridges run into each other, [2 N] bool each.

        There links go on, none of them straight, or none does though the line goes on.
        """
        a, b = links.first, links.second
        step = self._place(b) - self._place(a)
        least = SMOOTH * np.hypot(*step.T)
        straight = (self._heading(a) * step).sum(1) >= least
        straight &= (self._heading(b) * step).sum(1) >= least
        some, smooth = (np.bincount(x, minlength=2 * self._count) for x in (a, a[straight]))
        every = np.arange(2 * self._count)
        ahead = np.rint(self._place(every) + AHEAD * self._heading(every)).astype(np.intp)
        row, column = np.clip(ahead, 0, np.array(self._odds_of_pixels.shape) - 1).T
        goes_on = self._odds_of_pixels[row, column] > 0
        return some == 0, (smooth == 0) & ((some > 0) | goes_on)

    def _up_to(self, ending: np.ndarray, links: _Edges, back: int) -> np.ndarray:
        """Return the states of a mask [2 N], and those up to so many links before them."""
        reached = ending.copy()
        for _ in range(back):
            reached[links.first[reached[links.second]]] = True
        return np.flatnonzero(reached)

    def _between(
        self,
        first: np.ndarray,
        second: np.ndarray,
        least: float,
        most: float,
        cosine: float = STRAIGHT,
    ) -> _Edges:
        """Return straight steps of a length in (least, most] from some states to others.

        `cosine` is the least one between a step and the directions at its ends.
        """
        if not (len(first) and len(second)):
            return _Edges(NOWHERE, NOWHERE, np.zeros(0), np.zeros(0))
        one, other = KDTree(self._place(first)), KDTree(self._place(second))
        pairs = one.sparse_distance_matrix(other, most, output_type="ndarray")
        a, b, length = first[pairs["i"]], second[pairs["j"]], pairs["v"]

        def cosines(ends: np.ndarray) -> np.ndarray:
            step, heading = self._place(b) - self._place(a), self._heading(ends)
            along = step[:, 0] * heading[:, 0] + step[:, 1] * heading[:, 1]
            return along / np.maximum(length, 1e-9)

        kept = (length > least) & ((before := cosines(a)) >= cosine)
        a, b, length, before = (x[kept] for x in (a, b, length, before))
        kept = (after := cosines(b)) >= cosine
        a, b, before, after = (x[kept] for x in (a, b, before, after))
        return _Edges(a, b, *self._priced(self._place(a), self._place(b), (before, after)))

    def _starts_at(self, parent: np.ndarray) -> _Starts:
        """Return the states that a path out of a parent may begin with.

        Those on it or beside it, and starts of ridges within reach of its edge, ahead of which they
        lie.
        """
        edge, dear = self._edge(parent)
        of_edge = KDTree(edge)
        distance, nearest = of_edge.query(self._points.position)
        row, column = self._pixel.T
        near = np.flatnonzero((distance <= BESIDE) | parent[row, column])
        begins = self._reverse(self._ends)
        begins = begins[distance[begins % self._count] > BESIDE]
        far, exits = NOWHERE, NOWHERE
        if len(begins):
            reached = KDTree(self._place(begins)).sparse_distance_matrix(
                of_edge, self._costs.reach, output_type="ndarray"
            )
            far, exits = begins[reached["i"]], reached["j"]
        step = self._place(far) - edge[exits]
        after = (self._heading(far) * step).sum(1) / np.maximum(np.hypot(*step.T), 1e-9)
        ahead = after >= STRAIGHT
        far, exits, after = far[ahead], exits[ahead], after[ahead]
        cost, evidence = self._priced(edge[exits], self._place(far), (np.ones(len(far)), after))
        at_once = np.tile(dear[nearest[near]], 2)
        return _Starts(
            np.concatenate([near, near + self._count, far]),
            np.concatenate([at_once, cost + dear[exits]]),
            np.concatenate([-at_once, evidence - dear[exits]]),
            edge[np.concatenate([nearest[near], nearest[near], exits])],
        )

    def _edge(self, parent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the pixels of the parent's edge, [M, 2], and what a start at each costs, [M].

        Nothing near its tip: about a tip, less of a square is parent than about a side. A parent
        without a tip in view may be left anywhere.
        """
        inside = window(parent)
        small = parent[inside]
        edge = positions(contour(small))
        thickness = 2.0 * np.count_nonzero(small) / len(edge)
        side = 2 * max(round(thickness), 3) + 1
        around = tuple(slice(max(s.start - side, 0), s.stop + side) for s in inside)
        # Beyond the border the parent goes on: where it comes in is no tip.
        share = ndimage.uniform_filter(parent[around].astype(np.float32), side, mode="nearest")
        edge += [s.start for s in inside]
        row, column = (edge - [s.start for s in around]).T
        tip = edge[share[row, column] <= TIP_SHARE]
        if not len(tip):
            return edge.astype(float), np.zeros(len(edge))
        away = KDTree(tip).query(edge)[0] - thickness
        return edge.astype(float), self._costs.exit_cost * np.maximum(away, 0.0)

    def _from(self, state: int, taken: np.ndarray) -> np.ndarray:
        """Return the states of the path of most evidence on from one, clear of the points taken."""
        tree = self._search(_start_at(np.array([state])), taken)
        return tree.states(int(np.argmax(tree.total)))

    def _best(
        self, starts: _Starts, taken: np.ndarray = NOWHERE, no_ends: np.ndarray = NOWHERE
    ) -> _States:
        """Return the path of most evidence from the starts, clear of the points taken.

        It ends at none of the points `no_ends`. Of the two best ends: the way to one may have left
        out a loop that the other ends in.
        """
        tree = self._search(starts, taken)
        total, found = tree.total.copy(), [_NO_STATES]
        total[no_ends] = total[no_ends + self._count] = -np.inf
        for _ in range(2):
            end = int(np.argmax(total))
            if not np.isfinite(total[end]):
                break
            states = tree.states(end)
            origin = starts.origin[tree.source[end]]
            path = _States(states, float(total[end]), origin)
            found.append(self._with_detours(path, taken))
            near = self._beside(
                _filled(self._place(states)), SAME
            )  # the other one ends somewhere else
            total[near] = total[near + self._count] = -np.inf
        return max(found, key=lambda path: path.evidence)

    def _search(self, starts: _Starts, taken: np.ndarray = NOWHERE) -> _Tree:
        """Return the cheapest paths, clear of the points taken; none comes back on its way."""
        edges = self._edges
        if len(taken):
            free = np.ones(self._count, bool)
            free[taken] = False
            edges = edges.where(free[edges.first % self._count] & free[edges.second % self._count])
        tree = _cheapest(edges, starts, 2 * self._count)
        other_way = self._reverse(np.arange(2 * self._count))
        comes_back = _summed(_is_after(other_way, tree.before).astype(float), tree.before) > 0
        return tree._replace(total=np.where(comes_back, -np.inf, tree.total))

    def _connected(self) -> tuple[int, np.ndarray]:
        """Return how many ridges are connected, across gaps too, and of which each point is."""
        first, second = self._edges.first % self._count, self._edges.second % self._count
        steps = sparse.csr_array((np.ones(len(first)), (first, second)), (self._count,) * 2)
        number, part = csgraph.connected_components(steps, directed=False)
        return int(number), part

    def _beside(self, places: np.ndarray, reach: float) -> np.ndarray:
        """Return the points within reach of any of some places, [N, 2]."""
        return np.flatnonzero(np.isfinite(self._distance(places, reach)))

    def _distance(self, places: np.ndarray, reach: float) -> np.ndarray:
        """Return the distance of each point from the nearest place, [N]; inf beyond the reach."""
        distance, _ = KDTree(places).query(self._points.position, distance_upper_bound=reach)
        return np.asarray(distance)

    def _with_detours(self, path: _States, taken: np.ndarray) -> _States:
        """Put into a path what lies beside it and can be walked through on the way."""
        for _ in range(DETOURS):
            if (longer := self._with_detour(path, taken)) is None:
                break
            path = longer
        return path

    def _with_detour(self, path: _States, taken: np.ndarray) -> _States | None:
        """Return the path with the loop that brings most, or None if none brings enough.

        The path leaves at one of its states, goes through points that are not its own, and comes
        back at another. Where that is a later one, what lies between is left out; where it is an
        earlier one, the loop crosses itself, and what lies between is walked twice.
        """
        distance = self._distance(_filled(self._place(path.states)), DETOUR)
        loose = distance > SAME
        loose[taken] = False
        around = np.flatnonzero(loose & (distance <= DETOUR))
        if self.odds[around].sum() < GAIN:
            return None
        around = np.concatenate([around, around + self._count])
        leave = self._between(path.states, around, 0.5, DETOUR)
        back = self._between(around, path.states, 0.5, DETOUR)
        if not (len(leave.first) and len(back.first)):
            return None
        edges = self._edges.where(
            loose[self._edges.first % self._count] & loose[self._edges.second % self._count]
        )
        tree = _cheapest(edges.and_others(leave), _start_at(path.states), 2 * self._count)
        leaves, returns = tree.source[back.first], self._index_in(path.states, back.second)
        so_far = self._so_far(path.states)
        brought = tree.total[back.first] + back.evidence
        left_out = so_far[returns] - so_far[leaves]
        gain = np.where(-left_out < brought, brought - np.maximum(left_out, 0.0), -np.inf)
        best = int(np.argmax(gain))
        if not gain[best] >= GAIN:
            return None
        loop = tree.states(int(back.first[best]))[1:]  # the first is the path's own
        states = (path.states[: leaves[best] + 1], loop, path.states[returns[best] :])
        return path._replace(
            states=np.concatenate(states), evidence=path.evidence + float(gain[best])
        )

    def _index_in(self, states: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Return where on a path each of some of its states stands; the last place of several."""
        place = np.zeros(2 * self._count, np.intp)
        place[states] = np.arange(len(states))
        return place[wanted]

    def _so_far(self, states: np.ndarray) -> np.ndarray:
        """Return the evidence of a path's steps up to each of its states."""
        a, b = states[:-1], states[1:]
        step = self._place(b) - self._place(a)
        step /= np.maximum(np.hypot(*step.T), 1e-9)[:, None]
        before, after = ((self._heading(x) * step).sum(1) for x in (a, b))
        evidence = self._priced(self._place(a), self._place(b), (before, after))[1]
        return np.concatenate([[0.0], np.cumsum(evidence)])


def _cheapest(edges: _Edges, starts: _Starts, size: int) -> _Tree:
    """Return Dijkstra's tree of the cheapest paths from the starts.

    Args:
        edges: in the order of `first` and `second`, none twice.
        starts: some of them perhaps of one state, of which the cheapest counts.
        size: number of states.
    """
    order = np.lexsort((starts.cost, starts.states))
    states, first = np.unique(starts.states[order], return_index=True)
    cheapest = order[first]
    rows = np.searchsorted(edges.first, np.arange(size + 1))
    graph = sparse.csr_array(
        (
            # A cost of 0 would be no step.
            np.concatenate([edges.cost, starts.cost[cheapest] + 1e-9]),
            np.concatenate([edges.second, states]),
            np.concatenate([rows, [len(edges.first) + len(states)]]),
        ),
        shape=(size + 1, size + 1),
    )
    distance, before = csgraph.dijkstra(graph, indices=size, return_predecessors=True)
    distance, before = distance[:size], before[:size].astype(np.intp)
    gained, source = np.zeros(size), np.full(size, -1)
    source[states] = cheapest
    at_once = before == size
    from_start = np.zeros(size)
    from_start[states] = starts.evidence[cheapest]
    gained[at_once] = from_start[at_once]
    later = np.flatnonzero((before >= 0) & ~at_once)
    key = edges.first * size + edges.second
    gained[later] = edges.evidence[np.searchsorted(key, before[later] * size + later)]
    total = np.where(before >= 0, _summed(gained, before), -np.inf)
    return _Tree(before, source[_roots(before)], total, distance)


def _start_at(states: np.ndarray) -> _Starts:
    """Return starts at some states, which cost and bring nothing."""
    zero = np.zeros(len(states))
    return _Starts(states, zero, zero, np.full((len(states), 2), np.nan))


def _filled(places: np.ndarray) -> np.ndarray:
    """Return places [N, 2] and more between them, at most SAME apart."""
    step = np.diff(places, axis=0)
    count = np.ceil(np.hypot(*step.T) / SAME).astype(np.intp)
    piece = np.repeat(np.arange(len(step)), count)
    share = (np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)) / count[piece]
    return np.concatenate([places[piece] + share[:, None] * step[piece], places[-1:]])


def _is_after(others: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return whether the path to each state [N] leads through another, `others: [N]`.

    Steps back are doubled, and as many of them taken as lie between the two.
    """
    end = len(before)
    up = np.append(np.where(before < 0, end, before), end)
    depth = _summed(np.ones(end), before).astype(np.intp)
    steps = depth - depth[others]
    here = np.arange(end)
    for bit in range(int(depth.max(initial=0)).bit_length()):
        here = np.where((steps > 0) & (steps >> bit & 1 == 1), up[here], here)
        up = up[up]
    return (steps > 0) & (here == others)


def _summed(value: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return the sum of a value [N] over each state and all before it, by doubling steps back."""
    end = len(before)
    total, up = np.append(value, 0.0), np.append(np.where(before < 0, end, before), end)
    while (up < end).any():
        total, up = total + total[up], up[up]
    return total[:-1]


def _roots(before: np.ndarray) -> np.ndarray:
    """Return the first state of the path to each, [N]; of one that is not reached, itself."""
    end = len(before)
    here = np.arange(end)
    up = np.where((before < 0) | (before == end), here, before)
    while (up != up[up]).any():
        up = up[up]
    return up
