import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from fluorojax.simulation.knee.knee import CLASSES, SIDES, TYPES, VIEWS, simulate, simulate_many
from fluorojax.simulation.knee.spec import SHARES, KneeSpec
from tfds_builders.simulated import FRAMES_A_CALL

pytestmark = pytest.mark.slow  # compiles a simulation for each kind of film

COUNT = 64
AP, LATERAL = 0.0, 1.0
# Nothing but the leg hides or bends anything.
PLAIN = {
    "round_rate": 0.0,
    "blades_rate": 0.0,
    "border_rate": 0.0,
    "photo_rate": 0.0,
    "marker_rate": 0.0,
    "ball_rate": 0.0,
    "dark_bone_rate": 0.0,
}
SMALL = KneeSpec(height=96, width=96)
FINE = KneeSpec(height=512, width=512, field_mm=(260.0, 280.0), short_rate=0.0, **PLAIN)


def only(kind):
    """The shares that make every knee of one type."""
    return {name: float(name == SHARES[TYPES.index(kind)]) for name in SHARES}


@functools.cache
def films(base=SMALL, count=COUNT, seed=0, **fields):
    """One compilation for all films of a size; the data set's builder asks for as many at once."""
    keys = jax.random.split(jax.random.key(seed), count).reshape(-1, FRAMES_A_CALL)
    spec = dataclasses.replace(base, **fields)
    parts = jax.device_get([simulate_many(some, spec) for some in keys])
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@jax.jit
def masks(keys, spec):
    """All but the pictures: half the time to compile."""
    everything = jax.lax.map(lambda key: simulate(key, spec), keys)
    return {name: value for name, value in everything.items() if name != "image"}


@functools.cache
def fine(kind, rate, seed=0, **fields):
    """Masks of two films at 512 x 512."""
    keys = jax.random.split(jax.random.key(seed), 2)
    spec = dataclasses.replace(FINE, lateral_rate=rate, **only(kind), **fields)
    return jax.device_get(masks(keys, spec))


def close(kind, rate, **fields):
    """Masks of two films with 0.2 mm a pixel."""
    return fine(kind, rate, field_mm=(100.0, 105.0), shift_mm=(0.0, 0.0), **fields)


def label(out, k, name):
    return out["mask"][k, ..., CLASSES.index(name)].astype(bool)


def part(out, name):
    return out["mask"][..., CLASSES.index(name)].astype(bool)


def angle_between(shaft, base):
    cross = shaft[0] * base[1] - shaft[1] * base[0]
    return np.degrees(np.arctan2(abs(cross), shaft @ base))


def midline(mask, start, end):
    """Direction of a bone's shaft: a line through the middles between its edges, from `start` on.

    At each step the edges are where the mask ends across the line from `start` to `end`.
    """
    unit = (end - start) / np.linalg.norm(end - start)
    normal = np.array([-unit[1], unit[0]])
    reach = np.arange(-70.0, 70.0, 0.25)
    middles = []
    for distance in np.arange(0.0, 300.0):
        points = start + distance * unit + reach[:, None] * normal
        if ((points < 1) | (points > np.array(mask.shape) - 2)).any():
            break
        inside = ndimage.map_coordinates(mask.astype(float), points.T, order=1) > 0.5
        middles.append(points[inside].mean(0))
    middles = np.array(middles)
    axis = np.linalg.svd(middles - middles.mean(0), full_matrices=False)[2][0]
    return axis * np.sign(axis @ unit)


def frame_of(line):
    """A line's first point, its direction and the normal that points down, of length 1."""
    unit = (line[1] - line[0]) / np.linalg.norm(line[1] - line[0])
    normal = np.array([unit[1], -unit[0]])
    return line[0], unit, normal * np.sign(normal[0])


def within(mask, line):
    """Places of a mask's pixels along a line, from 0 to 1, and below it in pixels."""
    origin, unit, normal = frame_of(line)
    points = np.argwhere(mask) - origin
    return points @ unit / np.linalg.norm(line[1] - line[0]), points @ normal


def column(mask, line, share, reach=60.0):
    """What a mask holds below a line's point at `share` of its length: by 0.05 pixels."""
    origin, _, normal = frame_of(line)
    depth = np.arange(-reach, reach, 0.05)
    points = origin + share * (line[1] - line[0]) + depth[:, None] * normal
    return ndimage.map_coordinates(mask.astype(float), points.T, order=0) > 0.5, depth


