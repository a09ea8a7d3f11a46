"""Closed triangle meshes and how far the rays of a point source pass through them.

A ray meets the surface of a closed solid in pairs of crossings, once inwards and once outwards, so
that its path is the signed sum of the crossings' depths, whatever the solid's shape:

    path(ray) = sum over crossed faces of  -sign(n . d) z  times the ray's length a unit of z,

n the outward normal, d the ray's direction, z the depth of the crossing towards the source. Each
face is drawn into the window of pixels that its shadow can reach, as rasterisers do: its corners'
shadows are rounded to 1/64 pixel, and whether a pixel's centre lies inside is decided in whole
numbers. So two faces at a common edge never both count a pixel, nor do both miss it, and every ray
has as many crossings inwards as outwards.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fluorojax.core.errors import InputError, needs

STEPS = 64  # corners' shadows lie on a grid of 1/64 pixel
MAX_FACES = 400_000


class Mesh(NamedTuple):
    """A closed surface, or several that do not overlap; normals all outwards, or all inwards."""

    vertices: jax.Array | np.ndarray  # [V, 3] mm
    faces: jax.Array | np.ndarray  # [F, 3] int32, rows of `vertices`


class Camera(NamedTuple):
    """A point source over the plane z = 0, in which pixels are measured.

    x points along the columns, y along the rows, z to the source; all in mm.
    """

    height: int  # pixels
    width: int
    pixel: jax.Array | float  # [] mm, in the plane z = 0
    source: jax.Array | float  # [] mm from the plane, at most 10 m for depths to 0.01 mm


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Return all of the meshes as one."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    faces = [mesh.faces + start for mesh, start in zip(meshes, starts, strict=False)]
    return Mesh(jnp.concatenate([mesh.vertices for mesh in meshes]), jnp.concatenate(faces))


def block(points: jax.Array) -> Mesh:
    """Return the surface of a bent brick of corners `points: [U, V, K, 3]`.

    Steps along u, v and k make a right-handed frame, or the normals point inwards.
    """
    sizes = points.shape[:3]
    return Mesh(points.reshape(-1, 3), _brick_faces(*sizes))


def _brick_faces(*sizes: int) -> np.ndarray:
    """Return the faces of the surface of a grid of points, [F, 3]."""
    index = np.arange(np.prod(sizes), dtype=np.int32).reshape(sizes)
    found = []
    for axis in range(3):
        low, high = np.take(index, 0, axis), np.take(index, -1, axis)
        # What is left after an axis is taken out is right-handed about it, but for the middle one.
        outward, inward = (low, high) if axis == 1 else (high, low)
        found += [_quads(outward), _quads(inward.T)]
    return np.concatenate(found)


def turned(profile: jax.Array, outline: jax.Array) -> Mesh:
    """Return the surface that a profile leaves when it is turned once around the z axis.

    Args:
        profile: [K, 2] share of the outline's radius, and z in mm; from the bottom's middle (share
            0) over the rim to the top's middle (share 0).
        outline: [N, 2] (x, y) mm, counter-clockwise seen from +z.
    """
    ring = profile[None, :, :1] * outline[:, None]  # [N, K, 2]
    points = jnp.concatenate([ring, jnp.broadcast_to(profile[:, 1:], (*ring.shape[:2], 1))], -1)
    index = np.arange(ring.shape[0] * ring.shape[1], dtype=np.int32).reshape(ring.shape[:2])
    return Mesh(points.reshape(-1, 3), _quads(np.concatenate([index, index[:1]])))


def _quads(index: np.ndarray) -> np.ndarray:
    """Return two faces for each cell of a grid of vertices `[A, B]`: normals along a x b."""
    a, b = index[:-1, :-1].ravel(), index[1:, :-1].ravel()
    c, d = index[1:, 1:].ravel(), index[:-1, 1:].ravel()
    return np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)])


def paths(solids: Sequence[Mesh], camera: Camera, reach: int) -> jax.Array:
    """Return the length [N, H, W] in mm of each pixel's ray inside each of N meshes.

    Exact at the pixels' centres for the mesh as it is rounded: an error of up to 1/64 pixel at its
    outline. Cost: F * reach^2 pixels.

    Args:
        solids: as they stand before the camera, all of them below the source; drawn in one go,
            because each takes long to compile.
        camera: where the rays come from; its sizes are static.
        reach: pixels that a face's shadow spans at most, along rows or columns (see `reach_of`);
            static. What of a larger face lies beyond is left out.
    """
    mesh = joined(solids)
    of = np.repeat(np.arange(len(solids)), [len(solid.faces) for solid in solids])
    size = len(solids) * camera.height * camera.width
    vertices = jnp.asarray(mesh.vertices, jnp.float32)
    nearness = camera.source / (camera.source - vertices[:, 2])  # 1 in the plane z = 0
    middle = jnp.array([camera.width - 1, camera.height - 1]) / 2
    shadow = vertices[:, :2] * nearness[:, None] / camera.pixel + middle
    corners = jnp.round(STEPS * shadow).astype(jnp.int32)[mesh.faces]  # [F, 3, 2]
    first = -(-corners.min(1) // STEPS)  # the pixel from which the window begins, [F, 2]
    window = jnp.arange(reach)
    columns = first[:, 0, None, None] + window[None, None, :]
    rows = first[:, 1, None, None] + window[None, :, None]
    crossed, weights = _crossings(corners - STEPS * first[:, None], window)
    depth = camera.source * (1.0 - 1.0 / (weights * nearness[mesh.faces][:, :, None, None]).sum(1))
    is_seen = (rows >= 0) & (rows < camera.height) & (columns >= 0) & (columns < camera.width)
    rows += camera.height * of[:, None, None]
    place = jnp.where(is_seen, rows * camera.width + columns, size)
    signed = jnp.where(crossed != 0, crossed * depth, 0.0)
    total = jnp.zeros(size).at[place].add(signed, mode="drop")
    # A mirrored mesh has all its normals inwards.
    return jnp.abs(total.reshape(-1, camera.height, camera.width)) * _slant(camera)


def _crossings(corners: jax.Array, window: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return where faces are crossed: +1 into the solid, -1 out of it, 0 beside; and weights.

    Args:
        corners: [F, 3, 2] whole 1/64 pixels from the window's first pixel.
        window: [R] pixels.

    Returns:
        crossed: [F, R, R] int32.
        weights: [F, 3, R, R] float32, of the corners, with sum 1.
    """
    p = STEPS * window
    edges = []
    for k in range(3):
        a, b = corners[:, (k + 1) % 3], corners[:, (k + 2) % 3]
        dx, dy = (b - a)[:, 0, None, None], (b - a)[:, 1, None, None]
        along = dx * (p[:, None] - a[:, 1, None, None]) - dy * (p - a[:, 0, None, None])
        # On the edge: as if all pixels lay a little to the right, and less than that further down.
        edges.append((along, jnp.where(along != 0, along, jnp.where(dy != 0, -dy, dx))))
    area = sum(along for along, _ in edges)
    inside = [side * jnp.sign(area) > 0 for _, side in edges]
    crossed = jnp.where(inside[0] & inside[1] & inside[2], jnp.sign(area), 0)
    weights = jnp.stack([along for along, _ in edges], 1) / jnp.where(area == 0, 1, area)[:, None]
    return crossed, weights


