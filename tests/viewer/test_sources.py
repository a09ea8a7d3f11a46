import json
import shutil

import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.folder import read_cases
from fluorojax.schema.info import ClassInfo
from fluorojax.viewer.sources import classes_given, kinds_drawn, open_source, table_with

LINE = {"label": "wire", "shape_type": "line", "points": [[1, 1], [9, 9]]}
AREA = {"label": "scope", "points": [[1, 1], [9, 9], [1, 9]]}


def picture(path):
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(path)


def test_a_dataset_folder_is_as_its_table_says(folder):
    source = open_source(folder)
    assert [case.case for case in source.cases] == [f"c{n}" for n in range(5)]
    assert [info.name for info in source.classes] == ["scope", "wire"]
    case = source.cases[0]
    frame = source.frame(case)
    assert frame.shape == (64, 64)
    assert [item["label"] for item in source.annotation(case, frame)] == ["scope", "wire"]


def test_pictures_have_the_annotations_that_lie_beside_them(tmp_path):
    for name in "ab":
        picture(tmp_path / f"{name}.png")
    document = {"shapes": [LINE, AREA], "imageHeight": 16, "imageWidth": 16}
    (tmp_path / "a.json").write_text(json.dumps(document))
    (tmp_path / "notes.json").write_text("{}")
    source = open_source(tmp_path)
    assert [case.case for case in source.cases] == ["a", "b"]
    assert source.classes == (ClassInfo("scope", "region"), ClassInfo("wire", "curve"))
    a, b = source.cases
    assert len(source.annotation(a, source.frame(a))) == 2
    assert source.annotation(b, source.frame(b)) is None


def test_a_label_of_lines_alone_is_a_curve():
    documents = [{"shapes": [LINE, AREA]}, {"shapes": [{**LINE, "label": "scope"}, 3, {}]}, 7]
    found = {info.name: info.kind for info in kinds_drawn(documents)}
    assert found == {"wire": "curve", "scope": "region"}


def test_classes_are_given_with_their_kinds():
    found = classes_given("wire:curve, scope:region")
    assert found == (ClassInfo("wire", "curve"), ClassInfo("scope", "region"))
    for wrong in ("wire", "wire:line", ":curve", "a:curve,a:curve", "a:curve,"):
        with pytest.raises(InputError, match="--classes"):
            classes_given(wrong)


def test_masks_without_their_frames_are_no_frames(tmp_path):
    picture(tmp_path / "a.png")
    (tmp_path / "predictions.jsonl").write_text("")
    with pytest.raises(InputError, match="view FRAMES --predictions"):
        open_source(tmp_path)


def test_a_run_that_was_not_scored_says_how_to_see_its_frames(run):
    shutil.rmtree(run / "evaluation/test/maps")
    with pytest.raises(InputError, match="give the folder of frames instead"):
        open_source(run)


def test_a_run_of_a_damaged_manifest_is_named(run):
    (run / "export/manifest.json").write_text('{"masks": 3}')
    with pytest.raises(InputError, match=r"manifest.json is damaged"):
        open_source(run)


def test_the_table_keeps_every_column(folder):
    found = read_cases(folder)
    rows = table_with(found, {"c1": folder / "labelme/c1.json"})
    assert rows[1]["annotation"] == "labelme/c1.json"
    assert rows[0]["annotation"] == "masks/0.png"
    assert list(rows[0]) == [
        "annotation",
        "case",
        "image",
        "ignore",
        "patient",
        "attached",
        "split",
    ]