def test_shapes_types_and_ranges():
    out = films()
    assert out["image"].shape == (COUNT, 96, 96)
    assert out["image"].dtype == np.float32
    assert np.isfinite(out["image"]).all()
    assert out["image"].min() >= 0.0
    assert out["image"].max() <= 1.0
    assert out["mask"].shape == (COUNT, 96, 96, len(CLASSES))
    assert out["mask"].dtype == np.uint8
    assert set(np.unique(out["mask"])) == {0, 1}
    for name, names in (("type", TYPES), ("view", VIEWS), ("body_side", SIDES)):
        assert out[name].dtype == np.int32
        assert set(out[name]) == set(range(len(names)))
    assert {name: value.shape[1:] for name, value in out.items() if value.ndim < 4 and name} == {
        **dict.fromkeys(("type", "view", "side", "body_side", "pixel_mm", "magnification"), ()),
        **{"image": (96, 96), "angles": (2,), "thickness_mm": (2,), "overhang_mm": (2,)},
        **{"radiolucency_mm": (7,), "tibial_radiolucency_mm": (3,)},
    }
    assert out["axes"].shape == out["lines"].shape == (COUNT, 2, 2, 2)
    low, high = SMALL.pixel_mm
    assert ((out["pixel_mm"] >= low) & (out["pixel_mm"] <= high)).all()
    assert ((out["magnification"] >= 1.05) & (out["magnification"] <= 1.2)).all()


def test_same_key_same_film_and_other_keys_another():
    out, again = films(), films.__wrapped__()
    for name, value in out.items():
        np.testing.assert_array_equal(value, again[name])
    assert not np.allclose(out["image"][0], out["image"][1])


@pytest.mark.parametrize("rate", [AP, LATERAL], ids=VIEWS)
def test_what_is_drawn_lies_within_its_range(rate):
    out = films(lateral_rate=rate, photo_rate=0.0)
    spec = SMALL
    ranges = (spec.gamma_degrees, spec.sigma_degrees)
    ranges = ranges if rate else (spec.alpha_degrees, spec.beta_degrees)
    for column, (low, high) in zip(out["angles"].T, ranges, strict=True):
        known = column[np.isfinite(column)]
        assert low - 1e-2 <= known.min() < known.max() <= high + 1e-2
        assert np.ptp(known) > 0.7 * (high - low)
    if not rate:
        low, high = spec.overhang_mm
        known = out["overhang_mm"][np.isfinite(out["overhang_mm"])]
        assert low - 1e-4 <= known.min() < known.max() <= high + 1e-4


def test_nan_says_what_is_not_there():
    front, side = (films(lateral_rate=rate) for rate in (AP, LATERAL))
    native, half = TYPES.index("native"), TYPES.index("uka")
    kind = front["type"]
    np.testing.assert_array_equal(np.isnan(front["angles"][:, 0]), kind == half)
    assert np.isfinite(front["angles"][:, 1]).all()
    np.testing.assert_array_equal(np.isnan(side["angles"][:, 0]), side["type"] == native)
    assert np.isfinite(side["angles"][:, 1]).all()
    for out in (front, side):
        np.testing.assert_array_equal(np.isnan(out["lines"]).any((2, 3)), np.isnan(out["angles"]))
    assert np.isfinite(front["thickness_mm"]).all()
    assert np.isnan(side["thickness_mm"]).all()
    assert np.isnan(side["overhang_mm"]).all()
    assert (np.isnan(front["overhang_mm"]).sum(1) == 2 * (kind == native) + (kind == half)).all()
    zones = np.isfinite(front["radiolucency_mm"]).sum(1)
    np.testing.assert_array_equal(zones, np.select([kind == native, kind == half], [0, 2], 7))
    assert np.isnan(front["tibial_radiolucency_mm"]).all()
    zones = np.isfinite(side["radiolucency_mm"]).sum(1)
    total = (side["type"] != native) & (side["type"] != half)
    np.testing.assert_array_equal(zones, 7 * total)
    zones = np.isfinite(side["tibial_radiolucency_mm"]).sum(1)
    np.testing.assert_array_equal(zones, np.select([side["type"] == native, total], [0, 3], 2))


