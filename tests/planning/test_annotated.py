import json

import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.planning.annotated import kind_of, match, read_values
from fluorojax.planning.files import look
from fluorojax.planning.shots import find_shots
from tests.planning.folders import (
    centrelines,
    cvat_video,
    dicom,
    labelme,
    pictures,
    save,
    scene,
    segmentation,
)

MASK = np.eye(64, dtype=np.uint8)


def matched(root):
    files = look(root)
    return match(files, find_shots(files, lambda: b"salt").shots)


def cells(root):
    return {shot.case: cell for shot, cell in matched(root).cells.items()}


def test_masks_of_the_same_name(tmp_path):
    found = matched(pictures(tmp_path, ["a", "b"]))
    assert {s.case: c for s, c in found.cells.items()} == {
        "a": "masks/a.png",
        "b": "masks/b.png",
    }
    assert (found.kind, set(found.drawn[0].values)) == ("mask", {0, 1, 2})


@pytest.mark.parametrize(
    "name", ["a_mask.png", "labels/a.png", "annotations/a-seg.png", "gt/mask_a.tif"]
)
def test_masks_of_other_names(tmp_path, name):
    pictures(tmp_path, ["a", "b"], masks="")
    place = tmp_path / ("images" if "/" not in name else "")
    path = save(place / name, MASK)
    assert cells(tmp_path) == {"a": path.relative_to(tmp_path).as_posix()}


def test_labelme_files_come_first_of_equals_and_masks_are_told(tmp_path):
    pictures(tmp_path, ["a"])
    labelme(tmp_path / "images/a.json", width="")
    found = matched(tmp_path)
    assert (found.kind, list(found.cells.values())) == ("labelme", ["images/a.json"])
    assert found.drawn[0].labels == {"scope": {"polygon": 1}, "wire": {"linestrip": 1}}
    assert found.drawn[0].without_width == 1
    assert found.remarks == ("masks of 1 frames are not used, as LabelMe files of 1 are there",)


def test_frames_of_a_cine_are_annotated_by_number(tmp_path):
    dicom(tmp_path / "run.dcm", 12)
    labelme(tmp_path / "run_0003.json")
    labelme(tmp_path / "labels/run-f11.json")
    labelme(tmp_path / "labels/run_99.json")  # there is no such frame
    assert cells(tmp_path) == {"run_0003": "run_0003.json", "run_0011": "labels/run-f11.json"}


def test_one_name_in_two_folders_is_told_apart_by_them(tmp_path):
    for patient in ("p1", "p2"):
        pictures(tmp_path / patient, ["a"])
    assert cells(tmp_path) == {"p1_a": "p1/masks/a.png", "p2_a": "p2/masks/a.png"}
    labelme(tmp_path / "labelme/a.json")  # of which is it?
    assert matched(tmp_path).kind == "mask"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("masks/{class}/{frame}.png", "masks/{class}/a.png"),
        ("masks/{frame}_{class}.png", "masks/a_{class}.png"),
    ],
)
def test_a_mask_for_each_class(tmp_path, pattern, expected):
    pictures(tmp_path, ["a", "b"], masks="")
    for name, of in (("a", "wire"), ("a", "scope"), ("b", "wire")):
        save(tmp_path / pattern.format(frame=name, **{"class": of}), MASK)
    found = matched(tmp_path)
    assert found.kind == "per_class"
    assert sorted(found.classes) == ["scope", "wire"]
    assert {s.case: c for s, c in found.cells.items()} == {"a": expected}
    assert any(r.startswith("case b: no mask of scope") for r in found.remarks)


def test_ignore_masks(tmp_path):
    save(pictures(tmp_path, ["a", "b"]) / "ignore/b.png", MASK)
    assert {s.case: c for s, c in matched(tmp_path).ignores.items()} == {"b": "ignore/b.png"}


def coco(path, name="a.png"):
    document = {
        "images": [{"id": 1, "file_name": name, "height": 64, "width": 64}],
        "categories": [{"id": 7, "name": "scope"}, {"id": 8, "name": "wire"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 7, "segmentation": [[0, 0, 9, 0, 9, 9]]},
            {"id": 2, "image_id": 1, "category_id": 8, "keypoints": [1, 1, 2, 9, 9, 2]},
        ],
    }
    path.write_text(json.dumps(document))


CVAT = """<?xml version="1.0"?><annotations><version>1.1</version>
<image id="0" name="b.png" width="64" height="64">
<polyline label="wire" points="1,1;40,40"/><box label="scope" xtl="1" ytl="1" xbr="9" ybr="9"/>
</image></annotations>"""


