"""Frames in which lines of known axis and width are drawn, with soft edges, for what finds them."""

import numpy as np
from scipy.spatial import KDTree

STEP = 0.1  # px between the points of a line


def soft(points, width, size=(96, 96)):
    """Return a line of a width (px) along `points: [N, 2]`, [H, W] float32 in [0, 1].

    A pixel whose centre is d from the axis is given width / 2 + 1/2 - d, within [0, 1]: what it
    covers of the line. Its ends are round.
    """
    pixels = np.stack(np.indices(size), -1).reshape(-1, 2)
    distance = KDTree(dense(points)).query(pixels)[0].reshape(size)
    return np.clip(width / 2 + 0.5 - distance, 0, 1).astype(np.float32)


def dense(points):
    """Return points along the straight pieces between points, at most STEP apart."""
    points = np.asarray(points, float)
    pieces = [
        np.linspace(a, b, max(int(np.ceil(np.hypot(*(b - a)) / STEP)), 1), endpoint=False)
        for a, b in zip(points[:-1], points[1:], strict=True)
    ]
    return np.concatenate([*pieces, points[-1:]])


def segment(middle, angle, length):
    """Return the ends of a straight line, [2, 2]; `angle` in degrees from the row axis."""
    half = length / 2 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    return np.stack([middle - half, middle + half])


def arc(middle, radius, first, last):
    """Return points of an arc, angles in degrees from the row axis."""
    angle = np.radians(np.linspace(first, last, max(int(abs(last - first)), 2)))
    return middle + radius * np.stack([np.cos(angle), np.sin(angle)], -1)


def looped(opening, radius=16.0, tails=35.0):
    """Return points of a line that goes once round a circle about 0, 0 and crosses itself.

    Its two ends are tangents of the circle, and `opening` is the angle between them (degrees): at
    180 they are one line, which the circle touches.
    """
    half = np.radians(opening / 2)
    crossing = np.array([radius / np.sin(half), 0.0])
    out, back = (np.array([np.cos(half), sign * np.sin(half)]) for sign in (-1, 1))
    beside = 90 - opening / 2
    round_it = arc(0.0, radius, beside, 360 - beside)
    return np.concatenate([[crossing + tails * out], round_it, [crossing + tails * back]])


def length(points):
    """Return the length of a line along points."""
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def away_from(points, places):
    """Return the distance of each place [M, 2] from the line along points."""
    return KDTree(dense(points)).query(places)[0]


def moved_into_view(points, margin=10):
    """Return points so that the least are `margin` from the border, and the size of their frame."""
    points = np.asarray(points) - np.min(points, axis=0) + margin
    return points, tuple(int(n) for n in np.ceil(points.max(0)) + margin + 1)


def turned(points, angle):
    """Return points turned about 0, 0 (degrees)."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.asarray(points) @ np.array([[cos, -sin], [sin, cos]])
