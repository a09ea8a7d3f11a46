import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage import measure

from fluorojax.simulation import geometry


def grid_of(size=64, pixel=0.7):
    return geometry.pixel_centres(size, size, jnp.float32(pixel))


def test_pixel_centres_are_symmetric_about_the_middle():
    grid = np.asarray(geometry.pixel_centres(3, 4, jnp.float32(2.0)))
    np.testing.assert_allclose(grid[:, 0, 0], [-2, 0, 2])
    np.testing.assert_allclose(grid[0, :, 1], [-3, -1, 1, 3])


def test_direction_is_up_then_clockwise():
    quarter = jnp.array([0.0, jnp.pi / 2, jnp.pi])
    expected = [[-1, 0], [0, 1], [1, 0]]  # up, right, down
    np.testing.assert_allclose(geometry.direction(quarter), expected, atol=1e-6)


def test_curve_walks_its_headings():
    points = geometry.curve(jnp.array([5.0, 0.0]), jnp.array([0.0, jnp.pi / 2]), jnp.float32(2.0))
    np.testing.assert_allclose(points, [[5, 0], [3, 0], [3, 2]], atol=1e-6)


def test_smoothstep_by_hand():
    out = geometry.smoothstep(jnp.array([-1.0, 0.0, 0.25, 0.5, 1.0, 2.0]))
    np.testing.assert_allclose(out, [0, 0, 0.15625, 0.5, 1, 1])


def test_distance_to_curve_by_hand():
    """An L: 4 mm down from the origin, then 4 mm to the right."""
    points = jnp.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0]])
    at = jnp.array([[[2.0, 1.0], [2.0, -3.0], [-3.0, 4.0], [5.0, 2.0], [7.0, 8.0]]])
    distance, along = geometry.distance_to_curve(at, points)
    np.testing.assert_allclose(np.abs(distance[0]), [1, 3, 5, 1, 5], atol=1e-6)
    np.testing.assert_allclose(along[0], [0.5, 0.5, 0, 1.5, 2], atol=1e-6)


def test_distance_is_positive_on_the_right_hand():
    up = jnp.array([[1.0, 0.0], [-1.0, 0.0]])
    distance, _ = geometry.distance_to_curve(jnp.array([[[0.0, 2.0], [0.0, -2.0]]]), up)
    np.testing.assert_allclose(distance[0], [2, -2], atol=1e-6)


def test_coverage_is_half_at_the_edge():
    distance = jnp.array([-1.0, -0.35, 0.0, 0.175, 0.35, 1.0])
    out = geometry.coverage(distance, jnp.float32(0.7))
    np.testing.assert_allclose(out, [1, 1, 0.5, 0.25, 0, 0], atol=1e-6)


def test_chord_by_hand():
    out = geometry.chord(jnp.array([0.0, 3.0, -4.0, 5.0, 9.0]), jnp.float32(5.0))
    np.testing.assert_allclose(out, [10, 8, 6, 0, 0])


@pytest.mark.parametrize("shift", [0.0, 0.13, 0.35, 0.6])
def test_thin_chord_keeps_the_mass_wherever_the_wire_falls(shift):
    """The sum over pixels times their width is the cross-section, pi r², exactly."""
    pixel, radius = 0.7, 0.445
    distance = jnp.arange(-10, 11) * pixel + shift
    depth = geometry.thin_chord(distance, jnp.float32(radius), jnp.float32(pixel))
    assert float(depth.sum()) * pixel == pytest.approx(np.pi * radius**2, rel=1e-4)
    assert float(depth.min()) >= 0.0


@pytest.mark.parametrize("degrees", range(0, 180, 7))
def test_a_label_of_two_and_a_half_pixels_stays_in_one_piece(degrees):
    heading = jnp.full(40, jnp.deg2rad(degrees)) + 0.4 * jnp.sin(jnp.arange(40) / 5)
    points = geometry.curve(jnp.array([0.3, -0.2]), heading, jnp.float32(0.9))
    distance, _ = geometry.distance_to_curve(grid_of(), points)
    label = np.abs(np.asarray(distance)) <= 1.25 * 0.7
    assert measure.label(label, connectivity=2).max() == 1


def test_smooth_noise_is_centred_and_of_variance_one():
    make = jax.jit(jax.vmap(lambda key: geometry.smooth_noise(key, 40, 40, 5)))
    fields = np.asarray(make(jax.random.split(jax.random.key(0), 200)))
    assert fields.mean() == pytest.approx(0.0, abs=0.03)
    assert fields.std() == pytest.approx(1.0, abs=0.05)
    assert np.abs(np.diff(fields, axis=1)).max() < 0.6  # a cell is 8 pixels


def test_smooth_noise_moves_with_the_frame():
    key = jax.random.key(1)
    here = np.asarray(geometry.smooth_noise(key, 40, 40, 4))
    there = np.asarray(geometry.smooth_noise(key, 40, 40, 4, jnp.array([3.0, -2.0])))
    np.testing.assert_allclose(there[:37, 2:], here[3:, :38], atol=1e-4)


def test_blur_is_a_gaussian_that_keeps_a_flat_image():
    np.testing.assert_allclose(geometry.blur(jnp.ones((20, 30)), jnp.float32(4.0)), 1.0, rtol=1e-5)
    dot = jnp.zeros((41, 41)).at[20, 20].set(1.0)
    out = np.asarray(geometry.blur(dot, jnp.float32(2.0)))
    rows = np.arange(41) - 20
    assert out.sum() == pytest.approx(1.0, rel=1e-4)
    assert (out.sum(1) * rows**2).sum() == pytest.approx(4.0, rel=1e-3)
    np.testing.assert_array_equal(geometry.blur(dot, jnp.float32(0.0)), dot)


def test_what_stands_still_is_not_smeared():
    image = jax.random.uniform(jax.random.key(0), (16, 5))
    np.testing.assert_allclose(geometry.smear(image, 0.0, 0.0, 0.3), image, atol=1e-6)


def test_lag_leaves_a_ghost_where_things_were_a_frame_ago():
    image = jnp.zeros((16, 1)).at[8].set(1.0)
    seen = np.asarray(geometry.smear(image, 3.0, 0.0, 0.25))[:, 0]
    assert seen[8] == pytest.approx(0.75)
    assert seen[5] == pytest.approx(0.25)
    assert seen.sum() == pytest.approx(1.0)


def test_a_long_exposure_draws_out_along_the_rows():
    image = jnp.zeros((32, 1)).at[16].set(1.0)
    seen = np.asarray(geometry.smear(image, 0.0, 6.0, 0.0))[:, 0]
    assert seen.sum() == pytest.approx(1.0, abs=1e-5)
    assert (seen > 0).sum() == 7  # a triangle as wide at half its height as six rows, less one
