import dataclasses

import jax
import numpy as np
import pytest

from fluorojax.losses.joint import (
    LossSpec,
    Targets,
    joint_loss,
    relation_in_reference,
    relation_terms,
)
from fluorojax.losses.overlap import tversky

SPEC = LossSpec(
    class_names=("scope", "wire"),
    curves=(1,),
    class_weights=(1.0, 2.0),
    relation=(1, 0),
    weights=(
        ("cross_entropy", 1.0),
        ("dice", 0.5),
        ("skeleton_recall", 0.25),
        ("attachment", 3.0),
    ),
    auxiliary=0.3,
)


def scene(batch=1):
    rng = np.random.default_rng(0)
    mask = np.zeros((batch, 32, 32, 2), np.float32)
    mask[:, 8:24, :8, 0] = 1
    mask[:, 15:17, 8:, 1] = 1
    skeleton = mask * np.float32([0, 1])
    targets = Targets(mask, skeleton, np.zeros((batch, 32, 32)), np.ones(batch, np.int8))
    return rng.standard_normal((batch, 32, 32, 2)).astype(np.float32), targets


def test_the_loss_is_the_weighted_sum_of_its_terms():
    loss, t = joint_loss(*scene(), SPEC)
    expected = t["scope/cross_entropy"] + 0.5 * t["scope/dice"]
    wire = t["wire/cross_entropy"] + 0.5 * t["wire/dice"] + 0.25 * t["wire/skeleton_recall"]
    expected += 2.0 * wire + 3.0 * t["attachment"]
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    assert loss.shape == (1,)
    assert "scope/skeleton_recall" not in t
    assert t["attachment"][0] > 0


def test_a_term_of_weight_zero_is_not_there():
    spec = SPEC.with_weights(attachment=0.0, skeleton_recall=0.0)
    assert set(joint_loss(*scene(), spec)[1]) == {
        f"{name}/{term}" for name in SPEC.class_names for term in ("cross_entropy", "dice")
    }


def test_dice_of_what_an_example_does_not_show_weighs_its_share():
    logits, targets = scene(2)
    targets.mask[1, ..., 0] = 0
    whole = joint_loss(logits, targets, SPEC)[1]["scope/dice"]
    spec = dataclasses.replace(SPEC, dice_absent=(0.25, 1.0))
    share = joint_loss(logits, targets, spec)[1]["scope/dice"]
    np.testing.assert_allclose(share, whole * np.float32([1.0, 0.25]), rtol=1e-6)
    targets.ignore[0, :, :8] = 1  # what does not count is not shown
    share = joint_loss(logits, targets, dataclasses.replace(SPEC, dice_absent=(0.0, 1.0)))[1]
    assert not share["scope/dice"].any()


@pytest.mark.parametrize("attached", [0, -1])
def test_the_attachment_counts_only_where_the_relation_holds(attached):
    logits, targets = scene(2)
    targets = targets._replace(attached=np.array([1, attached], np.int8))
    term = joint_loss(logits, targets, SPEC)[1]["attachment"]
    assert term[0] > 0
    assert term[1] == 0


@pytest.mark.parametrize("missing", [0, 1])
def test_the_attachment_needs_both_in_the_reference(missing):
    logits, targets = scene()
    targets.mask[..., missing] = 0
    assert joint_loss(logits, targets, SPEC)[1]["attachment"][0] == 0


def test_the_attachment_does_not_count_where_the_crop_cuts_out_the_place_where_they_meet():
    logits, targets = scene()
    targets.mask[:, :, 8:24, 1] = 0
    assert joint_loss(logits, targets, SPEC)[1]["attachment"][0] == 0


def test_what_is_ignored_in_the_reference_is_not_there_for_the_attachment():
    logits, targets = scene()
    targets.ignore[:, :, 8:] = 1  # the whole wire
    assert joint_loss(logits, targets, SPEC)[1]["attachment"][0] == 0


def test_the_dilated_centreline_asks_for_no_more_than_the_mask():
    logits, targets = scene()
    wide = targets._replace(skeleton=np.ones_like(targets.skeleton))
    tight = targets._replace(skeleton=targets.mask)
    expected = joint_loss(logits, tight, SPEC)[1]["wire/skeleton_recall"]
    assert joint_loss(logits, wide, SPEC)[1]["wire/skeleton_recall"] == expected


