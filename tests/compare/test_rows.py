import csv
import math

import numpy as np
import pytest

from fluorojax.compare import compare, read_runs
from fluorojax.compare.rows import DEFINITIONS, notes, primary_rows
from tests.compare.constructed import (
    PATIENTS,
    one_label_and_two,
    rows_of,
    without_a_wire,
    write_run,
)
from tests.folders import edit_csv


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


def inventing(root, patients=4):
    """`modest` finds nothing where there is no wire, `eager` invents one; equal elsewhere."""
    for method, found in (("modest", False), ("eager", True)):
        for seed in range(2):
            rows = without_a_wire(rows_of(0.0, seed), patients, found)
            write_run(root, method, seed, rows)
    return sorted(root.iterdir())


def line_of(lines, metric, method):
    return next(x for x in lines if (x.metric, x.method, x.stratum) == (metric, method, ""))


def test_a_method_that_invents_wires_is_worse_than_one_that_does_not(tmp_path):
    lines = compare(read_runs(inventing(tmp_path), "test"), "modest")
    modest, eager = (line_of(lines, "cldice", method) for method in ("modest", "eager"))
    assert eager.difference == pytest.approx(-4 / PATIENTS)
    assert eager.mean - modest.mean == pytest.approx(eager.difference)
    assert eager.low < eager.difference < eager.high <= 0
    assert eager.p == pytest.approx(2 / 2**4)
    assert (modest.patients, modest.cases, modest.left_out) == (PATIENTS, 2 * PATIENTS, 0)
    assert line_of(lines, "length_error", "modest").mean == 0.0
    assert line_of(lines, "length_error", "eager").difference == pytest.approx(12.0)


def test_what_has_nothing_to_measure_is_left_out_for_both(tmp_path):
    lines = compare(read_runs(inventing(tmp_path), "test"), "modest")
    for method in ("modest", "eager"):
        line = line_of(lines, "hd95", method)
        assert (line.patients, line.cases, line.left_out) == (4, 8, 0)
    assert not any("HD95" in said for said in notes(lines))


def test_where_all_have_scores_no_case_is_said_to_be_left_out(folders):
    assert notes(compare(read_runs(folders, "test"), "multi")) == [DEFINITIONS]


def test_a_case_that_one_run_has_no_score_of_is_in_no_mean_and_counted(folders):
    def lose(rows):
        rows[3].update(hd95="")

    edit_csv(folders[4] / "evaluation" / "test" / "cases.csv", lose)
    lines = compare(read_runs(folders, "test"), "multi")
    for method in ("multi", "joint"):
        line = line_of(lines, "hd95", method)
        assert (line.cases, line.left_out) == (2 * PATIENTS - 1, 1)
    (of_multi, of_joint) = (line_of(lines, "hd95", method).mean for method in ("multi", "joint"))
    assert of_joint - of_multi == pytest.approx(line_of(lines, "hd95", "joint").difference)
    assert "wire, HD95: 1 of 16 cases" in notes(lines)[1]
