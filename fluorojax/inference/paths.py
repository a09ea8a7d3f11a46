"""Paths along the ridges of a map of probabilities, and the evidence that each gathers.

They go in the steps of `fluorojax.inference.steps`. Dijkstra's cheapest paths from the starts form
a tree, and the branch of most evidence is chosen: it ends where to go on would bring less than
nothing. What lies beside it and can be walked through on the way, a loop, is put in where that
brings more.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

from fluorojax.geometry.ridges import Ridges
from fluorojax.geometry.skeleton import window
from fluorojax.geometry.surface import contour, positions
from fluorojax.inference.steps import NOWHERE, STRAIGHT, PathCosts, Steps
from fluorojax.inference.trees import Starts, Tree, cheapest, is_after, start_at, summed

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


class Paths:
    """The paths over a map of probabilities."""

    def __init__(self, probability: np.ndarray, points: Ridges, costs: PathCosts):
        """Take a map [H, W] in [0, 1] and its ridges."""
        self._steps = Steps(probability, points, costs)
        self._count = self._steps.count

    def out_of(self, parent: np.ndarray) -> Path:
        """Return the path of most evidence that starts at the tip of `parent: [H, W] bool`.

        It ends outside of it.
        """
        starts = self._starts_at(parent)
        if not len(starts.states):
            return NO_PATH
        row, column = self._steps.pixel.T
        return self._as_path(self._best(starts, no_ends=np.flatnonzero(parent[row, column])))

    def free(self, taken: np.ndarray = NOWHERE) -> Path:
        """Return the path of most evidence that begins anywhere, clear of the points taken.

        From the surest point of each of the SEEDS connected ridges of most evidence to an end, and
        from end to end: the first may be within a loop.
        """
        odds = self._steps.odds.copy()
        odds[taken] = 0.0
        number, part = self._steps.connected()
        weight = np.bincount(part, odds, minlength=number)
        best = _NO_STATES
        for k in np.argsort(-weight, kind="stable")[:SEEDS]:
            if weight[k] <= max(best.evidence, 0.0):
                break
            seed = int(np.argmax(np.where(part == k, odds, -1.0)))
            states = self._from(seed, taken)
            for _ in range(SWEEPS):
                tip = self._steps.reverse(states[-1:])
                path = self._best(start_at(tip), taken)
                states = path.states
                best = max(best, path, key=lambda path: path.evidence)
        return self._as_path(best)

    def beside(self, path: Path) -> float:
        """Return how much more evidence than a path another may have: what is not the path's."""
        odds = self._steps.sure.copy()
        odds[self._steps.beside(_filled(path.places), SAME)] = 0.0
        return MORE * float(odds.sum())

    def several(self, first: Path, most: int) -> list[Path]:
        """Return a free path, and others beside it that are not much less sure; `most` in all."""
        found = [first]
        while len(found) < most:
            taken = self._steps.beside(
                np.concatenate([_filled(path.places) for path in found]), SAME
            )
            further = self.free(taken)
            if not further.evidence >= max(LARGE * first.evidence, GAIN):
                break
            found.append(further)
        return found

    def _as_path(self, found: _States) -> Path:
        places, attached = self._steps.place(found.states), bool(np.isfinite(found.origin).all())
        if attached:
            places = np.concatenate([found.origin[None], places])
        return Path(places, found.evidence, attached)

    def _starts_at(self, parent: np.ndarray) -> Starts:
        """Return the states that a path out of a parent may begin with.

        Those on it or beside it, and starts of ridges within reach of its edge, ahead of which they
        lie.
        """
        edge, dear = self._edge(parent)
        of_edge = KDTree(edge)
        distance, nearest = of_edge.query(self._steps.points.position)
        row, column = self._steps.pixel.T
        near = np.flatnonzero((distance <= BESIDE) | parent[row, column])
        begins = self._steps.begins
        begins = begins[distance[begins % self._count] > BESIDE]
        far, exits = NOWHERE, NOWHERE
        if len(begins):
            reached = KDTree(self._steps.place(begins)).sparse_distance_matrix(
                of_edge, self._steps.costs.reach, output_type="ndarray"
            )
            far, exits = begins[reached["i"]], reached["j"]
        step = self._steps.place(far) - edge[exits]
        after = (self._steps.heading(far) * step).sum(1) / np.maximum(np.hypot(*step.T), 1e-9)
        ahead = after >= STRAIGHT
        far, exits, after = far[ahead], exits[ahead], after[ahead]
        cost, evidence = self._steps.priced(
            edge[exits], self._steps.place(far), (np.ones(len(far)), after)
        )
        at_once = np.tile(dear[nearest[near]], 2)
        return Starts(
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
        return edge.astype(float), self._steps.costs.exit_cost * np.maximum(away, 0.0)

    def _from(self, state: int, taken: np.ndarray) -> np.ndarray:
        """Return the states of the path of most evidence on from one, clear of the points taken."""
        tree = self._search(start_at(np.array([state])), taken)
        return tree.states(int(np.argmax(tree.total)))

    def _best(
        self, starts: Starts, taken: np.ndarray = NOWHERE, no_ends: np.ndarray = NOWHERE
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
            # The other one ends somewhere else.
            near = self._steps.beside(_filled(self._steps.place(states)), SAME)
            total[near] = total[near + self._count] = -np.inf
        return max(found, key=lambda path: path.evidence)

    def _search(self, starts: Starts, taken: np.ndarray = NOWHERE) -> Tree:
        """Return the cheapest paths, clear of the points taken; none comes back on its way."""
        edges = self._steps.edges
        if len(taken):
            free = np.ones(self._count, bool)
            free[taken] = False
            edges = edges.where(free[edges.first % self._count] & free[edges.second % self._count])
        tree = cheapest(edges, starts, 2 * self._count)
        other_way = self._steps.reverse(np.arange(2 * self._count))
        comes_back = summed(is_after(other_way, tree.before).astype(float), tree.before) > 0
        return tree._replace(total=np.where(comes_back, -np.inf, tree.total))

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
        distance = self._steps.distance(_filled(self._steps.place(path.states)), DETOUR)
        loose = distance > SAME
        loose[taken] = False
        around = np.flatnonzero(loose & (distance <= DETOUR))
        if self._steps.odds[around].sum() < GAIN:
            return None
        around = np.concatenate([around, around + self._count])
        leave = self._steps.between(path.states, around, 0.5, DETOUR)
        back = self._steps.between(around, path.states, 0.5, DETOUR)
        if not (len(leave.first) and len(back.first)):
            return None
        edges = self._steps.edges.where(
            loose[self._steps.edges.first % self._count]
            & loose[self._steps.edges.second % self._count]
        )
        tree = cheapest(edges.and_others(leave), start_at(path.states), 2 * self._count)
        leaves, returns = tree.source[back.first], self._index_in(path.states, back.second)
        so_far = self._steps.so_far(path.states)
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


def _filled(places: np.ndarray) -> np.ndarray:
    """Return places [N, 2] and more between them, at most SAME apart."""
    step = np.diff(places, axis=0)
    count = np.ceil(np.hypot(*step.T) / SAME).astype(np.intp)
    piece = np.repeat(np.arange(len(step)), count)
    share = (np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)) / count[piece]
    return np.concatenate([places[piece] + share[:, None] * step[piece], places[-1:]])