@pytest.mark.parametrize("rate", [AP, LATERAL], ids=VIEWS)
def test_classes_are_there_by_type(rate):
    out = films(lateral_rate=rate, **PLAIN, short_rate=0.0)
    there = out["mask"].any((1, 2))
    metal = there[:, CLASSES.index("femoral_component")]
    np.testing.assert_array_equal(metal, out["type"] != TYPES.index("native"))
    np.testing.assert_array_equal(there[:, CLASSES.index("tibial_component")], metal)
    for name in ("femur", "tibia", "fibula", "patella", "polyethylene"):
        assert there[:, CLASSES.index(name)].mean() > 0.95
    assert not there[~metal, CLASSES.index("cement")].any()
    assert not there[~metal, CLASSES.index("radiolucency")].any()
    assert 0.6 < there[metal, CLASSES.index("cement")].mean() < 1.0
    assert 0.1 < there[:, CLASSES.index("osteophyte")].mean() < 1.0


def test_shares_make_types():
    np.testing.assert_array_equal(films(**only("uka"))["type"], TYPES.index("uka"))
    out = films(native_share=3.0, cr_share=1.0, ps_share=0.0, uka_share=0.0, revision_share=0.0)
    assert set(out["type"]) == {0, 1}
    assert (out["type"] == 0).mean() == pytest.approx(0.75, abs=0.15)


@pytest.mark.parametrize("uka_lateral", [0.0, 1.0], ids=["medial", "lateral"])
def test_half_a_knee_covers_one_compartment(uka_lateral):
    out = films(
        lateral_rate=AP,
        uka_lateral_rate=uka_lateral,
        rotation_degrees=(0.0, 0.0),
        shift_mm=(0.0, 0.0),
        **only("uka"),
        **PLAIN,
    )
    for k in range(COUNT):
        columns = np.flatnonzero(label(out, k, "femoral_component").any(0)) - 47.5
        # The patient faces the observer: medial of a right knee is to the right.
        medial = columns if out["body_side"][k] == SIDES.index("right") else -columns
        assert (medial > 0).all() if uka_lateral == 0.0 else (medial < 0).all()
        assert not (label(out, k, "polyethylene") & label(out, k, "femoral_component")).any()
        _, pieces = ndimage.label(label(out, k, "polyethylene"))
        assert pieces >= 2  # insert, and the other compartment's joint space
        fibula = np.flatnonzero(label(out, k, "fibula").any(0)).mean() - 47.5
        assert fibula * np.sign(medial.mean() * columns.mean()) < 0


def test_a_box_fills_the_notch():
    """Metal in the middle between the condyles: nearly none, or nearly all."""
    shares = {}
    for kind in ("tka_cr", "tka_ps"):
        out = films(
            lateral_rate=AP, rotation_degrees=(0.0, 0.0), shift_mm=(0.0, 0.0), **only(kind), **PLAIN
        )
        filled = []
        for k in range(COUNT):
            flat = out["lines"][k, 0].mean(0)
            up = (out["axes"][k, 0, 1] - out["axes"][k, 0, 0]) / np.linalg.norm(
                np.diff(out["axes"][k, 0], axis=0)
            )
            row, column = np.rint(flat + 12.5 / out["pixel_mm"][k] * up).astype(int)
            filled.append(label(out, k, "femoral_component")[row, column])
        shares[kind] = np.mean(filled)
    assert shares["tka_cr"] < 0.1
    assert shares["tka_ps"] > 0.9


@pytest.mark.parametrize("rate", [AP, LATERAL], ids=VIEWS)
def test_only_revisions_have_long_stems(rate):
    reach = {}
    for kind in ("tka_cr", "tka_ps", "revision"):
        out = films(lateral_rate=rate, **only(kind), **PLAIN, short_rate=0.0)
        heights = part(out, "tibial_component").any(2).sum(1) * out["pixel_mm"]
        reach[kind] = (heights.min(), heights.max())
    assert max(reach["tka_cr"][1], reach["tka_ps"][1]) < 70.0
    assert reach["revision"][0] > 55.0


