from collections import Counter

import pytest

from fluorojax.core.errors import InputError
from fluorojax.data import splits

PATIENTS = [f"patient {k}" for k in range(2000)]
# Of p0 to p11, written down once: a change would move patients of existing datasets.
KNOWN = {"p0": "test", "p3": "validation", "p7": "validation", "p11": "test"}
KNOWN_QUARTER = {"p2", "p5", "p8"}


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


@pytest.mark.parametrize(("share", "count"), [(0.01, 1), (0.07, 7), (0.25, 25), (0.251, 26)])
def test_a_share_of_the_units_is_rounded_up(share, count):
    assert len(splits.first_units(PATIENTS[:100] * 2, share)) == count


def test_smaller_shares_lie_within_larger_ones_and_all_is_all():
    shares = [splits.first_units(PATIENTS, share) for share in (0.001, 0.1, 0.25, 0.5, 1.0)]
    assert all(small < large for small, large in zip(shares, shares[1:], strict=False))
    assert shares[-1] == set(PATIENTS)


def test_a_new_patient_moves_at_most_one_other():
    before = splits.first_units(PATIENTS[:50], 0.3)
    for new in PATIENTS[50:80]:
        assert len(before ^ splits.first_units([*PATIENTS[:50], new], 0.3) - {new}) <= 1


def test_the_share_of_known_names_never_changes():
    assert splits.first_units([f"p{k}" for k in range(12)], 0.25) == KNOWN_QUARTER


@pytest.mark.parametrize("share", [0.0, -0.5, 1.01])
def test_a_share_out_of_its_limits_is_refused(share):
    with pytest.raises(InputError, match=rf"data\.train_share={share}.*at most 1"):
        splits.first_units(PATIENTS, share)
