import csv
import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.inference.predictor import Choice, Fitting, Prediction
from fluorojax.knee.films import BALL, Overrides, knee_film, measure, measure_film
from fluorojax.knee.measure import CLASSES, KneeSettings, KnownWidth, compare_knees, measure_knee
from fluorojax.knee.measure.film import FOUND_EDGE_PX
from fluorojax.knee.show import show
from fluorojax.knee.source import Observation, Source, predicted_by, source_of
from fluorojax.schema.info import ClassInfo
from tests.folders import edit_csv
from tests.knee.folders import write_knees
from tests.knee.measure.scenes import Ap, Pose, film

CHOSEN = {
    "view": Choice("ap", 0.9, {}),
    "side": Choice("right", 0.8, {}),
    "type": Choice("tka_cr", 0.7, {}),
}
AP = Overrides(view="ap", side="right")
PIXEL = 1.25  # mm: films of 160 x 160 pixels
POSE = Pose(4.0, spacing=(PIXEL, PIXEL))


@pytest.fixture(scope="module")
def knees():
    """Two films of one knee, the later with a tray that tilts more."""
    turned = (Ap(), POSE), (Ap(beta=86.0), dataclasses.replace(POSE, rotation_deg=-3.0))
    return {
        name: film(scene.shapes(), pose, "ap", side="right", magnification=1.0)
        for name, (scene, pose) in zip(("first", "second"), turned, strict=True)
    }


@pytest.fixture(scope="module")
def folder(knees, tmp_path_factory):
    return write_knees(tmp_path_factory.mktemp("knees") / "knees", knees)


@pytest.fixture(scope="module")
def measured(folder, tmp_path_factory):
    """Both films measured and compared, once for all tests: (folder of results, record)."""
    out = tmp_path_factory.mktemp("out") / "measured"
    source = source_of(folder, ["first", "second"])
    return out, measure(source, AP, out, compare=True)


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def number(text):
    return float(text) if text else None


def test_annotations_give_the_values_of_measure_knee(knees, measured):
    out, record = measured
    rows = rows_of(out / "measurements.csv")
    expected = [
        (name, m.name, m.value, m.uncertainty, m.unit, m.refused or "", m.convention)
        for name, knee in knees.items()
        for m in measure_knee(knee).measurements
    ]
    columns = ("film", "name", "value", "uncertainty", "unit", "refused", "convention")
    found = [tuple(row[name] for name in columns) for row in rows]
    found = [(f, n, number(v), number(u), *others) for f, n, v, u, *others in found]
    assert found == expected
    assert next(r for r in rows if r["name"] == "beta" and r["film"] == "second")["tolerance"]
    assert record["failed"] == []


