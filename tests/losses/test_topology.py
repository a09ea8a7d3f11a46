import numpy as np

from fluorojax.losses.topology import skeleton_recall


def test_half_of_the_centreline_missed_is_a_half():
    skeleton = np.zeros((1, 4, 8), np.float32)
    skeleton[0, 2] = 1
    p = np.zeros_like(skeleton)
    p[0, 2, :4] = 1
    np.testing.assert_allclose(skeleton_recall(p, skeleton, np.ones_like(p)), [0.5])


def test_a_false_piece_elsewhere_costs_nothing():
    skeleton = np.zeros((1, 4, 8), np.float32)
    skeleton[0, 2] = 1
    p = skeleton.copy()
    p[0, 0] = 1
    np.testing.assert_array_equal(skeleton_recall(p, skeleton, np.ones_like(p)), [0.0])


def test_without_a_centreline_it_is_zero():
    p = np.full((1, 4, 8), 0.7, np.float32)
    np.testing.assert_array_equal(skeleton_recall(p, 0 * p, np.ones_like(p)), [0.0])


def test_the_ignored_part_of_the_centreline_does_not_count():
    skeleton = np.ones((1, 1, 8), np.float32)
    p = np.zeros_like(skeleton)
    p[0, 0, :4] = 1
    weight = p.copy()
    np.testing.assert_array_equal(skeleton_recall(p, skeleton, weight), [0.0])
