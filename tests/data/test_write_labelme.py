import base64
import io
import json

import numpy as np
from PIL import Image

from fluorojax.core.files import read_json
from fluorojax.data import labelme
from fluorojax.data.label_rules import Subject
from fluorojax.data.write_labelme import Line
from fluorojax.data.write_labelme import labelme as document_of
from fluorojax.schema.info import ClassInfo, DatasetInfo

INFO = DatasetInfo("toy", (ClassInfo("scope", "region"), ClassInfo("wire", "curve")))
SUBJECT = Subject(INFO, (40, 60), "c1")
POINTS = np.array([[20.0, 5.125], [20.3, 17.7], [24.0, 41.0]])
PICTURE = np.linspace(0, 1, 40 * 60).reshape(40, 60)


def written(path, *lines):
    path.write_text(json.dumps(document_of(lines, PICTURE, "f.dcm")))
    return read_json(path)


def test_our_own_reader_finds_the_same_points_and_width(tmp_path):
    document = written(tmp_path / "c1.json", Line("wire", POINTS, 3.25))
    ((class_index, outline),) = labelme._outlines(document["shapes"], SUBJECT, "c1")
    assert (class_index, outline.kind, outline.width) == (1, "linestrip", 3.25)
    np.testing.assert_allclose(outline.points[:, ::-1] - 0.5, POINTS, rtol=0, atol=1e-12)


def test_the_mask_is_drawn_about_the_line(tmp_path):
    line = Line("wire", np.array([[10.0, 5.0], [10.0, 30.0]]), 3.0)
    path = tmp_path / "c1.json"
    mask = labelme.read_labelme(path, written(path, line), SUBJECT)
    there = np.zeros((40, 60), bool)
    there[9:12, 5:31] = True  # the centres of both ends are in it
    np.testing.assert_array_equal(mask[..., 1], there)
    assert not mask[..., 0].any()


def test_a_frame_without_lines_is_an_annotation_without_shapes(tmp_path):
    path = tmp_path / "c1.json"
    assert not labelme.read_labelme(path, written(path), SUBJECT).any()


def test_the_picture_is_in_the_file_in_8_bit(tmp_path):
    document = written(tmp_path / "c1.json")
    picture = Image.open(io.BytesIO(base64.b64decode(document["imageData"])))
    assert picture.size == (document["imageWidth"], document["imageHeight"]) == (60, 40)
    np.testing.assert_array_equal(np.asarray(picture), np.rint(PICTURE * 255))
