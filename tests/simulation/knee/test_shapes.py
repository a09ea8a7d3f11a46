import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.simulation import geometry, materials, shapes
from fluorojax.simulation.knee import film as knee_film
from fluorojax.simulation.knee import parts as knee_parts

X, Y = np.meshgrid(np.arange(-30.0, 30.0, 0.5), np.arange(-30.0, 30.0, 0.5))


def test_a_cone_is_the_hull_of_its_discs():
    """Its distance is the least over discs of which it is made, as many as it takes."""
    start, end = np.array([-8.0, -3.0]), np.array([9.0, 7.0])
    shares = np.linspace(0.0, 1.0, 401)[:, None, None]
    discs = np.hypot(
        X - start[0] - shares * (end[0] - start[0]), Y - start[1] - shares * (end[1] - start[1])
    )
    least = (discs - 9.0 - shares * (3.0 - 9.0)).min(0)
    cone = shapes.cone(X, Y, tuple(start), tuple(end), 9.0, 3.0)
    np.testing.assert_allclose(cone, least, atol=5e-3)


@pytest.mark.parametrize(
    ("shape", "inside", "outside"),
    [
        (shapes.box(X, Y, -10.0, 6.0, -5.0, 8.0, 2.0), (-9.5, 0.0), (7.0, 0.0)),
        (shapes.disc(X, Y, 3.0, -4.0, 8.0), (10.0, -4.0), (12.0, -4.0)),
        (shapes.half_plane(X, Y, (0.0, 5.0), 90.0), (0.0, 4.0), (0.0, 6.0)),
    ],
    ids=["box", "disc", "half plane"],
)
def test_a_distance_grows_by_one_a_millimetre_outside(shape, inside, outside):
    shape = np.asarray(shape)
    at = lambda place: shape[(place[1] == Y) & (place[0] == X)].item()  # noqa: E731
    assert at(inside) < 0.0 < at(outside)
    slope = np.hypot(*np.gradient(shape, 0.5))[2:-2, 2:-2]
    outer = shape[2:-2, 2:-2] > 1.0
    np.testing.assert_allclose(slope[outer], 1.0, atol=0.06)


def test_frames_undo_themselves():
    frame = shapes.Frame(jnp.float32(3.0), jnp.float32(-7.0), jnp.float32(0.4))
    x, y = frame.outside(*frame.inside(X, Y))
    np.testing.assert_allclose(x, X, atol=1e-4)
    np.testing.assert_allclose(y, Y, atol=1e-4)
    # Its y axis is turned from y towards -x.
    np.testing.assert_allclose(
        frame.outside(0.0, 1.0), (3.0 - np.sin(0.4), -7.0 + np.cos(0.4)), atol=1e-5
    )


def test_blending_fills_and_rounding_takes_off_a_corner():
    assert float(shapes.blended(1.0, 1.0, 4.0)) == 0.0
    assert float(shapes.blended(1.0, 5.0, 4.0)) == 1.0
    assert float(shapes.rounded(-1.0, -1.0, 4.0)) == 0.0


def test_a_shell_is_a_cylinder_less_its_content():
    """Hand-made: at the middle of radius 10 with a wall of 2: 2 x 2 mm of wall, 16 mm inside."""
    wall, content = knee_parts.shell(jnp.array([-10.0, -2.0, 1.0]), 10.0, 2.0)
    np.testing.assert_allclose(wall, [20.0 - 2 * np.sqrt(96), 12.0, 0.0], atol=1e-4)
    np.testing.assert_allclose(content, [2 * np.sqrt(96), 0.0, 0.0], atol=1e-4)


def test_a_thin_line_is_labelled_one_pixel_wide_and_none_not_at_all():
    across = jnp.abs(jnp.linspace(-2.0, 2.0, 401)) - 0.1  # 0.2 wide
    label = np.asarray(knee_parts.lucent(across, jnp.float32(0.2), jnp.float32(1.0))) <= 0
    assert label.sum() * 0.01 == pytest.approx(1.0, abs=0.02)
    assert not (
        np.asarray(knee_parts.lucent(across, jnp.float32(0.0), jnp.float32(1.0))) <= 0
    ).any()


def test_a_keystone_is_undone_by_its_inverse():
    leg = shapes.Frame(jnp.float32(4.0), jnp.float32(9.0), jnp.float32(0.1))
    place = knee_film.Placing(jnp.array([4e-4, -6e-4]), jnp.float32(-1.0), leg, jnp.float32(1.1))
    x, y = place.to_knee(jnp.float32(80.0), jnp.float32(-60.0))
    np.testing.assert_allclose(place.to_frame(jnp.stack([x, y])), [80.0, -60.0], atol=1e-3)


def test_the_letters_differ_where_they_should():
    for place, is_r, is_l in (
        ((2.6, -2.2), True, False),
        ((2.0, 4.2), True, True),
        ((-2.2, 0.0), True, True),
        ((0.0, 4.5), False, True),
    ):
        x, y = map(jnp.float32, place)
        assert (float(knee_film.letter(x, y, True)) < 0) == is_r
        assert (float(knee_film.letter(x, y, False)) < 0) == is_l


def test_implants_take_more_than_bone_and_plastic_less_than_flesh():
    energy = jnp.float32(48.0)
    order = (
        *(materials.polyethylene, materials.soft_tissue, materials.trabecular_bone),
        *(materials.cortical_bone, materials.titanium_alloy, materials.cobalt_chrome),
    )
    values = [float(material(energy)) for material in order]
    assert values == sorted(values)
    assert float(materials.bone_cement(energy)) > values[3] - values[1]


def test_a_grain_can_be_longer_along_the_rows():
    noise = geometry.smooth_noise(jax.random.key(0), 128, 128, (16, 64))
    along, across = (
        np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]
        for a, b in ((noise[4:], noise[:-4]), (noise[:, 4:], noise[:, :-4]))
    )
    assert along > across + 0.3
