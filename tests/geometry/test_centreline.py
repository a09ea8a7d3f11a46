import numpy as np
import pytest
from scipy import ndimage
from skimage.draw import line
from skimage.graph import route_through_array

from fluorojax.geometry import centreline, surface
from fluorojax.geometry.skeleton import skeleton

ONE = (1.0, 1.0)


def drawn(shape: tuple[int, int], *points: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for start, stop in zip(points, points[1:], strict=False):
        mask[line(*start, *stop)] = True
    return mask


def thick(mask: np.ndarray) -> np.ndarray:
    return ndimage.binary_dilation(mask, np.ones((3, 3)))


def cldice_of(prediction: np.ndarray, reference: np.ndarray) -> float:
    skeletons = skeleton(prediction), skeleton(reference)
    return centreline.cldice(prediction, reference, *skeletons)


def test_cldice_by_hand():
    reference = np.zeros((5, 20), bool)
    reference[2] = True
    prediction = reference.copy()
    prediction[2, :5] = False  # precision 1, sensitivity 15/20
    assert cldice_of(prediction, reference) == pytest.approx(2 * 0.75 / 1.75)
    assert cldice_of(reference, reference) == 1.0
    assert cldice_of(np.roll(reference, 1, axis=0), reference) == 0.0


def test_cldice_forgives_width_and_sees_a_missing_branch():
    one = drawn((60, 60), (5, 5), (50, 50))
    tree = one | drawn((60, 60), (30, 30), (5, 55))
    assert cldice_of(thick(thick(one)), thick(one)) > 0.95
    assert cldice_of(thick(one), thick(tree)) < 0.85


def test_centreline_shares_are_directed():
    reference, prediction = np.zeros((2, 9, 30), bool)
    reference[4] = True
    prediction[5, :15] = True
    between = surface.distances(prediction, reference, ONE)
    assert centreline.centreline_precision(between, 1.0) == 1.0
    assert centreline.centreline_recall(between, 1.0) == 0.5
    assert centreline.centreline_precision(between, 0.9) == 0.0


def test_length_of_lines_by_hand():
    horizontal = drawn((9, 30), (4, 3), (4, 13))
    assert centreline.length(horizontal, (0.2, 0.5)) == pytest.approx(5.0)
    vertical = drawn((30, 9), (3, 4), (13, 4))
    assert centreline.length(vertical, (0.2, 0.5)) == pytest.approx(2.0)
    oblique = drawn((20, 20), (2, 2), (12, 12))
    assert centreline.length(oblique, (3.0, 4.0)) == pytest.approx(50.0)
    assert centreline.length(oblique[:, ::-1], (3.0, 4.0)) == pytest.approx(50.0)


def test_a_corner_is_not_walked_twice():
    corner = np.array([[1, 1, 1], [0, 0, 1], [0, 0, 1]], bool)
    assert centreline.length(corner, ONE) == 4.0


def test_a_loop_keeps_its_whole_length():
    ring = surface.contour(np.ones((6, 8), bool))
    assert centreline.length(ring, ONE) == 24.0


def test_length_of_nothing_and_of_a_dot_is_nothing():
    dot = np.zeros((5, 5), bool)
    assert centreline.length(dot, ONE) == 0.0
    dot[2, 2] = True
    assert centreline.length(dot, ONE) == 0.0
    line_of_five = drawn((5, 5), (2, 0), (2, 4))
    assert centreline.length_error(dot, line_of_five, ONE) == 4.0
    assert centreline.length_error(line_of_five, dot, ONE) == 4.0


def test_components_are_eight_connected():
    assert centreline.component_count(np.eye(4, dtype=bool)) == 1
    assert centreline.component_count(np.array([[1, 0, 1]], bool)) == 2
    broken = np.array([[1, 0, 1, 0, 1]], bool)
    whole = np.ones((1, 5), bool)
    assert centreline.betti0_error(broken, whole) == centreline.betti0_error(whole, broken) == 2
    assert centreline.betti0_error(np.zeros((1, 5), bool), broken) == 3


def test_ends_of_the_longest_path_of_a_tree_with_a_dot_aside():
    tree = drawn((40, 60), (20, 5), (20, 50)) | drawn((40, 60), (20, 25), (10, 25))
    tree[0, 59] = True
    ends = centreline.longest_path_ends(tree, ONE)
    assert {tuple(e) for e in ends} == {(20, 5), (20, 50)}


def test_ends_follow_the_curve_and_not_the_chord():
    hook = drawn((60, 60), (10, 10), (10, 50), (40, 50), (40, 12), (14, 12))
    ends = centreline.longest_path_ends(hook, ONE)
    assert {tuple(e) for e in ends} == {(10, 10), (14, 12)}


def test_longest_path_agrees_with_all_pairs_on_a_random_tree():
    rng = np.random.default_rng(4)
    points = [tuple(int(v) for v in p) for p in rng.integers(2, 38, (5, 2))]
    tree = skeleton(thick(drawn((40, 40), *points)))
    pixels = [
        p for p in np.argwhere(tree) if tree[tuple(slice(v - 1, v + 2) for v in p)].sum() == 2
    ]
    cost = np.where(tree, 1.0, 1e6)

    def along(a, b):
        # Steps of a geometric route cost their length; the first pixel costs nothing extra.
        return route_through_array(cost, a, b, geometric=True)[1]

    longest = max(along(a, b) for a in pixels for b in pixels)
    assert along(*centreline.longest_path_ends(tree, ONE)) == pytest.approx(longest)


def test_ends_of_a_dot_and_of_nothing():
    dot = np.zeros((5, 5), bool)
    with pytest.raises(ValueError, match="no ends"):
        centreline.longest_path_ends(dot, ONE)
    dot[2, 3] = True
    np.testing.assert_array_equal(centreline.longest_path_ends(dot, ONE), [[2, 3], [2, 3]])


def test_the_tip_is_the_end_away_from_the_parent():
    wire = drawn((40, 60), (20, 10), (20, 50))
    left, right = np.zeros((2, 40, 60), bool)
    left[15:25, :12], right[15:25, 48:] = True, True
    np.testing.assert_array_equal(centreline.tips(wire, left, ONE), [[20, 50]])
    np.testing.assert_array_equal(centreline.tips(wire, right, ONE), [[20, 10]])
    assert len(centreline.tips(wire, left | right, ONE)) == 2


def test_the_spacing_decides_which_end_is_farther():
    bent = drawn((40, 40), (5, 20), (20, 20), (20, 39))
    parent = np.zeros((40, 40), bool)
    parent[20, 21] = True
    np.testing.assert_array_equal(centreline.tips(bent, parent, (1.0, 1.0)), [[20, 39]])
    np.testing.assert_array_equal(centreline.tips(bent, parent, (5.0, 1.0)), [[5, 20]])


def test_tip_error_by_hand():
    parent = np.zeros((40, 60), bool)
    parent[15:25, :12] = True
    reference = drawn((40, 60), (20, 10), (20, 50))
    short = drawn((40, 60), (20, 10), (20, 40))
    assert centreline.tip_error(short, reference, parent, (9.0, 0.5)) == 5.0
    assert centreline.tip_error(reference, reference, parent, ONE) == 0.0
    both_ends_on_it = drawn((40, 60), (18, 2), (18, 8))
    away = np.hypot(2, 48), np.hypot(2, 42)
    error = centreline.tip_error(both_ends_on_it, reference, parent, ONE)
    assert error == pytest.approx(max(away))
    assert centreline.tip_error(reference, both_ends_on_it, parent, ONE) is None


def test_a_dot_has_a_tip():
    parent, dot = np.zeros((2, 9, 9), bool)
    parent[0], dot[5, 5] = True, True
    assert centreline.tip_error(dot, dot, parent, ONE) == 0.0


def test_detection_from_its_threshold_on():
    assert centreline.detection(0.5, 0.5) == 1.0
    assert centreline.detection(0.49, 0.5) == 0.0
