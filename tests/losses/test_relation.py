import jax
import numpy as np
import pytest

from fluorojax.losses.relation import attachment, disconnection, reference_reach

SIZE = 64
ONES = np.ones((1, SIZE, SIZE), np.float32)


def scene(gap=(0, 0), filled=0.0):
    """Return a parent on the left, and a wire out of it with a gap (columns) of `filled`."""
    parent, child = np.zeros_like(ONES), np.zeros_like(ONES)
    parent[0, 24:40, :16] = 1.0
    child[0, 31:33, 16:] = 1.0
    child[0, :, slice(*gap)] *= filled
    return parent, child


def test_a_connected_wire_costs_nothing():
    np.testing.assert_allclose(attachment(*scene(), ONES), [0.0], atol=1e-6)


def test_the_part_behind_a_gap_is_the_share_that_is_lost():
    # Columns 16 to 63 are 12 blocks of 4; the gap takes 2, and 6 of the 10 left lie behind it.
    np.testing.assert_allclose(attachment(*scene(gap=(32, 40)), ONES), [0.6], atol=1e-6)


@pytest.mark.parametrize(("block", "seen"), [(1, True), (2, True), (4, False)])
def test_smaller_blocks_see_smaller_gaps(block, seen):
    loose = attachment(*scene(gap=(30, 35)), ONES, block=block)
    assert (loose[0] > 0.3) == seen


def test_a_wire_without_a_parent_is_lost_entirely():
    parent, child = scene()
    np.testing.assert_allclose(attachment(0 * parent, child, ONES), [1.0], atol=1e-6)


def test_no_wire_costs_nothing_and_has_a_finite_gradient():
    parent, child = scene()
    value, gradient = jax.value_and_grad(lambda w: attachment(parent, w, ONES)[0])(0 * child)
    assert value == 0.0
    assert np.isfinite(gradient).all()


def test_the_gradient_fills_the_gap():
    parent, child = scene(gap=(36, 40), filled=0.1)
    gradient = np.asarray(jax.grad(lambda w: attachment(parent, w, ONES)[0])(child))[0]
    gap = gradient[:, 36:40]
    assert gap.min() < 0  # more wire in the gap, less loss
    assert gap.min() == gradient.min()


@pytest.mark.parametrize("gap", [(0, 0), (32, 40)])
def test_an_ignored_wire_is_no_mass(gap):
    parent, child = scene(gap)
    np.testing.assert_array_equal(attachment(parent, child, 0 * ONES), [0.0])


def test_what_is_ignored_may_carry_the_path():
    parent, child = scene()
    weight = ONES.copy()
    weight[0, :, 32:40] = 0
    np.testing.assert_allclose(attachment(parent, child, weight), [0.0], atol=1e-6)


def test_the_reach_is_the_number_of_iterations():
    parent, child = scene()
    assert attachment(parent, child, ONES, iterations=4)[0] > 0.4


def test_disconnection_is_the_share_of_the_reference_that_no_path_reaches():
    _, reference = scene()
    # As for the attachment: 12 blocks of the reference, 2 in the gap and 6 behind it.
    loss = disconnection(*scene(gap=(32, 40)), reference, ONES)
    np.testing.assert_allclose(loss, [8 / 12], atol=1e-6)
    np.testing.assert_allclose(disconnection(*scene(), reference, ONES), [0.0], atol=1e-6)
    np.testing.assert_allclose(disconnection(*scene(), 0 * reference, ONES), [0.0], atol=1e-6)


def test_disconnection_fills_the_gap_and_tells_no_false_piece_to_go():
    parent, child = scene(gap=(36, 40), filled=0.1)
    child[0, 4:6, 40:60] = 0.6
    slope = jax.grad(lambda w: disconnection(parent, w, scene()[1], ONES)[0])
    gradient = np.asarray(slope(child))[0]
    assert gradient[:, 36:40].min() == gradient.min() < 0
    np.testing.assert_array_equal(gradient[4:6, 40:60], 0.0)


def test_what_lies_beyond_the_reach_costs_something_although_it_is_right():
    parent, child = np.zeros((1, 16, 288), np.float32), np.zeros((1, 16, 288), np.float32)
    parent[..., :26], child[0, 6:8, 26:] = 1.0, 1.0
    weight = np.ones_like(parent)
    np.testing.assert_allclose(attachment(parent, child, weight, block=4), [0.0], atol=1e-6)
    # 262 px are 131 blocks of 2, of which the dilated parent and 96 dilations reach 97 or 98.
    np.testing.assert_allclose(attachment(parent, child, weight, block=2), [0.25], atol=0.02)


def test_the_reach_is_one_block_beyond_the_parent_and_one_more_an_iteration():
    # Of the 12 blocks in front of the parent its own dilation reaches 1, and 4 iterations 4 more.
    loose = attachment(*scene(), ONES, iterations=4)
    np.testing.assert_allclose(loose, [7 / 12], atol=1e-6)


def test_the_default_reach_is_96_blocks():
    child = np.ones((1, 2, 120), np.float32)
    parent = np.zeros_like(child)
    parent[..., :10] = 1
    child[..., :10] = 0
    loose = attachment(parent, child, np.ones_like(child), block=1)
    np.testing.assert_allclose(loose, [(110 - 97) / 110], atol=1e-6)


def test_the_reach_of_a_reference_is_the_attachment_of_the_exact_mask():
    parent, child = scene(gap=(32, 40))
    two = [np.concatenate(pair) for pair in zip((parent, child), scene(), strict=True)]
    share, inside = reference_reach(*two, np.concatenate([ONES, ONES]))
    np.testing.assert_allclose(share, [6 / 10, 0.0], atol=1e-6)  # 4 blocks before the gap, 6 behind
    np.testing.assert_allclose(share, attachment(*two, np.concatenate([ONES, ONES])), atol=1e-6)
    behind = np.zeros((SIZE, SIZE), bool)
    behind[28:36, 40:] = True  # the blocks of 4 that the wire's rows 31 and 32 touch
    np.testing.assert_array_equal(np.asarray(inside)[0] == 0, behind)
    assert (np.asarray(inside)[1] == 1).all()


def test_what_does_not_count_is_no_part_of_a_references_reach():
    parent, child = scene(gap=(32, 40))
    weight = ONES.copy()
    weight[0, :, 52:] = 0  # half of what lies behind the gap
    np.testing.assert_allclose(reference_reach(parent, child, weight)[0], [3 / 7], atol=1e-6)
