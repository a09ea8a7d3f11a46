import json

import numpy as np
import pytest
from PIL import Image

from fluorojax.cli import main as cli
from fluorojax.core.errors import InputError
from fluorojax.data.folder import load_case, read_folder
from fluorojax.data.masks import MaskFolder
from fluorojax.schema import bitmask
from tests.folders import write_folder

TEST = ("c4", "c9")  # the test split of a toy folder


@pytest.fixture
def folder(tmp_path):
    return read_folder(write_folder(tmp_path / "frames", size=48))


def example(folder, name):
    case = next(case for case in folder.cases if case.case == name)
    frame, mask, _ = load_case(folder, case)
    return {"case": name, "image": frame.pixels}, mask


def write(root, folder, pattern="{case}.png", cases=TEST):
    root.mkdir()
    for name in cases:
        packed = bitmask.pack(example(folder, name)[1])
        stem = name.removeprefix("c")  # the toy's files are named 4.png and so on
        Image.fromarray(packed).save(root / pattern.replace("{case}", name).replace("{stem}", stem))
    return root


@pytest.mark.parametrize("pattern", ["{case}.png", "{stem}.png"])
def test_masks_are_found_by_case_or_by_the_frames_file(folder, tmp_path, pattern):
    masks = MaskFolder(write(tmp_path / "masks", folder, pattern), folder, TEST)
    for name in TEST:
        asked, expected = example(folder, name)
        np.testing.assert_array_equal(masks(asked), expected)


def test_a_file_a_class_is_taken_where_the_name_says_so(folder, tmp_path):
    root = tmp_path / "masks"
    root.mkdir()
    asked, expected = example(folder, "c4")
    for k, name in enumerate(folder.info.class_names):
        Image.fromarray(255 * expected[..., k].astype(np.uint8)).save(root / f"c4-{name}.png")
    masks = MaskFolder(root, folder, ["c4"], encoding="per_class", names=["{case}-{class}.png"])
    np.testing.assert_array_equal(masks(asked), expected)


def test_cases_without_a_mask_are_named_before_anything_is_scored(folder, tmp_path):
    root = write(tmp_path / "masks", folder, cases=("c4",))
    with pytest.raises(InputError, match=r"1 of 2 cases have no mask \(c9\).*empty mask"):
        MaskFolder(root, folder, TEST)


def test_a_mask_of_another_size_is_refused_by_case(folder, tmp_path):
    root = write(tmp_path / "masks", folder)
    Image.fromarray(np.zeros((8, 9), np.uint8)).save(root / "c4.png")
    masks = MaskFolder(root, folder, TEST)
    with pytest.raises(InputError, match="case c4: the mask is 8 x 9"):
        masks(example(folder, "c4")[0])


def test_evaluate_scores_the_masks_of_any_tool(folder, tmp_path, capsys):
    root, out = write(tmp_path / "masks", folder), tmp_path / "scores"
    given = [str(root), str(folder.root), "--out", str(out), "--built-dir", str(tmp_path / "built")]
    cli.main(["evaluate", *given])
    summary = json.loads((out / "summary.json").read_text())
    assert summary["cases"] == 2
    assert summary["classes"]["wire"]["metrics"]["dice"]["mean"] == 1.0
    assert "wire" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["evaluate", str(tmp_path / "nowhere"), *given[1:]])
    assert "give an export, or a folder of masks" in capsys.readouterr().err
