import numpy as np
import pytest
from scipy import ndimage

from benchmarks.studies import appearance

SIDE = 512


def correlated(seed: int, blur_px: float, side: int = SIDE) -> np.ndarray:
    """Noise of standard deviation 1."""
    white = np.random.default_rng(seed).standard_normal((side, side))
    noise = ndimage.gaussian_filter(white, blur_px, mode="wrap")
    return noise / noise.std()


def round_frame(grey: np.ndarray, radius: float) -> np.ndarray:
    y, x = np.indices(grey.shape) - (SIDE - 1) / 2
    return np.where(np.hypot(y, x) < radius, grey, 0.0)


def everywhere() -> np.ndarray:
    return np.ones((SIDE, SIDE), bool)


def test_open_field_is_the_circle_less_its_margin_and_keeps_what_is_dark_inside():
    grey = 0.4 + 0.01 * correlated(0, 0.6)
    grey[230:280, 200:300] = 0.0
    field = appearance.open_field(round_frame(grey, 220), 20)
    y, x = np.indices(field.shape) - (SIDE - 1) / 2
    radius = np.hypot(y, x)
    assert field[radius < 197].all()
    # The threshold lies on the foot of the smoothed edge, up to 6 px out.
    assert not field[radius > 206].any()


def test_open_field_of_a_black_frame_is_empty():
    assert not appearance.open_field(np.zeros((64, 64)), 4).any()
    nothing = appearance.noise(np.zeros((64, 64)), np.zeros((64, 64), bool))
    assert np.isnan(nothing).all()


def test_dark_and_saturated_parts_are_not_measured():
    grey = 0.4 + 0.01 * correlated(0, 0.6)
    grey[200:260, 200:260] = 1.0
    grey[300:340, 200:260] = 0.0
    where = appearance.measurable(round_frame(grey, 250))
    assert not where[200:260, 200:260].any()
    assert not where[300:340, 200:260].any()
    assert where[150, 256]
    assert where[400, 300]


@pytest.mark.parametrize("blur_px", [0.4, 0.6, 0.8])
def test_noise_of_a_known_frame(blur_px):
    slope = np.linspace(0.3, 0.5, SIDE)
    added = correlated(1, blur_px)
    frame = slope + 0.012 * added
    frame[:, 100:104] = 0.1  # a wire must not count
    measured = appearance.noise(frame, everywhere())
    assert measured.relative == pytest.approx(0.012 / 0.4, rel=0.06)
    # The high pass takes a little off the autocorrelation.
    lag = (added[1:] * added[:-1]).mean()
    assert lag - 0.07 < measured.autocorrelation < lag


@pytest.mark.parametrize("exponent", [0.5, 0.0, -0.5])
def test_noise_exponent_tells_the_display_curve(exponent):
    grey = np.broadcast_to(np.linspace(0.1, 0.9, SIDE), (SIDE, SIDE))
    frame = grey + 0.01 * grey**exponent * correlated(2, 0.6)
    measured = appearance.noise(frame, everywhere())
    assert measured.exponent == pytest.approx(exponent, abs=0.05)


def test_blocks_keep_their_pixels_together():
    image = np.arange(50 * 75).reshape(50, 75)
    cut = appearance.blocks(image)
    assert cut.shape == (6, 24, 24)
    np.testing.assert_array_equal(cut[4], image[24:48, 24:48])


def test_theil_sen_ignores_outliers():
    x = np.linspace(0, 1, 50)
    y = 2 * x
    y[::7] = 9.0
    assert appearance.theil_sen(x, y) == pytest.approx(2.0, abs=0.2)
    assert np.isnan(appearance.theil_sen(np.ones(4), np.ones(4)))


def test_white_noise_has_a_flat_spectrum_of_its_own_variance():
    frame = 0.5 + 0.01 * np.random.default_rng(3).standard_normal((SIDE, SIDE))
    edges = np.geomspace(0.1, 3.0, 13)
    power = appearance.spectrum(frame, everywhere(), 0.155, edges)
    # Variance (0.02)² spread over 1 / pixel² of the plane of frequencies.
    np.testing.assert_allclose(power[3:], 0.02**2 * 0.155**2, rtol=0.1)
    assert appearance.log_slope(edges, power, (0.3, 3.0)) == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("slope", [-2.0, -3.0])
