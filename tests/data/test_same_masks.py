"""One annotated set in every format that can say it: the same masks, to the pixel."""

import csv
import json
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np
import pytest

from fluorojax.data.annotations import read_annotation
from fluorojax.schema.info import ClassInfo, DatasetInfo

CARM = Path(__file__).parents[3] / "shared/data/carm_wire"
INFO = DatasetInfo("carm", (ClassInfo("instrument", "region"), ClassInfo("wire", "curve")))


def cases():
    if not CARM.is_dir():
        return [pytest.param("", marks=pytest.mark.skip(reason="no shared/data/carm_wire"))]
    return sorted(path.stem for path in (CARM / "labelme").glob("*.json"))[::4]


def read(path, document, name):
    shape = document["imageHeight"], document["imageWidth"]
    image = path.parent / f"{name}.png"
    return read_annotation(path, INFO, "bitmask", shape, name, image=image)


def width_of(shape):
    return shape["description"].partition("width_px=")[2].split()[0]


def flat(points):
    return [value for point in points for value in point]


def as_coco(document, path, name):
    annotations = []
    for n, shape in enumerate(document["shapes"]):
        of = {"id": n, "image_id": 1, "category_id": INFO.index(shape["label"])}
        if shape["shape_type"] == "polygon":
            of["segmentation"] = [flat(shape["points"])]
        else:
            of["keypoints"] = flat([*point, 2] for point in shape["points"])
            of["attributes"] = {"width_px": float(width_of(shape))}
        annotations.append(of)
    image = {"id": 1, "file_name": f"{name}.png"}
    image |= {"height": document["imageHeight"], "width": document["imageWidth"]}
    categories = [{"id": k, "name": label} for k, label in enumerate(INFO.class_names)]
    whole = {"images": [image], "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(whole))


def as_cvat(document, path, name):
    root = Element("annotations")
    size = {"width": str(document["imageWidth"]), "height": str(document["imageHeight"])}
    image = SubElement(root, "image", {"id": "0", "name": f"images/{name}.png", **size})
    for shape in document["shapes"]:
        tag = "polygon" if shape["shape_type"] == "polygon" else "polyline"
        points = ";".join(f"{x!r},{y!r}" for x, y in shape["points"])
        item = SubElement(image, tag, {"label": shape["label"], "points": points})
        if tag == "polyline":
            SubElement(item, "attribute", {"name": "width_px"}).text = width_of(shape)
    path.write_bytes(tostring(root))


def as_table(document, path, name):
    lines = [shape for shape in document["shapes"] if shape["shape_type"] != "polygon"]
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("x", "y", "width_px", "class", "line"))
        for n, shape in enumerate(lines):
            for x, y in shape["points"]:
                table.writerow((repr(x), repr(y), width_of(shape), shape["label"], n))


@pytest.mark.parametrize("case", cases())
@pytest.mark.parametrize(
    ("write", "ending", "classes"),
    [(as_coco, ".json", 2), (as_cvat, ".xml", 2), (as_table, ".csv", 1)],
)
def test_the_same_shapes_are_the_same_masks(tmp_path, case, write, ending, classes):
    source = CARM / f"labelme/{case}.json"
    document = json.loads(source.read_text())
    expected = read(source, document, case)
    write(document, tmp_path / f"m{ending}", case)
    found = read(tmp_path / f"m{ending}", document, case)
    assert expected.any()
    np.testing.assert_array_equal(found[..., -classes:], expected[..., -classes:])
