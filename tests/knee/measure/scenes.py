"""Knee films drawn from polygons with known angles and millimetres, in any pose.

World: x medial (AP) or posterior (lateral), y up, millimetres, the joint at the origin.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from skimage import draw

from fluorojax.knee.measure import CLASSES, KneeFilm

Shapes = dict[str, list[np.ndarray]]
SUPER = 4


@dataclasses.dataclass(frozen=True)
class Pose:
    """How the world lies on the film."""

    rotation_deg: float = 0.0
    offset_mm: tuple[float, float] = (0.0, 0.0)
    mirrored: bool = False
    spacing: tuple[float, float] = (0.78125, 0.78125)
    field_mm: tuple[float, float] = (200.0, 200.0)

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Return (row, column) of world `points: [N, 2]`."""
        t = np.radians(self.rotation_deg)
        x, y = np.asarray(points, float).T
        x = -x if self.mirrored else x
        x, y = x * np.cos(t) - y * np.sin(t), x * np.sin(t) + y * np.cos(t)
        x, y = x + self.offset_mm[0], y + self.offset_mm[1]
        rows = (self.field_mm[0] / 2 - y) / self.spacing[0] - 0.5
        return np.stack([rows, (x + self.field_mm[1] / 2) / self.spacing[1] - 0.5], 1)


def random_pose(rng: np.random.Generator, mirrored: bool | None = None) -> Pose:
    flip = bool(rng.integers(2)) if mirrored is None else mirrored
    return Pose(rng.uniform(0, 360), tuple(rng.uniform(-3, 3, 2)), flip)


def coverage(polygons: list[np.ndarray], pose: Pose) -> np.ndarray:
    """Return the share of each pixel that the polygons' union covers, [H, W] in [0, 1]."""
    size = [round(f / s) for f, s in zip(pose.field_mm, pose.spacing, strict=True)]
    if not polygons:
        return np.zeros(size)
    fine = np.zeros([n * SUPER for n in size], bool)
    for polygon in polygons:
        rows, columns = ((pose.pixels(polygon) + 0.5) * SUPER - 0.5).T
        fine[draw.polygon(rows, columns, fine.shape)] = True
    return fine.reshape(size[0], SUPER, size[1], SUPER).mean((1, 3))


def film(shapes: Shapes, pose: Pose, view: str, soft: bool = False, **about) -> KneeFilm:
    masks = np.stack([coverage(shapes.get(name, []), pose) for name in CLASSES], -1)
    about = {"spacing": pose.spacing} | about
    return KneeFilm(masks if soft else masks >= 0.5, CLASSES, view, **about)


def directed(angle_deg: float) -> np.ndarray:
    return np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])


def disc(centre: tuple[float, float], radius: float, radius_y: float | None = None) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    return np.array(centre) + np.stack([radius * np.cos(t), (radius_y or radius) * np.sin(t)], 1)


def box(origin, along, across, u: tuple[float, float], v: tuple[float, float]) -> np.ndarray:
    corners = np.array([(u[0], v[0]), (u[1], v[0]), (u[1], v[1]), (u[0], v[1])])
    return np.asarray(origin) + corners @ np.stack([along, across])


def bone(
    axis: np.ndarray, width: float, flare: tuple[float, float], ends, length: float
) -> np.ndarray:
    """Return a bone's outline: `ends` at the joint, straight of `width` from `flare[1]` on."""
    side = np.array([-axis[1], axis[0]])
    left = [ends[0], flare[1] * axis + width / 2 * side, length * axis + width / 2 * side]
    right = [length * axis - width / 2 * side, flare[1] * axis - width / 2 * side, ends[1]]
    return np.array(left + right)


