import csv
import math

import numpy as np
import pytest

from fluorojax.compare import compare, read_runs
from fluorojax.compare.rows import primary_rows
from tests.compare.constructed import PATIENTS, one_label_and_two


def test_a_known_difference_is_found_with_its_interval(folders):
    lines = compare(read_runs(folders, "test"), "multi")
    (base, ours) = [line for line in lines if line.metric == "cldice" and not line.stratum]
    assert (base.method, ours.method, ours.seeds, ours.patients) == ("multi", "joint", 3, PATIENTS)
    assert math.isnan(base.difference)
    assert ours.difference == pytest.approx(0.1, abs=0.01)
    assert ours.low < ours.difference < ours.high
    assert ours.low > 0.08
    assert ours.p == pytest.approx(2 / 2**PATIENTS)  # all eight patients are better
    # Corrected for cldice and hd95 over all cases, and cldice at two strata.
    assert ours.p_holm == pytest.approx(4 * ours.p)
    assert {line.stratum for line in lines} == {"", "over bone", "over soft tissue"}


def test_one_stratum_alone_says_nothing_new(folders):
    for folder in folders:
        path = folder / "evaluation" / "test" / "cases.csv"
        path.write_text(path.read_text().replace("over bone", "over soft tissue"))
    assert {line.stratum for line in compare(read_runs(folders, "test"), "multi")} == {""}


def test_means_and_spread_by_hand(folders):
    ours = compare(read_runs(folders, "test"), "multi")[1]
    per_seed = []
    for folder in folders[3:]:
        with (folder / "evaluation/test/cases.csv").open(newline="") as file:
            scores = [float(row[ours.metric]) for row in csv.DictReader(file)]
        per_seed.append(np.mean(scores))  # as many cases in each patient
    assert ours.mean == pytest.approx(np.mean(per_seed))
    assert ours.seed_std == pytest.approx(np.std(per_seed, ddof=1))


def test_one_label_is_held_against_several_by_the_union(tmp_path):
    runs = read_runs(one_label_and_two(tmp_path), "test")
    lines = [
        line for line in compare(runs, "single") if line.metric == "cldice" and not line.stratum
    ]
    assert [(line.class_name, line.method) for line in lines] == [
        ("instruments", "single"),
        ("instruments", "multi"),
        ("instruments", "joint"),
        ("wire", "multi"),
        ("wire", "joint"),
    ]
    of = {(line.class_name, line.method): line.difference for line in lines}
    assert of["instruments", "joint"] == pytest.approx(0.2, abs=0.02)
    # Where the baseline has no such class, the first that has it stands in.
    assert math.isnan(of["wire", "multi"])
    assert of["wire", "joint"] == pytest.approx(0.1, abs=0.02)


def test_a_class_is_judged_by_the_first_metric_of_its_kind(folders):
    runs = read_runs(folders, "test")
    first = primary_rows(compare(runs, "multi"), runs)
    assert {line.metric for line in first} == {"cldice"}
    assert len(first) == 2 * 3  # two methods; all cases, and two strata
