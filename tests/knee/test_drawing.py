import re

import numpy as np
import pytest
from PIL import ImageDraw

from fluorojax.drawing import overlay
from fluorojax.knee.drawing import draw_knee
from fluorojax.knee.measure import measure_knee
from fluorojax.knee.measure.result import DETECTOR_PLANE
from tests.knee.measure.scenes import Ap, Pose, film


def test_lines_values_and_refusals_are_drawn():
    base = film(Ap().shapes(), Pose(5.0), "ap")
    report = measure_knee(base)
    image = 0.2 + 0.3 * base.field("femur", "tibia")
    picture = draw_knee(image, report)
    assert picture.dtype == np.uint8
    assert picture.shape[1] == 1024
    assert picture.shape[0] > 1024 + 100
    # The axes' own colour lies where the axis was read.
    axis = report["alpha"].figure.lines[0].mean(0)
    row, column = ((axis + 0.5) * 1024 / 256).round().astype(int)
    near = picture[row - 6 : row + 7, column - 6 : column + 7].astype(int)
    assert (np.abs(near - overlay.colour(0)).sum(-1) < 60).any()


def test_a_film_finer_than_its_masks_is_drawn_where_they_lie():
    base = film({}, Pose(), "ap")
    image = np.zeros((1024, 1024), np.float32)
    image[512:] = 1.0
    picture = draw_knee(image, measure_knee(base))
    assert picture.shape[1] == 1024
    assert picture[500].max() == 0
    assert picture[524].min() == 255


def test_a_film_of_nothing_is_drawn_with_its_refusals():
    base = film({}, Pose(), "ap")
    picture = draw_knee(np.zeros((256, 256)), measure_knee(base))
    assert picture[1024:].max() > 150


@pytest.mark.parametrize(("magnification", "said"), [(None, True), (1.0, False), (1.1, False)])
def test_a_length_of_unknown_magnification_says_so_beside_its_line_and_below(
    monkeypatch, magnification, said
):
    texts = []
    write = ImageDraw.ImageDraw.text

    def noting(self, at, text, *rest, **more):
        texts.append(text)
        return write(self, at, text, *rest, **more)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", noting)
    base = film(Ap().shapes(), Pose(5.0), "ap", side="right", magnification=magnification)
    draw_knee(np.zeros((256, 256)), measure_knee(base))
    beside = [text for text in texts if re.search(r"\d mm( at detector)?$", text)]
    below = " ".join(" ".join(texts).split())
    assert beside
    assert all(text.endswith("at detector") == said for text in beside)
    assert (DETECTOR_PLANE in below) == said
    assert not any("°" in text and "detector" in text for text in texts)