@dataclasses.dataclass(frozen=True)
class Ap:
    """An AP film after total knee arthroplasty."""

    alpha: float = 96.0
    beta: float = 90.0
    tray_tilt: float = 0.0
    insert: float = 9.0
    overhang: tuple[float, float] = (1.0, -1.5)  # medial, lateral
    lucency: tuple[float, float, float] | None = None  # from u to u, width
    shaft_mm: float = 160.0
    native: bool = False

    RADII = (24.0, 20.0)
    CENTRES = ((21.0, 24.0), (-21.0, 20.0))

    def frame(self):
        along = directed(self.tray_tilt)
        return np.array([0.0, -self.insert]), along, np.array([-along[1], along[0]])

    def thickness(self, side: str) -> float:
        origin, _, up = self.frame()
        k = 0 if side == "medial" else 1
        return float((np.array(self.CENTRES[k]) - origin) @ up - self.RADII[k])

    def shapes(self) -> Shapes:
        origin, along, up = self.frame()
        axis = directed(self.alpha)
        condyles = [disc(c, r) for c, r in zip(self.CENTRES, self.RADII, strict=True)]
        low = np.array([-41.0, 20.0]), np.array([45.0, 24.0])
        femur = [bone(axis, 30.0, (0, 52.0), (low[0], low[1]), self.shaft_mm)]
        # The world is to the left of the axis for negative x: ends go left, right.
        cut = 28.0
        shield = [np.clip(c, None, [np.inf, cut]) for c in condyles]
        shield.append(np.array([(-38, 12), (42, 12), (42, cut), (-38, cut)], float))
        down = directed(self.tray_tilt - self.beta)
        under = origin - 4 * up
        half = 36.0
        edge = (half - self.overhang[0], -half + self.overhang[1])
        knee = under + edge[0] * along, under + edge[1] * along
        side = np.array([-down[1], down[0]])
        stem = origin + 0.0
        tibia = np.array(
            [
                knee[0],
                stem + 46 * down + 14 * side,
                stem + self.shaft_mm * down + 14 * side,
                stem + self.shaft_mm * down - 14 * side,
                stem + 46 * down - 14 * side,
                knee[1],
            ]
        )
        shapes: Shapes = {
            "fibula": [
                box(stem, down, side, (18, self.shaft_mm), (-32, -22)),
            ],
            "tibia": [tibia],
            "femur": femur,
        }
        if self.native:
            spines = np.array([(-7, 0), (-4, 7), (0, 2), (4, 7), (7, 0)], float)
            plateau = [knee[0] + 4 * up, knee[1] + 4 * up, knee[1], knee[0]]
            shapes["tibia"] = [tibia, np.array(plateau), origin + spines @ np.stack([along, up])]
            shapes["femur"] = femur + shield
            return shapes
        shapes["femoral_component"] = shield
        keel = np.array([(-7, 0), (7, 0), (5, -38), (-5, -38)], float)
        shapes["tibial_component"] = [
            box(origin, along, up, (-half, half), (-4, 0)),
            under + keel @ np.stack([along, up]),
        ]
        if self.lucency is not None:
            first, last, width = self.lucency
            shapes["radiolucency"] = [box(under, along, up, (first, last), (-width, 0))]
        return shapes


