import json
import math

import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.inference.curve import CurveRules
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.postprocess import GapClosing
from fluorojax.inference.tta import TtaSpec
from fluorojax.schema.info import ClassInfo, Relation

CLASSES = (ClassInfo("scope", "region"), ClassInfo("wire", "curve"))
RELATION = Relation(child="wire", parent="scope")


def test_by_default_a_pixel_belongs_from_a_half_on_and_all_is_kept():
    rules = MaskRules(CLASSES)
    assert (rules.thresholds, rules.min_component_px) == ((0.5, 0.5), (0.0, 0.0))
    found = np.float32([[[0.5, 0.4999]]])
    np.testing.assert_array_equal(rules.masks(found), [[[True, False]]])


def test_what_is_written_as_json_is_read():
    gap_closing = GapClosing(1.5, 3.0, True, 0.2)
    whole = MaskRules(CLASSES, (0.3, 0.4), (5.0, 0.0), RELATION, gap_closing, TtaSpec(2, True))
    for rules in (whole, MaskRules(CLASSES)):
        assert MaskRules.from_json(json.loads(json.dumps(rules.to_json()))) == rules


def test_components_are_dropped_before_gaps_are_closed():
    probabilities = np.zeros((20, 40, 2), np.float32)
    probabilities[5:15, :10, 0] = probabilities[9:12, 10:13, 1] = probabilities[9:12, 20:36, 1] = 1
    probabilities[9:12, 15:17, 1] = 1.0  # a stepping stone of 6 px over a gap of 7
    rules = MaskRules(CLASSES, relation=RELATION, gap_closing=GapClosing(bridge_px=5.0))
    assert rules.masks(probabilities)[9:12, 10:36, 1].any(0).all()
    fewer = MaskRules(CLASSES, (), (0.0, 7.0), RELATION, GapClosing(bridge_px=5.0))
    assert not fewer.masks(probabilities)[9:12, 13:20, 1].any()
    # Areas are those of the network's grid: of twice as fine a frame four times the pixels go.
    assert not fewer.masks(probabilities, scale=0.25)[..., 1].any()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"thresholds": (0.5,)}, r"thresholds \(0.5,\): give 2 numbers, one a class \(scope, wire"),
        ({"thresholds": (0.5, 1.5)}, "thresholds of wire: 1.5 is no number from 0 to 1"),
        ({"thresholds": (math.nan, 0.5)}, "thresholds of scope: nan is no number"),
        ({"min_component_px": (0.0, -1.0)}, "min_component_px of wire: -1.0 is no number from 0"),
        ({"min_component_px": (math.inf, 0.0)}, "min_component_px of scope: inf"),
        ({"relation": Relation("wire", "duct")}, "relation of wire and duct: the classes are sc"),
        ({"relation": Relation("wire", "wire")}, "wire cannot come out of itself; name two"),
        ({"thresholds": ("0.5", 0.5)}, "thresholds of scope: 0.5 is no number"),
        ({"thresholds": (True, 0.5)}, "thresholds of scope: True is no number"),
    ],
)
def test_rules_that_cannot_be_are_refused(fields, message):
    with pytest.raises(InputError, match=message):
        MaskRules(CLASSES, **fields)


def test_the_spacing_matters_where_gaps_are_closed():
    assert MaskRules(CLASSES, relation=RELATION, gap_closing=GapClosing(bridge_mm=2.0)).reaches
    assert MaskRules(CLASSES, curve=CurveRules("free")).reaches
    assert not MaskRules(CLASSES, gap_closing=GapClosing(bridge_mm=2.0)).reaches
    assert not MaskRules(CLASSES, relation=RELATION).reaches
