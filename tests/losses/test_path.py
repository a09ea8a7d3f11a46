"""The loss on paths is the one that all paths, drawn one by one, give."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.losses.path import FLOOR, NEIGHBOURS, farthest, path

STEPS = 4


def by_hand(start, child, inside, end, steps):
    """Sum the weights of all walks of up to `steps` steps from a start to `end`, one by one."""
    rows, columns = child.shape
    moves = list(itertools.product((-1, 0, 1), repeat=2))
    total = 0.0
    for origin in zip(*np.nonzero(start), strict=True):
        for count in range(1, steps + 1):
            for way in itertools.product(moves, repeat=count):
                weight, (row, column) = 1.0, origin
                for down, right in way:
                    row, column = row + down, column + right
                    if not (0 <= row < rows and 0 <= column < columns and inside[row, column]):
                        weight = 0.0
                        break
                    weight *= max(child[row, column], FLOOR) / NEIGHBOURS
                total += weight * ((row, column) == end)
    return total


def test_it_is_what_all_paths_give_one_by_one():
    rng = np.random.default_rng(3)
    child = rng.uniform(0.05, 1.0, (3, 4)).astype(np.float32)
    parent = np.zeros((3, 4), np.float32)
    reference = np.zeros((3, 4), np.float32)
    # The start is the parent and what is beside it: with rows 0 to 1 of column 0, the left half.
    parent[0, 0] = 1.0
    reference[0, 1:] = reference[1, 3] = 1.0
    found = path(
        *(jnp.array(x)[None] for x in (parent, child, reference, np.ones((3, 4)))), 1, STEPS
    )
    start = np.zeros((3, 4), bool)
    start[:2, :2] = True
    end = (0, 3)  # the first in reading order of the two blocks two steps away
    everywhere, inside = np.ones((3, 4), bool), reference > 0
    total, within = (by_hand(start, child, where, end, STEPS) for where in (everywhere, inside))
    np.testing.assert_allclose(found, [(np.log(total) - np.log(within)) / 2], rtol=1e-5)


def scene(side=64):
    """Return a parent at the left and a wire out of it, in blocks of 4."""
    parent, wire = np.zeros((side, side), np.float32), np.zeros((side, side), np.float32)
    parent[24:40, :12] = 1.0
    wire[30:33, 12:52] = 1.0
    return parent, wire


def loss(parent, child, reference, weight=None):
    weight = np.ones_like(parent) if weight is None else weight
    return float(path(*(jnp.array(x)[None] for x in (parent, child, reference, weight)))[0])


def test_a_sure_wire_costs_little_and_each_fault_more():
    parent, wire = scene()
    sure = loss(parent, 0.001 + 0.998 * wire, wire)
    assert 0 <= sure < 0.05
    broken = 0.001 + 0.998 * wire
    broken[:, 24:36] = 0.001
    assert loss(parent, broken, wire) > sure
    beside = 0.001 + 0.998 * wire
    beside[30:46, 30:33] = beside[43:46, 30:52] = beside[30:46, 49:52] = 0.999  # another way round
    assert loss(parent, beside, wire) > sure
    unsure = 0.001 + 0.998 * wire
    unsure[20:44, 12:52] = 0.999  # everything about it
    assert loss(parent, unsure, wire) > loss(parent, beside, wire)


def test_the_gradient_closes_the_gap_and_lowers_the_other_way():
    parent, wire = scene()
    child = 0.01 + 0.98 * wire
    child[30:33, 28:32] = 0.02  # a gap
    child[22:24, 12:44] = 0.6  # something else beside it
    slope = jax.grad(
        lambda c: path(*map(jnp.array, (parent[None], c, wire[None], np.ones((1, 64, 64)))))[0]
    )
    of_child = np.asarray(slope(jnp.array(child[None])))[0]
    assert np.isfinite(of_child).all()
    assert of_child[30:33, 28:32].sum() < 0  # more probable would be better
    assert of_child[20:24, 12:44].sum() >= 0


@pytest.mark.parametrize("fault", ["no wire", "no parent", "apart", "ignored"])
def test_where_no_path_leaves_the_parent_there_is_no_loss(fault):
    parent, wire = scene()
    weight = np.ones_like(parent)
    if fault == "no wire":
        wire[:] = 0
    elif fault == "no parent":
        parent[:] = 0
    elif fault == "apart":
        wire[:, :28] = 0
    else:
        weight[:] = 0
    assert loss(parent, np.full_like(parent, 0.5), wire, weight) == 0


def test_the_tip_is_the_end_of_the_way_not_the_farthest_point():
    """A wire that turns back ends beside its parent."""
    start, inside = np.zeros((1, 9, 9), bool), np.zeros((1, 9, 9), bool)
    start[0, 4, 0] = True
    inside[0, 4, :8] = inside[0, 4:8, 7] = inside[0, 7, 1:8] = True
    tip, steps = farthest(jnp.array(start), jnp.array(inside), 30)
    assert np.argwhere(np.asarray(tip)[0]).tolist() == [[7, 1]]
    assert float(steps[0]) == 14.0  # diagonals at the two corners
    tip, steps = farthest(jnp.array(start), jnp.array(inside), 5)
    assert float(steps[0]) == 5.0
