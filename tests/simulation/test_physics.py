import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.simulation import physics
from fluorojax.simulation.geometry import pixel_centres
from fluorojax.simulation.spec import Spec

PIXEL = jnp.float32(0.7)
OPEN = jnp.ones((96, 96))


@jax.jit
def counted(integral, view, scatter_ratio, quanta, blur_px, glare=0.0, glare_px=2.0):
    return physics.detect(
        jax.random.key(0),
        integral,
        view,
        scatter_ratio=scatter_ratio,
        quanta=quanta,
        focus_px=0.0,
        blur_px=blur_px,
        glare=glare,
        glare_px=glare_px,
        pixel=PIXEL,
    )


def two_halves(depth):
    return jnp.zeros((96, 96)).at[:, 48:].set(depth)


def test_without_scatter_and_noise_the_contrast_is_the_exponential():
    out = np.asarray(counted(two_halves(0.7), OPEN, 0.0, np.inf, 0.0))
    assert out.mean() == pytest.approx(1.0, rel=1e-5)
    assert out[50, 80] / out[50, 10] == pytest.approx(np.exp(-0.7), rel=1e-5)


def test_scatter_takes_contrast_away():
    """Far from the step the haze is the local primary's: (1 + S) cancels; near it, it does not."""
    clear = np.asarray(counted(two_halves(0.7), OPEN, 0.0, np.inf, 0.0))
    hazy = np.asarray(counted(two_halves(0.7), OPEN, 1.0, np.inf, 0.0))
    assert hazy[50, 50] / hazy[50, 45] > clear[50, 50] / clear[50, 45] + 0.1


def test_noise_is_that_of_the_quanta():
    out = np.asarray(counted(two_halves(0.0), OPEN, 0.0, 400.0, 0.0))
    assert out.std() == pytest.approx(1 / 20, rel=0.05)


def test_the_blur_correlates_the_noise():
    """For a Gaussian blur the correlation at lag 1 is exp(-1 / (4 sigma²)): 0.5 at 0.6 px."""
    out = np.asarray(counted(two_halves(0.0), OPEN, 0.0, 400.0, 0.6))
    lag = np.corrcoef(out[:, 1:].ravel(), out[:, :-1].ravel())[0, 1]
    assert lag == pytest.approx(0.5, abs=0.06)


def test_glare_spreads_a_share_of_the_light():
    """White noise under (1 - g) delta + g Gaussian: the variance left is hand-made below."""
    sharp = np.asarray(counted(two_halves(0.0), OPEN, 0.0, 400.0, 0.0))
    hazy = np.asarray(counted(two_halves(0.0), OPEN, 0.0, 400.0, 0.0, glare=0.5, glare_px=3.0))
    # Centre of the kernel: 0.5 + 0.5 / (2 pi 9); elsewhere the sum of squares is 0.25 / (4 pi 9).
    left = 0.25 + 2 * 0.25 / (2 * np.pi * 9) + 0.25 / (4 * np.pi * 9)
    assert hazy.var() / sharp.var() == pytest.approx(left, rel=0.05)
    step = np.asarray(counted(two_halves(0.7), OPEN, 0.0, np.inf, 0.0, glare=0.5, glare_px=3.0))
    assert step[50, 47] < step[50, 10] - 0.1  # light's neighbour is darker for it


def test_mean_inside_by_hand():
    image, view = jnp.array([[1.0, 3.0, 9.0]]), jnp.array([[1.0, 0.5, 0.0]])
    assert float(physics.mean_inside(image, view)) == pytest.approx(2.5 / 1.5)
    assert float(physics.mean_inside(image, 0 * view)) == 0.0


def test_display_shows_dense_dark_unless_inverted():
    signal, key = jnp.exp(-two_halves(0.7)), jax.random.key(2)
    view = OPEN.at[:10].set(0.0)
    shown = np.asarray(physics.display(key, signal, view, Spec(inverted_rate=0.0)))
    turned = np.asarray(physics.display(key, signal, view, Spec(inverted_rate=1.0)))
    assert shown.dtype == np.float32
    assert shown[50, 80] < shown[50, 10] - 0.1
    np.testing.assert_allclose(turned[10:], 1.0 - shown[10:], atol=1e-6)
    # The shutter is dark in either polarity.
    assert shown[:10].max() < 0.05
    np.testing.assert_array_equal(turned[:10], shown[:10])


def test_collimation_is_full_round_or_rectangular_and_never_shuts_out_the_middle():
    grid = pixel_centres(64, 64, PIXEL)
    draw = jax.jit(jax.vmap(lambda key: physics.collimation(key, grid, PIXEL, Spec())))
    views = np.asarray(draw(jax.random.split(jax.random.key(0), 200)))
    assert views.min() >= 0.0
    assert views.max() <= 1.0
    assert (views[:, 20:44, 20:44] == 1.0).all()
    full = (views == 1.0).all((1, 2))
    corners = views[:, [0, 0, -1, -1], [0, -1, 0, -1]].max(1)
    assert full.mean() == pytest.approx(0.4, abs=0.12)
    assert (corners == 0.0).mean() > 0.25  # the round ones at least
