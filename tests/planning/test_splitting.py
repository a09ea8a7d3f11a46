from collections import Counter, defaultdict

import pytest

from fluorojax.data.splits import draw_split
from fluorojax.planning.splitting import Part, propose


def parts(patients, frames=4, sequences=1, said="", classes=frozenset({0})):
    return [
        Part(f"p{p}s{s}f{n}", f"p{p}", f"s{s}" if sequences > 1 else "", n, said, classes)
        for p in range(patients)
        for s in range(sequences)
        for n in range(frames)
    ]


def units_of(splitting, given, unit):
    by = defaultdict(set)
    for p in given:
        by[unit(p)].add(splitting.splits[p.case])
    return by


def test_many_patients_are_drawn_from_their_names():
    given = parts(40)
    found = propose(given, patients_known=True)
    assert (found.unit, found.splits) == ("patient", {})
    assert {draw_split(p.patient) for p in given} == {"train", "validation", "test"}


@pytest.mark.parametrize("count", [3, 4, 9])
def test_few_patients_are_dealt_each_to_one_split(count):
    given = parts(count)
    found = propose(given, patients_known=True)
    by = units_of(found, given, lambda p: p.patient)
    assert found.unit == "patient"
    assert all(len(splits) == 1 for splits in by.values())
    assert set.union(*by.values()) == {"train", "validation", "test"}


def test_dealing_minds_that_train_and_test_show_every_class():
    rare = {"p0", "p1"}
    given = [
        p._replace(classes=frozenset({0, 1} if p.patient in rare else {0}))
        for p in parts(5, frames=3)
    ]
    found = propose(given, patients_known=True)
    shown = {found.splits[p.case] for p in given if p.patient in rare}
    assert shown == {"train", "test"}


def test_two_patients_of_many_runs_are_split_by_run():
    given = parts(2, sequences=3)
    found = propose(given, patients_known=True)
    by = units_of(found, given, lambda p: (p.patient, p.sequence))
    assert found.unit == "sequence"
    assert all(len(splits) == 1 for splits in by.values())
    assert "say nothing about a new patient" in found.guess.reason


@pytest.mark.parametrize("count", [3, 5, 12, 100])
def test_one_patient_is_split_by_blocks_of_frames(count):
    given = parts(1, frames=count)
    found = propose(given, patients_known=True)
    assert found.unit == "frame"
    assert set(found.splits.values()) == {"train", "validation", "test"}
    in_order = [found.splits[p.case] for p in sorted(given, key=lambda p: p.frame)]
    changes = sum(a != b for a, b in zip(in_order, in_order[1:], strict=False))
    assert changes < 10
    if count == 100:
        assert Counter(in_order) == {"train": 60, "validation": 20, "test": 20}


def test_patients_that_are_not_known_are_never_said_to_be_apart():
    found = propose(parts(30, frames=1), patients_known=False)
    assert found.unit == "frame"


def test_names_that_say_the_split_are_believed():
    given = [*parts(7, said="train"), *(p._replace(case=f"t{p.case}", said="test", patient="t")
             for p in parts(2))]  # fmt: skip
    found = propose(given, patients_known=True)
    by = units_of(found, given, lambda p: p.patient)
    assert found.unit == "patient"
    assert by.pop("t") == {"test"}
    assert sorted(map(tuple, by.values())) == [("train",)] * 6 + [("validation",)]
    assert propose(given, patients_known=False).unit == "frame"


def test_a_unit_that_dataset_json_says_is_kept():
    assert propose(parts(40), patients_known=True, unit="frame").unit == "frame"
    assert propose(parts(2, sequences=2), patients_known=True, unit="patient").unit == "patient"
