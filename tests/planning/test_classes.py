from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.planning.annotated import Annotated, Drawn
from fluorojax.planning.classes import (
    attached,
    classes_of,
    measure,
    relation_of,
    sound_names,
    width_of,
    with_kinds,
)
from fluorojax.schema.info import ClassInfo, Relation
from tests.planning.folders import save


def annotated(kind, drawn, classes=()):
    return Annotated({}, kind, drawn, classes, {}, "", ())


def of_masks(tmp_path, masks, folder="masks"):
    paths = [save(tmp_path / folder / f"{n}.png", m) for n, m in enumerate(masks)]
    values = [dict(zip(*np.unique(m, return_counts=True), strict=True)) for m in masks]
    return annotated(
        "mask",
        [
            Drawn(p, "mask", values={int(k): int(n) for k, n in v.items()})
            for p, v in zip(paths, values, strict=True)
        ],
    )


def scene(wire_from=40, tip=200, size=256, width=5):
    """Return a bar and a line out of its end, [H, W, 2]."""
    mask = np.zeros((size, size, 2), bool)
    mask[100:140, :50, 0] = True
    mask[118 : 118 + width, wire_from:tip, 1] = True
    return mask


def test_overlaps_make_a_bitmask(tmp_path):
    mask = scene() @ np.array([1, 2])
    found = classes_of(of_masks(tmp_path, [mask.astype(np.uint8)]))
    assert (found.encoding, [c.name for c in found.classes]) == ("bitmask", ["class_1", "class_2"])


def test_a_third_class_of_its_own_makes_an_index(tmp_path):
    mask = np.zeros((64, 64), np.uint8)
    mask[5:20, 5:20], mask[30:40, 5:20], mask[30:50, 40:60] = 1, 2, 3
    found = classes_of(of_masks(tmp_path, [mask]))
    assert (found.encoding, len(found.classes)) == ("index", 3)
    assert {c.mask_value for c in found.classes} == {None}


@pytest.mark.parametrize(
    ("values", "encoding", "expected"),
    [
        ((0, 255), "index", [255]),
        ((0, 1), "index", [None]),
        ((0, 1, 2), "index", [None, None]),
        ((0, 50, 100), "index", [50, 100]),
    ],
)
def test_values_give_the_encoding(tmp_path, values, encoding, expected):
    mask = np.repeat(np.array(values, np.uint8), 20)[:, None] * np.ones((1, 60), np.uint8)
    found = classes_of(of_masks(tmp_path, [mask]))
    assert (found.encoding, [c.mask_value for c in found.classes]) == (encoding, expected)


def test_one_class_is_named_after_its_folder_where_that_says_something(tmp_path):
    mask = np.eye(16, dtype=np.uint8)
    assert classes_of(of_masks(tmp_path, [mask], "stent graft")).classes[0].name == "stent_graft"
    assert classes_of(of_masks(tmp_path, [mask])).classes[0].name == "object"


def test_lines_are_curves_and_come_last():
    labels = {
        "a_wire": Counter(linestrip=3, polygon=1),
        "b_scope": Counter(polygon=2),
    }
    found = classes_of(annotated("labelme", [Drawn(Path("f.json"), "labelme", labels)]))
    assert found.classes == (ClassInfo("b_scope", "region"), ClassInfo("a_wire", "curve"))
    assert found.encoding is None


def of_labels(kind, *labels):
    drawn = [Drawn(Path("masks/f"), kind, {name: Counter({shape: 1})}) for name, shape in labels]
    return classes_of(annotated(kind, drawn))


def test_labels_that_can_be_no_names_are_given_some():
    labels = ("Führungsdraht (neu)", "Führungsdraht_neu")
    found = of_labels("labelme", *((label, "linestrip") for label in labels), ("stent", "polygon"))
    assert [c.name for c in found.classes] == ["stent", "Fuhrungsdraht_neu"]
    assert found.names == dict.fromkeys(labels, "Fuhrungsdraht_neu")
    (said,) = found.guesses
    assert said.what == "label_names"
    assert said.value.startswith("Führungsdraht (neu) is Fuhrungsdraht_neu, ")
    assert of_labels("labelme", ("wire", "linestrip")).guesses == ()


