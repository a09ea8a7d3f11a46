import csv
import io

import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.data import handed_on
from fluorojax.data.folder import Case, Folder
from fluorojax.schema.frame import Frame
from fluorojax.schema.info import ClassInfo, DatasetInfo, ImageLabelInfo

INFO = DatasetInfo(
    "toy", (ClassInfo("wire", "curve"),), image_labels=(ImageLabelInfo("view", ("ap", "lateral")),)
)
PIXELS = np.zeros((4, 4), np.uint8)


def test_a_row_says_what_the_case_says(tmp_path):
    case = Case(
        "a", tmp_path, "p1", "train", "x", None, "s", 3, 0, stratum="hard", image_labels=(1,)
    )
    row = handed_on.row_of(case, {"image": "i.png"}, (0.2, 0.30000001192092896), INFO)
    handed_on.write_table(tmp_path / "t.csv", [row], INFO)
    (found,) = csv.DictReader(io.StringIO((tmp_path / "t.csv").read_text()))
    expected = {"case": "a", "image": "i.png", "patient": "p1", "sequence": "s", "frame": "3"}
    expected |= {"attached": "no", "split": "train", "stratum": "hard", "view": "lateral"}
    expected |= {"row_spacing_mm": "0.2", "col_spacing_mm": "0.30000001192092896"}
    assert found == {**dict.fromkeys(found, ""), **expected}


def test_a_spacing_of_the_detector_is_left_out():
    assert handed_on.spacing_of(Frame(PIXELS, (0.25, 0.5), "stated")) == (0.25, 0.5)
    assert handed_on.spacing_of(Frame(PIXELS, (0.25, 0.5), "imager")) is None
    assert handed_on.spacing_of(Frame(PIXELS)) is None


def test_names_are_plain_and_pixels_whole(tmp_path):
    names = handed_on.names_of([Case("a b", tmp_path, "p", ""), Case("a_b", tmp_path, "p", "")])
    assert len(set(names.values())) == 2
    assert all(" " not in name for name in names.values())
    with pytest.raises(InputError, match=r"x\.png: pixels of type float32"):
        handed_on.write_png(tmp_path / "x.png", PIXELS.astype(np.float32))


def test_cases_are_counted(tmp_path):
    cases = [Case(str(n), tmp_path, "p", split) for n, split in enumerate(("train", "test"))]
    folder = Folder(tmp_path, tmp_path, INFO, "", tuple(cases))
    assert handed_on.counted(folder, cases) == "2 cases (1 train, 0 validation, 1 test)"
    assert handed_on.counted(folder, cases[:1]).endswith("; 1 without annotation left out")
