import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.frames import as_frame, frame_of, shrunk
from fluorojax.schema.frame import Frame

PIXELS = np.arange(48, dtype=np.uint16).reshape(6, 8) * 100


@pytest.fixture
def path(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_whatever_shows_a_frame_is_the_same_frame(path):
    for given in (PIXELS, jnp.asarray(PIXELS), path, str(path), Image.fromarray(PIXELS)):
        np.testing.assert_array_equal(as_frame(given).pixels, PIXELS)
        assert as_frame(given, 0.5).spacing_mm == (0.5, 0.5)
    frame = Frame(PIXELS, (0.25, 0.5), "detector", 3)
    assert as_frame(frame) is frame


def test_a_spacing_that_is_given_is_that_of_the_thing_shown():
    frame = as_frame(Frame(PIXELS, (0.25, 0.5), "detector", 3), (1.0, 2.0))
    assert (frame.spacing_mm, frame.plane, frame.number) == ((1.0, 2.0), "object", 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([PIXELS, PIXELS], "list of 2 is no frame; give one frame at a time"),
        ((PIXELS,), "tuple of 1"),
        ({"image": PIXELS}, "dict is no frame; give an array"),
        (None, "NoneType is no frame"),
        ("gone.png", r"gone\.png: no such file"),
    ],
)
def test_what_shows_no_frame_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        as_frame(given)


def test_the_frame_of_an_example_has_its_spacing_and_number():
    example = {
        "case": "c3",
        "image": PIXELS,
        "frame": 7,
        "spacing_mm": np.float32([0.57, 0.57]),
        "spacing_origin": "stated",
    }
    frame = frame_of(example)
    assert frame.spacing_mm == Frame(PIXELS, (0.57, 0.57)).spacing_mm
    assert (frame.plane, frame.number, frame.source) == ("object", 7, "case c3")
    unknown = frame_of(example | {"spacing_mm": np.float32([np.nan, np.nan])})
    assert not unknown.spacing_known


def test_a_smaller_frame_has_larger_pixels():
    frame = Frame(PIXELS, (0.5, 0.25), "stated", 3)
    half = shrunk(frame, (3, 8))
    assert half.shape == (3, 4)
    assert half.spacing_mm == (1.0, 0.5)
    assert (half.plane, half.number) == ("object", 3)
    assert shrunk(frame, (6, 8)) is frame
    assert not shrunk(Frame(PIXELS), (3, 8)).spacing_known


def test_what_holds_no_picture_is_of_the_whole_frame_alone():
    frame = Frame(PIXELS, hidden=np.zeros(PIXELS.shape, bool))
    smaller = shrunk(frame, (PIXELS.shape[0] // 2, PIXELS.shape[1] // 2))
    assert smaller.hidden is None
    with pytest.raises(InputError, match="hidden has shape"):
        Frame(PIXELS, hidden=np.zeros((1, 1), bool))
