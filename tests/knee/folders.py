"""A dataset folder of knee films drawn from polygons, as a surgeon's own annotations would be."""

import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image

from fluorojax.knee.measure import KneeFilm
from fluorojax.schema import bitmask


def write_knees(folder: Path, films: dict[str, KneeFilm], **description) -> Path:
    """Write a case a film: its masks, and bones and metal as the picture."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    names = next(iter(films.values())).class_names
    fields = {
        "name": "knees",
        "classes": [{"name": name, "kind": "region"} for name in names],
        "mask_encoding": "bitmask",
    }
    (folder / "dataset.json").write_text(json.dumps(fields | description))
    rows = []
    for name, film in films.items():
        grey = 60 + 60 * film.field("femur", "tibia") + 120 * film.field("femoral_component")
        Image.fromarray(grey.astype(np.uint8)).save(folder / f"images/{name}.png")
        Image.fromarray(bitmask.pack(film.masks)).save(folder / f"masks/{name}.png")
        row, column = ("" if np.isnan(mm) else mm for mm in film.spacing)
        rows.append(
            {
                "case": name,
                "image": f"images/{name}.png",
                "annotation": f"masks/{name}.png",
                "patient": name,
                "row_spacing_mm": row,
                "col_spacing_mm": column,
            }
        )
    with (folder / "cases.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return folder