@pytest.mark.parametrize(("attached", "known"), [(1, (0, 1)), (0, (0,)), (-1, ())])
def test_the_points_count_where_the_annotation_says_where_they_are(attached, known):
    logits, targets = scene()
    discs = np.zeros_like(targets.mask)
    discs[:, 14:18, 8:12, 0] = discs[:, 14:18, 28:32, 1] = 1
    targets = targets._replace(landmarks=discs, attached=np.array([attached], np.int8))
    spec = dataclasses.replace(SPEC, landmarks=0.5)

    def loss(landmarks):
        return joint_loss(logits, targets, spec, landmarks=landmarks)[0].sum()

    away = [k for k in (0, 1) if k not in known]
    landmarks = np.zeros_like(logits)
    gradient = np.asarray(jax.grad(loss)(landmarks))
    assert all(np.abs(gradient[..., k]).max() > 0 for k in known)
    assert all(np.abs(gradient[..., k]).max() == 0 for k in away)
    assert all((gradient[..., k][discs[..., k] == 1] < 0).all() for k in known if attached == 1)


def test_the_attachment_counts_by_its_share():
    whole, half, none = (joint_loss(*scene(), SPEC, relation_share=s)[0] for s in (1.0, 0.5, 0.0))
    term = joint_loss(*scene(), SPEC)[1]["attachment"]
    np.testing.assert_allclose(whole - none, 3.0 * term, rtol=1e-4)
    np.testing.assert_allclose(half - none, 1.5 * term, rtol=1e-4)


def test_without_a_weight_the_points_are_not_computed():
    logits, targets = scene()
    assert "landmarks" not in joint_loss(logits, targets, SPEC, landmarks=logits)[1]


def test_ignored_pixels_change_neither_value_nor_gradient():
    logits, targets = scene()
    targets.ignore[:, :, 20:] = 1
    # Without the relation: a hidden stretch may carry the path (see losses/relation.py).
    spec = SPEC.with_weights(attachment=0.0)

    def loss(z):
        return joint_loss(z, targets, spec)[0].sum()

    other = logits.copy()
    other[:, :, 20:] += 5.0
    assert loss(logits) == loss(other)
    gradient = np.asarray(jax.grad(loss)(logits))
    assert (gradient[:, :, 20:] == 0).all()
    assert (gradient[:, :, :20] != 0).any()


def test_coarser_levels_are_halved_from_level_to_level():
    logits, targets = scene()
    levels = (logits[:, ::2, ::2], logits[:, ::4, ::4])
    only = [joint_loss(logits, targets, SPEC, aux)[1]["auxiliary"] for aux in (levels[:1], levels)]
    plain = joint_loss(logits, targets, SPEC)[0]
    total = joint_loss(logits, targets, SPEC, levels)[0]
    np.testing.assert_allclose(total, plain + 0.3 * only[1], rtol=1e-6)
    assert only[1] > only[0] > 0


def test_a_perfect_prediction_costs_almost_nothing_and_its_gradient_is_finite():
    _, targets = scene()
    logits = 40.0 * (2.0 * targets.mask - 1.0)
    loss, gradient = jax.value_and_grad(lambda z: joint_loss(z, targets, SPEC)[0].sum())(logits)
    assert loss < 1e-3
    assert np.isfinite(gradient).all()


def test_each_further_term_adds_its_weight_and_only_thin_classes_have_cldice():
    plain = joint_loss(*scene(), SPEC)[0]
    for name in ("focal", "tversky", "boundary", "cldice"):
        loss, terms = joint_loss(*scene(), SPEC.with_weights(**{name: 0.5}))
        of = [terms.get(f"{class_name}/{name}", 0.0) for class_name in SPEC.class_names]
        np.testing.assert_allclose(loss - plain, 0.5 * (of[0] + 2.0 * of[1]), atol=1e-5)
        assert of[1] > 0
        assert (f"scope/{name}" in terms) == (name != "cldice")


