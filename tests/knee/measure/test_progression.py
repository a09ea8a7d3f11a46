import numpy as np
import pytest

from fluorojax.knee.measure import compare_knees, measure_knee
from fluorojax.knee.measure.progression import Shape, register
from tests.knee.measure.scenes import Ap, Lateral, Pose, directed, film, move, random_pose


def migrated(scene: Ap, medial: float, distal: float, varus: float):
    """Return shapes whose tibial component moved within the tibia."""
    origin = scene.frame()[0]
    down = directed(scene.tray_tilt - scene.beta)
    shift = medial * np.array([-down[1], down[0]]) + distal * down
    shapes = scene.shapes()
    tray = [move(p, shift, -varus, origin) for p in shapes["tibial_component"]]
    return shapes | {"tibial_component": tray}


@pytest.mark.parametrize(("soft", "limit"), [(False, 0.5), (True, 0.2)])
def test_migration_is_found_between_films_turned_and_flipped(soft, limit):
    rng = np.random.default_rng(4)
    scene, truth = Ap(beta=89.0), (1.5, 2.5, 3.0)
    earlier = film(scene.shapes(), random_pose(rng, False), "ap", soft)
    later = film(migrated(scene, *truth), random_pose(rng, True), "ap", soft)
    progress = compare_knees(earlier, later)
    for name, value in zip(("medial", "distal", "tilt"), truth, strict=True):
        found = progress[f"migration_{name}"]
        assert found.value == pytest.approx(value, abs=limit), name
        assert 0 < found.uncertainty < 0.5
    assert progress["change_beta"].value == pytest.approx(-3.0, abs=0.6)
    assert progress["change_alpha"].value == pytest.approx(0.0, abs=0.5)


def test_nothing_moved_is_no_change():
    scene = Ap()
    films = [film(scene.shapes(), Pose(r), "ap", True) for r in (3.0, 50.0)]
    progress = compare_knees(*films)
    for found in progress.changes:
        if found.refused is None:
            assert abs(found.value) <= max(3 * found.uncertainty, 0.25), found.name
    assert len(progress.rows()) == len(progress.changes)
    errors = [measure_knee(one)["beta"].uncertainty for one in films]
    assert progress["change_beta"].uncertainty == pytest.approx(np.hypot(*errors))


def test_other_views_or_sides_are_refused():
    ap = film(Ap().shapes(), Pose(), "ap", side="right")
    other = film(Ap().shapes(), Pose(), "ap", side="left")
    assert all("sides differ" in m.refused for m in compare_knees(ap, other).changes)
    lateral = film(Lateral().shapes(), Pose(), "lateral")
    changes = compare_knees(ap, lateral).changes
    assert changes
    assert all("views differ" in m.refused for m in changes)


def test_a_refusal_says_on_which_film():
    scene = Ap()
    earlier = film(scene.shapes(), Pose(), "ap")
    later = film(scene.shapes(), Pose(), "ap", spacing=(np.nan, np.nan))
    progress = compare_knees(earlier, later)
    assert progress["change_polyethylene_thickness_medial"].refused.startswith(
        "later film: no scale"
    )
    assert "no scale" in progress["migration_distal"].refused


def test_contours_that_fit_exactly_may_still_hide_what_digitisation_does():
    """A square along the grid, 40 mm a side, in both films: steps of up to a pixel do not show."""
    side = np.arange(-20.0, 20.0)
    edges = [(np.stack([np.full(40, s), side], 1), (np.sign(s), 0.0)) for s in (-20.0, 20.0)]
    edges += [(points[:, ::-1], normal[::-1]) for points, normal in edges]
    points = np.concatenate([points for points, _ in edges])
    normals = np.concatenate([np.broadcast_to(normal, (40, 2)) for _, normal in edges])
    square = Shape(points, normals, step=1.0, error=0.3)
    motion = register(square, square, "square")
    assert abs(motion.angle) < 1e-6
    hidden = 0.3 * 2**0.5  # of both films
    turn, *shift = np.sqrt(np.diag(motion.covariance))
    assert min(shift) >= hidden / 3
    assert turn >= hidden / (40 * 2**0.5)
