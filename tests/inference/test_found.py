import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from fluorojax.core.files import read_json
from fluorojax.data.folder import Case
from fluorojax.inference.curve import Curve
from fluorojax.inference.found import COLUMNS, curves_json, found_rows, lines_of, write_found_csv
from fluorojax.inference.predictor import Agreement, Prediction

CASE = Case("c1", Path("frames/f1.png"), "", "")
UNKNOWN = (math.nan, math.nan)
STRAIGHT = np.stack([np.full(11, 8.0), np.arange(4.0, 15.0)], -1)  # 10 px to the right


def curve(attached=True, points=STRAIGHT):
    widths, confidence = np.linspace(2.0, 4.0, len(points)), np.linspace(0.5, 1.0, len(points))
    return Curve(points, widths, confidence, attached, 31.5)


def prediction(*curves):
    masks = np.zeros((20, 30, 2), bool)
    masks[5:12, :4, 0] = True
    masks[7:10, 4:15, 1] = bool(curves)
    presence = {"scope": 12.25, "wire": 31.5 if curves else -math.inf}
    return Prediction(masks, presence=presence, curves={"wire": curves})


def test_a_row_a_class_says_what_was_found():
    scope, wire = found_rows(CASE, prediction(curve()), ("scope", "wire"), (0.5, 0.2))
    assert tuple(scope) == tuple(wire) == COLUMNS
    assert {name: value for name, value in scope.items() if value} == {
        **{"case": "c1", "frame": "f1.png", "class": "scope"},
        **{"found": "1", "presence": "12.25", "size": "1"},
    }
    assert wire == {
        **{"case": "c1", "frame": "f1.png", "class": "wire", "found": "1", "presence": "31.5"},
        **{"curves": "1", "attached": "1", "length_px": "10", "length_mm": "2"},
        **{"exit_row": "8", "exit_column": "4", "tip_row": "8", "tip_column": "14"},
        **{"confidence": "0.75", "width_px": "3", "disagreement": "", "size": "1"},
    }


def test_what_is_not_known_is_empty():
    wire = found_rows(CASE, prediction(curve(attached=False)), ("scope", "wire"), UNKNOWN)[1]
    assert wire["length_mm"] == wire["exit_row"] == wire["exit_column"] == ""
    assert (wire["attached"], wire["length_px"], wire["tip_column"]) == ("0", "10", "14")
    nothing = found_rows(CASE, prediction(), ("scope", "wire"), UNKNOWN)[1]
    assert (nothing["found"], nothing["presence"], nothing["curves"]) == ("0", "-inf", "0")
    assert not any(nothing[name] for name in COLUMNS[COLUMNS.index("attached") : -1])
    masks_alone = Prediction(np.zeros((4, 4, 2), bool))
    assert {row["presence"] for row in found_rows(CASE, masks_alone, ("a", "b"), UNKNOWN)} == {""}


def test_members_of_an_ensemble_have_their_disagreement_told_by_class():
    agreement = Agreement(np.zeros((4, 4, 2)), np.array([0.25, 1.0]))
    both = Prediction(np.zeros((4, 4, 2), bool), agreement=agreement)
    rows = found_rows(CASE, both, ("a", "b"), UNKNOWN)
    assert [row["disagreement"] for row in rows] == ["0.25", "1"]


def test_the_row_is_of_the_surest_curve_and_counts_all():
    far = curve(points=STRAIGHT + np.array([4.0, 0.0]))
    wire = found_rows(CASE, prediction(curve(), far), ("scope", "wire"), UNKNOWN)[1]
    assert (wire["curves"], wire["tip_row"]) == ("2", "8")


def test_the_table_is_read_back_and_names_that_are_no_text_do_not_stop_it(tmp_path):
    odd = Case("c\udcff", Path("f\udcff.png"), "", "")
    rows = found_rows(odd, prediction(curve()), ("scope", "wire"), UNKNOWN)
    write_found_csv(rows, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["case"] for row in read] == ["c\\udcff"] * 2
    assert [row["class"] for row in read] == ["scope", "wire"]


def test_curves_are_written_point_by_point(tmp_path):
    found = curves_json(CASE, prediction(curve()), (20, 30), (0.5, 0.2))
    (tmp_path / "c.json").write_text(json.dumps(found))
    read = read_json(tmp_path / "c.json")
    assert (read["shape"], read["spacing_mm"]) == ([20, 30], [0.5, 0.2])
    assert read["classes"]["wire"]["presence"] == 31.5
    (one,) = read["classes"]["wire"]["curves"]
    np.testing.assert_array_equal(one["points"], curve().points)
    np.testing.assert_array_equal(one["widths_px"], curve().widths)
    np.testing.assert_array_equal(one["confidence"], curve().confidence)
    assert (one["attached"], one["evidence"]) == (True, 31.5)
    assert one["length_mm"] == pytest.approx(2.0)


def test_a_frame_without_a_curve_has_an_empty_list_and_no_number_that_json_lacks(tmp_path):
    found = curves_json(CASE, prediction(), (20, 30), UNKNOWN)
    assert found["spacing_mm"] is None
    assert found["classes"] == {"wire": {"presence": None, "curves": []}}
    json.dumps(found, allow_nan=False)


def test_lines_are_as_wide_as_their_curves_in_the_mean():
    (line,) = lines_of(prediction(curve()))
    assert (line.label, line.width) == ("wire", 3.0)
    np.testing.assert_array_equal(line.points, STRAIGHT)
