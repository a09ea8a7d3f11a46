import math

import numpy as np
import pytest
from scipy import ndimage

from fluorojax.geometry import centreline
from fluorojax.geometry.skeleton import skeleton
from fluorojax.metrics import overlap
from fluorojax.metrics.case import (
    EMPTY_POLICY,
    METRICS,
    PAIRED_EMPTY_POLICY,
    PRIMARY,
    SWEPT,
    Mask,
    MetricSettings,
    Pair,
    brief_scores,
    paired_score,
    score_case,
)
from fluorojax.schema.info import ClassInfo, Relation

CLASSES = (ClassInfo("scope", "region"), ClassInfo("wire", "curve"))
RELATION = Relation(child="wire", parent="scope")
SHAPE = (60, 80)
UNKNOWN = (math.nan, math.nan)


def test_a_share_is_at_most_one_and_a_length_has_no_limit():
    most = {name: METRICS[name].most for name in ("dice", "cldice", "hd95", "betti0_error")}
    assert most == {"dice": 1.0, "cldice": 1.0, "hd95": math.inf, "betti0_error": math.inf}


@pytest.mark.parametrize("k", [0, 1])
def test_brief_scores_are_those_of_the_whole(k):
    reference, found = masks(), masks(slice(20, 50))
    found[20:22, :20, 0] = False
    pair = Pair(Mask(found[..., k]), Mask(reference[..., k]), (1.0, 1.0))
    brief = brief_scores(pair, CLASSES[k].kind, "px", MetricSettings())
    whole = score_case(found, reference, classes=CLASSES, spacing=UNKNOWN)[k]
    assert brief == {name: whole[name] for name in SWEPT[CLASSES[k].kind]}
    assert 0 < brief[PRIMARY[CLASSES[k].kind]] < 1


def masks(wire: slice = slice(20, 60)) -> np.ndarray:
    """A scope at the left border, and a wire of 3 rows that leaves it."""
    mask = np.zeros((*SHAPE, 2), bool)
    mask[20:40, :20, 0] = True
    mask[29:32, wire, 1] = True
    return mask


def without(mask: np.ndarray, k: int) -> np.ndarray:
    mask = mask.copy()
    mask[..., k] = False
    return mask


def score(prediction, reference, **changes):
    given = {"classes": CLASSES, "spacing": (0.5, 0.5), "relation": RELATION, "attached": 1}
    return score_case(prediction, reference, **given | changes)


def assert_finite(rows):
    numbers = [v for row in rows for k, v in row.items() if k in METRICS and v is not None]
    assert all(type(v) is float and math.isfinite(v) for v in numbers)


def test_a_perfect_prediction():
    scope, wire = score(masks(), masks())
    assert (scope["class"], scope["kind"], scope["status"]) == ("scope", "region", "scored")
    for row in (scope, wire):
        for name, metric in METRICS.items():
            if name in row and name != "false_attachment":
                assert row[name] == (1.0 if metric.better == "higher" else 0.0), name
    assert "cldice" not in scope
    assert "attachment" not in scope


def test_each_column_is_the_function_of_its_name():
    prediction = np.roll(masks(slice(20, 50)), 1, axis=0)
    scope, wire = score(prediction, masks())
    p, r = prediction[..., 1], masks()[..., 1]
    skeletons = skeleton(p), skeleton(r)
    assert scope["dice"] == overlap.dice(prediction[..., 0], masks()[..., 0]) == 0.95
    assert wire["precision"] == overlap.precision(p, r)
    assert wire["recall"] == overlap.recall(p, r)
    assert wire["cldice"] == centreline.cldice(p, r, *skeletons)
    assert wire["length_error"] == pytest.approx(10 * 0.5)
    assert wire["tip_error"] == pytest.approx(0.5 * math.hypot(1, 10))
    assert wire["centreline_precision"] == 1.0
    assert wire["centreline_recall"] < 0.85
    assert wire["hd95"] > scope["hd95"] == 0.5


