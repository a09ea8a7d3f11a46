import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage import measure

from fluorojax.training import augment as module
from fluorojax.training.augment import AugmentSpec, Sample, augment

SIZE, CROP = (96, 96), (48, 48)
COUNT = 256
THIN = (1,)
# Changes nothing but the crop's place: with a crop of the frame's size, the sample itself.
IDENTITY = AugmentSpec(
    affine_rate=0.0,
    elastic_rate=0.0,
    flip_horizontal_rate=0.0,
    gamma=(1.0, 1.0),
    contrast=(1.0, 1.0),
    brightness=(0.0, 0.0),
    inversion_rate=0.0,
    noise_rate=0.0,
    blur_rate=0.0,
    foreground_oversampling=0.0,
)
GEOMETRY = dataclasses.replace(
    IDENTITY, affine_rate=1.0, elastic_rate=1.0, flip_horizontal_rate=0.5, flip_vertical_rate=0.5
)


@functools.partial(jax.jit, static_argnums=3)
def jitted(keys, samples, spec, crop):
    return jax.vmap(lambda key, sample: augment(key, sample, spec, crop, THIN))(keys, samples)


def sample_of(wire, size=SIZE):
    """A disc (class 0), a wire (class 1) and an ignored strip below, over a smooth image."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    disc = (rows - 50) ** 2 + (columns - 40) ** 2 < 20**2
    image = (0.5 + 0.2 * np.sin(rows / 9) + 0.2 * np.cos(columns / 7)).astype(np.float32)
    mask = np.stack([disc, wire], -1).astype(np.uint8)
    skeleton = np.stack([np.zeros_like(wire), wire], -1).astype(np.uint8)
    return Sample(image, mask, skeleton, (rows >= size[0] - 5).astype(np.uint8))


def slanted_wire(width=3.0):
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.abs(0.6 * rows - 0.8 * columns + 10) <= width / 2


def repeat(sample, count):
    return Sample(*(np.broadcast_to(x, (count, *x.shape)) for x in sample))


def keys(count, seed=0):
    return jax.random.split(jax.random.key(seed), count)


def run(spec, sample, crop=CROP):
    """Augment one sample with many keys, as few as are needed for whole frames."""
    count = COUNT if crop == CROP else 16
    return jax.device_get(jitted(keys(count), repeat(sample, count), spec, crop))


def test_identity_returns_the_sample_itself():
    sample = sample_of(slanted_wire())
    out = run(IDENTITY, sample, SIZE)
    for given, got in zip(sample, out, strict=True):
        assert got.dtype == given.dtype
        np.testing.assert_array_equal(got[1], given)


def test_identity_crop_is_a_window_of_the_frame():
    sample = sample_of(slanted_wire())
    out = run(IDENTITY, sample)
    windows = np.lib.stride_tricks.sliding_window_view(sample.image, CROP)
    places = [np.argwhere((windows == image).all((2, 3))) for image in out.image[:20]]
    assert all(len(place) == 1 for place in places)
    assert len({tuple(place[0]) for place in places}) > 10
    top, left = places[0][0]
    expected = sample.mask[top : top + CROP[0], left : left + CROP[1]]
    np.testing.assert_array_equal(out.mask[0], expected)


@pytest.mark.parametrize("crop", [(97, 96), (96, 97)])
def test_a_crop_larger_than_the_frame_is_refused(crop):
    sample = sample_of(slanted_wire())
    with pytest.raises(ValueError, match="larger than the frame"):
        augment(jax.random.key(0), sample, IDENTITY, crop, THIN)


def test_too_many_classes_are_refused():
    sample = Sample(jnp.zeros((8, 8)), *2 * (jnp.zeros((8, 8, 31)),), jnp.zeros((8, 8)))
    with pytest.raises(ValueError, match="binary channels"):
        augment(jax.random.key(0), sample, IDENTITY, (8, 8), ())


def test_half_a_turn_flips_both_axes():
    """A hand value: 180 degrees about the middle of the frame is [::-1, ::-1]."""
    sample = sample_of(slanted_wire())
    spec = dataclasses.replace(
        IDENTITY,
        affine_rate=1.0,
        rotation_degrees=(180.0, 180.0),
        scale=(1.0, 1.0),
        shear=(0.0, 0.0),
    )
    out = run(spec, sample, SIZE)
    np.testing.assert_allclose(out.image[0], sample.image[::-1, ::-1], atol=1e-4)
    np.testing.assert_array_equal(out.mask[0], sample.mask[::-1, ::-1])
    np.testing.assert_array_equal(out.skeleton[0], sample.skeleton[::-1, ::-1])


def test_scale_magnifies():
    spec = dataclasses.replace(
        IDENTITY, affine_rate=1.0, rotation_degrees=(0.0, 0.0), scale=(1.25, 1.25), shear=(0.0, 0.0)
    )
    sample = sample_of(slanted_wire())
    out = run(spec, sample, SIZE)
    ratio = out.mask[0, ..., 0].sum() / sample.mask[..., 0].sum()
    assert ratio == pytest.approx(1.25**2, rel=0.03)


@pytest.mark.parametrize(
    ("field", "flipped"),
    [("flip_horizontal_rate", np.s_[:, ::-1]), ("flip_vertical_rate", np.s_[::-1])],
)
def test_flips(field, flipped):
    sample = sample_of(slanted_wire())
    out = run(dataclasses.replace(IDENTITY, **{field: 1.0}), sample, SIZE)
    np.testing.assert_array_equal(out.image[0], sample.image[flipped])
    np.testing.assert_array_equal(out.mask[0], sample.mask[flipped])


def test_image_masks_skeleton_and_ignore_move_together():
    """The image holds a code of the labels: after the warp it still tells them."""
    base = sample_of(slanted_wire(6.0))
    code = base.mask[..., 0] * 0.25 + base.mask[..., 1] * 0.5
    out = run(GEOMETRY, base._replace(image=code.astype(np.float32)))
    inside = out.ignore == 0
    told = out.mask[..., 0] * 0.25 + out.mask[..., 1] * 0.5
    assert np.abs(out.image - told)[inside].mean() < 0.03
    # The skeleton was the wire itself, and must still be.
    np.testing.assert_array_equal(out.skeleton[..., 1], out.mask[..., 1])
    assert not out.skeleton[..., 0].any()


def test_warped_mask_is_the_mask_of_the_warped_shape():
    """The image carries its own coordinates, so that the disc can be drawn after the warp."""
    sample = sample_of(slanted_wire())
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    seen = {}
    for axis, ramp in (("row", rows), ("column", columns)):
        image = (ramp / 128).astype(np.float32)
        seen[axis] = run(GEOMETRY, sample._replace(image=image))
    y, x = seen["row"].image * 128, seen["column"].image * 128
    expected = (y - 50) ** 2 + (x - 40) ** 2 < 20**2
    inside = (y > 0) & (y < SIZE[0] - 1) & (x > 0) & (x < SIZE[1] - 1)
    got = seen["row"].mask[..., 0].astype(bool)
    wrong = (expected != got) & inside
    assert wrong.sum() < 0.03 * got.sum()
    band = np.abs(np.hypot(y - 50, x - 40) - 20) < 1.0
    assert not (wrong & ~band).any()


def test_outside_the_frame_is_ignored_and_unlabelled():
    everything = Sample(
        np.ones(SIZE, np.float32),
        np.ones((*SIZE, 2), np.uint8),
        np.ones((*SIZE, 2), np.uint8),
        np.zeros(SIZE, np.uint8),
    )
    out = run(GEOMETRY, everything, SIZE)
    outside = out.ignore == 1
    assert 0.02 < outside.mean() < 0.6
    np.testing.assert_array_equal(out.mask[..., 0] == 0, outside)
    np.testing.assert_array_equal(out.skeleton[..., 1] == 0, outside)
    np.testing.assert_allclose(out.image, 1.0, atol=1e-5)  # the border's value goes on


def test_a_frame_shown_at_half_its_size_is_ignored_all_around():
    """Row o of the crop shows 47.5 + 2 (o - 47.5): 24 to 71 lie in the frame, on both axes."""
    spec = dataclasses.replace(
        IDENTITY,
        affine_rate=1.0,
        rotation_degrees=(0.0, 0.0),
        scale=(0.5, 0.5),
        shear=(0.0, 0.0),
    )
    sample = sample_of(slanted_wire())._replace(ignore=np.zeros(SIZE, np.uint8))
    expected = np.ones(SIZE, np.uint8)
    expected[24:72, 24:72] = 0
    np.testing.assert_array_equal(run(spec, sample, SIZE).ignore[0], expected)


@pytest.mark.parametrize(("beyond", "ring"), [(0.4, 0), (0.6, 1)])
def test_a_pixel_reaches_half_a_pixel_beyond_its_centre(beyond, ring):
    """Row 0 of the crop shows -`beyond`, row 95 as much beyond 95, and so do the columns."""
    scale = 47.5 / (47.5 + beyond)
    spec = dataclasses.replace(
        IDENTITY,
        affine_rate=1.0,
        rotation_degrees=(0.0, 0.0),
        scale=(scale, scale),
        shear=(0.0, 0.0),
    )
    sample = sample_of(slanted_wire())._replace(ignore=np.zeros(SIZE, np.uint8))
    expected = np.pad(np.zeros(np.subtract(SIZE, 2 * ring), np.uint8), ring, constant_values=1)
    np.testing.assert_array_equal(run(spec, sample, SIZE).ignore[0], expected)


def test_a_three_pixel_wire_stays_in_one_piece():
    """A ring that breaks anywhere has no hole left: its Euler number would be 1 or more."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    ring = np.abs(np.hypot(rows - 48, columns - 48) - 20) <= 1.5
    out = run(GEOMETRY, sample_of(ring), SIZE)
    for wire in out.mask[..., 1]:
        assert measure.label(wire, connectivity=2).max() == 1
        assert measure.euler_number(wire, connectivity=2) == 0


