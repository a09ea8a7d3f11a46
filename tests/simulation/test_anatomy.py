import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.simulation.anatomy import anatomy
from fluorojax.simulation.geometry import pixel_centres

PIXEL = jnp.float32(1.4)
GRID = pixel_centres(96, 96, PIXEL)


@pytest.fixture(scope="module")
def bodies():
    """Bone and tissue of 6 patients, 4 frames each: [6, 4, H, W]."""
    make = jax.jit(lambda *keys: jax.lax.map(lambda k: anatomy(*k, GRID, PIXEL), keys))
    patients = jnp.repeat(jax.random.split(jax.random.key(0), 6), 4)
    frames = jax.random.split(jax.random.key(1), 24)
    return [np.asarray(x).reshape(6, 4, 96, 96) for x in make(patients, frames)]


def test_bone_adds_and_all_is_finite(bodies):
    bone, tissue = bodies
    assert np.isfinite(bone).all()
    assert np.isfinite(tissue).all()
    assert bone.min() >= 0.0
    # Three centimetres of trabecular bone and their shell, at the most.
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
