import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.folder import load_case, read_cases, read_folder
from fluorojax.viewer.app import TABLE, App, Asked
from fluorojax.viewer.sources import open_source
from fluorojax.viewer.store import MARK
from tests.data import dicoms
from tests.folders import edit_csv

LINE = {
    **{"label": "wire", "shape_type": "linestrip", "width": 3.0, "group_id": None},
    **{"points": [[10.5, 20.5], [40.5, 20.5]], "description": "", "flags": {}},
}


def saved(app, n, shapes):
    return app.save(n, {"shapes": shapes, "revision": app.opened(n)["revision"]})


def test_a_correction_is_the_mask_that_is_learned_next(app, folder):
    """Of a mask: its shapes, one of them replaced, and the table that names the new file."""
    before = load_case(read_folder(folder), read_folder(folder).cases[2])[1]
    shapes = app.opened(2)["shapes"]
    assert [item["label"] for item in shapes] == ["scope", "wire"]
    saved(app, 2, [shapes[0], LINE])
    corrected = read_folder(folder, f"labelme/{TABLE}")
    after = load_case(corrected, corrected.cases[2])[1]
    wire = np.zeros((64, 64), bool)
    wire[19:22, 10:41] = True
    np.testing.assert_array_equal(after[..., 1], wire)
    # The region was not touched, but for what an outline rounds at corners.
    assert np.count_nonzero(after[..., 0] != before[..., 0]) <= 4
    for n in (0, 1, 3, 4):
        same = (load_case(f, f.cases[n])[1] for f in (corrected, read_folder(folder)))
        np.testing.assert_array_equal(*same)
    assert [c.split for c in corrected.cases] == [c.split for c in read_folder(folder).cases]


def test_a_frame_without_anything_is_an_annotation_too(app, folder):
    saved(app, 1, [])
    corrected = read_folder(folder, f"labelme/{TABLE}")
    assert corrected.cases[1].labelled
    assert not load_case(corrected, corrected.cases[1])[1].any()
    assert app.opened(1)["origin"] == "corrected"
    assert [frame["saved"] for frame in app.overview()["frames"]] == [False, True, *[False] * 3]


def test_the_folders_own_labelme_files_keep_all_they_say(app, folder):
    item = {**LINE, "description": "by hand width_px=2", "flags": {"sure": True}, "group_id": 4}
    del item["width"]
    point = {"label": "wire", "shape_type": "point", "points": [[1, 2]]}
    document = {"version": "5", "flags": {"seen": True}, "shapes": [item], "imageHeight": 64}
    document |= {"imageWidth": 64, "imagePath": "x.png", "imageData": None, "mine": 1}
    (folder / "labelme").mkdir()
    (folder / "labelme/c0.json").write_text(before := json.dumps(document))
    edit_csv(folder / "cases.csv", lambda rows: rows[0].update(annotation="labelme/c0.json"))
    app = App(Asked(open_source(folder)))
    found = app.opened(0)
    assert found["origin"] == "annotation"
    assert [shape["width"] for shape in found["shapes"]] == [2.0]
    found["shapes"][0]["points"][1] = [44.5, 22.5]
    saved(app, 0, found["shapes"])
    written = json.loads((folder / "labelme/c0.json").read_text())
    (shape,) = written["shapes"]
    assert shape == {
        **item,
        "points": [[10.5, 20.5], [44.5, 22.5]],
        "description": "width_px=2 by hand",
    }
    assert (written["flags"], written["mine"]) == ({"seen": True}, 1)
    assert json.loads((folder / "labelme/c0.json.kept-1").read_text()) == json.loads(before)
    with pytest.raises(InputError, match="c0"):  # the reader draws no points
        saved(app, 0, [point])


def test_the_table_of_a_folder_elsewhere_names_whole_paths(folder, tmp_path):
    app = App(Asked(open_source(folder), tmp_path / "out"))
    saved(app, 3, [LINE])
    corrected = read_cases(folder, str(tmp_path / "out" / TABLE))
    assert Path(corrected.cases[3].annotation) == (tmp_path / "out/c3.json").resolve()
    assert load_case(corrected, corrected.cases[3])[1][..., 1].sum() == 93
    assert not (folder / "labelme").exists()