def test_distances_are_in_millimetres_only_where_the_spacing_is_known():
    prediction = np.roll(masks(), 2, axis=0)
    mm, px = score(prediction, masks())[1], score(prediction, masks(), spacing=UNKNOWN)[1]
    assert (mm["unit"], px["unit"]) == ("mm", "px")
    for name in ("hd95", "assd", "tip_error"):
        assert px[name] == pytest.approx(2 * mm[name])
    assert px["tip_error"] == 2.0


def test_the_tolerance_follows_the_unit():
    prediction = np.roll(masks(), 2, axis=0)
    settings = MetricSettings(tolerance_mm=0.9, tolerance_px=2.0)
    mm = score(prediction, masks(), settings=settings)[1]
    px = score(prediction, masks(), settings=settings, spacing=UNKNOWN)[1]
    assert mm["centreline_recall"] < 0.05
    assert mm["detection"] == 0.0
    assert (px["centreline_recall"], px["detection"]) == (1.0, 1.0)


def test_both_empty_is_left_out():
    nothing = without(masks(), 1)
    wire = score(nothing, nothing)[1]
    assert wire["status"] == "both_empty"
    assert all(wire[name] is None for name in METRICS if name in wire)


def test_missed_counts_as_the_worst():
    rows = score(np.zeros_like(masks()), masks())
    assert_finite(rows)
    diagonal = math.hypot(60, 80) * 0.5
    for row in rows:
        assert row["status"] == "missed"
        for name, metric in METRICS.items():
            if name in row and metric.better == "higher":
                assert row[name] == 0.0, name
        assert row["hd95"] == row["assd"] == diagonal
    wire = rows[1]
    assert wire["tip_error"] == diagonal
    assert wire["betti0_error"] == 1.0
    assert wire["length_error"] == centreline.length(skeleton(masks()[..., 1]), (0.5, 0.5))


def test_missed_is_never_better_than_any_prediction():
    far = np.zeros_like(masks())
    far[0, 79] = True
    missed, poor = score(np.zeros_like(masks()), masks()), score(far, masks())
    for worst, other in zip(missed, poor, strict=True):
        for name in ("dice", "nsd", "cldice", "centreline_recall"):
            assert worst.get(name, 0.0) <= other.get(name, 0.0)
        for name in ("hd95", "assd", "tip_error"):
            assert worst.get(name, 0.0) >= other.get(name, 0.0)


def test_false_alarm_has_dice_zero_and_no_distance():
    rows = score(masks(), np.zeros_like(masks()))
    assert_finite(rows)
    for row in rows:
        assert row["status"] == "false_alarm"
        assert row["dice"] == row["iou"] == row["precision"] == row["nsd"] == 0.0
        assert row["hd95"] is row["assd"] is row["recall"] is None
    wire = rows[1]
    assert wire["cldice"] == wire["centreline_precision"] == 0.0
    assert wire["detection"] is wire["centreline_recall"] is wire["tip_error"] is None
    assert wire["attachment"] is None
    assert wire["betti0_error"] == 1.0


def test_the_policy_names_every_case():
    for word in ("Both empty", "missed", "false alarm", "diagonal", "Ignored"):
        assert word in EMPTY_POLICY
        assert word in PAIRED_EMPTY_POLICY
    assert EMPTY_POLICY.split("Reference only")[1] == PAIRED_EMPTY_POLICY.split("Reference only")[1]


def test_in_a_comparison_rightly_nothing_is_perfect_and_a_false_alarm_is_not():
    nothing = without(masks(), 1)
    rightly, falsely = (score(found, nothing)[1] for found in (nothing, masks()))
    for name in ("dice", "iou", "precision", "nsd", "cldice", "centreline_precision"):
        assert (paired_score(rightly, name), paired_score(falsely, name)) == (1.0, 0.0)
    assert paired_score(rightly, "betti0_error") == paired_score(rightly, "length_error") == 0.0
    assert paired_score(falsely, "betti0_error") == 1.0
    assert paired_score(falsely, "length_error") == falsely["length_error"] > 10
    scope = {"kind": "region", "status": "both_empty", "dice": None}
    assert (paired_score(scope, "dice"), paired_score(scope, "cldice")) == (1.0, None)


