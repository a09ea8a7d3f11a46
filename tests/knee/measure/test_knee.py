import dataclasses
import json

import numpy as np
import pytest

from fluorojax.knee.measure import (
    CalibrationObject,
    KneeFilm,
    KneeSettings,
    KnownWidth,
    Tolerances,
    measure_knee,
)
from fluorojax.knee.measure.axes import ShaftRules
from fluorojax.knee.measure.result import DETECTOR_PLANE, Measurement
from tests.knee.measure.scenes import (
    Ap,
    Lateral,
    LongLeg,
    Pose,
    Uka,
    box,
    directed,
    disc,
    film,
    random_pose,
)

ANGLE_MAE_DEG, THICKNESS_MAE_MM = 0.3, 0.3


def truths(scene) -> dict[str, float]:
    if isinstance(scene, Lateral):
        return {"gamma": scene.gamma, "sigma": scene.sigma}
    space = "joint_space" if scene.native else "polyethylene_thickness"
    found = {"alpha": scene.alpha, "beta": scene.beta}
    found |= {f"{space}_{side}": scene.thickness(side) for side in ("medial", "lateral")}
    if scene.native:
        return found
    return found | {
        "tibial_overhang_medial": scene.overhang[0],
        "tibial_overhang_lateral": scene.overhang[1],
    }


def random_ap(rng, **about) -> Ap:
    return Ap(rng.uniform(90, 101), rng.uniform(85, 95), rng.uniform(-4, 4), 9.0, **about)


def random_lateral(rng) -> Lateral:
    return Lateral(rng.uniform(85, 95), rng.uniform(80, 92), rng.uniform(-4, 4))


def errors(make, view, n, seed, soft=False):
    """Return name -> [n, 2]: error and said uncertainty, over random scenes and poses."""
    rng = np.random.default_rng(seed)
    found: dict[str, list] = {}
    for _ in range(n):
        scene = make(rng)
        report = measure_knee(film(scene.shapes(), random_pose(rng), view, soft))
        for name, truth in truths(scene).items():
            m = report[name]
            assert m.refused is None, m.refused
            found.setdefault(name, []).append((m.value - truth, m.uncertainty))
    return {name: np.array(pairs) for name, pairs in found.items()}


@pytest.mark.parametrize(
    ("make", "view"),
    [
        (random_ap, "ap"),
        (random_lateral, "lateral"),
        (lambda r: random_ap(r, native=True), "ap"),
    ],
)
def test_hard_masks_in_any_pose_are_measured_within_the_goals(make, view):
    for name, pairs in errors(make, view, 6, seed=3).items():
        error, said = pairs.T
        # Overhang ends at a corner of bone, a gamma's flat has 23 px: neither is held to the goal.
        goal = {"gamma": 0.6, "tibial_overhang_medial": 0.5, "tibial_overhang_lateral": 0.5}
        assert np.abs(error).mean() <= goal.get(name, 0.3), name
        # The said error is neither vain nor timid: most errors lie within two of it.
        assert (np.abs(error) <= 2 * said).mean() >= 0.8, name
        assert said.mean() < 1.5, name


@pytest.mark.parametrize(("make", "view"), [(random_ap, "ap"), (random_lateral, "lateral")])
def test_coverage_is_measured_far_below_a_pixel(make, view):
    for name, pairs in errors(make, view, 3, seed=5, soft=True).items():
        # A gamma's flat has 23 px between corners that interpolation rounds.
        limit = 0.3 if "overhang" in name else 0.2 if name == "gamma" else 0.12
        assert np.abs(pairs[:, 0]).max() <= limit, name


def values(report) -> np.ndarray:
    return np.array([np.nan if m.value is None else m.value for m in report.measurements])


@pytest.mark.parametrize(("scene", "view"), [(Ap(97, 88, 1.5), "ap"), (Lateral(92, 84), "lateral")])
def test_quarter_turns_and_flips_change_nothing(scene, view):
    base = film(scene.shapes(), Pose(8.0), view)
    expected = values(measure_knee(base))
    for change in (
        lambda m: m[::-1],
        lambda m: m[:, ::-1],
        lambda m: np.rot90(m),
        lambda m: np.rot90(m, 2)[:, ::-1],
    ):
        turned = dataclasses.replace(base, masks=np.ascontiguousarray(change(base.masks)))
        np.testing.assert_allclose(values(measure_knee(turned)), expected, atol=0.05)


def test_oblong_pixels_bend_no_angle():
    scene = Ap(97, 88, 1.5)
    for spacing in ((0.5, 1.0), (1.0, 0.625)):
        report = measure_knee(film(scene.shapes(), Pose(31.0, spacing=spacing), "ap"))
        for name, truth in truths(scene).items():
            assert report[name].value == pytest.approx(truth, abs=0.9), name