BARE = {"lucency_rate": 0.0, "osteophyte_rate": 0.0, "hinge_rate": 0.0, "cement_rate": 0.0}


@pytest.mark.slow
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("rate", [AP, LATERAL], ids=VIEWS)
def test_axes_are_the_midlines_of_the_shafts(kind, rate):
    out = fine(kind, rate, **BARE)
    for k in range(2):
        for axis, bone in zip(out["axes"][k], ("femur", "tibia"), strict=True):
            found = midline(label(out, k, bone), *axis)
            assert angle_between(found, axis[1] - axis[0]) < 0.3
        for axis, line, angle in zip(
            out["axes"][k], out["lines"][k], out["angles"][k], strict=True
        ):
            own = angle_between(axis[1] - axis[0], line[1] - line[0])
            np.testing.assert_allclose(angle, own, atol=1e-3)


@pytest.mark.parametrize("kind", TYPES[1:])
@pytest.mark.parametrize("rate", [AP, LATERAL], ids=VIEWS)
def test_the_trays_line_is_its_underside(kind, rate):
    """Its upper edge is parallel to it, its lower edge lies on it."""
    out = close(kind, rate, **BARE)
    for k in range(2):
        tray, line = label(out, k, "tibial_component"), out["lines"][k, 1]
        shares = np.linspace(0.05, 0.95, 200)
        tops = []
        for share in shares:
            metal, depth = column(tray, line, share)
            tops.append(depth[metal].min())
        slope = np.polyfit(shares * np.linalg.norm(line[1] - line[0]), tops, 1)[0]
        assert abs(np.degrees(np.arctan(slope))) < 0.3
        for share in (0.05, 0.95):
            metal, depth = column(tray, line, share)
            assert abs(depth[metal].max()) < 1.0


@pytest.mark.parametrize("kind", ["native", "tka_cr", "tka_ps", "revision"])
def test_the_condyles_tangent_and_the_gap_from_the_masks(kind):
    """Tangent to 0.3 degrees; thickness and overhang to a pixel and a half (0.3 mm)."""
    out = close(kind, AP, **BARE)
    name = "femur" if kind == "native" else "femoral_component"
    for k in range(2):
        pixel = out["pixel_mm"][k]
        tangent, tray = out["lines"][k]
        length = np.linalg.norm(tangent[1] - tangent[0])
        along, below = within(label(out, k, name), tangent)
        lowest = [below[(along > 0.5) == medial].max() for medial in (False, True)]
        assert abs(np.degrees(np.arctan((lowest[1] - lowest[0]) / length))) < 0.3
        assert max(map(abs, lowest)) < 1.0
        along, below = within(label(out, k, name), tray)
        if kind == "native":
            top = 0.0
        else:
            metal, depth = column(label(out, k, "tibial_component"), tray, 0.1)
            top = depth[metal].min() - 0.5
            own = label(out, k, "tibial_component")
            bone = label(out, k, "tibia")
            ends = within(own, tray)[0]
            place, deep = within(bone, tray)
            place = place[(deep > 0.0) & (deep < 1.5)]
            width = np.linalg.norm(tray[1] - tray[0]) * pixel
            overhang = np.array([ends.max() - place.max(), place.min() - ends.min()]) * width
            np.testing.assert_allclose(out["overhang_mm"][k], overhang, atol=1.5 * pixel)
        for side, medial in ((0, True), (1, False)):
            gap = (top - below[(along > 0.5) == medial].max() - 0.5) * pixel
            assert out["thickness_mm"][k, side] == pytest.approx(gap, abs=float(1.5 * pixel))


def test_the_distal_flat_is_where_gammas_line_says():
    out = close("tka_cr", LATERAL, **BARE)
    for k in range(2):
        for share in (0.0, 0.5, 1.0):
            metal, depth = column(label(out, k, "femoral_component"), out["lines"][k, 0], share)
            assert abs(depth[metal].max()) < 1.0


LOOSE = {"lucency_rate": 1.0, "zone_rate": 0.6, "lucency_mm": (0.8, 3.0), "osteophyte_rate": 0.0}