def test_attributes_add_the_mean_over_those_that_are_known():
    logits, targets = scene(3)
    told = (np.zeros((3, 2), np.float32), np.float32([[0, np.log(2), 0]] * 3))
    targets = targets._replace(image_labels=np.int32([[0, 1], [-1, 0], [-1, -1]]))
    spec = dataclasses.replace(SPEC, image_labels=0.5, image_label_names=("view", "maker"))
    plain = joint_loss(logits, targets, SPEC)[0]
    loss, terms = joint_loss(logits, targets, spec, image_labels=told)
    np.testing.assert_allclose(terms["view/cross_entropy"], [np.log(2), 0, 0], rtol=1e-6)
    np.testing.assert_allclose(terms["maker/cross_entropy"], [np.log(2), np.log(4), 0], rtol=1e-6)
    expected = [0.5 * np.log(2), 0.5 * np.log(4), 0]
    np.testing.assert_allclose(loss - plain, expected, atol=1e-5)


def test_a_term_has_its_usual_parameters_or_those_of_the_spec():
    spec = SPEC.with_weights(tversky=1.0)
    loss = {
        miss: joint_loss(*scene(), dataclasses.replace(spec, parameters=parameters))[1]
        for miss, parameters in {0.7: (), 0.2: (("tversky_miss", 0.2),)}.items()
    }
    logits, targets = scene()
    of_scope = (jax.nn.sigmoid(logits[..., 0]), targets.mask[..., 0], np.ones((1, 32, 32)))
    for miss, terms in loss.items():
        np.testing.assert_allclose(terms["scope/tversky"], tversky(*of_scope, miss), rtol=1e-6)


def test_the_gradient_of_the_relation_is_the_child_s_alone():
    logits, targets = scene()
    slope = jax.grad(lambda z: joint_loss(z, targets, SPEC)[1]["attachment"].sum())(logits)
    assert (slope[..., 0] == 0).all()
    assert (slope[..., 1] != 0).any()


def test_a_spec_can_be_a_static_argument_of_jit():
    loss = jax.jit(joint_loss, static_argnames="spec")
    logits, targets = scene()
    np.testing.assert_allclose(
        loss(logits, targets, spec=SPEC)[0], joint_loss(logits, targets, SPEC)[0], rtol=1e-6
    )
    assert hash(SPEC) == hash(dataclasses.replace(SPEC)) != hash(SPEC.with_weights(dice=1.0))


def test_without_a_weight_attributes_are_not_computed():
    logits, targets = scene()
    spec = dataclasses.replace(SPEC, image_label_names=("view",))
    assert "view/cross_entropy" not in joint_loss(logits, targets, spec, image_labels=(logits,))[1]


def test_the_finest_coarser_level_has_the_whole_weight():
    """Logits of 0 against the blocks' maximum: log 2 and 1 - (n + 1) / (128 + n + 1) a class."""
    logits, targets = scene()
    level = 0 * logits[:, ::2, ::2]
    scope, wire = (np.log(2) + 1 - (n + 1) / (128 + n + 1) for n in (8 * 4, 2 * 12))
    found = joint_loss(logits, targets, SPEC, (level,))[1]["auxiliary"]
    np.testing.assert_allclose(found, [scope + 2 * wire], rtol=1e-5)


