"""The knee in space: from the front and the side it is that of the flat views, and it flexes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.schema.knee_classes import CLASSES
from fluorojax.simulation.knee import knee, oblique
from fluorojax.simulation.knee.spec import KneeSpec

SIDE = 128
STILL = {
    "turned_rate": 0.0,
    "rotation_degrees": (0.0, 0.0),
    "shift_mm": (0.0, 0.0),
    "tilt_degrees": (0.0, 0.0),
    "field_mm": (260.0, 260.0),
    "short_rate": 0.0,
    "size": (1.0, 1.0),
    "native_share": 0.0,
    "uka_share": 0.0,
    "revision_share": 0.0,
    "border_rate": 0.0,
    "round_rate": 0.0,
    "blades_rate": 0.0,
    "photo_rate": 0.0,
    "oblique_rate": 1.0,
}


def films(count: int = 6, **fields) -> dict[str, np.ndarray]:
    spec = KneeSpec(height=SIDE, width=SIDE, **(STILL | fields))
    return jax.device_get(knee.simulate_many(jax.random.split(jax.random.key(3), count), spec))


def extent(mask: np.ndarray) -> tuple[float, float]:
    """Return height and width in mm."""
    rows, columns = np.nonzero(mask)
    return tuple(260.0 / SIDE * (np.ptp(a) + 1) for a in (rows, columns))


@pytest.fixture(scope="module")
def front():
    return films(oblique_degrees=(0.0, 0.0), sideways_rate=0.0, oblique_flexion_degrees=(0.0, 0.0))


@pytest.fixture(scope="module")
def flexed():
    return films(
        oblique_degrees=(0.0, 0.0), sideways_rate=1.0, oblique_flexion_degrees=(90.0, 90.0)
    )


def test_from_the_front_components_lie_on_their_bones(front):
    masks = front["mask"].astype(bool)
    femoral, tibial, femur, tibia = (
        masks[..., CLASSES.index(name)]
        for name in ("femoral_component", "tibial_component", "femur", "tibia")
    )
    for k in range(len(masks)):
        assert 55.0 < extent(femoral[k])[1] < 85.0
        assert 55.0 < extent(tibial[k])[1] < 95.0
        # Proximal is up: femur, its component, tray, tibia from top to bottom.
        heights = [np.nonzero(m[k])[0].mean() for m in (femur, femoral, tibial, tibia)]
        assert heights == sorted(heights)
        # Most of the metal lies before bone.
        assert (femoral[k] & femur[k]).sum() > 0.5 * femoral[k].sum()
    assert (front["view"] == 0).all()


def test_at_a_right_angle_the_femur_lies_behind(flexed):
    masks = flexed["mask"].astype(bool)
    femur, tibia = (masks[..., CLASSES.index(name)] for name in ("femur", "tibia"))
    for k in range(len(masks)):
        tall, wide = extent(femur[k])
        assert wide > 1.3 * tall
        assert extent(tibia[k])[0] > 1.3 * extent(tibia[k])[1]
    assert (flexed["view"] == 1).all()


def test_no_angle_is_told_of_a_view_that_has_none(front):
    assert np.isnan(front["angles"]).all()
    assert np.isnan(front["thickness_mm"]).all()


def test_metal_is_dense_and_bone_denser_than_flesh(front):
    image, masks = front["image"], front["mask"].astype(bool)
    for film, mask in zip(image, masks, strict=True):
        metal, femur = mask[..., 0], mask[..., CLASSES.index("femur")]
        bone = femur & ~mask[..., :2].any(-1)
        # Of the other polarity everything is turned round.
        sign = 1.0 if film[metal].mean() > film[~mask.any(-1)].mean() else -1.0
        assert sign * (film[metal].mean() - film[bone].mean()) > 0.05


@pytest.mark.parametrize(
    ("around", "tilt", "flexion", "view"),
    [(0, 0, 0, 0), (180, 0, 0, 0), (10, 10, 20, 0), (90, 0, 60, 1), (-80, 5, 0, 1), (45, 0, 0, -1),
     (0, 30, 0, -1), (90, 0, 110, -1)],
)  # fmt: skip
def test_only_a_standard_view_is_named(around, tilt, flexion, view):
    turn = oblique.Turn(*(jnp.float32(v) for v in (around, tilt, flexion)))
    assert int(oblique.view_of(turn)) == view


def test_the_same_key_gives_the_same_film_and_others_differ():
    spec = KneeSpec(height=SIDE, width=SIDE, **STILL)
    keys = jax.random.split(jax.random.key(3), 6)
    again = jax.device_get(knee.simulate_many(keys[:2], dataclasses.replace(spec)))
    first = films(oblique_degrees=(-45.0, 45.0), sideways_rate=0.65)
    np.testing.assert_array_equal(first["mask"][:2], again["mask"])
    assert (first["mask"][0] != first["mask"][1]).any()