def _slant(camera: Camera) -> jax.Array:
    """Return the length [H, W] of a ray a unit of z."""
    x = (jnp.arange(camera.width) - (camera.width - 1) / 2) * camera.pixel / camera.source
    y = (jnp.arange(camera.height) - (camera.height - 1) / 2) * camera.pixel / camera.source
    return jnp.sqrt(1.0 + x**2 + y[:, None] ** 2)


def reach_of(longest_edge: float, pixel: float, nearness: float = 1.15) -> int:
    """Return how many pixels a face's shadow can span.

    Args:
        longest_edge: mm.
        pixel: mm, the smallest there is.
        nearness: how much larger a shadow is than what it is of, at most.
    """
    return int(np.ceil(longest_edge * nearness / pixel)) + 1


def read_mesh(path: Path, longest_edge: float, faces: int = MAX_FACES) -> Mesh:
    """Read a closed mesh (STL in mm, binary or ASCII), its faces no longer than told.

    One of more than `faces` faces is simplified to them first (quadric decimation), which also
    closes the pinholes that exports have.

    Raises:
        InputError: it cannot be read, is not closed, or has too many faces.
    """
    trimesh = needs("trimesh", "implants", f"to read {path}")
    try:
        solid = trimesh.load_mesh(path, file_type="stl")
    except Exception as error:  # whatever the parser meets in a damaged file
        raise InputError(f"{path} is no STL file that can be read ({error})") from error
    if len(solid.faces) > faces:
        needs("fast_simplification", "implants", f"to simplify {path}")
        solid = solid.simplify_quadric_decimation(face_count=faces)
    if not len(solid.faces) or not solid.is_watertight:
        raise InputError(
            f"{path}: the mesh of {len(solid.faces)} faces is not closed, so that no ray's path "
            "through it is known; close its holes in a mesh editor and export it again"
        )
    if solid.volume < 0:
        solid.invert()
    # An equilateral face of that edge has 0.43 of its square; told before memory is taken.
    count = max(len(solid.faces), int(solid.area / (0.43 * longest_edge**2)))
    if count > MAX_FACES:
        raise InputError(
            f"{path}: at least {count} faces of at most {longest_edge:.2g} mm, and {MAX_FACES} are "
            "the most; simplify the mesh"
        )
    vertices, triples = trimesh.remesh.subdivide_to_size(solid.vertices, solid.faces, longest_edge)
    return Mesh(np.asarray(vertices, np.float32), np.asarray(triples, np.int32))
