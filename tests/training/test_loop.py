import pytest

from fluorojax.metrics.summary import summarise
from fluorojax.training.loop import due, headline


@pytest.mark.parametrize(("step", "expected"), [(1, False), (3, True), (6, True), (7, True)])
def test_work_is_due_at_its_interval_and_at_the_end(step, expected):
    assert due(step, every=3, last=7) is expected


def test_the_headline_has_dice_of_each_class_and_cldice_of_thin_ones():
    row = {"case": "a", "patient": "p", "status": "scored", "unit": "px"}
    rows = [
        row | {"class": "scope", "kind": "region", "dice": 0.5},
        row | {"class": "wire", "kind": "curve", "dice": 0.25, "cldice": 0.75},
    ]
    expected = {"scope/dice": 0.5, "wire/dice": 0.25, "wire/cldice": 0.75}
    assert headline(summarise(rows), ["scope", "wire"]) == expected
