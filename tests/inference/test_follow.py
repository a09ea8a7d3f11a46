import math

import jax
import numpy as np
import pytest
from scipy import ndimage

from fluorojax.core.errors import InputError
from fluorojax.geometry.ridges import typical_width
from fluorojax.inference.curve import Curve, CurveRules
from fluorojax.inference.follow import FollowRules, leading, prior, raised
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.predictor import Prediction, Predictor
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.schema.frame import UNKNOWN_SPACING
from fluorojax.schema.info import ClassInfo, Relation
from tests import folders

SHAPE = (40, 80)
RULES = FollowRules(gain=2.0, shift_mm=1.5, shift_px=3.0, advance_mm=4.0, advance_px=8.0)
SPEC = NetworkSpec(
    ((0, 1),), "none", None, 4, 1, "group", False, False, False, "float32", image_labels=()
)


def straight(row=20, start=10, end=60, attached=True):
    columns = np.arange(start, end + 1.0)
    points = np.stack([np.full(len(columns), float(row)), columns], -1)
    return Curve(points, np.full(len(points), 3.0), np.full(len(points), 0.9), attached, 40.0)


def map_of(*curves, spacing=UNKNOWN_SPACING, rules=RULES, shape=SHAPE):
    return prior(curves, shape, rules, spacing)


def test_log_odds_are_added_along_the_curve_and_fall_as_a_gaussian():
    odds = map_of(straight())
    assert odds.shape == SHAPE
    np.testing.assert_array_equal(odds[20, 10:52], 2.0)
    for away in (1, 3, 6, 9):
        assert odds[20 - away, 30] == odds[20 + away, 30]
        assert odds[20 + away, 30] == pytest.approx(2.0 * math.exp(-(away**2) / 18))
    assert not odds[:11].any()  # from three shifts on, nothing
    assert not odds[30:].any()


def test_nothing_is_added_in_front_of_the_tip_which_may_be_drawn_back_too():
    odds = map_of(straight())
    assert not odds[:, 60:].any()
    np.testing.assert_allclose(odds[20, 52:61], np.linspace(2.0, 0.0, 9), atol=0.15)
    sudden = map_of(straight(), rules=FollowRules(gain=2.0, shift_px=3.0, advance_px=0.0))
    np.testing.assert_array_equal(sudden[20, 10:61], 2.0)


def test_a_curve_that_is_not_attached_may_move_at_both_ends():
    odds = map_of(straight(attached=False))
    assert odds[20, 10] == odds[20, 60] == 0
    np.testing.assert_allclose(odds[20, 10:19], np.linspace(0.0, 2.0, 9), atol=0.15)
    np.testing.assert_allclose(odds[20, 52:61], np.linspace(2.0, 0.0, 9), atol=0.15)


@pytest.mark.parametrize("seed", range(5))
def test_only_the_window_is_computed_and_gives_the_bits_of_the_whole(seed):
    rng = np.random.default_rng(seed)
    p = np.clip(3 * ndimage.gaussian_filter(rng.random((60, 90)), 1.5) - 1, 0, 1)
    p = p.astype(np.float32)
    row, column = rng.integers(-10, 50), rng.integers(-10, 80)  # at the border, too
    odds = np.zeros(p.shape)
    inside = odds[max(row, 0) : row + 15, max(column, 0) : column + 25]
    inside[:] = rng.uniform(0, 6, inside.shape)
    width = int(np.ceil(typical_width(p >= 0.5)))
    factor = np.exp(odds * (1.0 - ndimage.maximum_filter(p, 2 * width + 1)))
    whole = p * factor / (1.0 + p * (factor - 1.0))
    expected = np.where(odds > 0, whole, p).astype(np.float32)
    np.testing.assert_array_equal(raised(p, odds), expected)
    assert (expected > p).any()
    np.testing.assert_array_equal(raised(p, np.zeros(p.shape)), p)


def test_lengths_are_in_millimetres_where_the_spacing_is_known():
    np.testing.assert_array_equal(map_of(straight(), spacing=(0.5, 0.5)), map_of(straight()))
    finer = map_of(straight(), spacing=(0.25, 0.25))
    assert finer[26, 30] == pytest.approx(2.0 * math.exp(-0.5))
    unknown = map_of(straight(), spacing=(math.nan, 0.25))
    np.testing.assert_array_equal(unknown, map_of(straight()))