def test_crop_contains_the_thin_class_at_the_given_rate():
    lonely = np.zeros(SIZE, bool)
    lonely[70, 12] = True
    wanted = dataclasses.replace(IDENTITY, foreground_oversampling=0.6)
    found = run(wanted, sample_of(lonely)).mask[..., 1].any((1, 2)).mean()
    # Of the crops that do not seek it, 23 of 49 rows and 13 of 49 columns hold it.
    expected = 0.6 + 0.4 * (23 / 49) * (13 / 49)
    assert found == pytest.approx(expected, abs=0.08)
    always = run(dataclasses.replace(wanted, foreground_oversampling=1.0), sample_of(lonely))
    assert always.mask[..., 1].any((1, 2)).all()


def test_crop_does_not_centre_the_thin_class():
    lonely = np.zeros(SIZE, bool)
    lonely[48, 48] = True
    spec = dataclasses.replace(IDENTITY, foreground_oversampling=1.0)
    out = run(spec, sample_of(lonely))
    _, rows, columns = np.nonzero(out.mask[..., 1])
    for place in (rows, columns):
        assert len(place) == COUNT
        # Uniform on 0..47: mean 23.5, standard deviation 13.9, each eighth about 32 times.
        assert place.mean() == pytest.approx(23.5, abs=2.7)
        assert place.std() == pytest.approx(13.9, abs=1.4)
        assert np.histogram(place, 8, (0, 48))[0].min() > 14