def test_a_label_without_a_letter_is_left_to_be_refused():
    assert [c.name for c in of_labels("labelme", ("???", "polygon")).classes] == ["???"]


def test_segments_are_one_class_in_upper_and_lower_case():
    segments = [(name, "segment") for name in ("Wire", "wire", "Big scope", "big Scope")]
    found = of_labels("seg", *segments)
    assert [c.name for c in found.classes] == ["Big_scope", "Wire"]
    assert found.names == {"Big scope": "Big_scope", "big Scope": "Big_scope"}
    assert len(of_labels("labelme", *segments[:2]).classes) == 2


def test_lines_without_a_class_are_of_the_only_one():
    assert of_labels("lines", ("", "linestrip")).classes == (ClassInfo("object", "curve"),)
    both = of_labels("lines", ("", "linestrip"), ("wire", "linestrip"))
    assert both.classes == (ClassInfo("wire", "curve"),)


def test_a_class_a_file():
    found = classes_of(annotated("per_class", [], ("x", "y")))
    assert (found.encoding, [c.name for c in found.classes]) == ("per_class", ["x", "y"])


@pytest.mark.parametrize(("width", "length"), [(5, 100), (16, 22), (3, 4)])
def test_the_width_of_a_ribbon(width, length):
    assert width_of(width * length, length - width) == pytest.approx(width)


def test_what_is_thin_and_long_is_a_curve():
    measured = [measure(scene())]
    assert measured[0][1].width == pytest.approx(5, abs=0.3)
    assert measured[0][1].length == pytest.approx(160, rel=0.05)
    classes, guesses = with_kinds([ClassInfo("a", "region"), ClassInfo("b", "region")], measured)
    assert [c.kind for c in classes] == ["region", "curve"]
    assert "mean width 4.94 px" in guesses[1].reason
    short = [measure(scene(40, 52))]
    assert with_kinds((*classes[:1], ClassInfo("b", "region")), short)[0][1].kind == "region"


CLASSES = [ClassInfo("bar", "region"), ClassInfo("line", "curve")]


def test_a_curve_that_begins_at_a_region_comes_out_of_it():
    measured = [measure(scene(49)), measure(scene(40)), measure(scene(120))]
    relation, guess = relation_of(CLASSES, measured)
    assert relation == Relation(child="line", parent="bar")
    assert guess.reason == "begins in or at it in 2 of the 3 frames that show both"
    assert [attached((1, 0), m) for m in measured] == ["yes", "yes", "no"]


def test_attached_is_left_open_where_it_cannot_be_said():
    near, crossing, alone = scene(49 + 15), scene(), scene(40)
    crossing[..., 1] = False
    crossing[20:220, 20:25, 1] = True
    alone[..., 0] = False
    assert [attached((1, 0), measure(m)) for m in (near, crossing, alone)] == [""] * 3
    assert attached((1, 0), measure(scene(49 + 25))) == "no"  # 3 widths of 5 px and 4 px are 19


def test_a_curve_that_stays_away_has_no_relation_unless_names_hint_at_it():
    away = [measure(scene(120)), measure(scene(90)), measure(scene(49))]
    assert relation_of(CLASSES, away)[0] is None
    named = [ClassInfo("endoscope", "region"), ClassInfo("guidewire", "curve")]
    assert relation_of(named, away)[0] == Relation("guidewire", "endoscope")
    assert relation_of(CLASSES[1:], [])[1] is None  # nothing to come out of


def test_labels_that_can_be_no_names_are_refused(tmp_path):
    with pytest.raises(InputError, match="the label 'Führungsdraht' can be no class's name"):
        sound_names([ClassInfo("Führungsdraht", "curve")], tmp_path)
