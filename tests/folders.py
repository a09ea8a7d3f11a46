"""Small data set folders for tests: a thick bar with a thin line out of its end, on noise."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = [{"name": "scope", "kind": "region"}, {"name": "wire", "kind": "curve"}]
COLUMNS = ("case", "image", "annotation", "ignore", "patient", "attached", "split")


def frame(seed: int, size: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Return a 16-bit frame and its bitmask (1 scope, 2 wire)."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((size, size), np.uint8)
    row, tip = rng.integers(12, size - 12), rng.integers(size // 4, size // 2)
    mask[row - 5 : row + 5, :tip] = 1
    columns = np.arange(tip, size - 6)
    rows = np.clip(
        row + np.round((columns - tip) * rng.uniform(-0.3, 0.3)).astype(int), 2, size - 3
    )
    for offset in (-1, 0, 1):
        mask[rows + offset, columns] = 2
    image = 2000 + 120 * rng.standard_normal((size, size)) - 900 * (mask == 1) - 600 * (mask == 2)
    return image.astype(np.uint16), mask


def write_folder(folder: Path, cases: int = 10, size: int = 64, **description) -> Path:
    """Write a folder with `cases` patients: 60 % train, 20 % validation, 20 % test."""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    fields = {
        "name": "toy",
        "classes": CLASSES,
        "mask_encoding": "bitmask",
        "relation": {"child": "wire", "parent": "scope"},
    }
    (folder / "dataset.json").write_text(json.dumps(fields | description))
    with (folder / "cases.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for n in range(cases):
            image, mask = frame(n, size)
            Image.fromarray(image).save(folder / f"images/{n}.png")
            Image.fromarray(mask).save(folder / f"masks/{n}.png")
            split = ("train", "train", "train", "validation", "test")[n % 5]
            table.writerow(
                (f"c{n}", f"images/{n}.png", f"masks/{n}.png", "", f"p{n}", "yes", split)
            )
    return folder


IMAGE_LABELS = [
    {"name": "view", "values": ["front", "side"]},
    {"name": "maker", "values": ["a", "b", "c"]},
]


def add_attributes(folder: Path) -> Path:
    """Give each case of a folder a view, and a maker, which of every fourth is not known."""
    path = folder / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"image_labels": IMAGE_LABELS}))

    def filled(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [
            row | {"view": ("front", "side")[n % 2], "maker": ("a", "b", "c", "")[n % 4]}
            for n, row in enumerate(rows)
        ]

    edit_csv(folder / "cases.csv", filled)
    return folder


def edit_csv(path: Path, change: Callable[[list[dict[str, str]]], list[dict[str, str]] | None]):
    """Let `change(rows)` edit a table's rows in place, or return others, and write them back."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows = change(rows) or rows
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
