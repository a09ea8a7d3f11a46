import numpy as np
import pytest

from fluorojax.metrics.case import SWEPT, MetricSettings, score_case
from fluorojax.metrics.thresholds import THRESHOLDS, at, operating_points, sweep_case, sweep_table
from fluorojax.schema.info import ClassInfo

CLASSES = (ClassInfo("scope", "region"), ClassInfo("wire", "curve"))
SPACING = (0.4, 0.6)


def scene():
    """Probabilities that fall off beside what is true; the wire's weaker than the scope's."""
    reference = np.zeros((50, 70, 2), bool)
    reference[10:30, :20, 0] = True
    reference[19:22, 20:60, 1] = True
    rng = np.random.default_rng(0)
    noise = 0.35 * rng.uniform(size=reference.shape)
    return (reference * np.array([0.65, 0.3]) + noise).astype(np.float32), reference


def test_each_row_is_what_the_whole_score_says_at_its_threshold():
    probabilities, reference = scene()
    ignore = np.zeros(reference.shape[:2], bool)
    ignore[:, 55:] = True
    given = {"classes": CLASSES, "spacing": SPACING, "ignore": ignore}
    rows = sweep_case(probabilities, reference, **given)
    assert len(rows) == len(CLASSES) * len(THRESHOLDS)
    for row in rows:
        whole = score_case(probabilities >= row["threshold"], reference, **given)
        of = next(r for r in whole if r["class"] == row["class"])
        assert row["status"] == of["status"]
        assert {m: row[m] for m in SWEPT[row["kind"]]} == {m: of[m] for m in SWEPT[row["kind"]]}
    assert {row["status"] for row in rows} == {"scored", "missed"}


def test_the_tolerance_is_that_of_the_settings():
    probabilities, reference = scene()
    shifted = np.roll(probabilities, 3, axis=0)
    given = {"classes": CLASSES, "spacing": (np.nan, np.nan)}
    strict, generous = (
        sweep_case(shifted, reference, settings=MetricSettings(tolerance_px=t), **given)
        for t in (1.0, 4.0)
    )
    at_0_35 = [r for r in zip(strict, generous, strict=True) if r[0]["threshold"] == 0.35][1]
    assert at_0_35[0]["centreline_recall"] == 0.0
    assert at_0_35[1]["centreline_recall"] == 1.0


def test_means_are_over_patients_and_false_alarms_are_counted():
    probabilities, reference = scene()
    nothing = np.zeros_like(reference)
    cases = [("a", probabilities, reference), ("a", probabilities, reference)]
    cases += [("b", 0.5 * probabilities, reference), ("b", 0.5 * probabilities, nothing)]
    rows = [
        {"patient": patient} | row
        for patient, p, r in cases
        for row in sweep_case(p, r, classes=CLASSES, spacing=SPACING)
    ]
    table = sweep_table(rows)
    assert len(table) == len(THRESHOLDS) * 6
    low, high = (
        next(r for r in table if (r["class"], r["metric"], r["threshold"]) == ("scope", "dice", t))
        for t in (0.3, 0.6)
    )
    assert (low["n"], low["missed"], low["false_alarms"]) == (4, 0, 1)
    assert (high["n"], high["missed"], high["false_alarms"]) == (3, 1, 0)
    assert high["patient_mean"] == pytest.approx((1.0 + 0.0) / 2)
    assert high["mean"] == pytest.approx(2 / 3)


def test_the_operating_point_is_where_the_first_score_is_best():
    probabilities, reference = scene()
    rows = [
        {"patient": "a"} | row
        for row in sweep_case(probabilities, reference, classes=CLASSES, spacing=SPACING)
    ]
    table = sweep_table(rows)
    points = operating_points(table)
    assert points["scope"] == 0.5  # 0.35 to 0.65 are all perfect; the nearest to 0.5
    assert points["wire"] == 0.35
    found = at(table, points)
    assert found["scope"] == {"dice": 1.0, "precision": 1.0, "recall": 1.0}
    assert found["wire"]["cldice"] > 0.9


def test_a_class_nobody_could_score_keeps_one_half():
    nothing = np.zeros((9, 9, 2))
    rows = sweep_case(nothing, nothing.astype(bool), classes=CLASSES, spacing=SPACING)
    assert operating_points(sweep_table([{"patient": "a"} | r for r in rows])) == {
        "scope": 0.5,
        "wire": 0.5,
    }
