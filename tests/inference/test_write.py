import csv

import jax
import numpy as np
import pytest
from PIL import Image

import fluorojax
from fluorojax.cli import main as cli
from fluorojax.core.errors import InputError
from fluorojax.core.files import read_json
from fluorojax.data.folder import Case, load_frame, read_cases
from fluorojax.data.label_rules import Subject
from fluorojax.data.labelme import read_labelme
from fluorojax.datasets.source import Frames, open_folder
from fluorojax.evaluation.evaluate import Scoring, by_network, cases_of
from fluorojax.inference import export
from fluorojax.inference.curve import CurveRules
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.postprocess import GapClosing
from fluorojax.inference.predictor import Predictor
from fluorojax.inference.products import Wanted
from fluorojax.inference.write import predict_cases
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.schema import bitmask
from fluorojax.schema.info import ClassInfo, DatasetInfo, ImageLabelInfo, Relation
from tests.data import dicoms
from tests.folders import edit_csv, write_folder

VIEW = ImageLabelInfo("view", ("front", "side"))
SPEC = NetworkSpec(
    ((0, 1),), "none", None, 4, 1, "group", False, False, False, "float32", image_labels=(2,)
)
SPACING = 0.57  # mm: no number of float32


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = write_folder(tmp_path_factory.mktemp("write") / "frames", size=48)
    (folder / "gallery.png").write_bytes((folder / "images/0.png").read_bytes())
    spaced = {"row_spacing_mm": f"{SPACING}", "col_spacing_mm": f"{SPACING}"}
    edit_csv(folder / "cases.csv", lambda rows: [row | spaced for row in rows])
    return folder


@pytest.fixture(scope="module")
def exported(folder, tmp_path_factory):
    """An untrained network whose gaps are closed up to 1.2 mm: 2 pixels, or 8 of unknown size."""
    image = np.zeros((1, 32, 32, 1))
    parameters = jax.jit(build(SPEC).init)(jax.random.key(0, impl="rbg"), image)["params"]
    rules = MaskRules(
        (ClassInfo("scope", "region"), ClassInfo("wire", "curve")),
        relation=Relation("wire", "scope"),
        gap_closing=GapClosing(bridge_mm=1.2, bridge_px=8.0),
    )
    model = Predictor(SPEC, parameters, (32, 32), rules, (VIEW,))
    # Of noise the highest twentieth: components, with gaps of several lengths.
    high = np.quantile(model(folder / "images/0.png"), 0.95, axis=(0, 1))
    path = tmp_path_factory.mktemp("write") / "export"
    origin = {"labels": "classes", "operating_points": {}}
    export.export(model.with_rules(thresholds=tuple(map(float, high))), path, origin)
    return path


@pytest.fixture(scope="module")
def following(folder, exported, tmp_path_factory):
    """The same network with steeper probabilities, in which curves are followed."""
    model = export.load(exported)
    stage = dict(model.parameters["stage_0"])
    head, middle = stage["head"], np.array([-3.2, -1.0])
    stage["head"] = {"kernel": 6 * head["kernel"], "bias": 6 * (head["bias"] - middle)}
    rules = MaskRules(model.classes, relation=Relation("wire", "scope"), curve=CurveRules("free"))
    steep = Predictor(SPEC, {"stage_0": stage}, (32, 32), rules, (VIEW,))
    path = tmp_path_factory.mktemp("write") / "following"
    export.export(steep, path, {"labels": "classes", "operating_points": {}})
    return path


def rows_of(table):
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def predicted(exported, inputs, out, *options):
    """Run `fluorojax predict`; return the masks it wrote, by the file's stem."""
    arguments = ["predict", exported, *inputs, "--out", out, *options]
    cli.main([str(argument) for argument in arguments])
    paths = [path for path in out.glob("*.png") if not path.stem.endswith("_overlay")]
    return {path.stem: bitmask.unpack(np.asarray(Image.open(path)), 2) for path in paths}