@dataclasses.dataclass(frozen=True)
class Lateral:
    """A lateral film after total knee arthroplasty; x posterior."""

    gamma: float = 90.0
    sigma: float = 86.0
    tray_tilt: float = 0.0
    flexion: float = 0.0
    shaft_mm: float = 160.0
    peg: bool = True

    def shapes(self) -> Shapes:
        axis = directed(self.gamma)
        inner = [(-24, 48), (-24, 20), (-12, 9), (12, 9), (23, 20), (23, 34)]
        outer = [(30, 34), (34, 22), (30, 8), (18, 1), (0, -1), (-15, 1), (-26, 9), (-29, 22)]
        shield = np.array([*inner, *outer, (-27, 48)], float)
        shapes: Shapes = {"femoral_component": [shield]}
        if self.peg:
            shapes["femoral_component"].append(
                np.array([(-3, 8), (3, 8), (3, 19), (-3, 19)], float)
            )
        side = np.array([-axis[1], axis[0]])
        shaft = [62 * axis - 14 * side, self.shaft_mm * axis - 14 * side]
        shaft += [self.shaft_mm * axis + 14 * side, 62 * axis + 14 * side]
        shapes["femur"] = [np.array([*inner[::-1], (-24, 52), *shaft[::-1], (23, 36)], float)]
        shapes["patella"] = [disc((-46.0, 28.0), 9.0, 18.0)]
        along = directed(self.tray_tilt)
        up, origin = np.array([-along[1], along[0]]), np.array([0.0, -11.0])
        down = directed(self.tray_tilt - self.sigma)
        under, cross = origin - 4 * up, np.array([-down[1], down[0]])
        ends = under + 23 * along, under - 23 * along
        tibia = [
            ends[0],
            origin + 46 * down + 13 * cross,
            origin + self.shaft_mm * down + 13 * cross,
        ]
        tibia += [
            origin + self.shaft_mm * down - 13 * cross,
            origin + 46 * down - 13 * cross,
            ends[1],
        ]
        shapes["tibia"] = [np.array(tibia)]
        keel = np.array([(-6, 0), (6, 0), (5, -36), (-5, -36)], float)
        shapes["tibial_component"] = [
            box(origin, along, up, (-23, 23), (-4, 0)),
            under + keel @ np.stack([along, up]),
        ]
        return shapes


@dataclasses.dataclass(frozen=True)
class Uka:
    """An AP film after medial unicompartmental arthroplasty."""

    femoral_varus: float = 4.0
    tibial_varus: float = 3.0

    def shapes(self) -> Shapes:
        shapes = Ap(alpha=96.0, native=True, insert=13.0).shapes()
        # Component's line: the medial angle to the axis is 90 less the varus.
        along = directed(96.0 - 90.0 + self.femoral_varus)
        up = np.array([-along[1], along[0]])
        centre = np.array([24.0, 0.0])
        cap = disc((0.0, 8.0), 11.0, 13.0)
        cap = cap[cap[:, 1] <= 6.0]
        peg = np.array([(-3, 5), (3, 5), (3, 16), (-3, 16)], float)
        shapes["femoral_component"] = [centre + p @ np.stack([along, up]) for p in (cap, peg)]
        tray_along = directed(-self.tibial_varus)
        tray_up = np.array([-tray_along[1], tray_along[0]])
        origin = np.array([11.0, -10.0])
        shapes["tibial_component"] = [
            box(origin, tray_along, tray_up, (0, 26), (-4, 0)),
            box(origin, tray_along, tray_up, (11, 15), (-16, -3)),
        ]
        return shapes


@dataclasses.dataclass(frozen=True)
class LongLeg:
    """A long-leg film after total knee arthroplasty."""

    mldfa: float = 87.0
    mpta: float = 88.0

    def shapes(self) -> Shapes:
        shapes = Ap(alpha=99.0, beta=self.mpta, shaft_mm=350.0).shapes()
        hip = np.array([2.0, 0.0]) + 420 * directed(180 - self.mldfa)
        top = 345 * directed(99.0)
        neck = np.array([top - (10, 10), top - (-12, 25), hip - (-10, 15), hip - (15, -10)])
        trochanter = np.array([top - (25, 5), top - (-14, 5), top - (-2, -32), top - (20, -28)])
        shapes["femur"] += [disc(tuple(hip), 24.0), neck, trochanter]
        down = directed(-self.mpta)
        side = np.array([-down[1], down[0]])
        knee = np.array([0.0, -9.0])
        ankle = np.array([(335, -14), (375, -26), (375, 26), (335, 14)], float)
        shapes["tibia"].append(knee + ankle @ np.stack([down, side]))
        return shapes

    @property
    def hka(self) -> float:
        return 180 - self.mldfa + self.mpta


def move(polygon: np.ndarray, shift: tuple[float, float], turn_deg: float, about) -> np.ndarray:
    """Return a polygon turned (anticlockwise) about a point and shifted."""
    c, s = directed(turn_deg)
    return np.asarray(about) + (polygon - about) @ np.array([[c, s], [-s, c]]) + shift
