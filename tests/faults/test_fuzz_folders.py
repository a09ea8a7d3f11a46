"""Fuzzed descriptions, tables, LabelMe files and numbers in options."""

import copy
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluorojax.data.annotations import read_annotation
from fluorojax.data.description import read_description
from fluorojax.data.folder import read_folder
from fluorojax.inference.inputs import spacing_given, thresholds_given
from fluorojax.knee import options
from fluorojax.schema.info import ClassInfo, DatasetInfo
from tests.faults.fuzz import fuzzed, mutated, survives
from tests.folders import CLASSES, IMAGE_LABELS, write_folder

VALUES = [
    *(b"NaN", b"1e400", b"-1", b"null", b"true", b"{}", b"[]", b'""', b'"\\ud800"', b"1" * 5000),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"[" * 2000, b"\xd9\xa1", b"1e-320", b'"a":1,"a":2,'),
]

ODD = [
    *(None, True, False, 0, -1, 1, 1.5, -1e6, 1e308, 10**30, "", "x", "wire", "a\nb", "\ud800"),
    *([], [1], [[]], [[1, 2]], ["x"], [None], {}, {"a": 1}, {"name": "x"}, "1", "width_px=1e400"),
]


def places(document, before=()):
    """Yield the path of keys to everything in a document."""
    yield before
    if isinstance(document, dict):
        inner = list(document.items())
    else:
        inner = list(enumerate(document)) if isinstance(document, list) else []
    for key, value in inner:
        yield from places(value, (*before, key))


def spoiled(document):
    """Draw a document in which up to three values are others, of any type."""
    change = st.tuples(st.sampled_from(list(places(document))[1:]), st.sampled_from(ODD))
    return st.lists(change, min_size=1, max_size=3).map(lambda edits: with_edits(document, edits))


def with_edits(document, edits):
    whole = json.loads(json.dumps(document))
    for path, value in edits:
        target = whole
        for key in path[:-1]:
            # An earlier edit may have taken the place away.
            known = isinstance(target, dict) and key in target
            if not known and not (isinstance(target, list) and key in range(len(target))):
                break
            target = target[key]
        else:
            in_list = isinstance(target, list) and path[-1] in range(len(target))
            if in_list or isinstance(target, dict):
                target[path[-1]] = copy.deepcopy(value)
    return whole


DESCRIPTION = {
    "name": "toy",
    "description": "bars",
    "license": "CC0",
    "classes": [*CLASSES, {"name": "tip", "kind": "region", "mask_value": 7}],
    "mask_encoding": "index",
    "relation": {"child": "wire", "parent": "scope"},
    "split_unit": "sequence",
    "image_labels": [*IMAGE_LABELS, {"name": "side", "values": ["l", "r"], "chiral": True}],
}


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as name:
        yield write_folder(Path(name) / "d", cases=5, size=32)


@fuzzed
@given(data=mutated([json.dumps(DESCRIPTION).encode(), json.dumps(DESCRIPTION, indent=1).encode()],
                    [*VALUES, *(f'"{key}"'.encode() for key in DESCRIPTION)]))  # fmt: skip
def test_any_description_is_read_or_refused(folder, data):
    path = folder / "fuzzed.json"
    path.write_bytes(data)
    survives(lambda: read_description(path))


@fuzzed
@given(document=spoiled(DESCRIPTION))
def test_fields_of_any_type_are_taken_or_refused_and_can_be_written_again(folder, document):
    path = folder / "fuzzed.json"
    path.write_text(json.dumps(document))
    survives(lambda: json.dumps(read_description(path)[0].to_json(), ensure_ascii=False).encode())


