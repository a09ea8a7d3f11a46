import dataclasses

import numpy as np
import pytest

from fluorojax.data import leaks
from fluorojax.data.folder import Case

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)


def case(name, patient, split, sequence="", image="f.png"):
    return Case(name, image, patient, split, sequence=sequence)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("01", "1"),
        ("P2", "p2"),
        ("P 2", "P2"),
        ("é", "e\u0301"),
        ("p007", "P 7"),
        ("１", "1"),
        ("7.0", "007"),
    ],
)
def test_patients_that_are_perhaps_one_are_noted(one, other):
    (note,) = leaks.alike_units([case("a", one, "train"), case("b", other, "test")], "patient")
    assert f"'{one}' (train, case a)" in note
    assert f"'{other}' (test, case b)" in note


@pytest.mark.parametrize(
    ("one", "other"), [("1", "10"), ("p1", "q1"), ("100", "1"), ("0", "00x"), ("1.5", "15")]
)
def test_patients_of_other_names_are_others(one, other):
    assert leaks.alike_units([case("a", one, "train"), case("b", other, "test")], "patient") == []


def test_within_a_split_nothing_leaks():
    assert leaks.alike_units([case("a", "01", "train"), case("b", "1", "train")], "patient") == []
    assert leaks.alike_units([case("a", "01", "train"), case("b", "1", "test")], "frame") == []


def test_sequences_are_compared_where_they_are_split_by():
    cases = [case("a", "p", "train", "S1"), case("b", "p", "test", "s01")]
    (note,) = leaks.alike_units(cases, "sequence")
    assert note.startswith("sequences 'p/S1' (train, case a) and 'p/s01' (test, case b) differ")


def test_a_patient_in_two_unicode_forms_is_one():
    cases = [case("a", "é", "train"), case("b", "e\u0301", "test")]
    (problem,) = leaks.shared_units(cases, "patient")
    assert "is in 2 splits: train (case a), test (case b); its name is written in two" in problem


def test_a_picture_is_known_again_by_its_grey_values():
    assert leaks.picture(GREY) == leaks.picture(GREY.astype(np.uint16))
    assert leaks.picture(GREY) == leaks.picture(GREY.astype(np.uint16) * 257)
    assert leaks.picture(GREY) == leaks.picture(np.asfortranarray(GREY))
    others = [GREY + 1, GREY.reshape(4, 3), GREY[::-1], GREY.astype(np.uint16) * 256]
    assert len({leaks.picture(GREY), *map(leaks.picture, others)}) == 5
    assert leaks.picture(np.full((3, 4), 7, np.uint8)) == ""


def test_a_picture_in_two_splits_is_a_problem_and_in_one_a_note():
    a, b, c = (dataclasses.replace(case(n, n, "train"), annotation="m.png") for n in "abc")
    d = dataclasses.replace(c, case="d", split="test")
    unused = dataclasses.replace(d, case="e", annotation="")
    pictures = {"1": [a, b], "2": [c, d], "": [a, d], "3": [b], "4": [a, unused]}
    wrong, notes = leaks.shared_pictures(pictures)
    assert wrong == [
        "the same picture is in two splits: case c (train), d (test), pixel for pixel; keep one "
        "of them"
    ]
    told = "the same picture is that of several cases, pixel for pixel: "
    assert notes == [f"{told}a (train), b (train)", f"{told}a (train), e (test)"]


def test_one_file_is_one_whatever_its_path(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "f.png").touch()
    (tmp_path / "link.png").symlink_to("f.png")
    paths = ["f.png", "d/../f.png", "./f.png", "link.png"]
    cases = [
        case(str(n), str(n), "train" if n < 3 else "test", image=tmp_path / path)
        for n, path in enumerate(paths)
    ]
    (problem,) = leaks.shared_files(cases)
    assert "is in two splits: case 0 (train), 3 (test), 1 (train), 2 (train); keep" in problem
    assert leaks.shared_files(cases[:3]) == []
    assert (
        leaks.shared_files([case("a", "p", "train"), case("b", "q", "test", image="g.png")]) == []
    )


def test_cases_whose_files_would_be_one_elsewhere_are_noted():
    cases = [case(name, "p", "train") for name in ("F1", "f1", "f2")]
    (note,) = leaks.same_file_names(cases)
    assert note.startswith("cases F1, f1 differ only in upper and lower case")


def test_many_notes_of_a_kind_are_counted():
    assert leaks.few(["a"] * 3) == ["a"] * 3
    assert leaks.few(map(str, range(12)))[-2:] == ["9", "and 2 more of this kind"]
