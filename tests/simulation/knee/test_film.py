"""What a film shows beside the knee: metal lying about, letters, a frame that it does not fill."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.simulation.geometry import pixel_centres
from fluorojax.simulation.knee import film
from fluorojax.simulation.knee.spec import KneeSpec

KEYS = jax.random.split(jax.random.key(0), 20)
GRID = pixel_centres(128, 128, jnp.float32(2.0))
X, Y = GRID[..., 1], GRID[..., 0]
SPEC = KneeSpec(height=128, width=128)


def test_metal_lies_about_as_often_as_the_rate_says_and_is_as_thick_as_it_is_wide():
    always = dataclasses.replace(SPEC, clutter_rate=1.0)
    depths = np.asarray(jax.vmap(lambda key: film.clutter(key, X, Y, always))(KEYS))
    assert all(depth.max() > 0.0 for depth in depths)
    # Six rods of at most 4.4 mm, all over each other.
    assert depths.max() <= 6 * 4.4
    assert not np.asarray(film.clutter(KEYS[0], X, Y, SPEC)).any()


def test_letters_stand_at_the_rim_and_leave_the_middle_free():
    written = dataclasses.replace(SPEC, text_rate=1.0)
    letters = np.asarray(jax.vmap(lambda key: film.text(key, X, Y, written))(KEYS))
    shares = letters.mean((1, 2))
    assert (shares > 0.0005).all()
    assert (shares < 0.1).all()
    assert not letters[:, 56:72].any()
    assert not np.asarray(film.text(KEYS[0], X, Y, SPEC)).any()


def test_a_film_that_is_not_square_repeats_its_edge_as_frames_on_a_grid_do():
    narrow = dataclasses.replace(SPEC, narrow_rate=1.0, narrow_share=(0.5, 0.5))
    image = np.random.default_rng(0).random((128, 128)).astype(np.float32)
    for key in KEYS[:6]:
        rows, columns, is_film = (np.asarray(a) for a in film.narrowed(key, narrow))
        shown = image[rows][:, columns]
        assert 0.45 < is_film.mean() < 0.55
        np.testing.assert_array_equal(shown[is_film], image[is_film])
        inside = np.argwhere(is_film)
        (top, left), (bottom, right) = inside.min(0), inside.max(0)
        padded = np.pad(
            image[top : bottom + 1, left : right + 1],
            [(top, 127 - bottom), (left, 127 - right)],
            mode="edge",
        )
        np.testing.assert_array_equal(shown, padded)


@pytest.mark.parametrize("is_fluoroscopy", [True, False])
def test_fluoroscopy_has_rates_and_ranges_of_its_own(is_fluoroscopy):
    spec = film.fluoroscopic(SPEC, jnp.array(is_fluoroscopy))
    for name, value in film.FLUOROSCOPY.items():
        wanted = value if is_fluoroscopy else getattr(SPEC, name)
        np.testing.assert_allclose(getattr(spec, name), wanted, rtol=1e-6)


def test_a_turned_leg_lies_at_any_angle_and_shifts_go_by_the_field():
    turned = dataclasses.replace(SPEC, turned_rate=1.0)
    angles = [float(film.placing(k, 250.0, 1.0, 1.0, turned)[0].leg.angle) for k in KEYS]
    assert np.ptp(angles) > np.pi
    upright = [float(film.placing(k, 250.0, 1.0, 1.0, SPEC)[0].leg.angle) for k in KEYS]
    assert np.abs(upright).max() <= np.deg2rad(6.0)
    aside = dataclasses.replace(SPEC, shift_share=(0.2, 0.2), shift_mm=(0.0, 0.0))
    place = film.placing(KEYS[0], 300.0, 1.0, 1.0, aside)[0]
    assert float(place.leg.x) == pytest.approx(60.0)
    assert float(place.leg.y) == pytest.approx(60.0)
