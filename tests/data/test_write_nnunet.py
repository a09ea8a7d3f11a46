import json

import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.folder import check_folder, load_case, read_folder
from fluorojax.data.write_nnunet import write_nnunet
from tests.folders import add_attributes, edit_csv, frame, write_folder


def written(folder, out):
    return write_nnunet(read_folder(folder), out, lambda done: None)


def overlapping(folder):
    """Let the wire of case 0 cross the scope."""
    path = folder / "masks/0.png"
    mask = np.asarray(Image.open(path)).copy()
    row, column = np.argwhere(mask == 1)[40]
    mask[row - 1 : row + 2, column - 5 : column + 5] |= 2
    assert (mask == 3).any()
    Image.fromarray(mask).save(path)
    return folder


def assert_same(one, other, *, left_out=()):
    """Compare two folders case by case: pixels, masks, ignored pixels and what the tables say."""
    ours = [case for case in read_folder(one).cases if case.case not in left_out]
    theirs = {case.case: case for case in read_folder(other).cases}
    assert {case.case for case in ours} == set(theirs)
    for case in ours:
        frame, mask, ignore = load_case(read_folder(one), case)
        found = load_case(read_folder(other), theirs[case.case])
        np.testing.assert_array_equal(found[0].pixels, frame.pixels)
        assert found[0].pixels.dtype == frame.pixels.dtype
        np.testing.assert_array_equal(found[0].spacing_mm, frame.spacing_mm)
        np.testing.assert_array_equal(found[2], ignore)
        np.testing.assert_array_equal(found[1][~ignore], mask[~ignore])
        for name in ("patient", "split", "sequence", "frame", "attached", "stratum", "labelled"):
            assert getattr(theirs[case.case], name) == getattr(case, name)
        assert theirs[case.case].image_labels == case.image_labels


def test_labels_where_nothing_overlaps(tmp_path):
    folder = add_attributes(write_folder(tmp_path / "d", cases=5))
    lines = written(folder, tmp_path / "Dataset501_toy")
    fields = json.loads((tmp_path / "Dataset501_toy/dataset.json").read_text())
    assert fields["labels"] == {"background": 0, "scope": 1, "wire": 2}
    assert (fields["numTraining"], fields["file_ending"]) == (4, ".png")
    assert fields["channel_names"] == {"0": "xray"}
    for n in range(5):
        part = "Ts" if n == 4 else "Tr"
        labels = Image.open(tmp_path / f"Dataset501_toy/labels{part}/c{n}.png")
        np.testing.assert_array_equal(labels, frame(n)[1])
    (fold,) = json.loads((tmp_path / "Dataset501_toy/splits_final.json").read_text())
    assert fold == {"train": ["c0", "c1", "c2"], "val": ["c3"]}
    assert_same(folder, tmp_path / "Dataset501_toy")
    assert read_folder(tmp_path / "Dataset501_toy").info == read_folder(folder).info
    assert lines[0].endswith(
        "5 cases (3 train, 1 validation, 1 test) in " + str(tmp_path / "Dataset501_toy")
    )
    check_folder(tmp_path / "Dataset501_toy")


def test_classes_that_overlap_are_regions(tmp_path):
    folder = overlapping(write_folder(tmp_path / "d", cases=5))
    lines = written(folder, tmp_path / "out")
    fields = json.loads((tmp_path / "out/dataset.json").read_text())
    assert fields["labels"] == {"background": 0, "scope": [1, 3], "wire": [2, 3]}
    assert fields["regions_class_order"] == [1, 2]
    assert any("classes overlap, so they are nnU-Net's regions" in line for line in lines)
    assert any("Dataset501_toy" in line for line in lines)
    assert_same(folder, tmp_path / "out")


def test_ignored_pixels_are_the_highest_label(tmp_path):
    folder = overlapping(write_folder(tmp_path / "d", cases=5))
    ignore = np.zeros((64, 64), np.uint8)
    ignore[:, :9] = 255
    Image.fromarray(ignore).save(folder / "ignore.png")
    edit_csv(folder / "cases.csv", lambda rows: rows[1].update(ignore="ignore.png"))
    written(folder, tmp_path / "out")
    fields = json.loads((tmp_path / "out/dataset.json").read_text())
    assert fields["labels"]["ignore"] == 4
    labels = np.asarray(Image.open(tmp_path / "out/labelsTr/c1.png"))
    np.testing.assert_array_equal(labels == 4, ignore > 0)
    assert_same(folder, tmp_path / "out")


def test_spacings_make_nifti(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    folder = write_folder(tmp_path / "d", cases=5)
    edit_csv(
        folder / "cases.csv",
        lambda rows: [r | {"row_spacing_mm": "0.2", "col_spacing_mm": "0.3"} for r in rows],
    )
    written(folder, tmp_path / "out")
    stored = nibabel.load(tmp_path / "out/imagesTr/c0_0000.nii.gz")
    np.testing.assert_allclose(stored.header.get_zooms(), (0.3, 0.2), rtol=1e-6)
    np.testing.assert_array_equal(np.asarray(stored.dataobj).T, frame(0)[0])
    assert_same(folder, tmp_path / "out")
    (tmp_path / "out/cases.csv").unlink()
    bare = read_folder(tmp_path / "out")
    np.testing.assert_allclose(load_case(bare, bare.cases[0])[0].spacing_mm, (0.2, 0.3), rtol=1e-6)


def test_cases_without_annotation_are_left_out_but_for_test(tmp_path):
    folder = write_folder(tmp_path / "d", cases=10)
    edit_csv(
        folder / "cases.csv",
        lambda rows: [r.update(annotation="") for r in (rows[0], rows[4])] and None,
    )
    lines = written(folder, tmp_path / "out")
    assert "1 without annotation left out" in lines[0]
    assert_same(folder, tmp_path / "out", left_out=("c0",))


def test_nothing_is_written_over_what_is_not_ours(tmp_path):
    folder = write_folder(tmp_path / "d", cases=5)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"is not empty: notes\.txt"):
        written(folder, tmp_path / "out")
    with pytest.raises(InputError, match="is read, and would be lost"):
        written(folder, folder)
    written(folder, tmp_path / "new")
    written(folder, tmp_path / "new")


def test_a_frame_that_cannot_be_read_leaves_nothing(tmp_path):
    folder = write_folder(tmp_path / "d", cases=5)
    (folder / "images/3.png").write_bytes(b"")
    with pytest.raises(InputError, match="case c3"):
        written(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()
