"""What a network sees of grey values."""

import jax
import numpy as np
import pytest

from fluorojax.models.intensity import LEAST_CONTRAST, WIDER, local_contrast, seen


def image(batch=2, rows=24, columns=31, seed=0):
    return np.random.default_rng(seed).random((batch, rows, columns, 1), np.float32)


def by_definition(x, reach):
    """Pixel by pixel, in float64: Jarrett et al. with a square window, cut at the frame's rim."""

    def mean(values):
        rows, columns = values.shape
        return np.array([
            [
                values[max(i - reach, 0) : i + reach + 1, max(j - reach, 0) : j + reach + 1].mean()
                for j in range(columns)
            ]
            for i in range(rows)
        ])  # fmt: skip

    away = x - mean(x.astype(np.float64))
    return away / np.sqrt(mean(away**2) + LEAST_CONTRAST**2)


@pytest.mark.parametrize("reach", [1, 3, 40])
def test_local_contrast_is_what_its_formula_says(reach):
    x = image()
    found = np.asarray(local_contrast(x, reach))
    for one, of in zip(found, x, strict=True):
        np.testing.assert_allclose(one[..., 0], by_definition(of[..., 0], reach), atol=2e-5)


def test_a_frame_four_times_as_dark_or_lifted_is_seen_alike():
    x = image()
    bright, dark = (np.asarray(seen(v, 4)) for v in (x, x / 4 + 0.5))
    assert bright.shape == (*x.shape[:-1], 2)
    # Equal but for LEAST_CONTRAST, which keeps noise small where a place is flat.
    assert np.abs(bright - dark).max() < 0.1
    assert np.corrcoef(bright.ravel(), dark.ravel())[0, 1] > 0.999


def test_a_flat_frame_has_no_contrast_and_a_finite_gradient():
    flat = np.full((1, 16, 16, 1), 0.3, np.float32)
    np.testing.assert_allclose(seen(flat, 2), 0.0, atol=1e-5)
    assert np.isfinite(jax.grad(lambda x: local_contrast(x, 2).sum())(flat)).all()


def test_the_second_contrast_reaches_farther():
    x = image()
    np.testing.assert_array_equal(seen(x, 2)[..., 1:], local_contrast(x, WIDER * 2))


def test_without_a_reach_grey_values_are_seen():
    x = image()
    np.testing.assert_array_equal(seen(x, 0), 2 * x - 1)
