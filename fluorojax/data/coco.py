"""COCO files as masks: polygons, run lengths, and keypoints along a line with a width."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from fluorojax.core.errors import InputError
from fluorojax.data import shapes
from fluorojax.data.catalogue import Catalogue
from fluorojax.data.label_rules import Subject
from fluorojax.data.problems import said
from fluorojax.data.shapes import Outline

_LONGEST = 2**32 - 1  # run that the format can hold


class CocoFile(Catalogue):
    """A COCO file: its images, and their annotations by image."""

    def __init__(self, path: Path, document: Mapping[str, Any]):
        """Check the lists that everything else refers to.

        Raises:
            InputError: an image, a category or an annotation that refers to nothing.
        """
        self.images = _listed(document, "images", ("id", "file_name"), path)
        super().__init__(path, [image["file_name"] for image in self.images])
        categories = _listed(document, "categories", ("id", "name"), path)
        self.categories = {category["id"]: category for category in categories}
        of_image: dict[Any, list[dict[str, Any]]] = {image["id"]: [] for image in self.images}
        for n, annotation in enumerate(document["annotations"]):
            _check_reference(annotation, "image_id", of_image, f"{path}: annotation {n}", "images")
            of_image[annotation["image_id"]].append(annotation)
        self.annotations = [of_image[image["id"]] for image in self.images]


def is_coco(document: Any) -> bool:
    """Say whether a JSON file is COCO, by what is in it."""
    return isinstance(document, dict) and all(
        isinstance(document.get(key), list) for key in ("images", "annotations")
    )


def read_coco(file: CocoFile, subject: Subject) -> np.ndarray:
    """Draw the annotations of a frame, a mask a class; several of a class are put together.

    Polygons are drawn as in LabelMe (a pixel counts from half its area on). `iscrowd` says how
    objects are told apart, not what they are: such pixels are the class's.

    Returns:
        [*shape, C] bool.

    Raises:
        InputError: the file does not list the frame, or in another size; an unknown category; an
            annotation that cannot be drawn.
    """
    place = file.of(subject.image, subject.frame, subject.case)
    where = f"{file.path}: case {subject.case}"
    _check_size(file.images[place], subject, where)
    canvas = shapes.Canvas(subject.shape, len(subject.info.classes))
    count = shapes.Count()
    count.shapes(len(file.annotations[place]), where)
    for annotation in file.annotations[place]:
        _draw(annotation, file, subject, canvas, count, where)
    return canvas.mask


def _draw(
    annotation: dict[str, Any],
    file: CocoFile,
    subject: Subject,
    canvas: shapes.Canvas,
    count: shapes.Count,
    where: str,
) -> None:
    where = f"{where}: annotation {said(annotation.get('id'))}"
    _check_reference(annotation, "category_id", file.categories, where, "categories")
    category = file.categories[annotation["category_id"]]
    class_index = subject.class_of(category["name"], where, "category")
    if class_index is None:
        return
    where = f"{where} ({category['name']})"
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, dict):
        canvas.put(class_index, _decoded(segmentation, subject.shape, where), (0, 0), where)
    elif segmentation:
        polygons = _polygons(segmentation, where)
        canvas.draw(class_index, *(count.add(outline) for outline in polygons))
    elif annotation.get("keypoints"):
        width = subject.line_width(_width(annotation, category), class_index, where)
        points = _line(annotation["keypoints"], category, where)
        canvas.draw(class_index, count.add(Outline("linestrip", points, where, width)))
    else:
        raise InputError(
            f"{where}: neither a segmentation nor keypoints, as where only boxes were drawn; "
            "draw its outline, or delete it"
        )


def _listed(
    document: Mapping[str, Any], key: str, needed: tuple[str, str], path: Path
) -> list[dict[str, Any]]:
    """Return a list of entries with a number of their own and a name."""
    entries = document.get(key)
    number_key, name_key = needed
    if not isinstance(entries, list):
        raise InputError(f"{path}: no list '{key}', as COCO has; export it again")
    seen = set()
    for n, entry in enumerate(entries):
        if (
            not isinstance(entry, dict)
            or not isinstance(entry.get(number_key), int | str)
            or not isinstance(entry.get(name_key), str)
        ):
            raise InputError(
                f"{path}: {key} {n} is {said(entry)}; each has {number_key} and {name_key}: "
                "export it again"
            )
        if entry[number_key] in seen:
            raise InputError(
                f"{path}: {key} {n}: {number_key} {said(entry[number_key])} stands there twice; "
                "give each its own"
            )
        seen.add(entry[number_key])
    return entries


def _check_reference(
    annotation: Any, key: str, known: Mapping[Any, Any], where: str, list_name: str
) -> None:
    value = annotation.get(key) if isinstance(annotation, dict) else None
    if not isinstance(value, int | str) or value not in known:
        raise InputError(
            f"{where}: {key} {said(value)} is none of the {list_name}; correct it, or export the "
            "file again"
        )


def _check_size(image: Mapping[str, Any], subject: Subject, where: str) -> None:
    drawn_on = image.get("height"), image.get("width")
    if drawn_on != tuple(subject.shape):
        raise InputError(
            f"{where}: '{said(image['file_name'])}' has height x width = {said(drawn_on[0])} x "
            f"{said(drawn_on[1])} there, the frame is {subject.shape[0]} x {subject.shape[1]}; "
            "draw it on the frame itself, and write both as numbers"
        )


# Areas


def _polygons(segmentation: Any, where: str) -> Iterator[Outline]:
    """Yield the polygons, each a list x, y, x, y, ..."""
    if not isinstance(segmentation, list):
        raise InputError(f"{where}: segmentation {said(segmentation)} is no list; draw it again")
    for n, flat in enumerate(segmentation):
        here = f"{where}: polygon {n}"
        if not isinstance(flat, list) or len(flat) % 2:
            raise InputError(
                f"{here}: {said(flat)} is no list x, y, x, y, ...; draw it again, or export it "
                "as polygons"
            )
        points = shapes.points_of([flat[n : n + 2] for n in range(0, len(flat), 2)], here)
        shapes.check_count("polygon", points, here)
        yield Outline("polygon", points, here)


def _decoded(segmentation: dict[str, Any], shape: tuple[int, int], where: str) -> np.ndarray:
    """Return run lengths, compressed or not, as [H, W] bool."""
    if segmentation.get("size") != list(shape):
        raise InputError(
            f"{where}: run lengths of a mask of {said(segmentation.get('size'))}, the frame is "
            f"{shape[0]} x {shape[1]}; draw it on the frame itself"
        )
    counts = segmentation.get("counts")
    runs = _runs(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or any(type(n) is not int or n < 0 for n in runs):
        raise InputError(f"{where}: counts {said(counts)} are no run lengths; export it again")
    if (total := sum(runs)) != shape[0] * shape[1]:
        # The library would leave what is missing as the memory was.
        raise InputError(
            f"{where}: run lengths of {said(total)} pixels in all, the frame has "
            f"{shape[0] * shape[1]}: damaged or cut; export it again"
        )
    packed = coco_mask.frPyObjects({"size": list(shape), "counts": runs}, *shape)
    return coco_mask.decode(packed).astype(bool)


def _runs(counts: str) -> list[int] | None:
    """Return the run lengths that a compressed string holds; None where it holds none.

    Groups of 5 bits and a mark that more follow, the highest group signed; from the fourth run on
    the difference to the run two before.
    """
    runs: list[int] = []
    value, bits = 0, 0
    for byte in counts.encode("utf-8", "surrogatepass"):
        group = byte - 48
        if not 0 <= group < 64 or bits > 30:
            return None
        value |= (group & 31) << bits
        bits += 5
        if group & 32:
            continue
        value -= (1 << bits) if group & 16 else 0
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value, bits = 0, 0
    return None if bits or any(run > _LONGEST for run in runs) else runs


# Lines


def _line(flat: Any, category: Mapping[str, Any], where: str) -> shapes.Points:
    """Return the keypoints that are there, in their order, which a line goes through."""
    if not isinstance(flat, list) or len(flat) % 3:
        raise InputError(
            f"{where}: keypoints {said(flat)} are no list x, y, visible, x, y, visible, ...; "
            "export it again"
        )
    triples = [flat[n : n + 3] for n in range(0, len(flat), 3)]
    _check_chain(category, len(triples), where)
    points = shapes.points_of([[x, y] for x, y, visible in triples if visible != 0], where)
    shapes.check_count("linestrip", points, where)
    return points


def _check_chain(category: Mapping[str, Any], count: int, where: str) -> None:
    """Refuse a skeleton that is no line from each keypoint to the next."""
    skeleton = category.get("skeleton") or [[n, n + 1] for n in range(1, count)]
    chain = {frozenset(pair) for pair in itertools.pairwise(range(1, count + 1))}
    good = isinstance(skeleton, list) and all(
        isinstance(edge, list) and all(type(n) is int for n in edge) for edge in skeleton
    )
    if not good or {frozenset(edge) for edge in skeleton if max(edge, default=0) <= count} != chain:
        raise InputError(
            f"{where}: the skeleton of its category does not join each keypoint with the next, so "
            "they are no line; draw it as a polygon, or order the keypoints along the line"
        )


def _width(annotation: Mapping[str, Any], category: Mapping[str, Any]) -> Any:
    """Return the width that the annotation, its attributes or its category says, or None."""
    attributes = annotation.get("attributes")
    places = (annotation, attributes if isinstance(attributes, dict) else {}, category)
    return next((place["width_px"] for place in places if "width_px" in place), None)
