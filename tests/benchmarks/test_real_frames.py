"""Folders made of clones: small stand-ins with the repositories' layout."""

import numpy as np
import pytest
from PIL import Image

from benchmarks.studies import real_frames
from fluorojax.core.errors import InputError
from fluorojax.data.folder import read_folder
from fluorojax.data.readers import read_mask_image


def save(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, np.uint8)).save(path)


@pytest.fixture
def coronary(tmp_path):
    clone = tmp_path / "Coronary"
    grey = np.arange(256).reshape(16, 16)
    for folder in ("training", "testing"):
        for number in range(1, 41):
            save(clone / f"Angios_40_{folder}" / f"{number}.png", (grey + number) % 256)
            save(clone / f"Angios_40_{folder}" / f"{number}_gt.png", 255 * (grey % 16 == 8))
    (clone / "LICENSE").write_text("terms")
    return clone


def test_the_angiograms_become_a_folder_with_the_published_split(coronary, tmp_path):
    out = tmp_path / "real"
    assert real_frames.make("coronary_xa", coronary, out) == 60
    cases = {case.case: case for case in read_folder(out, "cases.csv").cases}
    splits = [case.split for case in cases.values()]
    assert [splits.count(name) for name in ("train", "validation", "test")] == [35, 5, 20]
    assert cases["train_07"].split == "validation"
    assert (read_mask_image(out / "masks/train_07.png")[:, 8] == 255).all()
    assert (out / "LICENSE").read_text() == "terms"


def test_a_clone_that_lacks_a_picture_leaves_no_folder(coronary, tmp_path):
    (coronary / "Angios_40_training/3.png").unlink()
    with pytest.raises(InputError, match=r"training/3\.png: not there; clone all"):
        real_frames.make("coronary_xa", coronary, tmp_path / "real")
    assert not (tmp_path / "real").exists()


def subject(root, cameras=("Cam1", "Cam2"), count=19):
    for camera in cameras:
        folder = root / "example_studies/Subject0" / camera
        for number in range(count):
            save(folder / f"Img_Tif/{2 * number:06}.tif", np.full((8, 8), number))
            save(folder / f"Fem_Label/{number}.tif", 255 * np.eye(8))
            save(folder / f"Tib_Label/{number}.tif", 255 * np.eye(8)[::-1])


def test_the_knee_has_both_components_as_bits_and_the_second_fluoroscope_as_test(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(real_frames, "LAST_TRAINED", 9)
    subject(tmp_path / "JTML")
    assert real_frames.make("jtml_knee", tmp_path / "JTML", tmp_path / "real") == 6
    cases = read_folder(tmp_path / "real", "cases.csv").cases
    assert [case.case for case in cases][:3] == ["cam1_000", "cam1_009", "cam1_018"]
    assert [case.split for case in cases] == ["train", "train", "validation", *["test"] * 3]
    mask = read_mask_image(tmp_path / "real/masks/cam2_009.png")
    np.testing.assert_array_equal(mask, np.eye(8) + 2 * np.eye(8)[::-1])


def test_masks_that_are_not_there_are_asked_for_by_name(tmp_path):
    subject(tmp_path / "JTML")
    for camera in ("Cam1", "Cam2"):
        folder = tmp_path / "JTML/example_studies/Subject0" / camera
        (folder / "Tib_Label").rename(folder / "Shin")
    with pytest.raises(
        InputError, match=r"no folder of 19 masks has 'tib' .* Fem_Label, Img_Tif, Sh"
    ):
        real_frames.make("jtml_knee", tmp_path / "JTML", tmp_path / "real")
    with pytest.raises(InputError, match="name a new folder"):
        real_frames.make("jtml_knee", tmp_path / "JTML", tmp_path)
