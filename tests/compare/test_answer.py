import math

import pytest

from fluorojax.compare.answer import MOST_CLASSES, answer
from fluorojax.compare.rows import ComparisonRow

NAN = math.nan


def row(method, difference=NAN, p=NAN, *, low=None, high=None, of="wire", metric="cldice", seeds=3):
    """A row of all cases; its interval is 0.02 wide unless it is given."""
    return ComparisonRow(
        class_name=of,
        metric=metric,
        stratum="",
        method=method,
        seeds=seeds,
        patients=40,
        cases=80,
        left_out=0,
        mean=0.8,
        seed_std=0.01,
        difference=difference,
        low=difference - 0.01 if low is None else low,
        high=difference + 0.01 if high is None else high,
        p=p,
        p_holm=p,
    )


def test_who_is_ahead_and_who_is_behind():
    rows = [row("multi"), row("joint", 0.05, 0.012), row("single", -0.05, 0.0001)]
    said = answer(rows, rows, 40)
    assert said[0] == (
        "wire (clDice): joint is ahead of multi, difference +0.050 [+0.040, +0.060], p = 0.012; "
        "single is behind multi, difference -0.050 [-0.060, -0.040], p < 0.001."
    )
    assert said[1:] == ["3 seeds a method and 40 patients, p corrected over all tests."]


def test_what_is_within_chance():
    rows = [row("multi"), row("joint", 0.05, 0.05), row("cascade", 0.01, 0.9)]
    said = answer(rows, rows, 1)
    assert said[0] == "By the first score of each class, no method differs beyond chance."
    assert said[1] == "Within chance of multi: joint and cascade on wire."
    assert said[2] == "3 seeds a method and 1 patient, p corrected over all tests."


def test_a_test_that_the_interval_over_seeds_does_not_bear_out():
    rows = [row("multi"), row("joint", 0.05, 0.01, low=-0.01)]
    assert "the interval holds 0: other seeds may turn it" in answer(rows, rows, 40)[0]


def test_a_distance_is_better_where_it_is_less():
    rows = [row("multi", metric="hd95"), row("joint", -2.0, 0.01, metric="hd95")]
    assert "joint is ahead of multi, difference -2.00" in answer(rows, rows, 40)[0]


def test_each_class_has_its_own_baseline():
    rows = [row("multi"), row("joint", 0.0, 1.0)]
    rows += [row("single", of="all"), row("joint", 0.0, 1.0, of="all")]
    said = answer(rows, rows, 40)[1]
    assert said == "Within chance of multi: joint on wire; of single: joint on all."


@pytest.mark.parametrize("seeds", [1, 5])
def test_how_many_seeds_and_what_else_was_tested(seeds):
    rows = [row("multi", seeds=seeds), row("joint", 0.05, 0.01, seeds=seeds)]
    others = [row("joint", 1.0, p, metric="hd95", seeds=seeds) for p in (0.01, 0.5, NAN)]
    said = answer(rows, [*rows, *others], 40)[-1]
    assert said.startswith("5 seeds a" if seeds > 1 else "One seed (how much others change is not")
    assert "of 2 tests of other scores and strata, 1 are beyond chance" in said


def test_there_are_never_more_than_five_sentences():
    for classes in (MOST_CLASSES, MOST_CLASSES + 4):
        names = [f"class{n}" for n in range(classes)]
        rows = [
            one
            for of in names
            for one in (row("a", of=of), row("b", 0.05, 0.01, of=of), row("c", 0.0, 1.0, of=of))
        ]
        said = answer(rows, rows, 40)
        assert len(said) == 5
        assert "class2" in said[2]
    assert said[2].startswith("Methods also differ beyond chance on class2, class3")