@pytest.mark.parametrize("seed", [1, 2])
def test_radiolucent_lines_are_as_wide_as_the_truth_says(seed):
    """Along the normal of the line they lie beside: within a pixel."""
    front = close("tka_cr", AP, seed=seed, **LOOSE)
    side = close("tka_cr", LATERAL, seed=seed, **LOOSE)
    # Zones by where along the line they are looked at; the wings hide the middle of the tray.
    places = [
        (front, "radiolucency_mm", 1, {0: 0.9, 1: 0.72, 2: 0.28, 3: 0.1}, (0.0, 40.0)),
        (side, "tibial_radiolucency_mm", 1, {0: 0.1, 1: 0.85}, (0.0, 40.0)),
        (side, "radiolucency_mm", 0, {4: -0.25, 6: 0.8}, (-80.0, -30.0)),
    ]
    seen = 0
    for out, name, which, zones, (low, high) in places:
        for k in range(2):
            for zone, share in zones.items():
                strip, depth = column(
                    label(out, k, "radiolucency"), out["lines"][k, which], share, 90.0
                )
                near = strip & (depth > low) & (depth < high)
                pixel = float(out["pixel_mm"][k])
                width = near.sum() * 0.05 * pixel
                truth = out[name][k, zone]
                seen += truth > 0
                assert width == pytest.approx(truth, abs=1.05 * pixel)
        tibia = part(out, "tibia") & part(out, "radiolucency")
        assert tibia.mean() < 0.02  # around the keel alone
    assert seen >= 6


def test_no_line_is_labelled_where_there_is_none():
    out = films(lateral_rate=0.5, lucency_rate=0.0)
    assert not part(out, "radiolucency").any()
    assert np.nanmax(out["radiolucency_mm"]) == 0.0


def beside(mask, distance):
    return ndimage.binary_dilation(mask, iterations=distance)


def test_dense_is_bright_or_all_is_turned_round():
    out, turned = (
        films(**{**PLAIN, "dark_bone_rate": rate}, short_rate=0.0) for rate in (0.0, 1.0)
    )
    np.testing.assert_allclose(turned["image"], 1.0 - out["image"], atol=1e-6)
    metal = part(out, "femoral_component") | part(out, "tibial_component")
    bone = (part(out, "femur") | part(out, "tibia")) & ~metal
    other = out["mask"].any(-1)
    for k in range(COUNT):
        flesh = beside(bone[k], 4) & ~beside(other[k], 1)
        assert out["image"][k][bone[k]].mean() > out["image"][k][flesh].mean() + 0.05
        if metal[k].any():
            assert out["image"][k][metal[k]].mean() > out["image"][k][bone[k]].mean() + 0.1


def test_a_sigmoid_keeps_cement_apart_from_metal_and_changes_the_picture_alone():
    fields = only("tka_cr") | {"cement_rate": 1.0, "cement_mm": (2.0, 2.5)}
    bent, ended = (films(SMALL, **PLAIN, **fields, sigmoid_rate=rate) for rate in (1.0, 0.0))
    for name in set(bent) - {"image"}:
        np.testing.assert_array_equal(bent[name], ended[name])
    metal = part(bent, "tibial_component")
    cement = part(bent, "cement") & ~metal & ~part(bent, "femoral_component")

    clipped, kept = (
        [
            np.mean(i[c] >= np.median(i[m]))
            for i, m, c in zip(out["image"], metal, cement, strict=True)
        ]
        for out in (ended, bent)
    )
    # Median over films of the share of the cement that no grey value tells from metal.
    assert np.median(clipped) > 0.2
    assert np.median(kept) < 0.1
    assert bent["image"].min() >= 0.0
    assert bent["image"].max() <= 1.0


