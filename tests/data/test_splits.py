from collections import Counter

import pytest

from fluorojax.data import splits
from fluorojax.errors import InputError

PATIENTS = [f"patient {k}" for k in range(2000)]
# Of p0 to p11, written down once: a change would move patients of existing datasets.
KNOWN = {"p0": "test", "p3": "validation", "p7": "validation", "p11": "test"}


def test_shares_are_those_asked_for():
    counts = Counter(map(splits.draw_split, PATIENTS))
    for name, share in zip(("train", "validation", "test"), splits.FRACTIONS, strict=True):
        assert counts[name] / len(PATIENTS) == pytest.approx(share, abs=0.03)


def test_the_draw_of_known_names_never_changes():
    drawn = {f"p{k}": splits.draw_split(f"p{k}") for k in range(12)}
    assert drawn == dict.fromkeys(drawn, "train") | KNOWN


@pytest.mark.parametrize(("unit", "name"), [("patient", "p"), ("sequence", "p/s"), ("frame", "c")])
def test_split_unit(unit, name):
    assert splits.split_unit(unit, case="c", patient="p", sequence="s") == name


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_every_unit_validates_in_exactly_one_fold_of_almost_equal_size(folds):
    parts = [splits.validation_units(PATIENTS[:11] * 2, k, folds) for k in range(folds)]
    assert sorted(unit for part in parts for unit in part) == sorted(PATIENTS[:11])
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_folds_do_not_depend_on_the_order_of_the_table():
    assert splits.assign_folds(PATIENTS[:9], 3) == splits.assign_folds(PATIENTS[8::-1], 3)


def test_more_folds_than_patients_are_refused():
    with pytest.raises(InputError, match=r"data\.folds=4.*3 separable units.*data\.folds=3"):
        splits.assign_folds(PATIENTS[:3], 4)


@pytest.mark.parametrize(("fold", "folds"), [(-1, 3), (3, 3)])
def test_fold_out_of_range_is_refused(fold, folds):
    with pytest.raises(InputError, match=rf"data\.fold={fold}.*0 to 2"):
        splits.validation_units(PATIENTS[:9], fold, folds)


def test_one_fold_is_refused():
    with pytest.raises(InputError, match=r"data\.folds=1"):
        splits.validation_units(PATIENTS[:9], 0, 1)
