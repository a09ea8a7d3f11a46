"""The peer of the augmentation: the same kinds of changes, as is usual on a host, with SciPy."""

import numpy as np
from scipy import ndimage

CELLS = 5


def augment(
    rng: np.random.Generator, image: np.ndarray, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return an image [H, W] in [0, 1] and a bitmask [H, W], moved alike; the image re-exposed."""
    places = coordinates(rng, image.shape)
    moved = ndimage.map_coordinates(image, places, order=1, mode="nearest")
    labels = ndimage.map_coordinates(mask, places, order=0)
    grey = np.clip(moved, 0, 1) ** np.exp(rng.uniform(-0.35, 0.35))
    grey = (grey - 0.5) * rng.uniform(0.75, 1.3) + 0.5 + rng.uniform(-0.1, 0.1)
    if rng.random() < 0.5:
        grey = grey + rng.normal(0, rng.uniform(0, 0.04), grey.shape)
    if rng.random() < 0.3:
        grey = ndimage.gaussian_filter(grey, rng.uniform(0.3, 1.0), truncate=3)
    return grey.astype(np.float32), labels


def coordinates(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return where each pixel looks, [2, H, W]: rotation and scale, now and then a smooth field."""
    middle = (np.array(shape, float)[:, None, None] - 1) / 2
    grid = np.indices(shape).astype(float) - middle
    angle, scale = np.deg2rad(rng.uniform(-20, 20)), np.exp(rng.uniform(-0.16, 0.18))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if rng.random() < 0.5:
        turn[1] *= -1
    places = np.tensordot(turn, grid, 1) + middle
    if rng.random() < 0.3:
        nodes = rng.uniform(-6, 6, (2, CELLS, CELLS))
        zoom = [n / CELLS for n in shape]
        places += np.stack([ndimage.zoom(of, zoom, order=3) for of in nodes])
    return places
