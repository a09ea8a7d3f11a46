import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.planning.files import (
    is_segmentation,
    look,
    place_of,
    split_said,
    without_label_word,
)
from tests.planning.folders import dicom, labelme, pictures, save, scene, segmentation

MASK = np.eye(64, dtype=np.uint8)


def names(root, paths):
    return [p.relative_to(root).as_posix() for p in paths]


def test_files_are_told_apart_by_their_folders(tmp_path):
    pictures(tmp_path, ["a", "b"])
    save(tmp_path / "ignore/a.png", MASK)
    labelme(tmp_path / "labelme/a.json")
    dicom(tmp_path / "cines/IM0001", 2)
    found = look(tmp_path)
    assert names(tmp_path, found.frames) == ["cines/IM0001", "images/a.png", "images/b.png"]
    assert names(tmp_path, found.labels) == ["masks/a.png", "masks/b.png"]
    assert names(tmp_path, found.ignores) == ["ignore/a.png"]
    assert names(tmp_path, found.shapes) == ["labelme/a.json"]
    assert found.reasons == ()


def test_segmentations_are_labels_wherever_they_lie(tmp_path):
    cine = dicom(tmp_path / "IM0001", 2)
    made = segmentation(tmp_path / "IM0002", cine, {1: scene()})
    segmentation(tmp_path / "seg/a.dcm", cine, {2: scene()})
    dicom(tmp_path / "seg/b.dcm")
    (tmp_path / "broken.dcm").write_bytes(made.read_bytes()[:200])
    found = look(tmp_path)
    assert names(tmp_path, found.frames) == ["IM0001", "broken.dcm"]
    assert names(tmp_path, found.labels) == ["IM0002", "seg/a.dcm", "seg/b.dcm"]
    assert [is_segmentation(path) for path in found.labels] == [True, True, False]


def test_masks_beside_frames_are_known_by_their_names(tmp_path):
    pictures(tmp_path, ["a"], masks="")
    save(tmp_path / "images/a_mask.png", MASK)
    save(tmp_path / "images/unmask.png", MASK)  # ends so, but no frame is called 'un'
    found = look(tmp_path)
    assert names(tmp_path, found.labels) == ["images/a_mask.png"]
    assert names(tmp_path, found.frames) == ["images/a.png", "images/unmask.png"]


def test_a_folder_of_few_grey_values_called_as_frames_are_holds_masks(tmp_path):
    pictures(tmp_path, ["a", "b"], masks="vessels")
    found = look(tmp_path)
    assert names(tmp_path, found.labels) == ["vessels/a.png", "vessels/b.png"]
    assert found.reasons == ("vessels: pictures of few grey values, called as frames are",)


def test_results_of_commands_and_hidden_files_are_left_out(tmp_path):
    pictures(tmp_path, ["a"], masks="")
    save(tmp_path / "predictions/a.png", MASK)
    (tmp_path / "predictions/contents.json").write_text("{}")
    save(tmp_path / ".thumbs/a.png", MASK)
    assert names(tmp_path, look(tmp_path).frames) == ["images/a.png"]


def test_links_to_folders_are_followed_and_circles_are_not(tmp_path):
    pictures(tmp_path / "elsewhere", ["a"], masks="")
    root = tmp_path / "frames"
    root.mkdir()
    (root / "run").symlink_to(tmp_path / "elsewhere/images")
    (root / "again").symlink_to(root)
    assert names(root, look(root).frames) == ["run/a.png"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        look(tmp_path / "none")


def test_words_in_names():
    assert split_said("Training") == "train"
    assert split_said("trainer") == ""
    assert [without_label_word(s) for s in ("a_mask", "mask-a", "a_b", "a.GT")] == [
        *("a", "a", "a_b", "a")
    ]


def test_the_place_leaves_out_what_only_says_what_lies_there(tmp_path):
    assert place_of(tmp_path, tmp_path / "p1/Images/run/a.png") == ("p1", "run")