def test_angles_need_no_spacing_and_millimetres_are_refused_without_a_scale():
    scene = Ap()
    report = measure_knee(film(scene.shapes(), Pose(5), "ap", spacing=(np.nan, np.nan)))
    assert report["beta"].value == pytest.approx(90, abs=0.6)
    assert "no scale" in report["polyethylene_thickness_medial"].refused
    assert "calibration object" in report["polyethylene_thickness_medial"].refused


def test_the_scale_says_where_it_comes_from():
    scene, pose = Ap(), Pose(5)
    truth = scene.thickness("medial")

    def thickness(**about):
        m = measure_knee(film(scene.shapes(), pose, "ap", True, **about))
        return m["polyethylene_thickness_medial"]

    plain = thickness()
    assert "detector" in plain.scale_source
    assert "magnification" in plain.scale_source
    magnified = thickness(magnification=1.1)
    assert magnified.value == pytest.approx(plain.value / 1.1)
    known = thickness(spacing=(np.nan, np.nan), known_width=KnownWidth("tibial_component", 72.0))
    assert known.value == pytest.approx(truth, abs=0.15)
    assert "tibial component of known width 72 mm" in known.scale_source
    # The width has the error of its edges: of 72 mm at a fifth of a millimetre a pixel, little.
    assert 1 < known.uncertainty / plain.uncertainty < 1.5
    ball = film({"patella": [disc((70, 0), 12.5)]}, pose, "ap", True).field("patella")
    calibrated = thickness(spacing=(np.nan, np.nan), calibration=CalibrationObject(25.0, ball))
    assert calibrated.value == pytest.approx(truth, abs=0.15)
    assert "calibration object of 25 mm" in calibrated.scale_source


def test_medial_comes_from_the_fibula_or_from_the_side_given():
    shapes = Ap(alpha=97).shapes()
    bare = {name: s for name, s in shapes.items() if name != "fibula"}
    # Medial is at the viewer's right: shown the usual way, a right knee.
    assert measure_knee(film(bare, Pose(), "ap", side="right"))["alpha"].value > 95
    assert measure_knee(film(bare, Pose(), "ap", side="left"))["alpha"].value < 85
    assert "side unknown" in measure_knee(film(bare, Pose(), "ap"))["alpha"].refused
    mirrored = measure_knee(film(shapes, Pose(), "ap", side="left"))["alpha"]
    assert mirrored.value > 95
    assert "mirrored" in mirrored.note


def test_anterior_comes_from_the_patella_or_is_refused():
    shapes = Lateral().shapes()
    del shapes["patella"]
    assert "patella" in measure_knee(film(shapes, Pose(), "lateral"))["sigma"].refused


def test_what_cannot_be_read_is_refused_with_its_reason():
    scene = Ap()
    shapes = scene.shapes()
    short = Pose(0, field_mm=(126, 200))
    reason = measure_knee(film(shapes, short, "ap"))["alpha"].refused
    assert "too short" in reason
    assert "mm" in reason
    assert "of its width" in reason

    second = [p + np.array((95.0, 0.0)) for p in shapes["femur"]]
    wide = Pose(0, (-45, 0), field_mm=(200, 300))
    beside = shapes | {"femur": shapes["femur"] + second}
    # Of two pieces the one that carries the component is the knee's.
    alone = measure_knee(film(shapes, wide, "ap"))["alpha"].value
    assert measure_knee(film(beside, wide, "ap"))["alpha"].value == pytest.approx(alone, abs=0.01)
    metal = [p + np.array((95.0, 0.0)) for p in shapes["femoral_component"]]
    both = beside | {"femoral_component": shapes["femoral_component"] + metal}
    assert "two knees" in measure_knee(film(both, wide, "ap"))["alpha"].refused
    bones = {name: s for name, s in beside.items() if "component" not in name}
    assert "two knees" in measure_knee(film(bones, wide, "ap"))["alpha"].refused

    empty = KneeFilm(np.zeros((32, 32, 2), bool), ("femur", "tibia"), "ap", (1.0, 1.0))
    assert all("no knee" in m.refused for m in measure_knee(empty).measurements if m.refused)
    assert not any(m.value is not None for m in measure_knee(empty).measurements)

    cut = measure_knee(film(shapes, Pose(0, (66, 0)), "ap"))
    assert "cut off" in cut["alpha"].refused

    bare = film(shapes, Pose(), "ap")
    names = [n for n in bare.class_names if n != "radiolucency"]
    kept = [k for k, n in enumerate(bare.class_names) if n != "radiolucency"]
    unread = dataclasses.replace(bare, masks=bare.masks[..., kept], class_names=names)
    assert "class missing" in measure_knee(unread)["radiolucency_tibia_zone_1_extent"].refused
    for name in ("hka", "mldfa"):
        assert "femoral head not in view" in measure_knee(bare)[name].refused
    assert "ankle not in view" in measure_knee(bare)["mpta"].refused


