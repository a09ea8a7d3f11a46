import csv

import jax
import numpy as np
import pytest
from PIL import Image

import fluorojax
from fluorojax.cli import main as cli
from fluorojax.data.folder import load_frame, read_cases
from fluorojax.datasets.source import Frames, open_folder
from fluorojax.evaluation.evaluate import Scoring, by_network, cases_of
from fluorojax.inference import export
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.postprocess import GapClosing
from fluorojax.inference.predictor import Predictor
from fluorojax.inference.write import predict_cases
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.schema import bitmask
from fluorojax.schema.info import ClassInfo, ImageLabelInfo, Relation
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


def test_masks_that_predict_wrote_are_scored_as_the_export_is(folder, exported, tmp_path):
    predicted(exported, [folder], tmp_path / "masks")
    for name, given in (("export", exported), ("masks", tmp_path / "masks")):
        place = ["--out", tmp_path / f"scores_{name}", "--built-dir", tmp_path / "built"]
        cli.main([str(a) for a in ("evaluate", given, folder, *place)])
    scores = [(tmp_path / f"scores_{name}/cases.csv").read_text() for name in ("export", "masks")]
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
