import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.simulation.fluoroscopy.anatomy import anatomy
from fluorojax.simulation.geometry import pixel_centres

PIXEL = jnp.float32(1.4)
GRID = pixel_centres(96, 96, PIXEL)


@jax.jit
def bodies_of(patients, frames, is_limb=False, breath=0.0, energy_kev=60.0):
    def one(keys):
        return anatomy(*keys, GRID, PIXEL, is_limb=is_limb, breath=breath, energy_kev=energy_kev)

    return jax.lax.map(one, (patients, frames))


@pytest.fixture(scope="module")
def bodies():
    """Bone and tissue of 6 patients, 4 frames each: [6, 4, H, W]."""
    patients = jnp.repeat(jax.random.split(jax.random.key(0), 6), 4)
    frames = jax.random.split(jax.random.key(1), 24)
    return [np.asarray(x).reshape(6, 4, 96, 96) for x in bodies_of(patients, frames)]


def test_bone_adds_and_all_is_finite(bodies):
    bone, tissue = bodies
    assert np.isfinite(bone).all()
    assert np.isfinite(tissue).all()
    assert bone.min() >= 0.0
    # A vertebra with end plate and pedicle, 1.1 times as dense as usual, at the most.
    assert 0.3 < bone.max() < 1.5
    assert 0.2 < tissue.std() < 0.8


def best_match(a, b):
    """Largest correlation of two frames over the moves (up to 17 pixels) between them."""
    window = a[24:72, 24:72]
    shifts = [(i, j) for i in range(-18, 19) for j in range(-18, 19)]
    views = np.stack([b[24 + i : 72 + i, 24 + j : 72 + j].ravel() for i, j in shifts])
    views -= views.mean(1, keepdims=True)
    flat = window.ravel() - window.mean()
    norms = np.linalg.norm(views, axis=1) * np.linalg.norm(flat)
    return ((views @ flat) / np.maximum(norms, 1e-9)).max()


def test_a_patients_frames_show_the_same_body_from_elsewhere(bodies):
    bone, tissue = bodies
    for body in (bone, tissue):
        same = [best_match(body[k, 0], body[k, 1]) for k in range(6)]
        other = [best_match(body[k, 0], body[(k + 1) % 6, 0]) for k in range(6)]
        assert min(same) > 0.75
        assert np.mean(other) < np.mean(same) - 0.1
    assert not np.allclose(bone[0, 0], bone[0, 1])


KEYS = jax.random.split(jax.random.key(0), 6), jax.random.split(jax.random.key(1), 6)


@pytest.mark.slow
def test_the_breath_moves_the_organs_but_not_the_bones():
    """7 mm are five rows: what lay at a row lies five rows further down."""
    still, low = bodies_of(*KEYS), bodies_of(*KEYS, breath=7.0)
    np.testing.assert_array_equal(still.bone, low.bone)
    for before, after in zip(np.asarray(still.tissue), np.asarray(low.tissue), strict=True):
        down = np.corrcoef(before[20:70].ravel(), after[25:75].ravel())[0, 1]
        stayed = np.corrcoef(before[20:70].ravel(), after[20:70].ravel())[0, 1]
        assert down > 0.98
        assert down > stayed


def test_bone_takes_more_of_a_softer_beam_than_of_a_harder_one():
    soft, hard = bodies_of(*KEYS, energy_kev=48.0), bodies_of(*KEYS, energy_kev=70.0)
    ratio = np.asarray(soft.bone).sum() / np.asarray(hard.bone).sum()
    assert 1.7 < ratio < 2.6
    assert 1.1 < np.asarray(soft.tissue).std() / np.asarray(hard.tissue).std() < 1.35


@pytest.mark.slow
def test_a_limb_has_a_shaft_with_walls_and_air_beside_it():
    bone, tissue = map(np.asarray, bodies_of(*KEYS, is_limb=True))
    assert np.isfinite(bone).all()
    assert np.isfinite(tissue).all()
    assert bone.min() >= -1e-6
    assert 0.4 < bone.max() < 3.5
    assert tissue.max() < 3.5
    air = (tissue < 0.05).mean((1, 2))
    assert (air > 0.02).any()
    assert (air < 0.6).all()
