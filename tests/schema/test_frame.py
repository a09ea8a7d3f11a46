import dataclasses

import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.schema.frame import UNKNOWN_SPACING, Frame, unusual_spacing

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_a_frame_of_pixels_alone_says_what_is_unknown():
    frame = Frame(PIXELS)
    assert frame.shape == (3, 4)
    assert not frame.spacing_known
    assert (frame.plane, frame.number, frame.source) == ("unknown", -1, "")
    assert repr(frame) == "Frame(3 x 4 uint8, spacing unknown)"


def test_a_frame_says_in_one_line_what_it_is():
    frame = Frame(PIXELS, (0.2, 0.25), "object", 7, "a.png")
    assert repr(frame) == (
        "Frame(3 x 4 uint8, spacing 0.2 x 0.25 mm (object plane), number 7, 'a.png')"
    )


def test_the_spacing_is_that_of_a_data_set_which_stores_float32():
    frame = Frame(PIXELS, (0.57, 0.1))
    assert frame.spacing_known
    assert frame.spacing_mm == (float(np.float32(0.57)), float(np.float32(0.1)))
    assert dataclasses.replace(frame).spacing_mm == frame.spacing_mm


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (PIXELS, (0, 255)),
        (PIXELS.astype(np.uint16), (0, 65535)),
        (PIXELS.astype(np.int16), (-32768, 32767)),
        (PIXELS / 4.0, (0.0, 2.75)),
    ],
)
def test_the_value_range_is_the_types_or_of_floats_their_own(pixels, expected):
    assert Frame(pixels).value_range == expected


def test_a_value_range_that_is_given_must_hold_the_pixels():
    assert Frame(PIXELS, value_range=(0, 4095)).value_range == (0.0, 4095.0)
    with pytest.raises(InputError, match=r"a\.png: values from 0 to 11 are outside .* 0 to 10"):
        Frame(PIXELS, source="a.png", value_range=(0, 10))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_no_finite_float32_is_refused_with_source_and_count(value):
    pixels = np.zeros((3, 4))
    pixels[1, 1:3] = value
    with pytest.raises(InputError, match=r"a\.png: 2 of 12 pixels are NaN, infinite"):
        Frame(pixels, source="a.png")


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (PIXELS > 3, "truth values"),
        (np.zeros((3, 4, 3), np.uint8), r"two axes, .* shape \(3, 4, 3\); give one grey"),
        (np.zeros(5), "two axes"),
        ([[1, 2], [3, 4]], "two axes"),
        (np.zeros((0, 4)), r"no pixel, shape \(0, 4\)"),
        (np.zeros((2, 2), complex), "type complex128; give integers or floats"),
        (np.array([["a"]]), "give integers or floats"),
    ],
)
def test_what_is_no_frame_is_refused(pixels, message):
    with pytest.raises(InputError, match=message):
        Frame(pixels)


@pytest.mark.parametrize(
    "spacing", [(0.2, np.nan), (0.0, 0.2), (-1.0, 0.2), (np.inf, 0.2), (0.2,), (1, 2, 3)]
)
def test_a_spacing_that_cannot_be_is_refused(spacing):
    with pytest.raises(InputError, match="give two positive numbers"):
        Frame(PIXELS, spacing)


def test_a_spacing_that_no_detector_has_is_noted():
    assert [unusual_spacing(mm) for mm in ((0.02, 5.0), (0.2, 0.3), UNKNOWN_SPACING)] == [""] * 3
    assert unusual_spacing((0.0002, 0.2)).startswith("no detector has a spacing of 0.0002 x 0.2 mm")
    assert "other units" in unusual_spacing((0.2, 155))
