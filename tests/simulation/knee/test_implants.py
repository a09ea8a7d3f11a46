"""Implants as solids: closed, of plausible size, and only what the type has."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.simulation.knee.implants import LONGEST_EDGE_MM, implant
from fluorojax.simulation.knee.parts import CR, NATIVE, PS, REVISION, UKA, draw_case
from fluorojax.simulation.knee.spec import KneeSpec
from fluorojax.simulation.mesh import Mesh

drawn = jax.jit(implant)
SPEC = KneeSpec()


def case_of(kind: int, seed: int = 0, **changes):
    case = draw_case(jax.random.key(seed), jnp.float32(1.0), jnp.array(True), SPEC)
    return case._replace(kind=jnp.int32(kind), **changes)


def volume(mesh: Mesh) -> float:
    """Return the volume in cm³ by the divergence theorem: of a closed mesh wherever it lies."""
    a, b, c = np.moveaxis(np.asarray(mesh.vertices, np.float64)[mesh.faces], 1, 0)
    return float((a * np.cross(b, c)).sum() / 6000.0)


def edges(mesh: Mesh) -> np.ndarray:
    corners = np.asarray(mesh.vertices)[mesh.faces]
    return np.linalg.norm(corners - np.roll(corners, 1, 1), axis=-1)


@pytest.mark.parametrize("kind", [CR, PS, UKA, REVISION])
@pytest.mark.parametrize("seed", range(3))
def test_components_are_closed_and_of_the_size_of_real_ones(kind, seed):
    made = drawn(jax.random.key(seed), case_of(kind, seed))
    for mesh, least, most in ((made.femoral, 6.0, 120.0), (made.tibial, 4.0, 90.0)):
        # A closed surface's volume does not change when it is moved; an open one's does.
        away = Mesh(np.asarray(mesh.vertices) + 500.0, mesh.faces)
        assert volume(mesh) == pytest.approx(volume(away), rel=1e-2)
        assert least < volume(mesh) < most
        # Two faces at each edge: vertices that coincide count as one.
        _, same = np.unique(np.asarray(mesh.vertices).round(3), axis=0, return_inverse=True)
        faces = same.ravel()[mesh.faces]
        faces = faces[(faces != np.roll(faces, 1, 1)).all(1)]
        pairs = np.stack([faces, np.roll(faces, -1, 1)], -1).reshape(-1, 2)
        balance = np.zeros((same.max() + 1,), int)
        np.add.at(balance, pairs[:, 0], 1)
        np.add.at(balance, pairs[:, 1], -1)
        assert not balance.any()
        assert edges(mesh).max() < 1.15 * LONGEST_EDGE_MM


def test_a_native_knee_has_no_metal():
    made = drawn(jax.random.key(0), case_of(NATIVE))
    assert volume(made.femoral) == 0.0
    assert volume(made.tibial) == 0.0


def test_half_a_knee_lies_on_its_side():
    for side in (1.0, -1.0):
        made = drawn(jax.random.key(0), case_of(UKA, uka_side=jnp.float32(side)))
        for mesh in made[:2]:
            x = np.asarray(mesh.vertices)[:, 0] * side
            assert x.max() > 25.0
            assert x.min() >= -2.0  # 0 where a part that is not there has collapsed


def test_a_revision_has_stems_and_a_posterior_stabilised_one_a_box():
    revision = drawn(jax.random.key(0), case_of(REVISION))
    primary = drawn(jax.random.key(0), case_of(CR))
    stabilised = drawn(jax.random.key(0), case_of(PS))
    assert np.asarray(revision.femoral.vertices)[:, 2].max() > 80.0
    assert np.asarray(revision.tibial.vertices)[:, 2].min() < -60.0
    assert np.asarray(primary.femoral.vertices)[:, 2].max() < 60.0
    assert volume(stabilised.femoral) > volume(primary.femoral) + 0.5


def test_shapes_differ_from_one_knee_to_the_next():
    volumes = [volume(drawn(jax.random.key(k), case_of(CR, k)).femoral) for k in range(6)]
    assert len({round(v, 2) for v in volumes}) == 6
    assert max(volumes) > 1.2 * min(volumes)


def test_sizes_that_are_drawn_are_followed():
    case = case_of(CR, tray=jnp.float32(4.0), keel=jnp.float32(40.0))
    z = np.asarray(drawn(jax.random.key(0), case).tibial.vertices)[:, 2]
    assert z.min() == pytest.approx(-44.0, abs=1e-4)
    assert z.max() == pytest.approx(0.0, abs=1e-6)
    assert dataclasses.is_dataclass(SPEC)
