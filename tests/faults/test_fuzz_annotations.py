"""Fuzzed files of annotation tools: COCO, CVAT, tables of lines, DICOM-SEG, nnU-Net, NIfTI."""

import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given

from fluorojax.data.annotations import read_annotation
from fluorojax.data.folder import read_folder
from fluorojax.data.label_rules import LabelRules
from fluorojax.schema.info import ClassInfo, DatasetInfo
from tests.data.test_dicom_seg import image, masks, seg
from tests.data.test_nnunet import write_raw
from tests.faults.fuzz import fuzzed, mutated, survives
from tests.faults.test_fuzz_folders import VALUES, spoiled

INFO = DatasetInfo("toy", (ClassInfo("scope", "region"), ClassInfo("wire", "curve")))
RULES = LabelRules(names={"note": ""}, widths={"wire": 2})
SHAPE = (20, 30)
COCO = {
    "images": [{"id": 1, "file_name": "a.png", "height": 20, "width": 30}],
    "categories": [
        {"id": 1, "name": "scope"},
        {"id": 2, "name": "wire", "keypoints": ["a", "b"], "skeleton": [[1, 2]]},
    ],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[3, 2, 10, 2, 10, 8]]},
        {
            "id": 2,
            "image_id": 1,
            "category_id": 1,
            "iscrowd": 1,
            "segmentation": {"size": [20, 30], "counts": "c25?00000000000000000000000000000[3MhL0"},
        },
        {
            "id": 3,
            "image_id": 1,
            "category_id": 1,
            "segmentation": {"size": [20, 30], "counts": [100, 50, 450]},
        },
        {
            "id": 4,
            "image_id": 1,
            "category_id": 2,
            "keypoints": [5, 5, 2, 9, 9, 2],
            "attributes": {"width_px": "3"},
        },
    ],
}
CVAT = b"""<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version>
<image id="0" name="a.png" width="30" height="20">
<polygon label="scope" points="3,2;10.5,2;10,8" z_order="0"/><tag label="x"/>
<box label="scope" xtl="3" ytl="2" xbr="10" ybr="8" rotation="30"/>
<polyline label="wire" points="5,10.5;25,10.5"><attribute name="width_px">3</attribute></polyline>
<mask label="scope" rle="0, 42" left="3" top="2" width="7" height="6"/></image></annotations>"""
VIDEO = b"""<annotations><meta><task><mode>interpolation</mode><original_size><width>30</width>
<height>20</height></original_size></task></meta><track id="0" label="scope">
<polygon frame="0" outside="0" points="3,2;10,2;10,8"/><polygon frame="1" outside="1" points=""/>
</track></annotations>"""
MARKS = [
    *(
        b"<!DOCTYPE a>",
        b"<!ENTITY b 'c'>",
        b"&b;",
        b"&#0;",
        b"<image>",
        b"</image>",
        b"<skeleton/>",
    ),
    *(b'"', b"<![CDATA[", b"\xff", b'encoding="utf-16"', b"1e400", b"-1", b";;", b"," * 50),
]
LINES = b"x,y,width_px,class,line\n5,10.5,3,wire,a\n25,10.5,3,wire,a\n2,2,,wire,b\n9,9,,,b\n"
CELLS = [b"\n", b",", b'"', b"\0", b"nan", b"1e9", b"scope", b"sep=;\n", b"\xef\xbb\xbf", b"x,y"]


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


pytestmark = pytest.mark.usefixtures("no_word")


def read(path, data, frame=-1, name="a.png"):
    path.write_bytes(data)
    picture = path.with_name(name)
    survives(
        lambda: read_annotation(
            path, INFO, "index", SHAPE, "c", image=picture, frame=frame, rules=RULES
        )
    )


@fuzzed
@given(data=mutated([json.dumps(COCO).encode()], [*VALUES, b"~" * 20, b"oooo", b'"counts":"']))
def test_any_coco_file_is_drawn_or_refused(folder, data):
    read(folder / "m.json", data)


@fuzzed
@given(document=spoiled(COCO))
def test_coco_of_any_type_is_drawn_or_refused(folder, document):
    read(folder / "m.json", json.dumps(document).encode())


@fuzzed
@given(data=mutated([CVAT, VIDEO], MARKS))
def test_any_cvat_file_is_drawn_or_refused(folder, data):
    read(folder / "m.xml", data)
    read(folder / "m.xml", data, frame=1, name="cine.dcm")


@fuzzed
@given(data=mutated([LINES], CELLS))
def test_any_table_of_lines_is_drawn_or_refused(folder, data):
    read(folder / "m.csv", data)


def segmentations():
    """Return the bytes of a segmentation of each type."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        source = image(path / "a.dcm")
        values = np.random.default_rng(0)
        of = {
            "BINARY": masks(1),
            "FRACTIONAL": values.random(masks(1).shape),
            "LABELMAP": values.integers(0, 3, masks(1).shape[:-1]).astype(np.uint8),
        }
        made = []
        for kind, pixels in of.items():
            data = pydicom.dcmread(seg(path / "s.dcm", source, pixels, kind=kind))
            file = io.BytesIO()
            data.save_as(file)
            made.append(file.getvalue())
    return made


TAGS = [
    b"\x62\x00\x01\x00",
    b"\x28\x00\x08\x00",
    b"\xfe\xff\x00\xe0",
    b"\xff" * 4,
    b"SQ",
    b"LABELMAP",
]


@fuzzed
@given(data=mutated(segmentations(), TAGS))
def test_any_segmentation_is_read_or_refused(folder, data):
    path = folder / "m.dcm"
    path.write_bytes(data)
    survives(lambda: read_annotation(path, INFO, "", (19, 31), "c", image=path.with_name("a.png")))


RAW = {
    "channel_names": {"0": "xray"},
    "labels": {"background": 0, "scope": [1, 2], "wire": 2, "ignore": 3},
    "regions_class_order": [1, 2],
    "numTraining": 2,
    "file_ending": ".png",
}


@pytest.fixture(scope="module")
def raw(folder):
    return write_raw(folder / "raw", cases=2, tests=1)


@fuzzed
@given(document=spoiled(RAW))
def test_any_description_of_nnunet_is_read_or_refused(raw, document):
    (raw / "dataset.json").write_text(json.dumps(document))
    survives(lambda: read_folder(raw))
