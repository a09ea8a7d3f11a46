import json

import numpy as np
import pytest
from PIL import Image

from fluorojax.cli import main as cli
from fluorojax.core.errors import InputError
from fluorojax.data.folder import load_case, read_folder
from fluorojax.data.masks import MaskFolder
from fluorojax.inference.write import mask_path
from fluorojax.schema import bitmask
from tests.folders import edit_csv, write_folder

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


@pytest.fixture
def swapped(tmp_path):
    """A folder whose cases are named like other cases' files: f9 is 4.png and f4 is 9.png."""
    root = write_folder(tmp_path / "frames", size=48)
    names = {"c4": "9", "c9": "4"}
    edit_csv(
        root / "cases.csv",
        lambda rows: [r | {"case": names.get(r["case"], r["case"])} for r in rows],
    )
    return read_folder(root)


def test_masks_that_two_patterns_find_otherwise_are_refused(swapped, tmp_path):
    root = tmp_path / "masks"
    root.mkdir()
    for name, stem in (("9", "4"), ("4", "9")):
        Image.fromarray(bitmask.pack(example(swapped, name)[1])).save(root / f"{stem}.png")
    with pytest.raises(InputError, match=r"case \d: both .*--name '\{case\}\.png' or --name '\{st"):
        MaskFolder(root, swapped, ("9", "4"))
    with pytest.raises(InputError, match="case 9: both "):
        MaskFolder(root, swapped, ["9"])
    masks = MaskFolder(root, swapped, ("9", "4"), names=["{stem}.png"])
    for name in ("9", "4"):
        asked, expected = example(swapped, name)
        np.testing.assert_array_equal(masks(asked), expected)


def test_two_names_of_one_file_are_no_contradiction(folder, tmp_path):
    root = write(tmp_path / "masks", folder)
    for name in TEST:
        (root / f"{name.removeprefix('c')}.png").symlink_to(root / f"{name}.png")
    asked, expected = example(folder, "c4")
    np.testing.assert_array_equal(MaskFolder(root, folder, TEST)(asked), expected)


def test_one_pattern_serves_all_cases(folder, tmp_path):
    root = write(tmp_path / "masks", folder)
    (root / "c9.png").rename(root / "9.png")
    with pytest.raises(InputError, match=r"of which one must serve all cases"):
        MaskFolder(root, folder, TEST)


@pytest.mark.parametrize(
    ("pattern", "encoding", "message"),
    [
        ("c4.png", "bitmask", "one file for 2 cases"),
        ("{Case}.png", "bitmask", r"\{Case\} is not filled in"),
        ("{case}_{class}.png", "bitmask", r"\{class\} goes with --encoding per_class"),
        ("{case}.png", "per_class", r"\{class\} goes with --encoding per_class"),
    ],
)
def test_a_pattern_that_cannot_tell_is_refused(folder, tmp_path, pattern, encoding, message):
    root = write(tmp_path / "masks", folder)
    with pytest.raises(InputError, match=message):
        MaskFolder(root, folder, TEST, encoding=encoding, names=[pattern])


def test_one_file_serves_one_case(folder, tmp_path):
    root = write(tmp_path / "masks", folder)
    (root / "c9.png").unlink()
    (root / "c9.png").symlink_to(root / "c4.png")
    with pytest.raises(InputError, match=r"c4\.png would be the mask of the cases c4 and c9"):
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


def test_a_case_of_any_name_finds_the_mask_that_predict_would_write(tmp_path):
    root = write_folder(tmp_path / "frames", size=48)
    long = "c" * 300
    edit_csv(root / "cases.csv", lambda rows: rows[4].update(case=long))
    edit_csv(root / "cases.csv", lambda rows: rows[9].update(case="a: b"))
    folder = read_folder(root)
    (tmp_path / "masks").mkdir()
    for name in (long, "a: b"):
        path = mask_path(tmp_path / "masks", name)
        Image.fromarray(bitmask.pack(example(folder, name)[1])).save(path)
    masks = MaskFolder(tmp_path / "masks", folder, [long, "a: b"])
    for name in (long, "a: b"):
        asked, expected = example(folder, name)
        np.testing.assert_array_equal(masks(asked), expected)
    with pytest.raises(InputError, match="have no mask"):
        MaskFolder(tmp_path / "frames", folder, [long])
