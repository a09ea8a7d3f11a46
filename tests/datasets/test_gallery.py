import csv
import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.folder import check_folder
from fluorojax.datasets.gallery import montage, simulate_sequence, write_gallery
from fluorojax.simulation.knee.knee import SIDES, TYPES
from fluorojax.simulation.knee.spec import KNEE
from fluorojax.simulation.spec import ERCP

SPEC = dataclasses.replace(ERCP, height=48, width=48)


def test_a_gallery_is_pictures_and_a_folder_that_passes_the_check(tmp_path):
    out = tmp_path / "new"
    write_gallery(SPEC, sequences=range(5), frames=2, seed=1, out=out)
    bare = np.asarray(Image.open(out / "gallery.png"))
    labelled = np.asarray(Image.open(out / "gallery_labels.png"))
    assert bare.shape == (5 * 52 - 4, 2 * 52 - 4, 3)
    assert not np.array_equal(labelled[: len(bare)], bare)
    rows = list(csv.DictReader((out / "cases.csv").read_text("utf-8").splitlines()))
    assert len(rows) == 10
    assert json.loads((out / "dataset.json").read_text())["relation"] == {
        "child": "guidewire",
        "parent": "endoscope",
    }
    check_folder(out, "cases.csv")
    truth = json.loads((out / "truth.json").read_text("utf-8"))
    assert list(truth) == [row["case"] for row in rows]
    assert set(truth[rows[0]["case"]]) == {"attached", "exit", "tip", "pixel_mm", "stratum"}
    frame = np.asarray(Image.open(out / rows[0]["image"]))
    made = simulate_sequence(SPEC, 1, 0, 2)
    np.testing.assert_allclose(frame / 65535, made["image"][0], atol=1e-5)
    mask = np.asarray(Image.open(out / rows[1]["annotation"]))
    np.testing.assert_array_equal(mask & 1, made["mask"][1][..., 0])
    np.testing.assert_array_equal(mask >> 1, made["mask"][1][..., 1])


def test_chosen_sequences_are_of_the_splits_asked_for(tmp_path):
    splits = ("train", "test", "test")
    # Two frames, as above: they share its program.
    write_gallery(SPEC, sequences=[1, 4, 6], frames=2, seed=1, out=tmp_path, splits=splits)
    rows = list(csv.DictReader((tmp_path / "cases.csv").read_text("utf-8").splitlines()))[::2]
    assert [row["patient"] for row in rows] == ["0001", "0004", "0006"]
    assert tuple(row["split"] for row in rows) == splits
    frame = np.asarray(Image.open(tmp_path / rows[1]["image"]))
    np.testing.assert_allclose(
        frame / 65535, simulate_sequence(SPEC, 1, 4, 2)["image"][0], atol=1e-5
    )


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        write_gallery(SPEC, sequences=[0], frames=1, seed=0, out=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_montage_fills_rows_and_leaves_the_rest_white():
    pictures = [np.full((2, 3, 3), k, np.uint8) for k in range(3)]
    sheet = montage(pictures, columns=2, gap=1)
    assert sheet.shape == (5, 7, 3)
    assert (sheet[3:, 4:] == 255).all()
    assert (sheet[3:, :3] == 2).all()


@pytest.mark.slow
def test_a_gallery_of_knees_tells_type_side_and_what_is_measured(tmp_path):
    spec = dataclasses.replace(KNEE, height=96, width=96)
    out = tmp_path / "knees"
    write_gallery(spec, sequences=range(5), frames=1, seed=1, out=out)
    truth = json.loads((out / "truth.json").read_text("utf-8"))
    rows = list(csv.DictReader((out / "cases.csv").read_text("utf-8").splitlines()))
    assert [row["case"] for row in rows] == list(truth)
    for row in rows:
        told = truth[row["case"]]
        assert row["type"] == TYPES[told["type"]]
        assert row["side"] == ("" if told["side"] < 0 else SIDES[told["side"]])
        assert row["attached"] == ""
        assert len(told["angles"]) == 2
        assert "image" not in told
        assert "mask" not in told
        assert (told["thickness_mm"] == [None, None]) == (row["view"] == "lateral")
    mask = np.asarray(Image.open(out / rows[0]["annotation"]))
    assert mask.max() > 255
    assert "type" in json.loads((out / "dataset.json").read_text())["image_labels"][0]["name"]
    check_folder(out, "cases.csv")
    with pytest.raises(InputError, match="a knee has one film"):
        simulate_sequence(spec, 1, 0, 2)