def test_a_stem_may_be_cut_off_and_a_condyle_may_not():
    scene = Ap(97)
    shapes = scene.shapes()
    axis = directed(97)
    stem = box((0, 10), axis, np.array([-axis[1], axis[0]]), (0, 150), (-6, 6))
    shapes["femoral_component"] = [*shapes["femoral_component"], stem]
    report = measure_knee(film(shapes, Pose(4.0), "ap"))
    assert report["alpha"].value == pytest.approx(97, abs=0.6)
    cut = measure_knee(film(shapes, Pose(0.0, (66.0, 0.0)), "ap"))
    assert "cut off" in cut["alpha"].refused


def test_lengths_follow_the_spacing_and_angles_do_not():
    base = film(Ap(97, 88).shapes(), Pose(8.0), "ap")
    half = dataclasses.replace(base, spacing=tuple(s / 2 for s in base.spacing))
    other_report = measure_knee(half)
    for one in measure_knee(base).measurements:
        other = other_report[one.name]
        assert (one.refused is None) == (other.refused is None), one.name
        if one.value is not None:
            share = 2 if one.unit == "mm" else 1
            assert one.value == pytest.approx(share * other.value, abs=1e-6), one.name
            assert one.uncertainty == pytest.approx(share * other.uncertainty, abs=1e-6)


def test_a_flat_of_which_too_little_is_seen_is_refused():
    base = film(Lateral().shapes(), Pose(4.0), "lateral")
    reason = measure_knee(base, KneeSettings(most_error_deg=0.01))["gamma"].refused
    assert "distal flat" in reason
    assert "degrees" in reason


def test_more_shaft_can_be_asked_for():
    settings = KneeSettings(ShaftRules(least_widths=4.0))
    reason = measure_knee(film(Ap().shapes(), Pose(), "ap"), settings)["beta"].refused
    assert "4 of its width" in reason


def test_islands_and_holes_of_a_predicted_mask_do_no_harm():
    rng = np.random.default_rng(0)
    scene = Ap(97, 88, 1.5)
    base = film(scene.shapes(), Pose(8.0), "ap")
    masks = base.masks.copy()
    for k, name in enumerate(base.class_names):
        if masks[..., k].any() and name != "radiolucency":
            for r, c in rng.integers(5, 245, (3, 2)):
                masks[r : r + 4, c : c + 4, k] ^= True
    report = measure_knee(dataclasses.replace(base, masks=masks))
    for name in ("alpha", "beta"):
        assert report[name].value == pytest.approx(truths(scene)[name], abs=0.8)


def test_a_partial_knee_has_its_own_angles():
    scene = Uka()
    report = measure_knee(film(scene.shapes(), Pose(25.0), "ap", True))
    assert "alpha" not in report.names()
    assert report["uka_femoral_varus"].value == pytest.approx(scene.femoral_varus, abs=0.5)
    assert report["uka_tibial_varus"].value == pytest.approx(scene.tibial_varus, abs=0.3)
    assert report["polyethylene_thickness_medial"].refused is None
    assert "unicompartmental" in report["polyethylene_thickness_lateral"].refused


def test_mechanical_angles_of_a_long_leg_film():
    scene = LongLeg()
    pose = Pose(12.0, (35, 10), spacing=(1.0, 1.0), field_mm=(940.0, 440.0))
    report = measure_knee(film(scene.shapes(), pose, "ap"))
    assert report["mldfa"].value == pytest.approx(scene.mldfa, abs=0.6)
    assert report["mpta"].value == pytest.approx(scene.mpta, abs=0.6)
    assert report["hka"].value == pytest.approx(scene.hka, abs=0.4)


def test_rows_are_plain_and_complete():
    report = measure_knee(film(Ap().shapes(), Pose(5), "ap", side="right"))
    rows = report.rows()
    assert [r["name"] for r in rows] == report.names()
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    alpha = rows[0]
    assert (alpha["view"], alpha["side"], alpha["status"]) == ("ap", "right", "measured")
    assert "medial side" in alpha["convention"]
    assert len(alpha["lines_px"]) == 2
    with pytest.raises(KeyError, match="not measured"):
        report["gamma"]


