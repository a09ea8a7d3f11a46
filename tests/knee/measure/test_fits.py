import dataclasses

import numpy as np
import pytest

from fluorojax.knee.measure import fits
from fluorojax.knee.measure.plane import Contour, Plane, angle_between, opened, outline, solid
from tests.knee.measure.scenes import Pose, box, coverage, directed, disc

PLANE = Plane((256, 256), (1.0, 1.0), 0.3, "px")


def test_line_is_found_among_outliers():
    rng = np.random.default_rng(0)
    direction = np.array([0.6, 0.8])
    points = np.outer(np.linspace(0, 80, 80), direction) + rng.normal(0, 0.05, (80, 2))
    points[::9] += (4.0, 0.0)
    line = fits.huber_line(points, np.array([0.5, 0.87]), 1.0)
    assert angle_between(line.direction, direction) < 0.4


def test_slope_error_is_that_of_many_draws():
    rng = np.random.default_rng(1)
    x = np.linspace(0, 60, 120)
    draws = rng.normal(0, 0.3, (200, 120))
    spread = np.degrees(np.std([np.polyfit(x, y, 1)[0] for y in draws]))
    said = np.mean([fits.slope_error_deg(x, y) for y in draws[:20]])
    assert said == pytest.approx(spread, rel=0.25)


def test_face_is_the_longest_straight_side_that_looks_there():
    pose = Pose(17, field_mm=(200, 200))
    along, up = directed(0.0), directed(90.0)
    shape = [box((0, 0), along, up, (-40, 40), (-5, 0)), box((0, 0), along, up, (-4, 4), (0, 12))]
    plane = Plane((256, 256), pose.spacing, 0.3, "mm")
    contour = outline(solid((coverage(shape, pose) >= 0.5).astype(float)), plane)
    # On the film, up is (-1, 0) in (row, column), turned by the pose.
    facing = np.array([-np.cos(np.radians(17)), -np.sin(np.radians(17))])
    line = fits.face(contour, facing, plane)
    assert line is not None
    assert abs(angle_between(line.direction, facing) - 90) < 0.3
    assert line.length() == pytest.approx(80, abs=4)


def test_no_face_without_points():
    assert fits.face(Contour(np.zeros((0, 2)), np.zeros((0, 2))), np.array([1.0, 0]), PLANE) is None


def test_farthest_point_of_a_digitised_disc_is_not_biased():
    errors = []
    for offset in np.linspace(0, 1, 11):
        pose = Pose(offset_mm=(0.37, offset), spacing=(1, 1), field_mm=(100, 100))
        mask = (coverage([disc((0, 0), 20.0)], pose) >= 0.5).astype(float)
        plane = Plane((100, 100), (1.0, 1.0), 0.3, "px")
        points = outline(mask, plane).points
        vertex = fits.farthest(points, np.array([0, 1.0]), np.array([1.0, 0]), 7.0, plane)
        errors.append(vertex.point[0] - (49.5 - offset + 20.0))
    assert abs(np.mean(errors)) < 0.15
    assert np.max(np.abs(errors)) < 0.4


def test_circle_is_found_beside_a_straight_edge():
    t = np.linspace(0, np.pi * 1.4, 90)
    points = np.stack([30 + 12 * np.cos(t), 50 + 12 * np.sin(t)], 1)
    line = np.stack([np.linspace(0, 60, 60), np.full(60, 80.0)], 1)
    found = fits.circle(np.concatenate([points, line]), (8.0, 20.0), 1.0)
    assert found is not None
    np.testing.assert_allclose(found.centre, (30, 50), atol=0.05)
    assert found.radius == pytest.approx(12, abs=0.05)
    assert 240 <= found.arc_deg <= 270
    assert fits.circle(line, (8.0, 20.0), 0.1) is None


def line(angle_deg: float, error_deg: float) -> fits.LineFit:
    direction = np.array([np.sin(np.radians(angle_deg)), np.cos(np.radians(angle_deg))])
    return fits.LineFit(np.zeros(2), direction, np.outer([-1.0, 1.0], direction), error_deg)


def test_parallel_faces_share_a_direction_by_their_certainty():
    both = fits.with_parallel(line(10.0, 1.0), line(191.0, 0.5))
    assert angle_between(both.direction, line(10.8, 1.0).direction) < 0.01
    assert both.error_deg == pytest.approx(1 / np.sqrt(1 + 4))


def test_faces_that_are_not_parallel_say_nothing_about_each_other():
    first = line(10.0, 0.2)
    assert fits.with_parallel(first, line(12.0, 0.3)) is first


def test_an_edge_without_steps_may_hide_a_tilt():
    ends = [np.array([[0.0, 0.0], [rise, 60.0]]) for rise in (0.5, 5.5)]
    said = [
        fits.with_edge_error(fits.LineFit(e.mean(0), (e[1] - e[0]) / 60, e, 0.0), PLANE).error_deg
        for e in ends
    ]
    assert said[0] == pytest.approx(np.degrees(1.5 * 0.3 / 60), rel=0.02)
    assert said[1] < said[0] / 4


def test_two_corners_are_no_face():
    v = np.array([(0, 0), (10, -20), (50, -20), (60, 0), (30, 40)], float)
    plane = Plane((100, 100), (1.0, 1.0), 0.3, "px")
    mask = coverage([v], Pose(spacing=(1, 1), field_mm=(100, 100))) >= 0.5
    contour = outline(mask.astype(float), plane)
    up = np.array([-1.0, 0.0])
    found = fits.face(contour, up, plane, tilt_deg=10.0)
    assert found is None or found.length() < 12


def test_two_parts_of_a_face_a_wandering_edge_apart_are_one():
    """A plateau in front of and behind its eminence, the hinder part four pixels lower."""
    along, up = np.array([0.0, 1.0]), np.array([-1.0, 0.0])
    front = np.outer(np.arange(40.0), along)
    behind = np.outer(np.arange(70.0, 120.0), along) - 4.0 * up
    points = np.concatenate([front, behind])
    contour = Contour(points, np.broadcast_to(up, points.shape))
    drawn = fits.face(contour, up, PLANE)
    wandering = dataclasses.replace(PLANE, edge_error_px=0.6)
    found = fits.face(contour, up, wandering)
    assert drawn is not None
    assert found is not None
    assert drawn.length() < 55  # the longer part alone
    assert found.length() > 110
    through_both_middles = 2.9  # degrees
    tilt = angle_between(found.direction, along)
    assert tilt == pytest.approx(through_both_middles, abs=0.5)


def test_a_string_is_no_part_of_what_a_disc_opens():
    field = np.zeros((60, 60))
    field[:, 20:40] = 1.0
    field[:, 19] = 0.4  # a soft edge
    string = field.copy()
    string[10:30, 44:47] = string[10:13, 40:44] = 1.0  # leaks out, and along the edge
    found = opened(string, 3)
    np.testing.assert_array_equal(found[:, 41:], 0.0)  # a disc's rim reaches a pixel into it
    np.testing.assert_array_equal(found[:, :40], field[:, :40])
    np.testing.assert_array_equal(opened(field, 3), field)  # up to the border


def test_the_normal_points_to_the_side_that_is_asked_for():
    flat = fits.LineFit(np.zeros(2), np.array([0.0, 1.0]), np.zeros((2, 2)), 0.0)
    for side in ([1.0, 0.4], [-1.0, 0.4]):
        np.testing.assert_array_equal(flat.normal(np.array(side)), [np.sign(side[0]), 0.0])
