"""Cheapest paths in a graph whose edges have a cost and bring evidence, as a tree."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph


class Edges(NamedTuple):
    """Steps between states, [M] each."""

    first: np.ndarray
    second: np.ndarray
    cost: np.ndarray
    evidence: np.ndarray

    def where(self, chosen: np.ndarray) -> "Edges":
        """Return some of the steps."""
        return Edges(*(x[chosen] for x in self))

    def and_others(self, *others: "Edges") -> "Edges":
        """Return these and others, in the order of `first` and `second`, the cheaper of twins."""
        every = Edges(*(np.concatenate(x) for x in zip(self, *others, strict=True)))
        key = every.first * (every.second.max(initial=0) + 1) + every.second
        order = np.lexsort((every.cost, key))
        new = np.append(True, np.diff(key[order]) != 0)[: len(order)]
        return every.where(order[new])


class Starts(NamedTuple):
    """States that a path may begin with, what it costs and brings, and the place before, [M, 2]."""

    states: np.ndarray
    cost: np.ndarray
    evidence: np.ndarray
    origin: np.ndarray


def start_at(states: np.ndarray) -> Starts:
    """Return starts at some states, which cost and bring nothing."""
    zero = np.zeros(len(states))
    return Starts(states, zero, zero, np.full((len(states), 2), np.nan))


class Tree(NamedTuple):
    """The cheapest paths from the starts to each of `size` states.

    Attributes:
        before: the state before each, `size` of a start; negative where none leads there.
        source: the start of the path; negative where there is none.
        total: evidence gathered from the start on; -inf where none leads there.
    """

    before: np.ndarray
    source: np.ndarray
    total: np.ndarray

    def states(self, end: int) -> np.ndarray:
        """Return the states from a start up to `end`."""
        found = [end]
        while (state := int(self.before[found[-1]])) < len(self.before):
            found.append(state)
        return np.array(found[::-1])


def cheapest(edges: Edges, starts: Starts, size: int) -> Tree:
    """Return Dijkstra's tree of the cheapest paths from the starts.

    Args:
        edges: in the order of `first` and `second`, none twice.
        starts: some of them perhaps of one state, of which the cheapest counts.
        size: number of states.
    """
    order = np.lexsort((starts.cost, starts.states))
    states, first = np.unique(starts.states[order], return_index=True)
    chosen = order[first]
    rows = np.searchsorted(edges.first, np.arange(size + 1))
    graph = sparse.csr_array(
        (
            # A cost of 0 would be no step.
            np.concatenate([edges.cost, starts.cost[chosen] + 1e-9]),
            np.concatenate([edges.second, states]),
            np.concatenate([rows, [len(edges.first) + len(states)]]),
        ),
        shape=(size + 1, size + 1),
    )
    _, before = csgraph.dijkstra(graph, indices=size, return_predecessors=True)
    before = before[:size].astype(np.intp)
    gained, source = np.zeros(size), np.full(size, -1)
    source[states] = chosen
    at_once = before == size
    gained[at_once] = starts.evidence[source[at_once]]
    later = np.flatnonzero((before >= 0) & ~at_once)
    key = edges.first * size + edges.second
    gained[later] = edges.evidence[np.searchsorted(key, before[later] * size + later)]
    total = np.where(before >= 0, summed(gained, before), -np.inf)
    return Tree(before, source[_roots(before)], total)


def is_after(others: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return whether the path to each state [N] leads through another, `others: [N]`.

    Steps back are doubled, and as many of them taken as lie between the two.
    """
    end = len(before)
    up = np.append(np.where(before < 0, end, before), end)
    depth = summed(np.ones(end), before).astype(np.intp)
    steps = depth - depth[others]
    here = np.arange(end)
    for bit in range(int(depth.max(initial=0)).bit_length()):
        here = np.where((steps > 0) & (steps >> bit & 1 == 1), up[here], here)
        up = up[up]
    return (steps > 0) & (here == others)


def summed(value: np.ndarray, before: np.ndarray) -> np.ndarray:
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