@pytest.mark.parametrize("attached", [-1, 0, 1])
@pytest.mark.parametrize("kept", [(), (0,), (1,), (0, 1)])
def test_whether_a_case_counts_in_a_comparison_depends_on_its_reference_alone(attached, kept):
    reference = masks()
    for k in {0, 1} - set(kept):
        reference = without(reference, k)
    found = [masks(), without(masks(), 0), without(masks(), 1), 0 * masks(), ~masks()]
    counted = [
        [
            {m for m in METRICS if paired_score(row, m) is not None}
            for row in score(prediction.astype(bool), reference, attached=attached)
        ]
        for prediction in found
    ]
    assert all(of == counted[0] for of in counted)


def test_ignored_pixels_change_nothing():
    ignore = np.zeros(SHAPE, bool)
    ignore[:, 50:] = True
    prediction = masks()
    prediction[40:55, 55:75] = True
    cut = masks(slice(20, 50))
    assert score(prediction, masks(), ignore=ignore) == score(cut, cut)
    assert score(prediction, masks(), ignore=ignore.astype(np.uint8)) == score(cut, cut)


def test_what_is_ignored_whole_is_empty():
    everything = np.ones(SHAPE, bool)
    assert {r["status"] for r in score(masks(), masks(), ignore=everything)} == {"both_empty"}


@pytest.mark.parametrize("attached", [0, -1])
def test_the_relation_is_scored_only_where_it_is_said_to_hold(attached):
    wire = score(masks(), masks(), attached=attached)[1]
    assert wire["attachment"] is wire["attached_share"] is wire["tip_error"] is None
    assert wire["dice"] == 1.0


def test_a_wire_attached_where_it_is_not_is_false_attachment():
    apart, joined = masks(slice(30, 60)), masks()
    assert score(joined, apart, attached=0)[1]["false_attachment"] == 1.0
    assert score(apart, apart, attached=0)[1]["false_attachment"] == 0.0
    assert score(without(joined, 1), apart, attached=0)[1]["false_attachment"] == 0.0  # missed
    assert score(joined, without(apart, 1), attached=0)[1]["false_attachment"] is None
    for attached in (1, -1):
        assert score(joined, joined, attached=attached)[1]["false_attachment"] is None


def test_attachment_is_to_the_predicted_parent_and_the_tip_to_the_reference():
    wire = score(without(masks(), 0), masks())[1]
    assert (wire["attachment"], wire["attached_share"], wire["tip_error"]) == (0.0, 0.0, 0.0)
    wire = score(masks(), without(masks(), 0))[1]
    assert (wire["attachment"], wire["tip_error"]) == (1.0, None)


def test_without_a_relation_there_is_no_such_column():
    wire = score(masks(), masks(), relation=None)[1]
    assert not {"attachment", "attached_share", "tip_error"} & set(wire)


def test_a_broken_wire_is_seen():
    broken = masks()
    broken[:, 45:47, 1] = False
    wire = score(broken, masks())[1]
    assert wire["dice"] > 0.97
    assert wire["betti0_error"] == 1.0
    assert wire["tip_error"] > 5.0
    assert wire["attached_share"] == pytest.approx(25 / 38)


def test_masks_at_the_border_score_as_elsewhere():
    prediction = np.roll(masks(), 1, axis=1)
    at_border = score(prediction[:, 1:], masks()[:, 1:])
    padded = [np.pad(m[:, 1:], ((4, 4), (4, 4), (0, 0))) for m in (prediction, masks())]
    assert score(*padded) == at_border


@pytest.mark.parametrize("seed", range(4))
def test_any_prediction_gives_finite_scores_in_range(seed):
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.standard_normal((*SHAPE, 2)), (seed, seed, 0))
    rows = score(noise > 0, masks(), ignore=rng.random(SHAPE) > 0.95)
    assert_finite(rows)
    for row in rows:
        for name, metric in METRICS.items():
            if row.get(name) is not None and metric.better == "higher":
                assert 0.0 <= row[name] <= 1.0, name


def test_the_order_of_cases_has_a_score_for_each_kind():
    assert all(kind in METRICS[name].kinds for kind, name in PRIMARY.items())


def test_shapes_must_fit():
    with pytest.raises(ValueError, match="must both be"):
        score(masks()[:-1], masks())
    with pytest.raises(ValueError, match="class names"):
        score(masks()[..., :1], masks()[..., :1])