def test_a_file_of_many_frames_is_that_of_those_it_lists(tmp_path):
    pictures(tmp_path, ["a", "b"], masks="")
    coco(tmp_path / "all.json")
    expected = {"scope": {"polygon": 1}, "wire": {"linestrip": 1}}
    found = matched(tmp_path)
    assert (found.kind, {s.case: c for s, c in found.cells.items()}) == ("coco", {"a": "all.json"})
    assert found.drawn[0].labels == expected
    (tmp_path / "all.json").unlink()
    (tmp_path / "job.xml").write_text(CVAT)
    found = matched(tmp_path)
    assert (found.kind, {s.case: c for s, c in found.cells.items()}) == ("cvat", {"b": "job.xml"})
    assert found.drawn[0].labels == expected


def test_a_file_that_lists_none_of_the_frames_is_told(tmp_path):
    pictures(tmp_path, ["a"], masks="")
    coco(tmp_path / "all.json", "other.png")
    (tmp_path / "notes.json").write_text("[1, 2]")
    found = matched(tmp_path)
    assert (found.kind, len(found.remarks)) == ("", 1)
    assert found.remarks[0].endswith("all.json: it lists none of the frames by name")
    assert kind_of(tmp_path / "notes.json")[0] == ""


def test_cvat_says_what_of_it_is_a_line_without_width(tmp_path):
    pictures(tmp_path, ["b"], masks="")
    (tmp_path / "job.xml").write_text(CVAT.replace("<polyline", '<tag label="good"/><polyline'))
    (drawn,) = matched(tmp_path).drawn
    assert (set(drawn.labels), drawn.without_width) == ({"wire", "scope"}, 1)
    width = '40"><attribute name="width_px">3</attribute></polyline>'
    (tmp_path / "job.xml").write_text(CVAT.replace('40"/>', width))
    assert matched(tmp_path).drawn[0].without_width == 0


@pytest.mark.parametrize(
    ("name", "source"),
    [("annotations.xml", "run.mp4"), ("labels/run.xml", ""), ("run.xml", "x.avi")],
)
def test_tracks_of_a_video_are_of_the_cine_called_as_it_or_as_their_file(tmp_path, name, source):
    dicom(tmp_path / "run.dcm", 4)
    dicom(tmp_path / "other.dcm", 4)
    pictures(tmp_path, ["annotations"], masks="")
    cvat_video(tmp_path / name, (1, 2), source, last=3)
    found = matched(tmp_path)
    assert {s.case: c for s, c in found.cells.items()} == {"run_0002": name, "run_0003": name}
    assert found.kind == "cvat"
    assert found.drawn[0].labels == {"wire": {"linestrip": 1}, "scope": {"polygon": 1}}
    assert found.drawn[0].without_width == 0


def test_tracks_end_where_the_video_of_the_annotation_tool_ends(tmp_path):
    dicom(tmp_path / "run.dcm", 6)
    cvat_video(tmp_path / "run.xml", (1, 2), last=2)
    found = matched(tmp_path)
    assert [s.number for s in found.cells] == [2, 3]
    assert found.remarks == ()


def test_frames_of_which_tracks_do_not_say_enough_are_told(tmp_path):
    dicom(tmp_path / "run.dcm", 4)
    cvat_video(tmp_path / "run.xml", (0, 2), last=3)
    found = matched(tmp_path)
    assert [s.number for s in found.cells] == [1, 3]
    assert "case run_0002: track 0: drawn in frame 1 and not in frame 2" in found.remarks[0]


def test_tracks_of_no_cine_are_told(tmp_path):
    pictures(tmp_path, ["run"], masks="")
    cvat_video(tmp_path / "run.xml", (0, 1))
    (told,) = matched(tmp_path).remarks
    assert told.endswith("a video's file may be called as its cine is")


@pytest.mark.parametrize("name", ["seg.dcm", "out/IM0002", "masks/1.2.3"])
def test_segmentations_are_of_the_frames_that_they_refer_to(tmp_path, name):
    cine = dicom(tmp_path / "IM0001", 4)
    dicom(tmp_path / "other.dcm", 4)
    empty = np.zeros((64, 64, 2), bool)
    segmentation(tmp_path / name, cine, {1: scene(), 3: scene(wire=False), 4: empty})
    found = matched(tmp_path)
    assert {s.case: c for s, c in found.cells.items()} == {
        "IM0001_0001": name,
        "IM0001_0003": name,
    }
    assert found.kind == "seg"
    assert found.drawn[1].labels == {"Scope": {"segment": 1}, "Guide wire": {"segment": 1}}
    assert found.reason == f"DICOM segmentations in {name}, which say their frames"


