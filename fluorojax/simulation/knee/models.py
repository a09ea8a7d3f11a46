"""A clinic's own implants, from the models that their makers have: triangle meshes in a folder.

    my_implants/DESIGN/femoral.stl, tibial.stl, axes.json

Files are in millimetres, STL, binary or ASCII; their names begin with "fem" and "tib". axes.json
says, for either, along which of the file's own axes the implant points medially, anteriorly and
proximally (of the other side of the body, laterally; films are mirrored):

    {"femoral": ["+x", "+y", "+z"], "tibial": ["-z", "-x", "+y"]}

Free of jax until a mesh is asked for, so that configurations can hold such a folder.
"""

import functools
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.core.files import read_json

if TYPE_CHECKING:
    from fluorojax.simulation.mesh import Mesh

COMPONENTS = ("femoral", "tibial")
AXES_FILE = "axes.json"
EXAMPLE = json.dumps({name: ["+x", "+y", "+z"] for name in COMPONENTS})
NONE = "none of these"
"""What a knee with an implant is called that has no design of the folder."""
FACES = 6000  # to which a finer mesh is simplified: a few tenths of a millimetre
SIZE_MM = (20.0, 150.0)  # extent of a component without its stem, along any axis


class ImplantFolder(NamedTuple):
    """A folder of designs, and what was in it: data sets are told apart by both."""

    path: str
    digest: str


class Design(NamedTuple):
    """One design, as `fluorojax.simulation.knee.implants` has them, in the body's millimetres."""

    name: str
    femoral: "Mesh"
    tibial: "Mesh"
    pivot: np.ndarray  # [3] what the femur turns about


def implant_folder(path: str | Path) -> ImplantFolder:
    """Return a folder of designs.

    Raises:
        InputError: it is none, or a design lacks a file.
    """
    digest = hashlib.sha256()
    for files in _designs(Path(path)).values():
        for file in files:
            digest.update(file.read_bytes())
    return ImplantFolder(str(path), digest.hexdigest())


def design_names(folder: ImplantFolder) -> tuple[str, ...]:
    """Return the names of the folder's designs, in the order of `read_designs`, and then NONE."""
    return (*_designs(Path(folder.path)), NONE)


def _designs(root: Path) -> dict[str, tuple[Path, ...]]:
    """Return the files (femoral, tibial, axes) of each design by its folder's name."""
    folders = sorted(p for p in root.iterdir() if p.is_dir()) if root.is_dir() else []
    if not folders:
        raise InputError(
            f"data.implants={root}: give a folder with a folder for each design, in it "
            f"femoral.stl, tibial.stl and {AXES_FILE}"
        )
    return {folder.name: _files(folder) for folder in folders}


def _files(folder: Path) -> tuple[Path, ...]:
    """Return a design's two meshes and what says how they lie."""
    found = []
    for component in COMPONENTS:
        named = [p for p in sorted(folder.iterdir()) if p.suffix.lower() == ".stl"]
        named = [p for p in named if p.name.lower().startswith(component[:3])]
        if len(named) != 1:
            raise InputError(
                f"{folder} has {len(named)} files {component[:3]}*.stl, and a design has one; put "
                f"one {component}.stl there"
            )
        found.append(named[0])
    axes = folder / AXES_FILE
    if not axes.is_file():
        raise InputError(
            f"{axes} is missing; write along which of each file's axes the implant points "
            f"medially, anteriorly and proximally, as in {EXAMPLE}"
        )
    return (*found, axes)


@functools.cache
def read_designs(folder: ImplantFolder, longest_edge: float) -> tuple[Design, ...]:
    """Read all designs, their faces no longer than told.

    Raises:
        InputError: a mesh is not closed or of no implant's size, or axes.json says no axes.
    """
    found = []
    for name, (femoral, tibial, axes) in _designs(Path(folder.path)).items():
        turns = _turns(axes)
        femur, tibia = (
            _posed(path, turns[component], longest_edge)
            for path, component in ((femoral, "femoral"), (tibial, "tibial"))
        )
        found.append(Design(name, _on_its_condyles(femur), _under_its_tray(tibia), _pivot(femur)))
    return tuple(found)


def _turns(path: Path) -> dict[str, np.ndarray]:
    """Return the turn [3, 3] of each component from its file's axes to the body's."""
    axes = read_json(path)
    turns = {}
    for component in COMPONENTS:
        given = axes.get(component) if isinstance(axes, dict) else None
        rows = [_axis(text) for text in given] if isinstance(given, list) else []
        turn = np.array(rows) if len(rows) == 3 and all(r is not None for r in rows) else None
        if turn is None or round(float(np.linalg.det(turn))) != 1:
            raise InputError(
                f"{path}: {component} is {given}: write three different axes, right-handed "
                f"(medial, anterior, proximal), as in {EXAMPLE}"
            )
        turns[component] = turn
    return turns


def _axis(text: object) -> np.ndarray | None:
    """Return the unit vector of a text such as "-x"; None of what is none."""
    if not isinstance(text, str) or len(text) != 2 or text[0] not in "+-" or text[1] not in "xyz":
        return None
    return np.eye(3)["xyz".index(text[1])] * (1.0 if text[0] == "+" else -1.0)


def _posed(path: Path, turn: np.ndarray, longest_edge: float) -> "Mesh":
    """Read a mesh into the body's axes, its middle at x = y = 0."""
    from fluorojax.simulation.mesh import read_mesh

    mesh = read_mesh(path, longest_edge, faces=FACES)
    vertices = np.asarray(mesh.vertices) @ turn.T
    low, high = vertices.min(0), vertices.max(0)
    if ((high - low)[:2] < SIZE_MM[0]).any() or ((high - low)[:2] > SIZE_MM[1]).any():
        raise InputError(
            f"{path} is {', '.join(f'{mm:.0f}' for mm in high - low)} mm large, and no component "
            f"of a knee is; export it in millimetres, and look at {AXES_FILE}"
        )
    middle = np.array([*(low + high)[:2] / 2, 0.0])
    return mesh._replace(vertices=(vertices - middle).astype(np.float32))


def _on_its_condyles(mesh: "Mesh") -> "Mesh":
    """Lay the most distal point at z = 0."""
    lowest = np.asarray(mesh.vertices)[:, 2].min()
    return mesh._replace(vertices=mesh.vertices - np.array([0.0, 0.0, lowest], np.float32))


def _pivot(mesh: "Mesh") -> np.ndarray:
    """Return the middle of the posterior condyles: a third of the depth and of the height."""
    low, high = np.asarray(mesh.vertices).min(0), np.asarray(mesh.vertices).max(0)
    deep, tall = (high - low)[1:]
    return np.array([0.0, low[1] + deep / 3, tall / 3], np.float32)


def _under_its_tray(mesh: "Mesh") -> "Mesh":
    """Lay the top of the tray at z = 0: where the most of the area faces upwards."""
    corners = np.asarray(mesh.vertices)[mesh.faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(cross, axis=1)
    flat = cross[:, 2] > 0.99 * np.maximum(area, 1e-9)
    if not flat.any():
        return mesh
    heights = corners[flat, :, 2].mean(1)
    bins = np.round(heights)
    levels = np.unique(bins)
    most = max(levels, key=lambda level: area[flat][bins == level].sum())
    top = np.median(heights[bins == most])
    return mesh._replace(vertices=mesh.vertices - np.array([0.0, 0.0, top], np.float32))