def test_margins_are_dark_and_turn_white_with_the_film():
    shut = {**PLAIN, "round_rate": 1.0}
    dark = films(**shut, white_shutter_rate=0.0)
    corners = dark["image"][:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.max() < 0.06
    assert not dark["mask"][:, [0, 0, -1, -1], [0, -1, 0, -1]].any()
    light = films(**{**shut, "dark_bone_rate": 1.0}, white_shutter_rate=0.0)
    assert light["image"][:, 0, 0].min() > 0.94
    light = films(**shut, white_shutter_rate=1.0)
    assert light["image"][:, 0, 0].min() > 0.92


def test_a_border_is_white_and_holds_no_label():
    out = films(**{**PLAIN, "border_rate": 1.0}, border_share=(0.03, 0.05))
    rim = np.ones((96, 96), bool)
    rim[2:-2, 2:-2] = False
    assert (out["image"][:, rim] == 1.0).all()
    assert not out["mask"][:, rim].any()


def test_a_ball_is_as_wide_as_the_spec_says():
    without, out = films(**PLAIN), films(**{**PLAIN, "ball_rate": 1.0})
    area = ((out["image"] - without["image"]) > 0.3).sum((1, 2)) * out["pixel_mm"] ** 2
    assert np.median(np.sqrt(4 * area / np.pi)) == pytest.approx(25.2, abs=1.5)


def test_a_marker_and_a_photograph_change_the_picture_alone():
    # Fine enough for the letter's strokes.
    near = {**PLAIN, "short_rate": 1.0, "short_field_mm": (150.0, 150.0)}
    plain = films(**near)
    marked = films(**{**near, "marker_rate": 1.0})
    changed = (np.abs(marked["image"] - plain["image"]) > 0.1).sum((1, 2))
    assert (changed > 3).mean() > 0.9
    np.testing.assert_array_equal(marked["mask"], plain["mask"])
    flat = films(**{**near, "photo_rate": 1.0}, keystone=(0.0, 0.0))
    assert np.abs(flat["image"] - plain["image"]).mean() > 0.03
    np.testing.assert_array_equal(flat["mask"], plain["mask"])
    bent = films(**{**near, "photo_rate": 1.0}, keystone=(0.06, 0.06))
    # A line stays a line, so the picture's angle is between its points; it is not the film's.
    difference = np.abs(bent["angles"] - plain["angles"])
    assert 0.05 < np.nanmax(difference) < 10.0


def test_the_side_is_told_where_a_film_shows_it():
    """An AP film by the fibula, a lateral one by a marker that is wholly in view."""
    near = {**PLAIN, "short_rate": 1.0, "short_field_mm": (150.0, 150.0)}
    for marker in (0.0, 1.0):
        out = films(**{**near, "marker_rate": marker})
        lateral = out["view"] == VIEWS.index("lateral")
        assert 0 < lateral.sum() < COUNT
        np.testing.assert_array_equal(out["side"][~lateral], out["body_side"][~lateral])
        told = out["side"][lateral] >= 0
        assert told.mean() > 0.8 if marker else not told.any()
        same = out["side"] == out["body_side"]
        assert same[lateral][told].all()
    # The border begins where most markers are.
    cut = films(**{**near, "marker_rate": 1.0, "border_rate": 1.0, "border_share": (0.1, 0.1)})
    assert (cut["side"] < 0).sum() > lateral.sum() / 2


def test_short_films_end_sooner():
    out = films(short_rate=1.0)
    assert (out["pixel_mm"] * 96 <= 190.01).all()
    assert (films(short_rate=0.0)["pixel_mm"] * 96 >= 219.9).all()


def test_maps_over_a_batch():
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 5))
    out = jax.eval_shape(jax.vmap(lambda key: simulate(key, SMALL)), keys)
    assert out["image"].shape == (5, 96, 96)
    assert out["mask"].dtype == jnp.uint8


@pytest.mark.slow
def test_a_batch_is_its_films_one_by_one():
    keys = jax.random.split(jax.random.key(0), COUNT)[:6]
    batch = jax.device_get(simulate_many(keys, SMALL, at_once=3))
    for name, value in films().items():
        if name == "mask":
            # Rounding moves what lies on an edge.
            assert (batch[name] != value[:6]).mean() < 1e-4
        else:
            np.testing.assert_allclose(batch[name], value[:6], atol=2e-3, err_msg=name)


@pytest.mark.slow
def test_no_film_of_five_thousand_holds_a_number_that_is_none():
    spec = dataclasses.replace(SMALL, height=48, width=48)
    for batch in range(5):
        keys = jax.random.split(jax.random.key(batch), 1000)
        out = jax.device_get(simulate_many(keys, spec))
        for name in ("image", "axes", "pixel_mm", "magnification"):
            assert np.isfinite(out[name]).all(), name
        assert out["image"].min() >= 0.0
        assert out["image"].max() <= 1.0
