"""Each sentence with numbers that call for it, and with numbers that do not."""

import pytest

from fluorojax.report import advice
from fluorojax.report.advice import Scored


def test_a_class_that_is_not_found():
    assert advice.missed("wire", 0, 74) is None
    found = advice.missed("wire", 3, 74)
    assert found.about == "wire"
    assert "nothing is found in 3 of the 74 frames" in found.words
    assert found.weight == 3 / 74


@pytest.mark.parametrize(
    ("chosen", "remedy"),
    [(True, "more validation frames"), (False, "evaluation.presence=validation")],
)
def test_a_class_that_is_found_where_it_is_not(chosen, remedy):
    assert advice.false_alarms("wire", 0, 6, chosen=chosen) is None
    few = advice.false_alarms("wire", 3, 6, chosen=chosen).words
    assert few.startswith("3 of 6 frames without it are false alarms, and 6 frames are too few")
    assert remedy in few
    many = advice.false_alarms("wire", 30, advice.FEW_FRAMES, chosen=chosen).words
    assert "too few" not in many
    assert remedy in many


def test_a_threshold_that_does_better():
    low = advice.threshold("wire", "clDice", Scored(0.5, 0.80), Scored(0.3, 0.83)).words
    assert "run low" in low
    assert "0.3 in place of 0.5 gives clDice +0.030" in low
    high = advice.threshold("wire", "clDice", Scored(0.5, 0.80), Scored(0.9, 0.83)).words
    assert "run high" in high


@pytest.mark.parametrize("chosen", [Scored(0.5, 0.9), Scored(0.9, 0.809), Scored(0.9, 0.7)])
def test_a_threshold_that_does_not(chosen):
    """The same one, one that gains next to nothing, and one that loses here."""
    assert advice.threshold("wire", "clDice", Scored(0.5, 0.80), chosen) is None


def test_a_training_that_had_not_ended():
    found = advice.still_rising("mean/dice", [(500, 0.78), (1000, 0.84)]).words
    assert "step 500: 0.780, step 1000: 0.840" in found
    assert "training.steps=2000" in found


@pytest.mark.parametrize(
    "scores", [[], [0.8], [0.8, 0.8], [0.8, 0.804], [0.8, 0.7], [0.9, 0.7, 0.8]]
)
def test_a_training_that_had(scores):
    """Also one that only recovers from a fall, and one of which too little is known."""
    assert advice.still_rising("mean/dice", list(enumerate(scores))) is None


def test_few_patients():
    assert "1 patient," in advice.few_patients(1).words
    assert "9 patients," in advice.few_patients(9).words
    assert advice.few_patients(advice.FEW_PATIENTS) is None
    assert advice.few_patients(0) is None


def test_one_seed():
    assert "one seed (0)" in advice.one_seed(0).words
    assert advice.one_seed(None) is None