def test_each_coarser_level_weighs_half_of_the_one_before():
    logits, targets = scene()
    levels = [0 * logits[:, ::side, ::side] for side in (2, 4, 8)]

    def cost(given):
        return float(joint_loss(logits, targets, SPEC, given)[1]["auxiliary"][0])

    # Of logits of 0 a level costs log 2 and 1 - (n + 1) / (pixels / 2 + n + 1) a class.
    cells = np.asarray(targets.mask)[0]
    for k, side in ((1, 4), (2, 8)):
        blocks = cells.reshape(cells.shape[0] // side, side, cells.shape[1] // side, side, -1)
        n = blocks.max((1, 3)).sum((0, 1))
        each = np.log(2) + 1 - (n + 1) / (blocks.shape[0] * blocks.shape[2] / 2 + n + 1)
        more = cost(tuple(levels[: k + 1])) - cost(tuple(levels[:k]))
        assert more == pytest.approx(0.5**k * (each * np.array([1.0, 2.0])).sum(), rel=1e-4)


def test_a_coarse_pixel_counts_only_where_all_of_its_pixels_do():
    logits, targets = scene()
    targets.ignore[:, ::2, 16::2] = 1  # one of the four in each block on the right

    def auxiliary(level):
        return joint_loss(logits, targets, SPEC, (level,))[1]["auxiliary"].sum()

    gradient = np.asarray(jax.grad(auxiliary)(logits[:, ::2, ::2]))
    assert (gradient[:, :, 8:] == 0).all()
    assert (gradient[:, :, :8] != 0).all()


@pytest.mark.parametrize("term", ["attachment", "disconnection"])
def test_the_relation_moves_the_child_and_never_the_parent(term):
    logits, targets = scene()
    spec = SPEC.with_weights(**{"attachment": 0.0, term: 3.0})
    gradient = jax.grad(lambda z: joint_loss(z, targets, spec)[1][term].sum())(logits)
    assert not np.asarray(gradient)[..., 0].any()
    assert np.asarray(gradient)[..., 1].any()


def attached_wire(height, width, snaking):
    """Return masks [1, H, W, 2] of a parent at the left border and a wire of 3 px out of it.

    Snaking, the wire fills the frame in turns, far longer than any reach.
    """
    mask = np.zeros((1, height, width, 2), np.float32)
    left, right = width // 6, width - 5
    mask[0, : height // 3, :left, 0] = 1
    mask[0, 4:7, left - 1 : right, 1] = 1
    for turn, row in enumerate(range(4, height - 20, 16) if snaking else ()):
        ends = (right - 3, right) if turn % 2 == 0 else (left + 12, left + 15)
        mask[0, row : row + 19, slice(*ends), 1] = 1
        mask[0, row + 16 : row + 19, left + 12 : right, 1] = 1
    return mask


SIZES = (
    *(((33, 47), 2), ((64, 64), 4), ((97, 131), 3), ((192, 192), 2), ((191, 253), 1)),
    *(((384, 300), 2), ((512, 512), 4), ((511, 509), 2), ((40, 1024), 4)),
)


@pytest.mark.parametrize("snaking", [False, True])
@pytest.mark.parametrize(
    ("size", "block"),
    [SIZES[0], *(pytest.param(*one, marks=pytest.mark.slow) for one in SIZES[1:])],
)
def test_the_exact_mask_of_an_attached_wire_costs_nothing_at_any_size(size, block, snaking):
    mask = attached_wire(*size, snaking)
    targets = Targets(mask, 0 * mask, np.zeros((1, *size)), np.ones(1, np.int8))
    spec = SPEC.with_weights(attachment=1.0, disconnection=1.0)
    spec = dataclasses.replace(spec, parameters=(("attachment_px", block),))
    weight = np.ones((1, *size), np.float32)
    terms = relation_terms(mask, targets, weight, spec)
    assert {name: float(value[0]) for name, value in terms.items()} == {
        "attachment": 0.0,
        "disconnection": 0.0,
    }
    # Nothing at all is asked only of a wire that is out of reach by more than a tenth.
    (holds,), _ = relation_in_reference(targets, 1, 0, block)
    assert holds or snaking or size[1] > 96 * block


def test_what_the_reference_has_out_of_reach_counts_nowhere_and_the_rest_does():
    """Of 108 blocks of the wire the last 7 are out of reach: 0 for the exact mask, and not for one
    with a gap; a false piece costs too."""
    mask = np.zeros((1, 16, 8 + 2 * 104, 2), np.float32)
    mask[..., :8, 0], mask[0, 6:8, 8:, 1] = 1, 1
    targets = Targets(mask, 0 * mask, np.zeros(mask.shape[:3]), np.ones(1, np.int8))
    spec = dataclasses.replace(SPEC, parameters=(("attachment_px", 2),))

    def cost(found):
        weight = np.ones(mask.shape[:3], np.float32)
        return float(relation_terms(found, targets, weight, spec)["attachment"][0])

    assert cost(mask) == 0.0
    broken, false = mask.copy(), mask.copy()
    broken[0, :, 100:110, 1] = 0
    false[0, 12:14, 150:170, 1] = 1
    assert cost(broken) > 0.4
    assert cost(false) == pytest.approx(10 / (97 + 10))


def test_the_gate_looks_in_the_blocks_of_the_loss():
    """A gap of 3 px in the reference: blocks of 4 do not see it, those of 2 do."""
    _, targets = scene()
    targets.mask[:, :, 9:12, 1] = 0
    assert relation_in_reference(targets, 1, 0, 4)[0].all()
    assert not relation_in_reference(targets, 1, 0, 2)[0].any()
    spec = dataclasses.replace(SPEC, parameters=(("attachment_px", 2),))
    assert joint_loss(*scene()[:1], targets, spec)[1]["attachment"][0] == 0
