"""Rays through closed meshes: a sphere and a cylinder in closed form, and no stray pixels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.simulation.mesh import (
    Camera,
    Mesh,
    block,
    joined,
    paths,
    reach_of,
    read_mesh,
    turned,
)

trimesh = pytest.importorskip("trimesh", reason="needs the extra `implants`")
SOURCE = 800.0


def sphere(radius: float, centre: tuple[float, float, float], fineness: int = 5) -> Mesh:
    solid = trimesh.creation.icosphere(subdivisions=fineness, radius=radius)
    vertices = np.asarray(solid.vertices, np.float32) + np.array(centre, np.float32)
    return Mesh(vertices, np.asarray(solid.faces, np.int32))


def rays(camera: Camera) -> np.ndarray:
    """Return unit vectors [H, W, 3] from the source to the pixels."""
    x = (np.arange(camera.width) - (camera.width - 1) / 2) * camera.pixel
    y = (np.arange(camera.height) - (camera.height - 1) / 2) * camera.pixel
    d = np.stack([*np.meshgrid(x, y), np.full((camera.height, camera.width), -camera.source)], -1)
    return d / np.linalg.norm(d, axis=-1, keepdims=True)


@pytest.mark.parametrize("centre", [(0.0, 0.0, 0.0), (13.3, -21.7, 60.2), (-44.0, 30.0, -80.0)])
def test_a_balls_path_is_that_of_the_formula(centre):
    camera, radius = Camera(200, 240, 0.5, SOURCE), 20.0
    path = np.asarray(paths([sphere(radius, centre)], camera, reach_of(0.85, 0.5)))[0]
    away = np.array([0.0, 0.0, SOURCE]) - centre
    along = (rays(camera) * away).sum(-1)
    exact = 2 * np.sqrt(np.maximum(along**2 - (away @ away - radius**2), 0.0))
    # Within the outline, where the formula's slope is finite, to the mesh's own error.
    inside = exact > 6.0
    assert np.abs(path - exact)[inside].max() < 0.15
    assert not path[exact == 0].any()
    assert path.sum() == pytest.approx(exact.sum(), rel=2e-3)


def test_a_cylinders_path_across_and_along_it():
    angle = 2 * np.pi * np.arange(400) / 400
    outline = 10.0 * jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)
    shares = jnp.linspace(0.0, 1.0, 12)
    side = jnp.linspace(-15.0, 15.0, 31)
    profile = jnp.concatenate(
        [
            jnp.stack([shares, jnp.full(12, -15.0)], -1),
            jnp.stack([jnp.ones(31), side], -1),
            jnp.stack([shares[::-1], jnp.full(12, 15.0)], -1),
        ]
    )
    upright = turned(profile, outline)
    camera = Camera(96, 96, 0.5, 10_000.0)
    along = np.asarray(paths([upright], camera, 8))[0]
    assert along[40:56, 40:56] == pytest.approx(30.0, abs=0.02)
    lying = Mesh(upright.vertices[:, jnp.array([2, 0, 1])], upright.faces)  # its axis along x
    across = np.asarray(paths([lying], camera, 8))[0]
    y = (np.arange(96) - 47.5) * 0.5
    exact = 2 * np.sqrt(np.maximum(100.0 - y**2, 0.0))
    near = np.abs(y) < 9.5
    np.testing.assert_allclose(across[near, 48], exact[near], atol=0.05)
    assert not across[np.abs(y) > 10.05].any()


def test_no_ray_passes_a_common_edge_unseen_or_twice():
    # 120 poses of corners on pixel centres, where rounding decides.
    camera = Camera(48, 48, 1.0, 500.0)
    brick = block(jnp.stack(jnp.meshgrid(*[jnp.linspace(-8.0, 8.0, 9)] * 3, indexing="ij"), -1))
    drawn = jax.jit(lambda points: paths([Mesh(points, brick.faces)], camera, 6)[0])
    rng = np.random.default_rng(0)
    for k in range(120):
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0] if k % 2 else np.eye(3)
        path = np.asarray(drawn(jnp.asarray(brick.vertices @ turn, jnp.float32)))
        # A face missed leaves a depth of hundreds of mm; the diagonal is the longest path there is.
        assert path.max() <= 16.0 * 3**0.5 * 1.02
        seen = path > 0
        middle = seen[1:-1, 1:-1]
        around = [seen[1 + i : 47 + i, 1 + j : 47 + j] for i in (-1, 0, 1) for j in (-1, 0, 1)]
        assert not (~middle & (sum(a.astype(int) for a in around) >= 8)).any()


def test_a_mirrored_solid_and_a_vertex_order_turned_round_give_the_same():
    camera, ball = Camera(64, 64, 1.0, SOURCE), sphere(20.0, (0.0, 0.0, 30.0), 3)
    first = np.asarray(paths([ball], camera, 8))
    mirrored = Mesh(ball.vertices * np.array([-1, 1, 1], np.float32), ball.faces)
    # Mirrored, the rule for pixels on an edge takes the other one of two.
    np.testing.assert_allclose(paths([mirrored], camera, 8)[0][:, ::-1], first[0], atol=0.6)
    inside_out = Mesh(ball.vertices, ball.faces[:, ::-1])
    np.testing.assert_allclose(paths([inside_out], camera, 8), first, atol=1e-3)


def test_several_solids_keep_apart_and_one_joined_of_them_is_their_sum():
    camera = Camera(64, 64, 1.0, SOURCE)
    balls = [sphere(10.0, (-12.0, 0.0, 0.0), 3), sphere(6.0, (14.0, 5.0, 20.0), 3)]
    each = np.asarray(paths(balls, camera, 6))
    assert each.shape == (2, 64, 64)
    assert each[0][32, 20] > 19.0
    assert each[0][:, 40:].max() == 0.0
    np.testing.assert_allclose(paths([joined(balls)], camera, 6)[0], each.sum(0), atol=1e-3)


def test_what_lies_out_of_view_is_left_out():
    camera = Camera(32, 32, 1.0, SOURCE)
    ball = sphere(10.0, (15.0, 0.0, 0.0), 3)
    path = np.asarray(paths([ball], camera, 6))[0]
    assert path[16, 31] > 18.0
    assert not path[:, :18].any()


def test_files_are_read_made_finer_and_refused(tmp_path):
    path = tmp_path / "ball.stl"
    trimesh.creation.icosphere(subdivisions=2, radius=20.0).export(path)
    mesh = read_mesh(path, longest_edge=2.0)
    edges = mesh.vertices[mesh.faces] - mesh.vertices[np.roll(mesh.faces, 1, 1)]
    assert np.linalg.norm(edges, axis=-1).max() <= 2.0
    open_path = tmp_path / "open.stl"
    ball = trimesh.creation.icosphere(subdivisions=2, radius=20.0)
    trimesh.Trimesh(ball.vertices, ball.faces[1:]).export(open_path)
    with pytest.raises(InputError, match=r"open\.stl.*not closed"):
        read_mesh(open_path, 5.0)
    (tmp_path / "text.stl").write_text("no mesh at all")
    with pytest.raises(InputError, match=r"text\.stl"):
        read_mesh(tmp_path / "text.stl", 5.0)
    with pytest.raises(InputError, match=r"ball\.stl.*simplify"):
        read_mesh(path, 0.05)
