import json
import re

import numpy as np
import pytest

from fluorojax.metrics.case import MetricSettings, score_case
from fluorojax.metrics.summary import read_cases_csv, summarise, write_cases_csv, write_summary
from tests.report.constructed import CLASSES, case_rows, read, scene


def test_the_headline_is_the_mean_over_patients(run):
    summary = json.loads((run / "evaluation/test/summary.json").read_text())
    cldice = summary["classes"]["wire"]["metrics"]["cldice"]
    card = read(run).words.split("wireclDice ")[1]
    # Of two patients, a bootstrap draws one alone in half of the cases: the interval is from one to
    # the other.
    means = [cldice["patient_mean"] + sign * cldice["patient_std"] / 2**0.5 for sign in (-1, 1)]
    shown = "[{:.3f}, {:.3f}]".format(*means)
    assert card.startswith(f"{cldice['patient_mean']:.3f} {shown} mean over 2 patients")
    assert "missed: 1 of 4 frames with it · no frame without it" in card


def test_false_alarms_stand_apart_from_the_mean(run):
    nothing, there = np.zeros((48, 64, 2), bool), scene(60)
    rows = [
        {"case": f"{n}", "patient": f"{n}", "sequence": "", "stratum": ""} | row
        for n, (found, truly) in enumerate([(there, there), (there, nothing), (nothing, nothing)])
        for row in score_case(found, truly, classes=CLASSES, spacing=(0.5, 0.5))
    ]
    folder = run / "evaluation" / "test"
    write_cases_csv(rows, folder / "cases.csv")
    write_summary(summarise(rows, MetricSettings()), folder / "summary.json")
    card = read(run).words.split("wireclDice ")[1]
    assert card.startswith("0.500 [0.000, 1.000] mean over 2 patients")
    assert "1.000 without the false alarms, which count as 0" in card
    assert "missed: 0 of 1 frames with it · false alarms: 1 of 2 without it" in card


def test_one_patient_has_no_interval(run):
    folder = run / "evaluation" / "test"
    rows = [row | {"patient": "p"} for row in read_cases_csv(folder / "cases.csv")]
    write_cases_csv(rows, folder / "cases.csv")
    write_summary(summarise(rows, MetricSettings()), folder / "summary.json")
    assert re.match(r"0\.\d{3} mean over 1 patient ", read(run).words.split("wireclDice ")[1])


def test_scores_stand_by_stratum_where_the_cases_have_strata(run):
    assert "by stratum" not in read(run).words
    folder = run / "evaluation" / "test"
    rows = [
        row | {"stratum": "over bone" if case in ("bad", "missed") else "over soft tissue"}
        for case, reach in {"good": 58, "bad": 24, "missed": 16}.items()
        for row in case_rows(case, case, reach)
    ]
    write_cases_csv(rows, folder / "cases.csv")
    summary = summarise(rows, MetricSettings())
    write_summary(summary, folder / "summary.json")
    mean = summary["strata"]["over bone"]["wire"]["metrics"]["cldice"]["patient_mean"]
    found = next(row for row in read(run).rows if row[0] == "over bone")
    assert found[2] == f"clDice {mean:.3f} (2)"


@pytest.mark.parametrize("gone", ["cases.csv", "summary.json"])
def test_half_an_evaluation_is_shown(run, gone):
    (run / "evaluation" / "test" / gone).unlink()
    assert "wire" in read(run).words


def test_a_class_nobody_could_score(run):
    empty = np.zeros((8, 8, 2), bool)
    rows = score_case(empty, empty, classes=CLASSES, spacing=(np.nan, np.nan))
    rows = [{"case": "a", "patient": "p", "sequence": "", "stratum": ""} | r for r in rows]
    write_cases_csv(rows, run / "evaluation/test/cases.csv")
    write_summary(summarise(rows), run / "evaluation/test/summary.json")
    assert "missed: 0 of 0 frames with it · false alarms: 0 of 1 without it" in read(run).words