def test_of_two_curves_the_greater_counts_and_none_adds_nothing():
    both = map_of(straight(), straight(row=24))
    np.testing.assert_array_equal(both, np.maximum(map_of(straight()), map_of(straight(row=24))))
    assert both.max() == 2.0
    assert not map_of().any()


def test_what_lies_beyond_the_frame_is_left_out():
    beyond = map_of(straight(row=2, start=60, end=200))
    assert beyond.shape == SHAPE
    np.testing.assert_array_equal(beyond[2, 60:], 2.0)
    assert not map_of(straight(row=-5)).any()


def logit(p):
    return np.log(p / (1 - p))


def test_log_odds_are_added_to_logits_and_other_pixels_keep_their_bits():
    p = np.random.default_rng(0).uniform(0.0, 0.02, SHAPE).astype(np.float32)
    p[0, 0], p[0, 1] = 0.0, 1e-30
    odds = map_of(straight())
    more = raised(p, odds)
    assert more.dtype == np.float32
    np.testing.assert_array_equal(more[odds == 0], p[odds == 0])
    # Nearly all of it, where no pixel is likely.
    added = logit(more[odds > 0].astype(float)) - logit(p[odds > 0].astype(float))
    assert (added <= odds[odds > 0] + 1e-3).all()
    assert (added >= 0.97 * odds[odds > 0] - 1e-3).all()


def test_nothing_is_added_beside_what_is_sure():
    p = np.full(SHAPE, 0.05, np.float32)
    p[21:24, 10:40] = 1.0  # 3 px wide: the wire has moved by two pixels
    more = raised(p, map_of(straight()))
    np.testing.assert_array_equal(more[18:27, 10:40], p[18:27, 10:40])
    assert logit(float(more[20, 50])) - logit(0.05) == pytest.approx(1.9, abs=0.01)


def with_line(start, end, row=20, p=0.95):
    frame = np.full(SHAPE, 0.001, np.float32)
    frame[row - 1 : row + 2, start : end + 1] = p
    return frame


def test_a_curve_leads_as_far_as_its_own_frame_speaks_for_it():
    (whole,) = leading([straight()], with_line(10, 60), 3.0)
    np.testing.assert_array_equal(whole.points, straight().points)
    (shorter,) = leading([straight()], with_line(10, 35), 3.0)
    assert shorter.points[-1, 1] in (35, 36)
    assert len(shorter.widths) == len(shorter.confidence) == len(shorter.points)
    assert leading([straight()], with_line(10, 12), 3.0) == []


def test_a_faint_stretch_in_the_middle_is_led_through_from_the_exit_on():
    frame = with_line(10, 60)
    frame[:, 26:36] = 0.02
    (whole,) = leading([straight()], frame, 3.0)
    assert len(whole.points) == 51
    late = with_line(16, 60)
    (whole,) = leading([straight()], late, 3.0)  # attached: with the gap before it
    assert len(whole.points) == 51
    (apart,) = leading([straight(attached=False)], late, 3.0)
    assert apart.points[0, 1] in (15, 16)
    assert apart.points[-1, 1] == 60


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"gain": -1.0}, "FollowRules: gain is -1.0; it must lie in 0 to 20"),
        ({"shift_mm": 0.0}, "shift_mm is 0.0; it must be above 0"),
        ({"advance_px": math.nan}, "advance_px is nan"),
        ({"shift_px": "3"}, "shift_px is '3'; write one number"),
    ],
)
def test_settings_out_of_their_limits_are_refused(fields, message):
    with pytest.raises(InputError, match=message):
        FollowRules(**fields)


def network(size):
    """Return a real network, untrained."""
    image = np.zeros((1, 32, 32, 1))
    parameters = jax.jit(build(SPEC).init)(jax.random.key(0, impl="rbg"), image)["params"]
    stage = dict(parameters["stage_0"])
    head, middle = stage["head"], np.array([-3.2, -1.0])
    # Steeper: so there are curves in its noise.
    stage["head"] = {"kernel": 6 * head["kernel"], "bias": 6 * (head["bias"] - middle)}
    rules = MaskRules(
        (ClassInfo("scope", "region"), ClassInfo("wire", "curve")),
        relation=Relation("wire", "scope"),
        curve=CurveRules("attached", reach_px=8.0),
    )
    return Predictor(SPEC, {"stage_0": stage}, size, rules)


@pytest.fixture(scope="module")
def model():
    """For probabilities made by hand, on its own grid."""
    return network(SHAPE)


