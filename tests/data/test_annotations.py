import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.annotations import read_annotation, read_ignore
from fluorojax.schema.info import ClassInfo, DatasetInfo

INFO = DatasetInfo("toy", (ClassInfo("scope", "region"), ClassInfo("wire", "curve")))
ONE = DatasetInfo("toy", (ClassInfo("vessel", "curve", mask_value=255),))
CARM = Path(__file__).parents[2] / "../shared/data/carm_wire"
SHAPE = (6, 8)


def write_mask(path, values):
    Image.fromarray(np.asarray(values, np.uint8)).save(path)
    return path


def labels(**at):
    mask = np.zeros(SHAPE, np.uint8)
    for column, value in enumerate(at.values()):
        mask[2, column] = value
    return mask


def test_bitmask_may_overlap(tmp_path):
    path = write_mask(tmp_path / "m.png", labels(scope=1, wire=2, both=3))
    mask = read_annotation(path, INFO, "bitmask", SHAPE, "c")
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask[2, :4], [[1, 0], [0, 1], [1, 1], [0, 0]])


def test_index_counts_from_1(tmp_path):
    path = write_mask(tmp_path / "m.png", labels(scope=1, wire=2))
    mask = read_annotation(path, INFO, "index", SHAPE, "c")
    np.testing.assert_array_equal(mask[2, :3], [[1, 0], [0, 1], [0, 0]])


def test_index_by_mask_value(tmp_path):
    info = DatasetInfo("toy", (ClassInfo("a", "region", 80), ClassInfo("b", "region")))
    path = write_mask(tmp_path / "m.png", labels(a=80, b=2))
    mask = read_annotation(path, info, "index", SHAPE, "c")
    np.testing.assert_array_equal(mask[2, :3], [[1, 0], [0, 1], [0, 0]])


@pytest.mark.parametrize("on", [1, 255])
def test_per_class_reads_a_file_a_class(tmp_path, on):
    write_mask(tmp_path / "c_scope.png", labels(scope=on))
    write_mask(tmp_path / "c_wire.png", labels(scope=on, wire=on))
    mask = read_annotation(tmp_path / "c_{class}.png", INFO, "per_class", SHAPE, "c")
    np.testing.assert_array_equal(mask[2, :3], [[1, 1], [0, 1], [0, 0]])


def test_per_class_needs_the_file_of_every_class(tmp_path):
    write_mask(tmp_path / "c_scope.png", labels())
    with pytest.raises(InputError, match=r"case c7: .*c_wire\.png: no such file"):
        read_annotation(tmp_path / "c_{class}.png", INFO, "per_class", SHAPE, "c7")


@pytest.mark.parametrize(
    ("encoding", "value", "allowed"),
    [("bitmask", 4, "1 = scope, 2 = wire"), ("index", 3, "1 = scope, 2 = wire")],
)
def test_an_unknown_value_is_named_with_file_case_and_place(tmp_path, encoding, value, allowed):
    path = write_mask(tmp_path / "m.png", labels(scope=1, wire=2, unknown=value))
    expected = rf"m\.png: case c7: unknown label value {value} .*row 2, column 2.*{allowed}"
    with pytest.raises(InputError, match=expected):
        read_annotation(path, INFO, encoding, SHAPE, "c7")


@pytest.mark.parametrize("value", [1, 7, 128, 254])
def test_grey_away_from_the_edge_is_an_unknown_value(tmp_path, value):
    mask = np.zeros(SHAPE, np.uint8)
    mask[:, 6:] = 255
    mask[2, 1] = value
    with pytest.raises(InputError, match=rf"unknown label value {value} .*255 = \w+\. Correct"):
        read_annotation(write_mask(tmp_path / "m.png", mask), ONE, "index", SHAPE, "c")


def test_a_smoothed_edge_is_taken_at_half(tmp_path):
    mask = np.tile(np.array([0, 0, 40, 255, 255, 200, 0, 0], np.uint8), (6, 1))
    path = write_mask(tmp_path / "m.png", mask)
    found = read_annotation(path, ONE, "index", SHAPE, "c")[..., 0]
    np.testing.assert_array_equal(found[0], [0, 0, 0, 1, 1, 1, 0, 0])
    np.testing.assert_array_equal(read_ignore(path, SHAPE, "c"), found)


def test_with_several_classes_a_grey_edge_is_an_unknown_value(tmp_path):
    info = DatasetInfo("toy", (ClassInfo("a", "region", 255), ClassInfo("b", "region", 100)))
    mask = np.tile(np.array([0, 0, 40, 255, 255, 200, 0, 0], np.uint8), (6, 1))
    with pytest.raises(InputError, match=r"unknown label value 40, 200 .*smoothed .anti-aliasing"):
        read_annotation(write_mask(tmp_path / "m.png", mask), info, "index", SHAPE, "c")


def test_a_mask_of_another_size_is_refused(tmp_path):
    path = write_mask(tmp_path / "m.png", np.zeros((8, 6)))
    for read in (
        lambda: read_annotation(path, INFO, "bitmask", SHAPE, "c7"),
        lambda: read_ignore(path, SHAPE, "c7"),
    ):
        with pytest.raises(
            InputError, match=r"m\.png: case c7: the mask is 8 x 6, the frame 6 x 8"
        ):
            read()


def test_ignore_takes_0_and_1_or_255_only(tmp_path):
    np.testing.assert_array_equal(
        read_ignore(write_mask(tmp_path / "a.png", labels(x=255)), SHAPE, "c"), labels(x=1) > 0
    )
    with pytest.raises(InputError, match="unknown label value 3"):
        read_ignore(write_mask(tmp_path / "b.png", labels(x=3)), SHAPE, "c")


@pytest.mark.skipif(not CARM.exists(), reason="the C-arm frames lie beside the project, not in it")
def test_labelme_and_bitmask_of_real_frames_agree():
    info = DatasetInfo("carm", (ClassInfo("instrument", "region"), ClassInfo("wire", "curve")))
    with (CARM / "cases.csv").open() as file:
        cases = [row["case"] for row in csv.DictReader(file)]
    assert len(cases) == 12
    for case in cases:
        drawn, painted = (
            read_annotation(CARM / name, info, "bitmask", (1024, 1024), case)
            for name in (f"labelme/{case}.json", f"masks/{case}.png")
        )
        for k in np.flatnonzero(painted.any((0, 1))):
            both = (drawn[..., k] & painted[..., k]).sum()
            dice = 2 * both / (drawn[..., k].sum() + painted[..., k].sum())
            assert dice > 0.95, (case, info.class_names[k])
