import pytest

from fluorojax.core.errors import InputError
from fluorojax.planning.files import look
from fluorojax.planning.privacy import pseudonym
from fluorojax.planning.shots import find_shots
from tests.planning.folders import NAME, PATIENT_ID, dicom, pictures

SALT = b"salt"


def found(root, pattern=""):
    return find_shots(look(root), lambda: SALT, pattern)


def told(root, pattern=""):
    """Return case -> patient, sequence, frame."""
    shots = found(root, pattern).shots
    return {s.case: (s.patient, s.sequence, s.frame) for s in shots}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["0020", "0021"], {"0020": ("", "", 20), "0021": ("", "", 21)}),
        (
            ["p1_run2_007", "p1_run2_008", "p2_run1_001"],
            {
                "p1_run2_007": ("p1", "run2", 7),
                "p1_run2_008": ("p1", "run2", 8),
                "p2_run1_001": ("p2", "run1", 1),
            },
        ),
        (
            ["study_patient_1_03", "study_patient_1_04", "study_patient_2_01"],
            {
                "study_patient_1_03": ("patient_1", "", 3),
                "study_patient_1_04": ("patient_1", "", 4),
                "study_patient_2_01": ("patient_2", "", 1),
            },
        ),
        (["aa", "bb"], {"aa": ("", "aa", -1), "bb": ("", "bb", -1)}),
    ],
)
def test_patients_by_names_of_files(tmp_path, names, expected):
    assert told(pictures(tmp_path, names, masks="")) == expected


def test_patients_by_names_of_folders(tmp_path):
    for patient in ("anna", "bob"):
        pictures(tmp_path / patient, ["run1_01", "run1_02"], masks="")
    shots = found(tmp_path).shots
    assert {(s.patient, s.sequence) for s in shots} == {("anna", "run1"), ("bob", "run1")}
    # One name in two folders: both are named with them.
    assert sorted(s.case for s in shots)[0] == "anna_run1_01"
    assert len({s.case for s in shots}) == 4


def test_words_for_splits_are_no_patients(tmp_path):
    shots = found(pictures(tmp_path, ["train_1", "train_2", "test_1"], masks=""))
    assert [s.split for s in shots.shots] == ["test", "train", "train"]
    assert not shots.patients_known
    assert any("--patient-pattern" in remark for remark in shots.remarks)


def test_a_pattern_says_the_patient_and_more(tmp_path):
    root = pictures(tmp_path, ["xA7f3", "xB9f4"], masks="")
    pattern = r"x(?P<patient>[A-Z]\d)f(?P<frame>\d)"
    assert told(root, pattern) == {"xA7f3": ("A7", "", 3), "xB9f4": ("B9", "", 4)}
    assert told(root, r"x(..)")["xA7f3"] == ("A7", "", -1)


@pytest.mark.parametrize(("pattern", "message"), [("(", "no regular"), ("zz", "found in no path")])
def test_a_pattern_that_cannot_be_used_is_refused(tmp_path, pattern, message):
    with pytest.raises(InputError, match=f"--patient-pattern .*{message}"):
        found(pictures(tmp_path, ["a"], masks=""), pattern)


def test_a_cine_is_a_frame_each_under_pseudonyms(tmp_path):
    dicom(tmp_path / "IM1", 2, SeriesInstanceUID="1.2.3")
    expected = pseudonym(SALT, "patient", PATIENT_ID), pseudonym(SALT, "sequence", "1.2.3")
    shots = found(tmp_path)
    assert [(s.case, s.number, s.patient, s.sequence) for s in shots.shots] == [
        ("IM1_0001", 1, *expected),
        ("IM1_0002", 2, *expected),
    ]
    assert shots.patients_known
    assert NAME not in str(shots)
    assert PATIENT_ID not in str(shots)


def test_a_file_named_after_the_patient_gives_a_case_without_the_name(tmp_path):
    dicom(tmp_path / "Doe_Jane.dcm", BurnedInAnnotation="YES")
    shots = found(tmp_path)
    assert [s.case for s in shots.shots] == ["case_0001"]
    assert shots.personal == ("Doe_Jane.dcm",)
    assert any("BurnedInAnnotation YES" in r and "case_0001" in r for r in shots.remarks)


def test_files_that_cannot_be_read_are_named_and_left_out(tmp_path):
    pictures(tmp_path, ["a"], masks="")
    (tmp_path / "b.dcm").write_bytes(b"\0" * 128 + b"DICM")
    shots = found(tmp_path)
    assert [s.case for s in shots.shots] == ["a"]
    assert any(r.startswith("left out: ") and "b.dcm" in r for r in shots.remarks)
    (tmp_path / "images/a.png").unlink()
    with pytest.raises(InputError, match="no frame that can be read"):
        found(tmp_path)


def test_a_dicom_file_is_one_by_its_content_whatever_its_ending(tmp_path):
    dicom(tmp_path / "Doe_Jane.v2")
    shots = find_shots(look(tmp_path), lambda: b"salt")
    assert shots.personal == ("Doe_Jane.v2",)
    assert [shot.case for shot in shots.shots] == ["case_0001"]
