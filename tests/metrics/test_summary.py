import json
import math

import pytest

from fluorojax.metrics.case import EMPTY_POLICY, METRICS, MetricSettings
from fluorojax.metrics.summary import (
    as_text,
    false_alarm_rate,
    lookup,
    metric_names,
    read_cases_csv,
    summarise,
    write_cases_csv,
    write_summary,
)


def row(case, patient, dice, *, of="scope", kind="region", status="scored", unit="mm", **scores):
    about = {"case": case, "patient": patient, "sequence": "", "stratum": "", "class": of}
    empty = {m: None for m, metric in METRICS.items() if kind in metric.kinds}
    return about | {"kind": kind, "status": status, "unit": unit} | empty | {"dice": dice} | scores


def wire(case, patient, dice, **scores):
    return row(case, patient, dice, of="wire", kind="curve", **scores)


ROWS = [
    row("a1", "a", 0.9, hd95=1.0),
    row("a2", "a", 0.7, hd95=3.0),
    row("b1", "b", 0.2, hd95=5.0),
    wire("a1", "a", 0.5, cldice=0.6),
    wire("a2", "a", None, status="both_empty"),
    wire("b1", "b", 0.0, cldice=0.0, status="missed"),
]


def test_means_over_cases_and_over_patients():
    dice = summarise(ROWS)["classes"]["scope"]["metrics"]["dice"]
    assert dice["mean"] == pytest.approx(0.6)
    assert dice["std"] == pytest.approx(math.sqrt((0.09 + 0.01 + 0.16) / 2))
    assert (dice["n"], dice["patients"]) == (3, 2)
    assert dice["patient_mean"] == pytest.approx((0.8 + 0.2) / 2)
    assert dice["patient_std"] == pytest.approx(0.6 / math.sqrt(2))


def test_counts_and_the_case_left_out():
    summary = summarise([*ROWS, wire("c1", "c", 0.0, status="false_alarm")])
    of = summary["classes"]["wire"]
    counts = [of[k] for k in ("cases", "scored", "missed", "false_alarms", "both_empty")]
    assert counts == [4, 1, 1, 1, 1]
    assert of["metrics"]["dice"]["n"] == 3
    assert of["metrics"]["dice"]["mean"] == pytest.approx(0.5 / 3)
    assert (summary["cases"], summary["patients"]) == (4, 3)


def test_the_false_alarm_rate_is_of_the_cases_without_the_class():
    alarms = [wire(f"c{k}", "c", 0.0, status="false_alarm") for k in range(2)]
    of = summarise([*ROWS, *alarms])["classes"]
    assert (of["wire"]["false_alarms"], of["wire"]["without"]) == (2, 3)
    assert of["wire"]["false_alarm_rate"] == pytest.approx(2 / 3)
    assert summarise(ROWS)["classes"]["wire"]["false_alarm_rate"] == 0.0
    assert (of["scope"]["without"], of["scope"]["false_alarm_rate"]) == (0, None)
    assert false_alarm_rate(alarms) == 1.0


def test_foreground_mean_is_over_classes():
    mean = summarise(ROWS)["foreground_mean"]
    assert mean["dice"]["mean"] == pytest.approx((0.6 + 0.25) / 2)
    assert mean["dice"]["patient_mean"] == pytest.approx((0.5 + 0.25) / 2)
    assert mean["dice"]["classes"] == ["scope", "wire"]
    assert "cldice" not in mean  # a region has none
    assert mean["hd95"]["classes"] == ["scope"]


def test_lookup():
    summary = summarise(ROWS)
    assert lookup(summary, "wire/cldice") == pytest.approx(0.3)
    assert lookup(summary, "mean/dice") == pytest.approx(0.425)
    assert math.isnan(lookup(summary, "wire/hd95"))


@pytest.mark.parametrize("name", ["scope/cldice", "guidewire/dice", "dice", "", "mean/cldice"])
def test_an_unknown_name_is_refused_with_the_known_ones(name):
    summary = summarise(ROWS)
    with pytest.raises(KeyError) as refused:
        lookup(summary, name)
    assert all(known in refused.value.args[0] for known in metric_names(summary))


def test_relation_metrics_stand_only_where_something_was_scored():
    assert "attachment" not in summarise(ROWS)["classes"]["wire"]["metrics"]
    attached = summarise([*ROWS, wire("c1", "c", 0.5, attachment=1.0)])
    assert attached["classes"]["wire"]["metrics"]["attachment"]["n"] == 1