def test_labelme_opens_pictures_itself_and_finds_others_in_the_file(app, folder):
    saved(app, 0, [])  # of 16 bits
    written = json.loads((folder / "labelme/c0.json").read_text())
    picture = Image.open(io.BytesIO(base64.b64decode(written["imageData"])))
    assert picture.size == (64, 64)
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(folder / "images/1.png")
    saved(app, 1, [])
    written = json.loads((folder / "labelme/c1.json").read_text())
    assert (written["imageData"], written["imagePath"]) == (None, "../images/1.png")
    assert (folder / "labelme" / written["imagePath"]).is_file()


def test_an_unlabelled_frame_begins_with_nothing(folder):
    edit_csv(folder / "cases.csv", lambda rows: rows[3].update(annotation=""))
    found = App(Asked(open_source(folder))).opened(3)
    assert (found["shapes"], found["origin"], found["revision"]) == ([], "nothing", "")


def test_classes_given_for_a_folder_of_pictures_can_be_drawn(tmp_path):
    from fluorojax.viewer.sources import classes_given

    Image.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / "a.png")
    app = App(Asked(open_source(tmp_path), classes=classes_given("wire:curve")))
    assert [c["name"] for c in app.overview()["classes"]] == ["wire"]
    saved(app, 0, [LINE])
    with pytest.raises(InputError, match="no class scope"):
        saved(app, 0, [{**LINE, "label": "scope"}])
    # Without being told, the next call knows them from what was drawn.
    again = App(Asked(open_source(tmp_path)))
    assert [(c["name"], c["kind"]) for c in again.overview()["classes"]] == [("wire", "curve")]
    assert again.opened(0)["shapes"][0]["width"] == 3.0


def test_frames_of_a_cine_have_files_of_their_own(tmp_path):
    frames = np.arange(3 * 64 * 64, dtype=np.uint16).reshape(3, 64, 64)
    dicoms.write(tmp_path / "run.dcm", frames)
    app = App(Asked(open_source(tmp_path)))
    cases = [frame["case"] for frame in app.overview()["frames"]]
    assert cases == ["run_0001", "run_0002", "run_0003"]
    assert {frame["group"] for frame in app.overview()["frames"]} == {"run"}
    assert len({app.pixels(n) for n in range(3)}) == 3
    saved(app, 1, [])
    assert (tmp_path / "labelme/run_0002.json").is_file()
    assert json.loads((tmp_path / "labelme/run_0002.json").read_text())["imageData"]


def test_corrections_are_written_into_no_part_of_a_run(folder, tmp_path):
    (tmp_path / "run/export").mkdir(parents=True)
    (tmp_path / "run/config.json").write_text("{}")
    with pytest.raises(InputError, match="part of the run"):
        App(Asked(open_source(folder), tmp_path / "run/export"))


def test_what_was_changed_in_labelme_since_is_shown_and_kept(app, folder):
    saved(app, 0, [LINE])
    path = folder / "labelme/c0.json"
    written = json.loads(path.read_text())
    assert written[MARK]
    written["shapes"][0]["points"][0] = [1.5, 20.5]
    path.write_text(json.dumps(written))
    found = app.opened(0)
    assert found["origin"] == "corrected"
    assert found["shapes"][0]["points"][0] == [1.5, 20.5]
    saved(app, 0, [])
    assert json.loads((folder / "labelme/c0.json.kept-1").read_text()) == written


def test_a_file_by_hand_in_the_folder_of_corrections_comes_after_the_table(app, folder):
    (folder / "labelme").mkdir()
    (folder / "labelme/c0.json").write_text('{"shapes": []}')
    assert app.opened(0)["origin"] == "annotation"
    assert len(app.opened(0)["shapes"]) == 2
    assert not app.overview()["frames"][0]["saved"]


def test_only_frames_that_there_are(app):
    for n in (-1, 5):
        with pytest.raises(InputError, match="there are 5"):
            app.case(n)
    assert app.case(4).case == "c4"
