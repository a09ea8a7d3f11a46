import json

import numpy as np
import pytest

from fluorojax.metrics.case import MetricSettings, score_case
from fluorojax.metrics.summary import summarise, write_cases_csv, write_summary
from tests.report.constructed import CLASSES, case_rows, read


def test_the_headline_is_the_mean_over_patients(run):
    summary = json.loads((run / "evaluation/test/summary.json").read_text())
    cldice = summary["classes"]["wire"]["metrics"]["cldice"]
    card = read(run).words.split("wireclDice ")[1]
    assert card.startswith(f"{cldice['patient_mean']:.3f} ± {cldice['patient_std']:.3f}")
    assert f"over 4 cases {cldice['mean']:.3f}" in card
    assert "missed: 1" in card


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
    assert "left out, both empty: 1" in read(run).words