HEAD = "case,image,annotation,ignore,patient,sequence,frame,attached,row_spacing_mm,col_spacing_mm"
TABLE = HEAD + ",split,stratum\n" + "".join(
    f"c{n},images/{n}.png,masks/{n}.png,,p{n},s,{n},yes,0.2,0.25,{split},easy\r\n"
    for n, split in enumerate(("train", "train", "train", "validation", "test"))
)  # fmt: skip
CELLS = [
    *(b",", b'"', b"\n", b"\r", b";", b"\t", b"sep=,\n", b"sep=;\n", b"\\", b"../", b"C:\\", b"/"),
    *(b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe2\x80\x8b", b"e\xcc\x81", b"\xc3\xa9", b"{class}"),
    *(b"1e400", b"0,2", b"nan", b"\xd9\xa1", b".json", b"x" * 300, b"./", b"masks", b"case"),
]


@fuzzed
@given(data=mutated([TABLE.encode(), b"\xef\xbb\xbfsep=,\r\n" + TABLE.encode()], CELLS))
def test_any_table_is_read_or_refused(folder, data):
    (folder / "fuzzed.csv").write_bytes(data)
    survives(lambda: read_folder(folder, "fuzzed.csv"))


INFO = DatasetInfo("toy", (ClassInfo("scope", "region"), ClassInfo("wire", "curve")))


def drawn(kind: str, points: list[list[float]], label: str = "scope") -> dict[str, object]:
    description = "width_px=3.5" if label == "wire" else ""
    shape = {"label": label, "shape_type": kind, "points": points, "description": description}
    return shape | {"group_id": None, "flags": {}}


SHAPES = [
    drawn("polygon", [[1, 1], [9.5, 2], [9, 9]]),
    drawn("linestrip", [[2, 2], [20.5, 12], [3, 15]], "wire"),
    drawn("circle", [[9, 9], [12, 9]]),
    drawn("rectangle", [[3, 3], [12, 9]]),
]
LABELME = [
    json.dumps({"version": "5", "shapes": shapes, "imageHeight": 20, "imageWidth": 30}).encode()
    for shapes in (SHAPES, SHAPES[:1], SHAPES[1:2], SHAPES[2:3])
]
PLACES = [
    b"1e5",
    b"-1e6",
    b"999999",
    b"0.0000001",
    b"e9",
    b"-",
    b".",
    b"[1,2],",
    b"width_px=",
    b",",
]


@fuzzed
@given(data=mutated(LABELME, [*VALUES, *PLACES]))
def test_any_labelme_file_is_drawn_or_refused(folder, data):
    path = folder / "fuzzed_labelme.json"
    path.write_bytes(data)
    survives(lambda: read_annotation(path, INFO, "bitmask", (20, 30), "c"))


@fuzzed
@given(document=spoiled({"shapes": SHAPES, "imageHeight": 20, "imageWidth": 30}))
def test_shapes_of_any_type_are_drawn_or_refused(folder, document):
    path = folder / "fuzzed_labelme.json"
    path.write_text(json.dumps(document))
    survives(lambda: read_annotation(path, INFO, "bitmask", (20, 30), "c"))


NUMBERS = st.one_of(
    st.text(max_size=20),
    st.text("0123456789.,+-eE_=xinfa %m\u0661\uff11", max_size=12),
    st.floats().map(str),
    st.tuples(st.floats(), st.floats()).map(lambda pair: f"{pair[0]},{pair[1]}"),
)
NAMED = st.builds(lambda name, text: name + text, st.sampled_from(
    ["wire=", "scope=0.4,wire=", "alpha=", "tibial_component=", ""]), NUMBERS)  # fmt: skip


@fuzzed
@given(text=NAMED)
def test_any_number_in_an_option_is_taken_or_refused(text):
    survives(lambda: spacing_given(text))
    survives(lambda: thresholds_given(text, INFO.class_names, (0.5, 0.5)))
    survives(lambda: options._magnification(text))
    survives(lambda: options._known_width(text))
    survives(lambda: options._positive("--ball-mm", text, 1))


@fuzzed
@given(text=NUMBERS)
def test_any_band_is_taken_or_refused(text, monkeypatch):
    monkeypatch.setattr(options, "names", lambda: ["alpha", "beta"])  # measuring takes longer
    survives(lambda: options.tolerances_of([f"alpha={text}"]))
    survives(lambda: options.tolerances_of([text]))