def test_slope_of_a_power_law(slope):
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    frequency[0, 0] = np.inf
    white = np.random.default_rng(4).standard_normal((SIDE, SIDE))
    field = np.fft.ifft2(np.fft.fft2(white) * frequency ** (slope / 2)).real
    frame = 0.5 + 0.05 * field / field.std()
    edges = np.geomspace(0.1, 3.0, 25)
    power = appearance.spectrum(frame, everywhere(), 0.155, edges)
    assert appearance.log_slope(edges, power, (0.15, 2.5)) == pytest.approx(slope, abs=0.15)


def test_spectrum_without_a_usable_tile_is_nan():
    edges = np.geomspace(0.1, 3.0, 5)
    power = appearance.spectrum(np.ones((SIDE, SIDE)), ~everywhere(), 0.155, edges)
    assert np.isnan(power).all()
    assert np.isnan(appearance.log_slope(edges, power, (0.1, 3.0)))


def test_flattened_takes_a_plane_off_and_hides_what_is_unusable():
    y, x = np.indices((32, 32))
    tile = 0.3 + 0.01 * y - 0.02 * x
    where = np.ones((32, 32), bool)
    where[:4, :4] = False
    tile[:4, :4] = 7.0
    np.testing.assert_allclose(appearance.flattened(tile, where), 0.0, atol=1e-12)


def test_wasserstein_of_shifted_greys_is_the_shift():
    rng = np.random.default_rng(5)
    frame = np.concatenate([np.ones(100), rng.uniform(0.2, 0.6, 10000 - 100)]).reshape(100, 100)
    where = frame < 1
    first = appearance.grey_quantiles(frame, where)
    second = appearance.grey_quantiles(np.where(where, frame + 0.1, frame), where)
    assert appearance.wasserstein(first, second) == pytest.approx(0.1, abs=1e-6)
    assert appearance.wasserstein(first, first) == 0.0


def test_pooled_is_the_histogram_of_all_frames_together():
    low, high = np.linspace(0, 1, 512), np.linspace(1, 2, 512)
    both = appearance.pooled(np.stack([low, high]))
    np.testing.assert_allclose(both, np.linspace(0, 2, 512), atol=0.01)
    np.testing.assert_allclose(appearance.pooled(low[None]), low)


@pytest.mark.parametrize("contrast", [-0.05, 0.1])
def test_contrast_to_noise_of_a_known_wire(contrast):
    wire = np.zeros((SIDE, SIDE), bool)
    wire[:, 200:204] = True
    bone = 0.2 * (np.indices(wire.shape)[0] > 256)  # the wire crosses an edge of bone
    frame = 0.5 - bone + contrast * wire + 0.02 * correlated(6, 0.6)
    measured = appearance.contrast_to_noise(frame, wire, everywhere())
    assert measured == pytest.approx(abs(contrast) / 0.02, rel=0.1)


def test_contrast_to_noise_looks_only_at_what_is_usable():
    wire = np.zeros((SIDE, SIDE), bool)
    wire[:, 200:204] = True
    usable = everywhere()
    usable[:, :202] = False
    frame = 0.5 - 0.05 * wire + 0.02 * correlated(7, 0.6)
    frame[:, :202] = 0.0
    measured = appearance.contrast_to_noise(frame, wire, usable)
    assert measured == pytest.approx(2.5, rel=0.15)
    # The wire itself is usable, but in its lower half nothing is that it could be held against.
    usable[256:] = wire[256:]
    measured = appearance.contrast_to_noise(frame, wire, usable)
    assert measured == pytest.approx(2.5, rel=0.15)
    assert np.isnan(appearance.contrast_to_noise(frame, ~everywhere(), everywhere()))
