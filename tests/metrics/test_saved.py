import json
from pathlib import Path

import pytest

from fluorojax.core.errors import InputError
from fluorojax.metrics.case import MetricSettings
from fluorojax.metrics.saved import read_summary
from fluorojax.metrics.summary import summarise, write_summary
from tests.metrics.test_summary import ROWS

KEPT = Path(__file__).parents[2] / "benchmarks" / "results"
LABEL = {
    **{"values": ["a", "b"], "cases": 3, "unknown": 1, "patients": 2, "accuracy": 1.0},
    **{"patient_accuracy": 1.0, "confusion": [[2, 0], [0, 1]], "interval": [0.3, 1.0]},
}


def test_what_was_written_comes_back(tmp_path):
    summary = summarise(ROWS, MetricSettings()) | {"image_labels": {"type": LABEL}}
    write_summary(summary, tmp_path / "summary.json")
    assert read_summary(tmp_path / "summary.json") == summary


PRESENCE = {
    **{"auroc": 0.75, "auroc_interval": [0.5, 1.0], "false_alarms_at_95": 0.5},
    **{"with": 4, "without": 2},
}


def test_presence_comes_back(tmp_path):
    alone = dict.fromkeys(PRESENCE) | {"with": 4, "without": 0}
    of_one = PRESENCE | {"auroc_interval": None}  # of one patient
    found = {"wire": PRESENCE, "scope": alone, "stent": of_one}
    write_summary(summarise(ROWS) | {"presence": found}, tmp_path / "summary.json")
    assert read_summary(tmp_path / "summary.json")["presence"] == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"auroc": 1.5}, r"wire\.auroc is 1\.5, which cannot be"),
        ({"auroc": None}, r"wire\.auroc is missing"),
        ({"false_alarms_at_95": None}, r"wire\.false_alarms_at_95 is missing"),
        ({"auroc_interval": [0.5]}, r"wire\.auroc_interval is no pair"),
        ({"auroc_interval": 0.5}, r"wire\.auroc_interval is 0\.5, not a list"),
        ({"with": 1.5}, r"wire\.with is 1\.5, not a number of things"),
    ],
)
def test_damaged_presence_is_named(tmp_path, change, message):
    summary = summarise(ROWS) | {"presence": {"wire": PRESENCE | change}}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(InputError, match=rf"summary\.json is damaged .*{message}"):
        read_summary(tmp_path / "summary.json")


def test_an_older_summary_has_no_false_alarm_rate(tmp_path):
    summary = summarise(ROWS)
    del summary["classes"]["scope"]["false_alarm_rate"], summary["classes"]["scope"]["without"]
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    assert read_summary(tmp_path / "summary.json") == summary


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"false_alarm_rate": 2}, r"false_alarm_rate is 2, which cannot be"),
        ({"false_alarm_rate": 0.5}, r"false_alarm_rate is 0\.5, by its counts it is 0\.0"),
        ({"false_alarm_rate": None}, r"false_alarm_rate is None, by its counts it is 0\.0"),
        ({"without": 2}, r"without is 2, by its counts it is 1"),
        ({"both_empty": 0}, r"without is 1, by its counts it is 0"),
    ],
)
def test_a_false_alarm_rate_is_that_of_the_counts(tmp_path, change, message):
    summary = summarise(ROWS)
    summary["classes"]["wire"] |= change
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(InputError, match=rf"classes\.wire\.{message}"):
        read_summary(tmp_path / "summary.json")


def test_every_summary_kept_is_read():
    paths = sorted(KEPT.rglob("summary.json"))
    assert len(paths) > 100
    for path in paths:
        assert read_summary(path)["classes"]


def test_names_of_older_versions_are_read(tmp_path):
    summary = summarise(ROWS, MetricSettings())
    summary["levels"] = summary.pop("strata")
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    assert read_summary(tmp_path / "summary.json")["strata"] == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"confusion": [[2, 0]]}, r"type\.confusion is no table of 2 by 2"),
        ({"accuracy": None}, r"type\.accuracy is missing"),
        ({"interval": None}, r"type\.interval is no pair of numbers"),
        ({"interval": [0.5, 2]}, r"type\.interval\[1\] is 2, which cannot be"),
        ({"values": ["a", 3]}, r"type\.values\[1\] is 3, not text"),
    ],
)
def test_damaged_image_labels_are_named(tmp_path, change, message):
    summary = summarise(ROWS) | {"image_labels": {"type": LABEL | change}}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(InputError, match=rf"summary\.json is damaged .*{message}"):
        read_summary(tmp_path / "summary.json")


def test_a_class_with_probabilities_has_a_threshold(tmp_path):
    of = {"calibration_error": 0.1, "calibration_error_found": None, "operating_point": None}
    summary = summarise(ROWS) | {"confidence": {"wire": of | {"at_operating_point": {}}}}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(InputError, match=r"thresholds\.wire is missing"):
        read_summary(tmp_path / "summary.json")