def test_tolerances_are_configurable_and_undecided_at_their_limits():
    m = measure_knee(film(Ap().shapes(), Pose(5), "ap"))["alpha"]
    assert Tolerances().verdict(m) == "inside"
    assert Tolerances({"alpha": (0.0, 90.0)}).verdict(m) == "outside"
    assert Tolerances({"alpha": (m.value, 100.0)}).verdict(m) == "undecided"
    assert Tolerances({}).verdict(m) == ""


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"view": "oblique"}, "view"),
        ({"side": "r"}, "side"),
        ({"spacing": (0.0, 1.0)}, "spacing"),
        ({"magnification": 0.9}, "magnification"),
        ({"edge_error_px": 0.0}, "edge_error_px 0.0: must be positive"),
        ({"class_names": ("femur",)}, "one name a class"),
        ({"masks": np.full((9, 9, 2), 255)}, "bool or in"),
        ({"masks": np.linspace(0, 2, 162).reshape(9, 9, 2)}, "bool or in"),
        ({"masks": np.linspace(-1, 1, 162).reshape(9, 9, 2)}, "bool or in"),
        ({"masks": np.zeros((1, 40, 2), bool)}, "at least 3 rows and columns"),
    ],
)
def test_a_film_that_contradicts_itself_is_an_error(about, message):
    given = {"masks": np.zeros((9, 9, 2), bool), "class_names": ("femur", "tibia"), "view": "ap"}
    with pytest.raises(ValueError, match=message):
        KneeFilm(**(given | about))


def test_broken_masks_are_measured_or_refused_and_never_raise():
    rng = np.random.default_rng(2)
    for i in range(16):
        scene, view = ((Ap(lucency=(-30, 30, 2)), "ap"), (Lateral(), "lateral"))[i % 2]
        field = (80.0, 160.0) if i % 3 else (200.0, 120.0)
        pose = Pose(rng.uniform(0, 360), spacing=(1.6, 1.6), field_mm=field)
        base = film(scene.shapes(), pose, view)
        masks = base.masks.copy()
        for k in range(masks.shape[-1]):
            masks[..., k] &= rng.random(masks.shape[:2]) > rng.choice(
                (0.0, 0.1, 1.0), p=(0.6, 0.2, 0.2)
            )
            masks[:, rng.integers(1, 3 * masks.shape[1]) :, k] = False
        for m in measure_knee(dataclasses.replace(base, masks=masks)).measurements:
            assert (m.value is None) == (m.refused is not None)
            assert m.value is None or np.isfinite((m.value, m.uncertainty)).all()


@pytest.mark.parametrize(
    ("value", "verdict"), [(1.5, "inside"), (2.2, "undecided"), (2.5, "outside"), (-9.0, "inside")]
)
def test_a_limit_that_only_the_magnification_breaks_is_undecided(value, verdict):
    name, shadow = "tibial_overhang_medial", f"lengths are {DETECTOR_PLANE}"
    found = Measurement(name, "mm", "", value, 0.01, scale_source=shadow)
    assert Tolerances().verdict(found) == verdict
    known = dataclasses.replace(found, scale_source="a ball")
    assert Tolerances().verdict(known) == ("inside" if value < 2 else "outside")


def without(shapes, *names):
    return {name: [] if name in names else shape for name, shape in shapes.items()}


def test_masks_that_contradict_each_other_are_refused():
    shapes = Ap().shapes()
    # A component without its partner was missed.
    no_femoral = film(without(shapes, "femoral_component"), Pose(), "ap")
    assert "no femoral component was found" in measure_knee(no_femoral)["alpha"].refused
    assert measure_knee(no_femoral)["beta"].refused is None
    no_tibial = film(without(shapes, "tibial_component"), Pose(), "ap")
    assert "no tibial component was found" in measure_knee(no_tibial)["beta"].refused
    # What is said of the implant and what is seen.
    neither = without(shapes, "femoral_component", "tibial_component")
    said = film(neither, Pose(), "ap", implant="total")
    assert "said to be total" in measure_knee(said)["alpha"].refused
    native = film(shapes, Pose(), "ap", implant="native")
    assert "said to be native" in measure_knee(native)["alpha"].refused
    assert "said to be native" in measure_knee(native)["beta"].refused
    # Masks that do not have the class say nothing of it.
    kept = [k for k, n in enumerate(no_femoral.class_names) if n != "femoral_component"]
    names = [no_femoral.class_names[k] for k in kept]
    fewer = dataclasses.replace(no_femoral, masks=no_femoral.masks[..., kept], class_names=names)
    assert measure_knee(fewer)["alpha"].refused is None


def test_an_angle_that_no_knee_has_is_refused():
    found = measure_knee(film(Ap(alpha=122.0).shapes(), Pose(), "ap"))["alpha"]
    assert "is not what a knee has (75 to 117)" in found.refused
    assert found.value is None
    assert measure_knee(film(Ap(alpha=112.0).shapes(), Pose(), "ap"))["alpha"].refused is None