def test_sought_pixel_is_there_after_deformation_too():
    lonely = np.zeros(SIZE, bool)
    lonely[59:62, 29:32] = True
    spec = dataclasses.replace(GEOMETRY, foreground_oversampling=1.0)
    out = run(spec, sample_of(lonely))
    assert (out.mask[..., 1].any((1, 2)) | out.ignore.any((1, 2))).all()
    assert out.mask[..., 1].any((1, 2)).mean() > 0.95


def test_a_crop_stays_in_the_frame_as_far_as_it_can():
    """A small crop of a frame turned by up to 20 degrees has room enough nearly everywhere."""
    spec = dataclasses.replace(
        IDENTITY, affine_rate=1.0, foreground_oversampling=1.0, scale=(1.0, 1.25)
    )
    corner = np.zeros(SIZE, bool)
    corner[2:5, 2:5] = True
    out = run(spec, sample_of(corner)._replace(ignore=np.zeros(SIZE, np.uint8)))
    assert out.mask[..., 1].any((1, 2)).all()
    # A turn about the wire, wherever it lies in the crop, would leave more than half outside.
    assert out.ignore.mean() < 0.2


def test_thin_pixels_are_drawn_evenly_and_never_where_ignored():
    wire = np.zeros(SIZE, bool)
    wire[10, :3], wire[40, 90], wire[93, :50] = (
        True,
        True,
        True,
    )  # the last lie in the ignored strip
    sample = sample_of(wire)
    numbers = (np.arange(400) + 0.5) / 400
    draw = jax.jit(jax.vmap(lambda number: module._thin_pixel(number, sample, THIN)))
    pixels, exists = jax.device_get(draw(jnp.asarray(numbers, jnp.float32)))
    assert exists.all()
    found, counts = np.unique(pixels, axis=0, return_counts=True)
    assert found.tolist() == [[10, 0], [10, 1], [10, 2], [40, 90]]
    assert counts.tolist() == [100] * 4


