import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.drawing import archive
from fluorojax.report.page import environment
from fluorojax.report.pictures import SIDE, Layer, Picture, viewer

LAYERS = (Layer("scope", False, 0.5), Layer("<wire>", True, 0.3))


def saved(folder, side: int = 40) -> Picture:
    """A picture of two classes; its first has probability 0.25 everywhere and no reference."""
    shape = (side, side)
    probabilities = np.stack([np.full(shape, 0.25), np.zeros(shape)], -1).astype(np.float32)
    reference = np.zeros((*shape, 2), bool)
    reference[:, :, 1] = True
    archive.save(
        folder / "a.png", np.full(shape, 0.5), np.zeros(shape, bool), probabilities, reference
    )
    return Picture("picture-a", folder / "a.png", "Case a", "a", "wire: missed")


def decoded(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))


def test_the_planes_stand_one_below_the_other(tmp_path):
    (figure,) = viewer([saved(tmp_path)], LAYERS, adjustable=True).figures
    assert figure.frame.startswith("data:image/jpeg;base64,")
    planes = decoded(figure.planes).reshape(5, 40, 40)  # ignored, then predicted and reference
    assert np.unique(planes[[0, 2, 3]]) == 0
    assert np.unique(planes[1]) == pytest.approx([64], abs=1)
    assert np.unique(planes[4]) == 255


def test_large_frames_are_pooled(tmp_path):
    (figure,) = viewer([saved(tmp_path, 2 * SIDE)], LAYERS, adjustable=True).figures
    assert decoded(figure.frame).shape == (SIDE, SIDE)


def test_a_case_on_several_pages_is_drawn_like_one_on_one(tmp_path, monkeypatch):
    (whole,) = viewer([saved(tmp_path)], LAYERS, adjustable=True).figures
    monkeypatch.setattr(archive, "MOST", 2 * 40 * 40)
    picture = saved(tmp_path)
    assert len(list(archive.pages_of(picture.path).iterdir())) == 2
    assert viewer([picture], LAYERS, adjustable=True).figures[0] == whole


def test_the_script_is_given_names_colours_and_thresholds(tmp_path):
    shown = viewer([saved(tmp_path)], LAYERS, adjustable=True)
    scope, wire = json.loads(shown.layers)
    assert (scope["name"], scope["threshold"], scope["colour"]) == ("scope", 0.5, [86, 180, 233])
    assert wire["opacity"] > scope["opacity"]  # a thin mask has no inside to see through
    macros = environment().get_template("pictures.html.j2").module
    html = macros.viewer(shown)
    assert "&lt;wire&gt; from <output>0.30</output>" in html
    assert "data-thresholds" not in html
    assert "grid-template-columns" not in html


def test_masks_alone_have_no_slider_and_pictures_may_have_thresholds_of_their_own(tmp_path):
    picture = saved(tmp_path)
    own = Picture(**{**vars(picture), "thresholds": (0.2, 0.6)})
    shown = viewer([own], LAYERS, adjustable=False, columns=3)
    html = environment().get_template("pictures.html.j2").module.viewer(shown)
    assert 'type="range"' not in html
    assert 'data-thresholds="[0.2, 0.6]"' in html
    assert "repeat(3, minmax(0, 1fr))" in html


def test_a_damaged_map_is_named(tmp_path):
    picture = saved(tmp_path)
    picture.path.write_text("no picture")
    with pytest.raises(InputError, match=r"a\.png cannot be read"):
        viewer([picture], LAYERS, adjustable=True)
