import math

import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.inference.inputs import cases_of, frames_of, spacing_given, thresholds_given
from tests.data.dicoms import write
from tests.folders import edit_csv, write_folder


def test_two_frames_with_one_stem_are_refused_by_name(tmp_path):
    for name in ("a/x.png", "b/x.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"a/x\.png and .*b/x\.png"):
        frames_of([tmp_path / "a", tmp_path / "b"])


def test_a_frame_named_twice_is_predicted_once(tmp_path):
    (tmp_path / "x.png").touch()
    assert frames_of([tmp_path, tmp_path / "x.png"]) == [tmp_path / "x.png"]


def test_nothing_to_predict_is_refused(tmp_path):
    with pytest.raises(InputError, match="no frame"):
        frames_of([tmp_path])
    with pytest.raises(InputError, match="does not exist"):
        frames_of([tmp_path / "y.png"])


@pytest.fixture
def folder(tmp_path):
    folder = write_folder(tmp_path / "frames")
    (folder / "gallery.png").touch()  # beside the table, and no frame of it
    spaced = {"row_spacing_mm": "0.2", "col_spacing_mm": "0.25"}
    edit_csv(folder / "cases.csv", lambda rows: [row | spaced for row in rows])
    return folder


def test_of_a_dataset_folder_the_table_says_what_is_a_frame(folder, tmp_path):
    (tmp_path / "x.png").touch()
    cases = cases_of([tmp_path / "x.png", folder])
    assert [case.case for case in cases] == [*(f"c{n}" for n in range(10)), "x"]
    assert cases[0].spacing_mm == (0.2, 0.25)
    assert math.isnan(cases[-1].spacing_mm[0])
    (folder / "cases.csv").rename(folder / "others.csv")
    assert len(cases_of([folder], "others.csv")) == 10
    with pytest.raises(InputError, match=r"cases\.csv: not there"):
        cases_of([folder])


def test_two_cases_of_one_name_are_refused(folder, tmp_path):
    (tmp_path / "c3.png").touch()
    with pytest.raises(InputError, match=r"images/3\.png and .*c3\.png would both be written"):
        cases_of([folder, tmp_path / "c3.png"])
    assert len(cases_of([folder, folder])) == 10


def test_a_spacing_is_one_number_or_two():
    assert spacing_given(None) is None
    assert spacing_given("0.2") == (0.2, 0.2)
    assert spacing_given("0.2,0.25") == (0.2, 0.25)
    for text in ("wide", "0", "-1", "inf", "nan", "0.2,", "0.2,0.2,0.2"):
        with pytest.raises(InputError, match=f"--spacing-mm {text}: write one number above 0"):
            spacing_given(text)


def test_a_threshold_is_of_all_classes_or_of_those_named():
    names, usual = ("scope", "wire"), (0.5, 0.35)
    assert thresholds_given("0.4", names, usual) == (0.4, 0.4)
    assert thresholds_given("wire=0.2", names, usual) == (0.5, 0.2)
    assert thresholds_given("wire=0.2, scope=1", names, usual) == (1.0, 0.2)
    for text in ("many", "1.5", "wire=", "wire=-1", "nan"):
        with pytest.raises(InputError, match="write a probability from 0 to 1"):
            thresholds_given(text, names, usual)
    with pytest.raises(InputError, match="no class 'wyre'; the export finds scope, wire"):
        thresholds_given("wyre=0.2", names, usual)


def test_a_spacing_that_no_detector_has_is_taken_with_a_note(capsys):
    assert spacing_given("155") == (155, 155)
    assert (
        "note: --spacing-mm: no detector has a spacing of 155 x 155 mm" in capsys.readouterr().out
    )
    spacing_given("0.155")
    assert capsys.readouterr().out == ""


def test_two_whole_numbers_may_be_one_with_a_decimal_comma():
    with pytest.raises(InputError, match=r"as in 1\.5, or two .* as in 1\.0,5\.0: rows, columns"):
        spacing_given("1,5")
    assert spacing_given("1.0,5.0") == (1, 5)


def test_a_class_has_one_threshold():
    with pytest.raises(InputError, match="wire stands there twice"):
        thresholds_given("wire=0.2,wire=0.3", ("scope", "wire"), (0.5, 0.5))


def test_of_a_cine_each_frame_is_a_case_with_its_number(tmp_path):
    write(tmp_path / "run.dcm", np.zeros((3, 4, 4), np.uint8))
    write(tmp_path / "1.2.840", np.zeros((4, 4), np.uint8))
    cases = cases_of([tmp_path])
    assert [(c.case, c.sequence, c.frame) for c in cases] == [
        ("1.2.840", "", -1),
        ("run_0001", "run", 1),
        ("run_0002", "run", 2),
        ("run_0003", "run", 3),
    ]
    assert {c.image for c in cases[1:]} == {tmp_path / "run.dcm"}


def test_a_file_that_cannot_be_read_is_a_case_to_be_named_later(tmp_path):
    (tmp_path / "run.dcm").write_bytes(b"")
    assert [(c.case, c.frame) for c in cases_of([tmp_path])] == [("run", -1)]