@pytest.fixture(scope="module")
def seen():
    """A network and a frame in which it finds a curve."""
    model, frame = network((32, 32)), folders.frame(2, 48)[0]
    assert model.predict(frame).curves["wire"]
    return model, frame


def frame_of(end=70, faint=(0, 0), p=0.06):
    """Return probabilities of a scope whose wire goes to a column, faint between two others."""
    found = np.full((*SHAPE, 2), 0.001, np.float32)
    found[14:27, :10, 0] = 0.999
    found[19:22, 10 : end + 1, 1] = 0.98
    found[19:22, faint[0] : faint[1], 1] = p
    return found


def followed(model, frames, led=True):
    """Return the predictions of a cine's frames, one after the other."""
    found, before = [], None
    for probabilities in frames:
        one = model.find(probabilities, before=before)
        found.append(Prediction(one.masks, probabilities, {}, {}, one.presence, one.curves))
        before = found[-1] if led else None
    return found


def lengths(predictions):
    return [sum(c.length() for c in prediction.curves["wire"]) for prediction in predictions]


def test_a_wire_that_is_faint_in_one_frame_is_followed_with_the_frame_before(model):
    frames = [frame_of(), frame_of(faint=(28, 52)), frame_of()]
    alone, led = followed(model, frames, led=False), followed(model, frames)
    whole = lengths(alone)[0]
    assert whole == pytest.approx(60, abs=4)
    assert lengths(led) == pytest.approx([whole] * 3, abs=1)
    assert lengths(alone)[1] < whole - 20  # broken
    # In one piece, and no thicker than it was.
    assert led[1].masks[18:23, 12:68, 1].any(0).all()
    assert led[1].masks[..., 1].sum() <= 1.1 * led[0].masks[..., 1].sum()


def test_a_wire_that_is_pulled_out_lives_for_one_frame_more_at_most(model):
    rest = frame_of(faint=(10, 80), p=0.2)  # something of it shimmers on
    assert not lengths(followed(model, [rest]))[0]
    there, gone, still = lengths(followed(model, [frame_of(), rest, rest]))[:3]
    assert there
    assert gone  # held by the prior: the hardest case, and no more than this frame
    assert not still
    assert lengths(followed(model, [frame_of(), frame_of(faint=(10, 80), p=0.001)]))[1] == 0


def test_a_tip_that_is_drawn_back_is_followed(model):
    ends = (70, 66, 62, 45, 45)
    alone = lengths(followed(model, map(frame_of, ends), led=False))
    assert lengths(followed(model, map(frame_of, ends))) == pytest.approx(alone, abs=1.5)


def test_a_wire_may_jump(model):
    moved = np.roll(frame_of(), 12, axis=0)
    alone, led = followed(model, [moved])[0], followed(model, [frame_of(), moved])[1]
    (one,), (other,) = led.curves["wire"], alone.curves["wire"]
    assert (one.attached, other.attached) == (True, True)
    np.testing.assert_allclose(one.points[-1], other.points[-1], atol=1.0)
    assert one.length() == pytest.approx(other.length(), abs=1.5)
    # Nothing is left where it was.
    assert not led.masks[17:24, 12:, 1].any()


def test_the_first_frame_and_any_without_one_before_is_as_it_was(seen):
    model, frame = seen
    plain, first = model.predict(frame), model.predict(frame, before=None)
    np.testing.assert_array_equal(first.masks, plain.masks)
    assert first.presence == plain.presence
    led = model.predict(frame, before=Prediction(plain.masks, plain.probabilities))
    np.testing.assert_array_equal(led.masks, plain.masks)
    for one, other in zip(led.curves["wire"], plain.curves["wire"], strict=True):
        np.testing.assert_array_equal(one.points, other.points)


def test_a_prediction_keeps_what_the_network_says_of_its_frame_alone(seen):
    model, frame = seen
    plain = model.predict(frame)
    led = model.predict(frame, before=plain)
    np.testing.assert_array_equal(led.probabilities, plain.probabilities)
    np.testing.assert_array_equal(led.masks[..., 0], plain.masks[..., 0])
    assert led.curves["wire"]


def test_a_frame_before_of_another_size_is_refused(model):
    before = Prediction(np.zeros((40, 60, 2), bool))
    message = r"the frame before has 40 x 60 pixels and this one 40 x 80; give `before`"
    with pytest.raises(InputError, match=message):
        model.predict(np.zeros(SHAPE, np.uint8), before=before)