def test_predict_evaluate_and_a_notebook_give_the_same_masks(folder, exported, tmp_path):
    written = predicted(exported, [folder], tmp_path / "out")
    assert written.keys() == {f"c{n}" for n in range(10)}  # and nothing of gallery.png
    dataset = open_folder(folder, "cases.csv", tmp_path / "built")
    model, info = cli.network_of(exported, dataset)
    frames, scoring = Frames(dataset.index, dataset.records), Scoring(info, 2)
    scored = {c.example["case"]: c for c in cases_of(by_network(model), frames, scoring)}
    notebook = fluorojax.load(exported)
    for case in read_cases(folder).cases:
        masks = scored[case.case].prediction.masks
        np.testing.assert_array_equal(written[case.case], masks)
        np.testing.assert_array_equal(notebook.predict(load_frame(case)).masks, masks)
        np.testing.assert_array_equal(notebook.segment(case.image, SPACING), masks)
    # Without the spacing they were others.
    unknown = predicted(exported, [folder / "images"], tmp_path / "unknown")
    assert any((unknown[f"{n}"] != written[f"c{n}"]).any() for n in range(10))
    given = predicted(exported, [folder / "images"], tmp_path / "given", "--spacing-mm", SPACING)
    for n in range(10):
        np.testing.assert_array_equal(given[f"{n}"], written[f"c{n}"])


@pytest.mark.parametrize(("name", "options"), [("exported", []), ("following", ["--labelme"])])
def test_masks_that_predict_wrote_are_scored_as_the_export_is(
    name, options, folder, request, tmp_path
):
    exported = request.getfixturevalue(name)
    predicted(exported, [folder], tmp_path / "masks", *options)
    for of, given in (("export", exported), ("masks", tmp_path / "masks")):
        place = ["--out", tmp_path / f"scores_{of}", "--built-dir", tmp_path / "built"]
        cli.main([str(a) for a in ("evaluate", given, folder, *place)])
    scores = [(tmp_path / f"scores_{of}/cases.csv").read_text() for of in ("export", "masks")]
    assert scores[0] == scores[1]


def test_a_spacing_that_nobody_says_is_said(folder, exported, tmp_path, capsys):
    predicted(exported, [folder / "images/0.png"], tmp_path)
    said = " ".join(capsys.readouterr().out.split())
    assert "the spacing of 1 is not known: gaps are closed up to 8 pixels" in said
    predicted(exported, [folder], tmp_path)
    assert "the spacing of" not in capsys.readouterr().out


def test_a_cine_is_predicted_frame_by_frame_and_says_whose_millimetres_it_has(
    folder, exported, tmp_path, capsys
):
    frames = [load_frame(case).pixels for case in read_cases(folder).cases[:3]]
    cine = dicoms.write(tmp_path / "run.dcm", np.stack(frames), ImagerPixelSpacing=[0.57, 0.57])
    found = predicted(exported, [cine], tmp_path / "out")
    assert sorted(found) == ["run_0001", "run_0002", "run_0003"]
    assert "spacing of 3 is of the detector" in " ".join(capsys.readouterr().out.split())
    alone = predicted(exported, [folder], tmp_path / "alone")
    for n in range(3):  # the same frames, and the same size of a pixel
        np.testing.assert_array_equal(found[f"run_{n + 1:04d}"], alone[f"c{n}"])


def test_each_case_is_counted_when_it_is_done_and_those_of_an_earlier_call_apart(
    folder, exported, tmp_path
):
    model, cases, heard = export.load(exported), read_cases(folder).cases[:3], []
    first = predict_cases(model, cases[:2], tmp_path, {"call": 1}, on_case=heard.append)
    again = predict_cases(model, cases, tmp_path, {"call": 1}, on_case=heard.append)
    assert (first.written, first.skipped, again.written, again.skipped) == (2, 0, 1, 2)
    assert heard == [1, 2, 1, 2, 3]
    assert again.spacings == {"stated": 3}


