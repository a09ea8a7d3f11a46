from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from fluorojax.data.readers import read_frame
from fluorojax.planning.text_marks import may_have_text
from tests.folders import frame

REAL = Path(__file__).parents[2] / "../shared/data"
CORNERS = ((0, 0), (1, 0), (0, 1), (1, 1))


def like_a_frame(side=512, bits=16):
    noise = np.random.default_rng(0).standard_normal((side, side))
    grey = 0.5 + 4 * ndimage.gaussian_filter(noise, 12) + 0.02 * noise
    return (np.clip(grey, 0.1, 0.8) * (2**bits - 1)).astype(np.uint16 if bits > 8 else np.uint8)


def written(pixels, text, corner, size=None, value=None):
    """Write a text into a corner, 0 or 1 along x and y, in the largest value or another."""
    sheet = Image.new("L", pixels.shape[::-1], 0)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size) if size else ImageFont.load_default()
    _, _, right, bottom = draw.textbbox((0, 0), text, font=font)
    x = 6 + corner[0] * (pixels.shape[1] - 12 - right)
    y = 6 + corner[1] * (pixels.shape[0] - 12 - bottom)
    draw.text((x, y), text, fill=255, font=font)
    share = np.asarray(sheet) / 255
    value = np.iinfo(pixels.dtype).max if value is None else value
    return (pixels * (1 - share) + value * share).astype(pixels.dtype)


@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize("size", [None, 14, 24])
@pytest.mark.parametrize("value", [None, 0])
def test_text_in_a_corner_is_found(corner, size, value):
    assert may_have_text(written(like_a_frame(), "DOE JANE 12.03.1950", corner, size, value))


@pytest.mark.parametrize("bits", [8, 16])
def test_a_frame_without_text_is_left_alone(bits):
    assert not may_have_text(like_a_frame(bits=bits))
    assert not may_have_text(frame(0)[0])
    assert not may_have_text(np.zeros((64, 64), np.uint8))


def test_text_in_the_middle_is_not_looked_for():
    middle = written(like_a_frame()[156:356, 156:356], "DOE JANE", (0, 0))
    whole = like_a_frame()
    whole[156:356, 156:356] = middle
    assert not may_have_text(whole)


@pytest.mark.parametrize("name", ["carm_wire", "coronary_xa", "jtml_knee"])
def test_real_frames_without_text(name):
    if not (REAL / name).is_dir():
        pytest.skip(f"{REAL / name} is not there")
    frames = sorted((REAL / name / "images").iterdir())[::6]
    assert [p.name for p in frames if may_have_text(read_frame(p).pixels)] == []
    pixels = read_frame(frames[0]).pixels
    marked = [written(pixels, "DOE JANE 12.03.1950", corner) for corner in CORNERS]
    assert any(map(may_have_text, marked))  # white on white, nobody sees it