def test_without_a_thin_pixel_the_crop_is_uniform():
    spec = dataclasses.replace(IDENTITY, foreground_oversampling=1.0)
    sample = sample_of(np.zeros(SIZE, bool))
    rows = np.mgrid[: SIZE[0], : SIZE[1]][0]
    out = run(spec, sample._replace(image=(rows / 128).astype(np.float32)))
    tops = np.round(out.image[:, 0, 0] * 128)
    assert tops.min() == 0
    assert tops.max() == 48
    assert tops.mean() == pytest.approx(24, abs=2.5)


def test_an_example_is_the_same_alone_and_in_a_batch():
    """Labels to the last bit; grey values as far as the compiler's `pow` is one function."""
    sample = sample_of(slanted_wire())
    together = run(AugmentSpec(), sample)
    for n in range(4):
        alone = jitted(keys(COUNT)[n : n + 1], repeat(sample, 1), AugmentSpec(), CROP)
        np.testing.assert_allclose(alone.image[0], together.image[n], atol=2e-4)
        for got, expected in zip(alone[1:], together[1:], strict=True):
            np.testing.assert_array_equal(got[0], expected[n])
    assert not np.allclose(together.image[0], together.image[1])


def test_same_key_same_bits():
    sample = sample_of(slanted_wire())
    first, second = run(AugmentSpec(), sample), run(AugmentSpec(), sample)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_types_and_ranges():
    spec = dataclasses.replace(AugmentSpec(), noise_std=(0.2, 0.3), noise_rate=1.0)
    out = run(spec, sample_of(slanted_wire()))
    assert out.image.dtype == np.float32
    assert np.isfinite(out.image).all()
    assert out.image.min() >= 0.0
    assert out.image.max() <= 1.0
    for label in out[1:]:
        assert label.dtype == np.uint8
        assert set(np.unique(label)) <= {0, 1}


GREY = np.full(SIZE, 0.4, np.float32)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"gamma": (2.0, 2.0)}, 0.16),
        ({"contrast": (2.0, 2.0)}, 0.3),
        ({"brightness": (0.1, 0.1)}, 0.5),
        ({"inversion_rate": 1.0}, 0.6),
        ({"blur_rate": 1.0, "blur_px": (1.0, 1.0)}, 0.4),
    ],
)
def test_grey_values_by_hand(fields, expected):
    spec = dataclasses.replace(IDENTITY, **fields)
    out = run(spec, sample_of(slanted_wire())._replace(image=GREY), SIZE).image
    np.testing.assert_allclose(out, expected, atol=1e-5)


def test_noise_has_the_standard_deviation_it_is_given():
    noise = np.asarray(module._bell(jax.random.key(0), (200, 200)))
    assert noise.mean() == pytest.approx(0.0, abs=0.02)
    assert noise.std() == pytest.approx(1.0, abs=0.02)
    assert abs(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]) < 0.02


def test_blur_is_the_gaussian_and_keeps_the_mass():
    dot = np.zeros((21, 21), np.float32)
    dot[10, 10] = 1.0
    out = np.asarray(module._blur(jnp.asarray(dot), jnp.float32(1.0)))
    weights = np.exp(-0.5 * np.arange(-3, 4) ** 2.0)
    weights /= weights.sum()
    np.testing.assert_allclose(out[7:14, 7:14], np.outer(weights, weights), atol=1e-6)
    np.testing.assert_array_equal(module._blur(jnp.asarray(dot), jnp.float32(0.0)), dot)