def test_a_frame_of_its_own_file_may_be_without_anything(tmp_path):
    source = dicom(tmp_path / "a.dcm")
    segmentation(tmp_path / "seg/b.dcm", source, {0: np.zeros((64, 64, 2), bool)})
    assert cells(tmp_path) == {"a": "seg/b.dcm"}


@pytest.mark.parametrize("refers", [True, False])
def test_segmentations_of_frames_in_another_format_are_called_as_they_are(tmp_path, refers):
    pictures(tmp_path, ["a", "b"], masks="")
    source = dicom(tmp_path / "elsewhere/f.dcm") if refers else None
    segmentation(tmp_path / "seg/a.dcm", source, {0: scene()})
    (tmp_path / "elsewhere/f.dcm").unlink(missing_ok=True)
    assert cells(tmp_path) == {"a": "seg/a.dcm"}


def test_a_segmentation_that_says_no_frame_is_of_none_of_a_cine_unless_its_name_says_it(tmp_path):
    dicom(tmp_path / "IM1", 3)
    segmentation(tmp_path / "seg/IM1.dcm", None, {0: scene()})
    assert cells(tmp_path) == {}
    segmentation(tmp_path / "seg/IM1_0002.dcm", None, {0: scene()})
    assert cells(tmp_path) == {"IM1_0002": "seg/IM1_0002.dcm"}


def test_a_segmentation_of_another_frame_is_told(tmp_path):
    segmentation(tmp_path / "seg/a.dcm", dicom(tmp_path / "a.dcm"), {0: scene()})
    dicom(tmp_path / "a.dcm")  # another picture of the same name
    found = matched(tmp_path)
    assert (found.kind, len(found.remarks)) == ("", 1)
    assert "seg/a.dcm: it refers to none of the frames that are here" in found.remarks[0]


def test_a_damaged_segmentation_is_told(tmp_path):
    path = segmentation(tmp_path / "seg.dcm", dicom(tmp_path / "a.dcm"), {0: scene()})
    path.write_bytes(path.read_bytes()[:-200])
    found = matched(tmp_path)
    assert found.cells == {}
    assert "cannot be decoded" in found.remarks[0]


def test_tables_of_centrelines_are_called_as_frames_are(tmp_path):
    pictures(tmp_path / "p1", ["a", "b"], masks="")
    pictures(tmp_path / "p2", ["a"], masks="")
    centrelines(tmp_path / "p1/centrelines/a.csv")
    centrelines(tmp_path / "p2/centrelines/a.csv", of="", width="")
    (tmp_path / "p1/b.csv").write_text("case,dice\nb,0.5\n")  # another table
    found = matched(tmp_path)
    assert {s.case: c for s, c in found.cells.items()} == {
        "p1_a": "p1/centrelines/a.csv",
        "p2_a": "p2/centrelines/a.csv",
    }
    assert (found.kind, found.remarks) == ("lines", ())
    assert [d.labels for d in found.drawn] == [{"wire": {"linestrip": 1}}, {"": {"linestrip": 1}}]
    assert [d.without_width for d in found.drawn] == [0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x;y;width_px\n1;2;3\n", "columns are separated by ';'"),
        ("x,y,z\n1,2,3\n", "column 'z' is unknown"),
    ],
)
def test_tables_of_points_that_cannot_be_read_are_told(tmp_path, text, message):
    pictures(tmp_path, ["a"], masks="")
    (tmp_path / "a.csv").write_text(text)
    found = matched(tmp_path)
    assert found.cells == {}
    assert message in found.remarks[0]


def test_a_mask_that_is_none_is_left_out_and_the_others_are_used(tmp_path):
    pictures(tmp_path, ["a", "b"])
    save(tmp_path / "masks/a.png", np.arange(64 * 64).reshape(64, 64).astype(np.uint8))
    found = matched(tmp_path)
    assert [s.case for s in found.cells] == ["b"]
    assert "a.png: 256 grey values, so it is no mask" in found.remarks[0]


def test_smoothed_edges_of_a_mask_are_no_values(tmp_path):
    grey = np.where(np.arange(64) < 30, 255, 0).astype(np.uint8) * np.ones((64, 1), np.uint8)
    grey[:, 30] = np.arange(64) + 100
    (drawn,) = read_values(save(tmp_path / "m.png", grey), None)
    assert set(drawn.values) == {0, 255}


def test_a_picture_is_no_mask(tmp_path):
    noise = np.arange(64 * 64).reshape(64, 64).astype(np.uint8)
    with pytest.raises(InputError, match="256 grey values, so it is no mask"):
        read_values(save(tmp_path / "m.png", noise), None)
