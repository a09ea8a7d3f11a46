import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.evaluation.probabilities import ProbabilityScores, read_calibration, read_thresholds
from fluorojax.metrics.calibration import BINS
from fluorojax.metrics.case import MetricSettings
from fluorojax.metrics.thresholds import THRESHOLDS
from fluorojax.schema.info import ClassInfo

CLASSES = (ClassInfo("scope", "region"), ClassInfo("wire", "curve"))


@pytest.fixture
def scores():
    collected = ProbabilityScores(CLASSES, MetricSettings())
    reference = np.zeros((40, 40, 2), bool)
    reference[5:20, 5:20, 0] = reference[30:33, 5:35, 1] = True
    for patient, certainty in (("a", 0.92), ("b", 0.6)):
        collected.add(
            certainty * reference.astype(np.float32),
            reference,
            patient=patient,
            ignore=np.zeros((40, 40), bool),
            spacing=(0.5, 0.5),
        )
    return collected


def test_what_is_written_is_read(scores, tmp_path):
    scores.write(tmp_path / "new")
    assert read_thresholds(tmp_path / "new") == scores.sweep.table
    bins = read_calibration(tmp_path / "new")
    assert len(bins) == 2 * BINS
    (found,) = [b for b in bins if b["class"] == "scope" and b["low"] == 0.9]
    assert (found["pixels"], found["share"]) == (225, 1.0)
    assert found["mean_probability"] == pytest.approx(0.92)
    assert bins[1]["share"] is None


def test_the_summary_holds_the_scores_at_the_points_given(scores):
    assert scores.sweep.operating_points == {"scope": 0.5, "wire": 0.5}
    of = scores.summary({"scope": 0.75})
    assert of["scope"]["at_operating_point"]["dice"] == pytest.approx(0.5)  # one of two patients
    assert of["wire"]["operating_point"] is None
    assert of["wire"]["at_operating_point"] == {}
    assert of["scope"]["calibration_error_found"] == pytest.approx((0.08 + 0.4) / 2)
    assert of["scope"]["calibration_error"] == pytest.approx(0.48 * 225 / 3200)


def test_ignored_pixels_count_nowhere():
    collected = ProbabilityScores(CLASSES[:1], MetricSettings())
    probability = np.ones((10, 10, 1), np.float32)
    collected.add(
        probability,
        np.zeros((10, 10, 1), bool),
        patient="a",
        ignore=np.ones((10, 10), bool),
        spacing=(1.0, 1.0),
    )
    assert collected.summary({})["scope"]["calibration_error"] is None
    assert {row["mean"] for row in collected.sweep.table} == {None}


def test_no_file_is_nothing_and_a_damaged_one_is_named(scores, tmp_path):
    assert read_thresholds(tmp_path) == read_calibration(tmp_path) == []
    scores.write(tmp_path)
    path = tmp_path / "thresholds.csv"
    path.write_text(path.read_text().replace(str(THRESHOLDS[3]), "x", 1))
    with pytest.raises(InputError, match=r"thresholds\.csv: row \d+: threshold is 'x'"):
        read_thresholds(tmp_path)
    (tmp_path / "calibration.csv").write_text("class,low\nscope,0\n")
    with pytest.raises(InputError, match=r"calibration\.csv is damaged"):
        read_calibration(tmp_path)