def test_the_json_has_the_rows_with_their_lines_and_what_they_stand_on(folder, measured):
    out, record = measured
    stored = json.loads((out / "measurements.json").read_text())
    assert stored == json.loads(json.dumps(record))
    first = stored["films"][0]
    assert len(first["measurements"][0]["lines_px"]) == 2
    assert first["assumptions"]["view"] == "ap, as given"
    assert first["assumptions"]["spacing"].endswith("lengths are in the detector's plane")
    lengths = [r for r in first["measurements"] if r["unit"] == "mm" and r["value"] is not None]
    assert lengths
    assert all("in the detector's plane" in row["scale_source"] for row in lengths)
    with (out / "measurements.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["unit"] == "mm" and row["value"]]
    assert rows
    assert all("in the detector's plane" in row["scale_source"] for row in rows)
    assert stored["masks"]["folder"] == str(folder)
    assert len(stored["masks"]["fingerprint"]) == 64
    assert stored["tolerances"]["tibial_overhang_medial"] == [None, 2.0]
    assert stored["settings"]["shaft"]["flare"] > 1


def test_a_comparison_writes_what_changed(knees, measured):
    out, _ = measured
    expected = compare_knees(*knees.values())
    found = {row["name"]: number(row["value"]) for row in rows_of(out / "progression.csv")}
    assert found == {m.name: m.value for m in expected.changes}
    assert found["change_beta"] == pytest.approx(-4.0, abs=1.0)
    assert {p.name for p in out.iterdir() if p.suffix == ".png"} == {
        *("first.png", "second.png", "progression.png")
    }


def test_a_film_that_fails_does_not_stop_the_others(knees, tmp_path, capsys):
    folder = write_knees(tmp_path / "knees", {"torn": knees["first"], "whole": knees["first"]})
    path = folder / "images/torn.png"
    path.write_bytes(path.read_bytes()[:300])
    record = measure(source_of(folder, []), AP, tmp_path / "out")
    assert [film["film"] for film in record["films"]] == ["whole"]
    with pytest.raises(InputError, match=r"1 of 2 films not measured:\n  torn: .*torn\.png"):
        show(record, tmp_path / "out")
    assert "beta" in capsys.readouterr().out
    assert rows_of(tmp_path / "out/measurements.csv")[0]["film"] == "whole"


def test_a_network_s_masks_are_measured_on_its_own_grid(knees, folder, tmp_path):
    masks = knees["first"].masks
    network = SimpleNamespace(
        classes=[ClassInfo(name, "region") for name in CLASSES],
        image_size=masks.shape[:2],
        fitting=Fitting(),
        predict=lambda frame: Prediction(masks >= 0.5, 0.4 * masks, image_labels=CHOSEN),
    )
    films = source_of(folder, ["first"]).films
    record = measure(predicted_by(network, films, {}), Overrides(), tmp_path)
    assumptions = record["films"][0]["assumptions"]
    assert assumptions["view"] == "ap, predicted with probability 0.90"
    assert assumptions["side"] == "right, predicted with probability 0.80"
    assert assumptions["implant"] == "total, predicted with probability 0.70"
    found = {row["name"]: row["value"] for row in record["films"][0]["measurements"]}
    usual = measure_knee(
        dataclasses.replace(knees["first"], implant="total", edge_error_px=FOUND_EDGE_PX)
    )
    assert found == {m.name: m.value for m in usual.measurements}


def test_a_network_s_masks_are_made_with_the_spacing_that_is_said(knees, folder):
    masks, frames = knees["first"].masks, []
    half = tuple(n // 2 for n in masks.shape[:2])

    def predict(frame):
        frames.append(frame)
        return Prediction(masks[::2, ::2] >= 0.5)

    network = SimpleNamespace(
        classes=[ClassInfo(name, "region") for name in CLASSES],
        image_size=half,
        fitting=Fitting(),
        predict=predict,
    )
    films = source_of(folder, ["first"]).films
    source = predicted_by(network, films, {})
    for given in (AP, dataclasses.replace(AP, spacing_mm=(0.5, 0.75))):
        measure_film(source, films[0], given, KneeSettings())
    assert [frame.shape for frame in frames] == [half] * 2
    # On the network's grid, of half as many rows and columns, pixels are twice as large.
    assert [frame.spacing_mm for frame in frames] == [(2 * PIXEL, 2 * PIXEL), (1.0, 1.5)]


@pytest.mark.parametrize(
    ("given", "scale", "text"),
    [
        ({"magnification": 1.0}, 1.0, "in the plane of the knee"),
        (
            {"spacing_mm": (2 * PIXEL, 2 * PIXEL), "magnification": 1.0},
            2.0,
            "as given), in the plane of the knee",
        ),
        ({"magnification": 1.25}, 0.8, "at the detector; magnification 1.25 as given"),
        ({}, 1.0, "magnification unknown: lengths are in the detector's plane"),
        ({"spacing_mm": (2 * PIXEL, 2 * PIXEL)}, 2.0, "lengths are in the detector's plane"),
    ],
)
def test_millimetres_stand_on_what_was_said(knees, folder, given, scale, text):
    source = source_of(folder, ["first"])
    given = dataclasses.replace(AP, **given)
    found = measure_film(source, source.films[0], given, KneeSettings())
    assert text in found.assumptions["spacing"]
    name = "polyethylene_thickness_medial"
    usual = measure_knee(knees["first"])
    assert found.report[name].value == pytest.approx(scale * usual[name].value)
    assert found.report["beta"].value == pytest.approx(usual["beta"].value)
    source_of_scale = {1.0: "plane of the knee", 1.25: "given, 1.25", None: "unknown magnification"}
    assert source_of_scale[given.magnification] in found.report[name].scale_source
    for m in found.report.measurements:
        is_length = m.unit == "mm" and m.value is not None
        assert m.at_detector == (is_length and given.magnification is None), m.name


def test_a_known_width_and_a_ball_are_scales(knees, tmp_path):
    ball = np.zeros(knees["first"].masks.shape[:2], bool)
    ball[10:42, 10:42] = np.hypot(*np.mgrid[-15.5:16, -15.5:16]) <= 16
    masks = np.concatenate([knees["first"].masks, ball[..., None]], -1)
    with_ball = dataclasses.replace(
        knees["first"], masks=masks, class_names=(*CLASSES, BALL), spacing=(np.nan, np.nan)
    )
    source = source_of(write_knees(tmp_path / "knees", {"first": with_ball}), [])

    def thickness(**given):
        given = dataclasses.replace(AP, **given)
        found = measure_film(source, source.films[0], given, KneeSettings())
        return found.report["polyethylene_thickness_medial"]

    assert "no scale" in thickness().refused
    usual = measure_knee(knees["first"])["polyethylene_thickness_medial"].value
    by_ball = thickness(ball_mm=32 * PIXEL)
    assert by_ball.value == pytest.approx(usual, rel=0.02)
    assert by_ball.scale_source.startswith("calibration object")
    by_width = thickness(known_width=KnownWidth("tibial_component", 76.0))
    assert "known width 76 mm" in by_width.scale_source


def test_a_ball_needs_its_class(folder, tmp_path):
    source = source_of(folder, ["first"])
    record = measure(source, Overrides(view="ap", ball_mm=25.0), tmp_path)
    assert f"annotate it as a class {BALL}" in record["failed"][0]["reason"]


def test_without_a_view_nothing_is_guessed(folder, tmp_path):
    source = source_of(folder, ["first"])
    record = measure(source, Overrides(), tmp_path)
    assert record["films"] == []
    assert record["failed"][0]["reason"].startswith("view unknown; give --view")


def test_a_film_is_never_overwritten_by_its_picture(folder):
    source = source_of(folder, [])
    with pytest.raises(InputError, match=r"first\.png is read, and would be lost"):
        measure(source, AP, folder / "images")


def test_a_folder_that_cannot_be_made_is_said(folder, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        measure(source_of(folder, []), AP, tmp_path / "file/out")


def test_a_comparison_is_of_two_films(folder, tmp_path):
    with pytest.raises(InputError, match="1 films are given"):
        measure(source_of(folder, ["first", "first"]), AP, tmp_path, compare=True)


def test_a_large_film_is_measured_on_a_coarser_grid(knees, tmp_path, monkeypatch):
    monkeypatch.setattr("fluorojax.knee.source.MOST_PX", 120)
    source = source_of(write_knees(tmp_path / "knees", {"a": knees["first"]}), [])
    seen = source.find(source.films[0])
    assert seen.fields.shape == (120, 120, len(CLASSES))
    usual = measure_knee(knees["first"])
    (entry,) = measure(source, AP, tmp_path / "out")["films"]
    found = {row["name"]: row for row in entry["measurements"]}
    for name, close in (("beta", 1.0), ("polyethylene_thickness_medial", 0.5)):
        assert found[name]["value"] == pytest.approx(usual[name].value, abs=close)
    # Lines are given in the film's own pixels.
    expected = usual["polyethylene_thickness_medial"].figure.lines[0]
    places = np.array(found["polyethylene_thickness_medial"]["lines_px"][0])
    np.testing.assert_allclose(places, expected, atol=2.5)


def test_who_is_believed(knees, folder, tmp_path):
    """The user before the folder's table, the table before the network."""
    image_labels = [
        {"name": "view", "values": ["ap", "lateral", "skyline"]},
        {"name": "type", "values": ["tka_cr", "hemi"]},
    ]
    said = {"view": "ap", "type": "hemi"}
    folder = write_knees(tmp_path / "knees", {"a": knees["first"]}, image_labels=image_labels)
    edit_csv(folder / "cases.csv", lambda rows: [row | said for row in rows])
    (film,) = source_of(folder, []).films
    seen = Observation(
        np.zeros((4, 4)), np.zeros((4, 4, 10), bool), {"view": ("lateral", "predicted")}
    )
    source = Source([film], CLASSES, lambda _: seen, {})
    knee, assumptions = knee_film(source, film, seen, Overrides())
    assert (knee.view, knee.side, knee.implant) == ("ap", None, None)
    assert assumptions["view"] == "ap, table of cases"
    assert assumptions["side"] == "unknown"
    assert knee.lucency_recall is None
    weak = source._replace(recall={"radiolucency": 0.2})
    assert knee_film(weak, film, seen, Overrides())[0].lucency_recall == 0.2
    knee, assumptions = knee_film(source, film, seen, Overrides(view="lateral", implant="total"))
    assert (knee.view, knee.implant) == ("lateral", "total")
    assert assumptions["view"] == "lateral, as given"
    edit_csv(folder / "cases.csv", lambda rows: [row | {"view": "skyline"} for row in rows])
    (film,) = source_of(folder, []).films
    with pytest.raises(InputError, match=r"'skyline' \(table of cases\) is none of ap, lateral"):
        knee_film(source, film, seen, Overrides())


def test_a_film_of_a_few_pixels_is_refused_by_its_name(folder):
    film = source_of(folder, []).films[0]
    seen = Observation(np.zeros((1, 40)), np.zeros((1, 40, 10), bool), {})
    source = Source([film], CLASSES, lambda _: seen, {})
    with pytest.raises(InputError, match=r"\.png: 1 x 40 pixels; a film has at least 3 rows"):
        knee_film(source, film, seen, Overrides(view="ap"))
