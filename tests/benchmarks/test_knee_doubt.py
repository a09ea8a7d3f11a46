import numpy as np
import pytest

from benchmarks.studies import knee_doubt
from fluorojax.knee.measure import CLASSES, KneeFilm, KneeReport, Measurement

TRUTH = {
    "type": 1,  # a cruciate retaining knee
    "view": 0,
    "angles": np.array([96.0, 90.0]),
    "thickness_mm": np.array([8.0, 8.0]),
    "overhang_mm": np.array([0.0, 0.0]),
}


def report_of(**values):
    """Return a report of angles with a stated error of half a degree; None: refused."""
    film = KneeFilm(np.zeros((4, 4, len(CLASSES)), bool), CLASSES, "ap")
    found = [
        Measurement(name, "deg", "", value, 0.5 if value is not None else None)
        for name, value in values.items()
    ]
    return KneeReport(film, (*found, Measurement("tibial_overhang_medial", "mm", "", 1.0, 0.1)))


def test_errors_are_told_in_units_of_what_was_stated():
    assert list(knee_doubt.errors(None, TRUTH)) == []
    found = list(knee_doubt.errors(report_of(alpha=97.0, beta=90.25, hka=None), TRUTH))
    assert found == [(pytest.approx(1.0), pytest.approx(2.0)), (0.25, 0.5)]
    # An angle that this view does not have is as wrong as can be.
    assert list(knee_doubt.errors(report_of(gamma=90.0), TRUTH)) == [(np.inf, np.inf)]


def test_the_summary_counts_what_lies_within_and_beyond():
    found = [(0.2, 0.4), (0.8, 1.6), (1.2, 2.4), (4.0, 8.0), (np.inf, np.inf)]
    assert knee_doubt.summary(found) == {
        "angles": 5,
        "within 1": 0.2,
        "within 2": 0.4,
        "within 3": 0.6,
        "beyond 3": 2,
        "of another view or kind": 1,
        "greatest error": 4.0,
    }
    nothing = knee_doubt.summary([])
    assert (nothing["angles"], nothing["within 1"], nothing["greatest error"]) == (0, None, None)
