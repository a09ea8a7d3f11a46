import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from fluorojax.simulation.knee import CLASSES, SIDES, TYPES, VIEWS, simulate, simulate_many
from fluorojax.simulation.knee_spec import SHARES, KneeSpec

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
    """One compilation for all films of a size and number."""
    keys = jax.random.split(jax.random.key(seed), count)
    return jax.device_get(simulate_many(keys, dataclasses.replace(base, **fields)))


def one(kind, rate, seed=0, **fields):
    """Films at 512 x 512, few enough to be quick."""
    return films(FINE, 2, seed, lateral_rate=rate, **only(kind), **fields)


def label(out, k, name):
    return out["mask"][k, ..., CLASSES.index(name)].astype(bool)


def part(out, name):
    return out["mask"][..., CLASSES.index(name)].astype(bool)


def angle_between(shaft, base):
    cross = shaft[0] * base[1] - shaft[1] * base[0]
    return np.degrees(np.arctan2(abs(cross), shaft @ base))


def across(mask, start, end, away, until, limit=70.0):
    """Follow a bone's shaft between two distances from `start` and fit its midline.

    At each step the two edges are where the mask ends across the axis.
    """
    unit = (end - start) / np.linalg.norm(end - start)
    normal = np.array([-unit[1], unit[0]])
    reach = np.arange(-limit, limit, 0.25)
    middles = []
    for distance in np.arange(away, until, 1.0):
        points = start + distance * unit + reach[:, None] * normal
        if ((points < 1) | (points > np.array(mask.shape) - 2)).any():
            continue
        inside = ndimage.map_coordinates(mask.astype(float), points.T, order=1) > 0.5
        middles.append(points[inside].mean(0))
    middles = np.array(middles)
    centred = middles - middles.mean(0)
    axis = np.linalg.svd(centred, full_matrices=False)[2][0]
    return axis * np.sign(axis @ unit)


def lower_edge(mask, left, right, step=0.5):
    """Direction of the lower edge of a mask between two columns' points, by robust fit."""
    columns = np.arange(int(min(left, right)) + 6, int(max(left, right)) - 6)
    rows = np.array([np.flatnonzero(mask[:, c]).max() for c in columns])
    slope, offset = np.polyfit(columns, rows, 1)
    near = np.abs(rows - slope * columns - offset) < 1.5
    slope = np.polyfit(columns[near], rows[near], 1)[0]
    return np.array([slope, 1.0]) * np.sign(right - left)


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
    for name, names in (("type", TYPES), ("view", VIEWS), ("side", SIDES)):
        assert out[name].dtype == np.int32
        assert set(out[name]) == set(range(len(names)))
    assert {name: value.shape[1:] for name, value in out.items() if value.ndim < 4 and name} == {
        **dict.fromkeys(("type", "view", "side", "pixel_mm", "magnification"), ()),
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
        medial = columns if out["side"][k] == SIDES.index("right") else -columns
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


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("rate", [AP, LATERAL], ids=VIEWS)
def test_angles_are_those_of_the_masks(kind, rate):
    """Shafts by the middles of their edges, the tray by its lower edge: within 0.3 degrees."""
    out = one(kind, rate, lucency_rate=0.0, osteophyte_rate=0.0, hinge_rate=0.0, cement_rate=0.0)
    for k in range(2):
        pixel = out["pixel_mm"][k]
        axes, lines = out["axes"][k], out["lines"][k]
        shafts = []
        for index, bone in ((0, "femur"), (1, "tibia")):
            start, end = axes[index]
            shafts.append(across(label(out, k, bone), start, end, 0.0, 60.0 / pixel))
            assert angle_between(shafts[index], end - start) < 0.3
        for index in (0, 1):
            own = angle_between(axes[index, 1] - axes[index, 0], lines[index, 1] - lines[index, 0])
            np.testing.assert_allclose(out["angles"][k, index], own, atol=1e-3)
        if kind != "native":
            tray = label(out, k, "tibial_component")
            # The wings of the keel hide the middle: the tray's ends are what the edge is.
            (r0, c0), (r1, c1) = lines[1]
            rows, columns = np.mgrid[:512, :512]
            along = np.stack([rows - r0, columns - c0], -1) @ np.array([r1 - r0, c1 - c0])
            along = along / np.hypot(r1 - r0, c1 - c0) ** 2
            ends = (np.abs(along - 0.5) < 0.48) & (
                np.abs(along - 0.5) > (0.38 if rate == 0 else 0.3)
            )
            edge = [
                (np.flatnonzero(tray[:, c] & ends[:, c]).max(), c)
                for c in range(512)
                if (tray[:, c] & ends[:, c]).any()
            ]
            edge = np.array(edge, float)
            slope = np.polyfit(edge[:, 1], edge[:, 0], 1)[0]
            base = np.array([slope, 1.0]) * np.sign(c1 - c0)
            assert angle_between(base, lines[1, 1] - lines[1, 0]) < 0.3
            if kind != "uka":
                assert abs(angle_between(shafts[1], base) - out["angles"][k, 1]) < 0.5