def test_image_labels_are_written_by_case(folder, exported, tmp_path):
    predicted(exported, [folder], tmp_path)
    with (tmp_path / "image_labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    choice = fluorojax.load(exported).predict(folder / "images/3.png").image_labels["view"]
    row = next(row for row in rows if row["case"] == "c3")
    assert (row["frame"], row["image_label"], row["value"]) == ("3.png", "view", choice.value)
    assert float(row["probability"]) == choice.probability


def test_a_threshold_of_one_class_leaves_the_other(folder, exported, tmp_path):
    usual = predicted(exported, [folder / "images/0.png"], tmp_path / "usual")["0"]
    other = predicted(exported, [folder / "images/0.png"], tmp_path / "o", "--threshold", "wire=1")
    np.testing.assert_array_equal(other["0"][..., 0], usual[..., 0])
    assert usual[..., 1].any()
    assert not other["0"][..., 1].any()


def test_what_was_found_is_a_table_and_the_curves_are_files_of_their_own(
    folder, following, tmp_path
):
    predicted(following, [folder], tmp_path)
    rows = rows_of(tmp_path / "predictions.csv")
    assert [(r["case"], r["class"]) for r in rows] == [
        (f"c{n}", name) for n in range(10) for name in ("scope", "wire")
    ]
    model, found = fluorojax.load(following), 0
    for case in read_cases(folder).cases:
        prediction = model.predict(load_frame(case))
        (row,) = (r for r in rows if (r["case"], r["class"]) == (case.case, "wire"))
        curves = prediction.curves["wire"]
        written = read_json(tmp_path / f"{case.case}_curves.json")["classes"]["wire"]["curves"]
        assert row["curves"] == f"{len(curves)}" == f"{len(written)}"
        assert row["found"] == f"{int(prediction.masks[..., 1].any())}"
        assert float(row["presence"]) == pytest.approx(prediction.presence["wire"], rel=1e-5)
        for curve, one in zip(curves, written, strict=True):
            np.testing.assert_array_equal(one["points"], curve.points)
        if curves:
            found += 1
            length = SPACING * curves[0].length()
            assert float(row["length_mm"]) == pytest.approx(length, rel=1e-5)
            assert float(row["tip_row"]) == pytest.approx(curves[0].points[-1, 0], rel=1e-5)
    assert found >= 5  # or nothing was compared


def test_without_curves_there_are_no_files_of_them_and_none_for_labelme(folder, exported, tmp_path):
    predicted(exported, [folder / "images/0.png"], tmp_path / "out")
    scope, wire = rows_of(tmp_path / "out/predictions.csv")
    assert (scope["found"], wire["curves"], wire["length_px"]) == ("1", "", "")
    assert not list((tmp_path / "out").glob("*.json"))
    cases = read_cases(folder).cases
    with pytest.raises(InputError, match="--labelme writes curves, and this export looks for none"):
        predict_cases(
            export.load(exported), cases, tmp_path / "new", {}, wanted=Wanted(labelme=True)
        )
    assert not (tmp_path / "new").exists()


def test_tables_of_two_calls_hold_the_frames_of_both(folder, following, tmp_path):
    for n in (1, 0):
        predicted(following, [folder / f"images/{n}.png"], tmp_path)
    assert [r["case"] for r in rows_of(tmp_path / "predictions.csv")] == ["1", "1", "0", "0"]


def test_curves_for_labelme_are_read_back_and_corrected_ones_are_kept(folder, following, tmp_path):
    frame = folder / "images/0.png"
    predicted(following, [frame], tmp_path)
    before = (tmp_path / "0_curves.json").read_bytes()
    # They can be had later, too, in the folder of an earlier call.
    predicted(following, [frame], tmp_path, "--labelme")
    assert (tmp_path / "0_curves.json").read_bytes() == before
    curves = fluorojax.load(following).predict(frame).curves["wire"]
    document = read_json(tmp_path / "0.json")
    for curve, shape in zip(curves, document["shapes"], strict=True):
        points = np.array(shape["points"])[:, ::-1] - 0.5
        np.testing.assert_allclose(points, curve.points, rtol=0, atol=1e-12)
    info = DatasetInfo("toy", (ClassInfo("scope", "region"), ClassInfo("wire", "curve")))
    assert read_labelme(tmp_path / "0.json", document, Subject(info, (48, 48), "0"))[..., 1].any()

    corrected = (tmp_path / "0.json").read_text().replace("width_px=", "width_px=1")
    (tmp_path / "0.json").write_text(corrected)
    predicted(following, [frame], tmp_path, "--labelme")
    (tmp_path / "0.png").unlink()  # the frame is predicted again
    predicted(following, [frame], tmp_path)
    assert (tmp_path / "0.png").is_file()
    assert (tmp_path / "0.json").read_text() == corrected
    predicted(following, [frame], tmp_path, "--labelme")


def test_cases_whose_files_would_be_one_are_refused(folder, following, tmp_path):
    for name in ("a", "a_curves"):
        (tmp_path / f"{name}.png").write_bytes((folder / "images/0.png").read_bytes())
    cases = [Case(name, tmp_path / f"{name}.png", "", "") for name in ("a", "a_curves")]
    with pytest.raises(InputError, match="the curves of a and the LabelMe file of a_curves"):
        predict_cases(export.load(following), cases, tmp_path / "out", {})
