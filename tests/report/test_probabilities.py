import json

import pytest

from fluorojax.core.errors import InputError
from tests.report.constructed import read


def test_thresholds_and_calibration_stand_for_each_class(run):
    words = read(run).words
    assert "Operating point of the validation split: 0.25; at it, here, clDice" in words
    assert "In use: 0.3." in words
    summary = json.loads((run / "evaluation/test/summary.json").read_text())
    error = summary["confidence"]["wire"]["calibration_error_found"]
    assert f"{error:.4f} over those of probability 0.05" in words
    charts = (run / "report.html").read_text("utf-8").split("Thresholds and calibration")[1]
    charts = charts.split("<h2>Training")[0]
    assert charts.count("<svg") == 6


def test_a_class_that_the_table_of_thresholds_lacks_is_named(run):
    path = run / "evaluation" / "test" / "thresholds.csv"
    path.write_text(path.read_text().replace("wire,", "other,"))
    with pytest.raises(InputError, match=r"thresholds\.csv has no class wire"):
        read(run)


def test_masks_alone_have_no_slider_and_no_calibration(run):
    path = run / "evaluation" / "test" / "summary.json"
    summary = json.loads(path.read_text())
    del summary["thresholds"], summary["confidence"]
    path.write_text(json.dumps(summary))
    page = read(run)
    assert "calibration error" not in page.words.lower()
    assert [i["type"] for i in page.inputs] == ["radio"] * 4
