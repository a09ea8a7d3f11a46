import dataclasses
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
from tests.lines import arc, soft

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


SIZE = (80, 160)
SCOPE = np.float32(soft([(40.0, -20.0), (40.0, 33.0)], 14, SIZE) >= 0.5)
FOLLOWED = MaskRules(CLASSES, relation=RELATION, curve=CurveRules("attached"))


def frame_of(*lines, width=4, scope=SCOPE):
    """Return probabilities [H, W, 2] of the scope and of lines."""
    wires = [soft(line, width, SIZE) for line in lines] or [np.zeros(SIZE, np.float32)]
    return np.stack([scope, np.max(wires, axis=0)], -1)


OUT = [(40.0, 40.0), (40.0, 90.0)]
ON = [(40.0, 106.0), (40.0, 150.0)]  # 12 px of gap
FREE_ONE = [(10.0, 20.0), (10.0, 60.0)]


def test_a_followed_class_is_drawn_along_its_curve_and_the_others_are_pixels():
    probabilities = frame_of(OUT, ON, FREE_ONE)
    found = FOLLOWED.find(probabilities)
    (curve,) = found.curves["wire"]
    assert curve.attached
    assert curve.length() == pytest.approx(112, abs=4)
    assert found.masks[40, 42:150, 1].all()
    assert not found.masks[:20, :, 1].any()
    np.testing.assert_array_equal(found.masks[..., 0], probabilities[..., 0] >= 0.5)
    assert found.presence["wire"] == curve.evidence
    assert list(found.presence) == ["scope", "wire"]
    np.testing.assert_array_equal(FOLLOWED.masks(probabilities), found.masks)
    assert MaskRules(CLASSES, relation=RELATION).find(probabilities).curves == {}


def test_without_a_relation_every_curve_is_followed_and_free():
    rules = MaskRules(CLASSES, curve=CurveRules("attached"))
    found = rules.find(frame_of(OUT, FREE_ONE))
    assert [c.attached for c in found.curves["wire"]] == [False, False]
    assert found.masks[10, 22:58, 1].all()


def test_an_unsure_parent_is_no_parent():
    sure, unsure = (frame_of(OUT, scope=p * SCOPE) for p in (0.99, 0.9))
    assert FOLLOWED.find(sure).curves["wire"][0].attached
    assert not FOLLOWED.find(unsure).curves["wire"][0].attached


def test_the_spacing_changes_the_reach_and_an_unknown_one_is_in_pixels():
    probabilities = frame_of(OUT, ON)

    def length(spacing, **fields):
        curve = CurveRules("attached", most=1, **fields)
        rules = dataclasses.replace(FOLLOWED, curve=curve)
        return rules.find(probabilities, spacing).curves["wire"][0].length()

    assert length((0.5, 0.5), reach_mm=10.0) > 100
    assert length((1.0, 1.0), reach_mm=10.0) < 60
    assert length((0.5, 2.0), reach_mm=10.0) < 60
    for unknown in ((math.nan, math.nan), (0.5, math.nan)):
        assert length(unknown, reach_mm=10.0, reach_px=20.0) > 100
        assert length(unknown, reach_mm=10.0, reach_px=8.0) < 60


def test_a_finer_frame_gives_the_same_curve_in_its_own_pixels():
    bent = np.concatenate([[(40.0, 36.0)], arc((60.2, 58.7), 30.0, 220, 60)])
    coarse = frame_of(bent)
    fine = np.repeat(np.repeat(coarse, 4, 0), 4, 1)
    (one,) = FOLLOWED.find(coarse).curves["wire"]
    found = FOLLOWED.find(fine, scale=0.25)
    (other,) = found.curves["wire"]
    np.testing.assert_allclose(other.points, 4 * one.points + 1.5, atol=1e-3)
    np.testing.assert_allclose(other.widths, 4 * one.widths, rtol=1e-3)
    assert found.presence["wire"] == pytest.approx(one.evidence, rel=1e-3)
    drawn = np.repeat(np.repeat(FOLLOWED.masks(coarse)[..., 1], 4, 0), 4, 1)
    both = (drawn & found.masks[..., 1]).sum()
    assert 2 * both / (drawn.sum() + found.masks[..., 1].sum()) > 0.97
    # The reach is in the network's pixels, and in millimetres as of the frame's own spacing.
    gap = np.repeat(np.repeat(frame_of(OUT, ON), 4, 0), 4, 1)
    for spacing, passed in (((0.25, 0.25), True), ((0.5, 0.5), False), ((math.nan,) * 2, True)):
        curves = FOLLOWED.find(gap, spacing, 0.25).curves["wire"]
        assert (curves[0].length() > 400) == passed


def test_too_little_evidence_empties_a_class_and_its_curves():
    probabilities = frame_of(OUT)
    speaks = FOLLOWED.find(probabilities).presence
    assert speaks["wire"] > 20
    for factor, there in ((0.99, True), (1.01, False)):
        least = (0.0, factor * speaks["wire"])
        found = dataclasses.replace(FOLLOWED, least_presence=least).find(probabilities)
        assert bool(found.curves["wire"]) == found.masks[..., 1].any() == there
        assert found.masks[..., 0].any()
        assert found.presence == speaks
        least = (factor * speaks["scope"], 0.0)
        found = dataclasses.replace(FOLLOWED, least_presence=least).find(probabilities)
        assert found.masks[..., 0].any() == there
        assert found.curves["wire"][0].attached == there  # a scope that is not there has no tip


def test_an_empty_frame_has_nothing_and_says_how_little_speaks_for_it():
    low = frame_of(scope=0 * SCOPE) + np.float32(0.01)
    found = FOLLOWED.find(low)
    assert not found.masks.any()
    assert found.curves == {"wire": ()}
    assert all(np.isfinite(score) or score == -np.inf for score in found.presence.values())
    assert found.presence["wire"] < FOLLOWED.find(low * 5).presence["wire"]


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (16, 1)])
@pytest.mark.parametrize("scale", [1.0, 0.25, 3.0])
def test_no_frame_is_too_small(shape, scale):
    for value in (0.0, 1.0):
        probabilities = np.full((*shape, 2), value, np.float32)
        found = FOLLOWED.find(probabilities, (math.nan, math.nan), scale)
        assert found.masks.shape == (*shape, 2)
