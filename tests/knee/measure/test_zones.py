import dataclasses

import numpy as np
import pytest

from fluorojax.knee.measure import measure_knee
from fluorojax.knee.measure.scene import Scene
from fluorojax.knee.measure.settings import KneeSettings
from fluorojax.knee.measure.zones import zone_reading
from tests.knee.measure.scenes import Ap, Lateral, Pose, Uka, box, directed, film


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_line_under_the_medial_tray_is_in_zone_one(soft, mirrored):
    # The tray reaches 36 mm to either side: zone 1 is its outer half, from 18 mm on.
    shapes = Ap(lucency=(18.0, 36.0, 1.6)).shapes()
    report = measure_knee(film(shapes, Pose(23.0, mirrored=mirrored), "ap", soft))
    zone = {
        p: report[f"radiolucency_tibia_zone_1_{p}"] for p in ("width_max", "width_mean", "extent")
    }
    tolerance = 0.15 if soft else 0.35
    assert zone["width_mean"].value == pytest.approx(1.6, abs=tolerance)
    assert zone["width_max"].value == pytest.approx(1.6, abs=2 * tolerance)
    assert zone["extent"].value > 0.9
    assert "never a diagnosis" in zone["extent"].note
    for number in (3, 4, 5, 6, 7):
        assert report[f"radiolucency_tibia_zone_{number}_extent"].value == 0
    total = report["radiolucency_tibia_width_sum"]
    assert total.value >= zone["width_max"].value


def test_a_network_that_misses_most_lines_cannot_tell_that_there_is_none():
    shapes = Ap(lucency=(18.0, 36.0, 1.6)).shapes()
    of = film(shapes, Pose(23.0), "ap", True)
    report = measure_knee(dataclasses.replace(of, lucency_recall=0.3))
    assert report["radiolucency_tibia_zone_1_extent"].value > 0.9
    for name in ("zone_4_width_max", "zone_4_extent", "width_sum"):
        assert "finds 30% of what is lucent" in report[f"radiolucency_tibia_{name}"].refused
    for recall in (0.8, None):
        report = measure_knee(dataclasses.replace(of, lucency_recall=recall))
        assert report["radiolucency_tibia_zone_4_extent"].value == 0


def test_half_a_line_has_half_the_extent():
    shapes = Ap(lucency=(-36.0, -27.0, 1.6)).shapes()
    report = measure_knee(film(shapes, Pose(40.0), "ap", True))
    assert report["radiolucency_tibia_zone_4_extent"].value == pytest.approx(0.5, abs=0.12)
    assert report["radiolucency_tibia_zone_1_extent"].value == 0


@pytest.mark.parametrize(
    "number",
    [5, 6, 7],
)
def test_lines_around_the_keel(number):
    scene = Ap()
    origin, along, up = scene.frame()
    under = origin - 4 * up
    if number == 6:
        line = box(under, along, up, (-6, 6), (-39.6, -38))
    else:
        sign = 1 if number == 5 else -1
        # Along the keel's side, which tapers from 7 to 5 mm over 38 mm.
        line = np.array([(7, -4), (8.6, -4), (6.8, -36), (5.2, -36)]) * (sign, 1)
        line = under + line @ np.stack([along, up])
    report = measure_knee(film(scene.shapes() | {"radiolucency": [line]}, Pose(11.0), "ap", True))
    extent = {n: report[f"radiolucency_tibia_zone_{n}_extent"].value for n in range(1, 8)}
    assert max(extent, key=extent.get) == number
    width = report[f"radiolucency_tibia_zone_{number}_width_mean"].value
    # At the tip the corners' normals cross the line aslant.
    assert width == pytest.approx(1.6, abs=0.4 if number == 6 else 0.3)


@pytest.mark.parametrize("mirrored", [False, True])
def test_lateral_zones(mirrored):
    shapes = Lateral(peg=True).shapes()
    # Behind the flange, and in front of the keel under the tray; x is posterior.
    flange = np.array([(-24, 24), (-22.5, 24), (-22.5, 44), (-24, 44)], float)
    front = box((0.0, -15.0), directed(0), directed(90), (-23, -8), (-1.5, 0))
    shapes |= {"radiolucency": [flange, front]}
    report = measure_knee(film(shapes, Pose(-15.0, mirrored=mirrored), "lateral", True))
    femur = {n: report[f"radiolucency_femur_zone_{n}_extent"].value for n in range(1, 8)}
    tibia = {n: report[f"radiolucency_tibia_zone_{n}_extent"].value for n in range(1, 4)}
    assert max(femur, key=femur.get) == 1
    assert femur[1] > 0.7
    assert max(tibia, key=tibia.get) == 1
    assert report["radiolucency_tibia_zone_1_width_mean"].value == pytest.approx(1.5, abs=0.3)


def test_each_zone_has_a_polygon_beside_the_component():
    base = film(Ap().shapes(), Pose(), "ap")
    report = measure_knee(base)
    for number in range(1, 8):
        polygon = report[f"radiolucency_tibia_zone_{number}_extent"].figure.polygon
        assert len(polygon) > 6
        outer = polygon[len(polygon) // 2 :].round().astype(int)
        component = base.field("tibial_component")
        assert component[outer[:, 0], outer[:, 1]].mean() < 0.15


def test_half_a_tray_has_the_two_zones_of_its_side():
    scene = Uka()
    shapes = scene.shapes()
    along = directed(-scene.tibial_varus)
    up = np.array([-along[1], along[0]])
    # Under the outer part of the tray, which is 26 mm wide and 4 mm thick.
    shapes["radiolucency"] = [box((11.0, -10.0), along, up, (16, 26), (-5.5, -4))]
    report = measure_knee(film(shapes, Pose(25.0), "ap", True, implant="unicompartmental"))
    extent = {n: report[f"radiolucency_tibia_zone_{n}_extent"] for n in range(1, 8)}
    assert extent[1].value > 0.7
    assert extent[2].value < 0.2
    for number in (3, 4, 5, 6, 7):
        assert "no interface" in extent[number].refused


def test_zones_of_a_missing_component_are_refused_by_its_name():
    shapes = {name: s for name, s in Lateral().shapes().items() if name != "femoral_component"}
    report = measure_knee(film(shapes, Pose(), "lateral", True))
    refused = report["radiolucency_femur_zone_1_extent"].refused
    assert refused == "class missing: no femoral component in the film"


def test_the_end_of_the_neighbours_line_is_no_line_of_its_own():
    """Zone 2 runs from the keel, 7 mm from the middle, to 18 mm: 11 mm of interface."""
    for reach, (low, high) in ((17.0, (0.0, 0.0)), (13.0, (0.3, 0.6))):
        shapes = Ap(lucency=(reach, 36.0, 1.6)).shapes()
        scene = Scene(film(shapes, Pose(), "ap", True), KneeSettings())
        assert zone_reading(scene, "tibia", 1, "extent").value > 0.9
        assert low <= zone_reading(scene, "tibia", 2, "extent").value <= high