def test_millimetres_and_pixels_are_not_averaged():
    metrics = summarise([*ROWS, row("c1", "c", 0.5, hd95=100.0, unit="px")])["classes"]["scope"]
    metrics = metrics["metrics"]
    assert "hd95" not in metrics
    assert metrics["hd95 [mm]"] | {"std": 0, "patient_std": 0} == {
        "unit": "mm",
        "mean": 3.0,
        "std": 0,
        "n": 3,
        "patient_mean": 3.5,
        "patient_std": 0,
        "patients": 2,
    }
    assert metrics["hd95 [px]"]["mean"] == 100.0
    assert metrics["dice"]["n"] == 4


def test_one_case_has_no_spread():
    dice = summarise(ROWS[:1])["classes"]["scope"]["metrics"]["dice"]
    assert (dice["mean"], dice["std"], dice["patient_std"]) == (0.9, None, None)


def test_no_rows_and_a_case_twice_are_refused():
    with pytest.raises(ValueError, match="no rows"):
        summarise([])
    with pytest.raises(ValueError, match="a1, class scope: scored twice"):
        summarise([*ROWS, ROWS[0]])


def test_summary_is_strict_json(tmp_path):
    summary = summarise(ROWS, MetricSettings())
    write_summary(summary, tmp_path / "deep" / "er" / "summary.json")
    text = (tmp_path / "deep" / "er" / "summary.json").read_text("utf-8")
    assert json.loads(text, parse_constant=pytest.fail) == summary
    assert summary["settings"]["tolerance_mm"] == 1.0
    summary["cases"] = math.nan
    with pytest.raises(ValueError, match="JSON"):
        write_summary(summary, tmp_path / "summary.json")


def test_names_stand_in_the_file_as_they_are_written(tmp_path):
    write_summary({"classes": {"Führungsdraht": 1}}, tmp_path / "summary.json")
    assert '"Führungsdraht": 1' in (tmp_path / "summary.json").read_text("utf-8")


def test_cases_csv_comes_back_as_written(tmp_path):
    rows = [*ROWS, wire('odd, "name"', "ü", 1 / 3, cldice=0.1 + 0.2)]
    write_cases_csv(rows, tmp_path / "deep" / "er" / "cases.csv")
    write_cases_csv(rows, tmp_path / "cases.csv")
    back = read_cases_csv(tmp_path / "cases.csv")
    assert len(back) == len(rows)
    for read, written in zip(back, rows, strict=True):
        assert {k: v for k, v in read.items() if k in written} == written
    assert summarise(back) == summarise(rows)


def test_text_has_every_class_and_the_policy():
    text = as_text(summarise(ROWS))
    assert "wire (curve): 3 cases, 1 scored, 1 missed, 0 false alarms, 1 both empty" in text
    assert "hd95 [mm]" in text
    assert "0.600 ± 0.361" in text  # three digits of a share, two of a length
    assert "3.50 ± 2.12" in text
    assert text.endswith(EMPTY_POLICY)


def test_the_lines_of_the_text_are_in_columns():
    lines = as_text(summarise(ROWS)).splitlines()
    head = "  metric" + " " * 18 + "over patients".rjust(18) + "over cases".rjust(18) + "n".rjust(6)
    assert lines[1] == head
    dice = "  dice" + " " * 20 + "0.500 ± 0.424".rjust(18) + "0.600 ± 0.361".rjust(18) + "     3"
    assert dice in lines
    hd95 = "  hd95 [mm]" + " " * 15 + "3.50 ± 2.12".rjust(18) + "3.00 ± 2.00".rjust(18) + "     3"
    assert hd95 in lines
    assert "  iou" + " " * 21 + "-".rjust(18) + "-".rjust(18) + "     0" in lines


def test_levels_of_difficulty_have_summaries_of_their_own():
    assert summarise(ROWS)["strata"] == {}
    rows = [r | {"stratum": "hard" if r["case"] == "b1" else "easy"} for r in ROWS]
    strata = summarise(rows)["strata"]
    assert list(strata) == ["easy", "hard"]
    assert strata["easy"]["scope"]["metrics"]["dice"]["mean"] == pytest.approx(0.8)
    assert strata["hard"]["wire"]["missed"] == 1
    assert strata["hard"]["scope"]["cases"] == 1
