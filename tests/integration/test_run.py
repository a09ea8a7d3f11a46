"""A whole run from a folder of frames to an export: what stands there, and that it repeats."""

import csv
import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import fluorojax
from fluorojax.cli import main as cli
from fluorojax.core.errors import InputError
from fluorojax.data.readers import read_frame
from fluorojax.datasets.source import open_dataset
from fluorojax.inference.export import load_parameters
from fluorojax.metrics.image_labels import read_image_labels_csv
from tests.folders import IMAGE_LABELS, add_attributes, write_folder
from tests.integration.runs import assert_same, run, small_config, stopped


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    add_attributes(write_folder(root / "frames"))
    return root


@pytest.fixture(scope="module")
def joint(place):
    return run(config(place, "joint"), place / "joint")


def config(place, method, **fields):
    return small_config(method, place / "frames", place / "built", **fields)


def flat_parameters(workdir):
    return (workdir / "export" / "params.safetensors").read_bytes()


def test_the_folder_of_a_run_holds_what_the_design_names(joint):
    for name in (
        "config.json",
        "metrics.jsonl",
        "tensorboard",
        "checkpoints/last",
        "checkpoints/best",
        "evaluation/test/cases.csv",
        "evaluation/test/summary.json",
        "evaluation/test/image_labels.csv",
        "evaluation/test/overlays/c4.png",
        "evaluation/test/overlays/c9.png",
        "validation/step_000006",
        "export/params.safetensors",
        "export/manifest.json",
        "export/MODEL_CARD.md",
        "report.html",
    ):
        assert (joint / name).exists(), name
    assert not list(joint.rglob("*.pkl"))


def test_the_terms_of_the_loss_are_logged_one_by_one(joint):
    lines = [json.loads(line) for line in (joint / "metrics.jsonl").read_text().splitlines()]
    train = [line for line in lines if line["split"] == "train"]
    assert [line["step"] for line in train] == [2, 4, 6]
    terms = ("scope/dice", "wire/dice", "wire/skeleton_recall", "wire/cross_entropy", "attachment")
    terms += ("view/cross_entropy", "maker/cross_entropy")
    assert {"loss", *(f"loss/{term}" for term in terms)} <= train[0].keys()
    assert all(np.isfinite(line["loss"]) for line in train)
    assert [line["step"] for line in lines if line["split"] == "validation"] == [6]


def test_every_case_of_the_split_is_scored(joint):
    summary = json.loads((joint / "evaluation/test/summary.json").read_text())
    rows = (joint / "evaluation/test/cases.csv").read_text().splitlines()
    assert summary["cases"] == 2
    assert len(rows) == 1 + 2 * 2  # a header, then a row a case and class
    scores = json.loads((joint / "export/manifest.json").read_text())["scores"]
    assert scores["test"] == summary


def test_the_card_of_the_export_has_the_scores_and_no_path(place, joint):
    card = (joint / "export/MODEL_CARD.md").read_text()
    assert "| test | scope |" in card
    assert "| steps | 6;" in card
    assert "not recorded" not in card.partition("## The command")[0].replace(
        "| git revision | not recorded |", ""
    )
    assert str(place) not in card


def test_attributes_are_scored_exported_and_shown(joint):
    summary = json.loads((joint / "evaluation/test/summary.json").read_text())["image_labels"]
    assert list(summary) == ["view", "maker"]
    assert [sum(line) for line in summary["view"]["confusion"]] == [1, 1]  # c4 front, c9 side
    assert [sum(line) for line in summary["maker"]["confusion"]] == [1, 1, 0]  # c4 a, c9 b
    rows = read_image_labels_csv(joint / "evaluation/test/image_labels.csv")
    told = [(r["case"], r["image_label"], r["reference"]) for r in rows]
    assert told == [
        *(("c4", "view", "front"), ("c4", "maker", "a")),
        *(("c9", "view", "side"), ("c9", "maker", "b")),
    ]
    exported = json.loads((joint / "export/manifest.json").read_text())["image_labels"]
    assert exported == [entry | {"chiral": False} for entry in IMAGE_LABELS]
    lines = (joint / "metrics.jsonl").read_text().splitlines()
    assert {"view/accuracy", "maker/accuracy"} <= json.loads(lines[-1]).keys()
    assert "Image labels of whole frames" in (joint / "report.html").read_text()


def test_an_export_that_knows_other_values_is_refused(place, joint):
    dataset = open_dataset(config(place, "joint").data)
    model, _ = cli.network_of(joint / "export", dataset)
    assert [a.name for a in model.image_labels] == ["view", "maker"]
    view, maker = dataset.info.image_labels
    other = dataclasses.replace(view, values=("side", "front"))
    info = dataclasses.replace(dataset.info, image_labels=(other, maker))
    with pytest.raises(InputError, match="predicts view as one of front, side, but in toy"):
        cli.network_of(joint / "export", dataclasses.replace(dataset, info=info))


@pytest.mark.slow  # `joint`, of which the fixture is, takes nearly all ways of the others
@pytest.mark.parametrize("method", ["single", "multi", "separate", "cascade"])
def test_every_method_runs_to_its_export(place, method):
    workdir = run(config(place, method), place / method)
    model = fluorojax.load(workdir / "export")
    names = [c.name for c in model.classes]
    assert names == (["instruments"] if method == "single" else ["scope", "wire"])
    assert model(np.zeros((50, 70), np.uint8)).shape == (50, 70, len(names))
    assert_goes_on_to_the_same(config(place, method), workdir, place / f"{method}-resumed")


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(place, joint):
    assert_goes_on_to_the_same(config(place, "joint"), joint, place / "resumed")


def assert_goes_on_to_the_same(fields, whole, copy):
    """Check step 3 + resume: it cuts a log interval, and evaluation and export are yet to come."""
    assert fields.training.log_every == 2
    assert_same(run(fields, stopped(whole, 3, copy)), whole)


def test_a_run_in_tiles_validates_scores_exports_and_predicts_alike(place, tmp_path):
    fields = {"data.fit": "native", "data.image_size": (32, 32), "training.crop_size": (24, 24)}
    fields |= {"augment.elastic_px": 1.0}
    with pytest.raises(
        InputError, match=r"'view' of 'toy' belongs to a whole frame, .*fit='shrink'"
    ):
        run(config(place, "multi", **fields), tmp_path / "refused")
    fields |= {"loss.image_labels": 0.0, "training.steps": 2, "evaluation.split": "validation"}
    workdir = run(config(place, "multi", **fields), tmp_path / "run")
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    summary = json.loads((workdir / "evaluation/validation/summary.json").read_text())
    for name in ("scope", "wire"):
        dice = summary["classes"][name]["metrics"]["dice"]["mean"]
        assert lines[-1][f"{name}/dice"] == dice
    assert lines[-1]["split"] == "validation"
    model = fluorojax.load(workdir / "export")
    assert model.fitting.fit == "native"
    frame = place / "frames/images/3.png"
    cli.main([str(a) for a in ["predict", workdir / "export", frame, "--out", tmp_path / "out"]])
    bits = np.asarray(Image.open(tmp_path / "out/3.png"))
    np.testing.assert_array_equal(np.stack([bits & 1, bits & 2], -1) > 0, model.segment(frame))
    again = [workdir / "export", place / "frames", "--split", "validation", "--out"]
    cli.main([str(a) for a in ["evaluate", *again, tmp_path / "scores"]])
    for file in ("cases.csv", "thresholds.csv"):
        assert (tmp_path / "scores" / file).read_text() == (
            workdir / "evaluation/validation" / file
        ).read_text()


@pytest.mark.slow
def test_one_seed_gives_the_same_bits_and_another_does_not(place, joint):
    again = run(config(place, "joint"), place / "joint-again")
    other = run(config(place, "joint", seed=1), place / "joint-seed1")
    assert flat_parameters(again) == flat_parameters(joint)
    assert flat_parameters(other) != flat_parameters(joint)


def test_the_same_command_again_trains_no_further(place, joint):
    before = (joint / "metrics.jsonl").read_text()
    run(config(place, "joint"), joint)
    assert (joint / "metrics.jsonl").read_text() == before


def test_another_configuration_in_the_same_folder_is_refused_by_field(place, joint):
    with pytest.raises(InputError, match=r"training.learning_rate: 0.002 there, 0.5 here"):
        run(config(place, "joint", **{"training.learning_rate": 0.5}), joint)


def test_an_unknown_best_metric_is_refused_before_a_step_is_made(place):
    with pytest.raises(InputError, match="wire/dice"):
        run(config(place, "joint", **{"training.best_metric": "wire/diec"}), place / "typo")


def test_init_from_starts_at_the_export_and_refuses_another_network(place, joint):
    from fluorojax.training.setup import set_up

    fields = {"init_from": str(joint / "export")}
    same = config(place, "joint", **fields)
    state = set_up(same, open_dataset(same.data)).first_state()
    loaded = load_parameters(joint / "export")
    np.testing.assert_array_equal(*map(first_leaf, (state.parameters, loaded)))
    wider = config(place, "joint", **fields, **{"model.width": 8})
    with pytest.raises(InputError, match="another network"):
        set_up(wider, open_dataset(wider.data)).first_state()


def first_leaf(tree):
    import jax

    return np.asarray(jax.tree.leaves(tree)[0])


PREDICT = """
import sys
import numpy as np
import fluorojax
from fluorojax.data.readers import read_frame
np.save(sys.argv[3], fluorojax.load(sys.argv[1])(read_frame(sys.argv[2])))
"""


def test_an_export_in_another_process_gives_the_evaluations_bits(place, joint, tmp_path):
    frame, found = place / "frames/images/4.png", tmp_path / "found.npy"
    command = [sys.executable, "-c", PREDICT, joint / "export", frame, found]
    subprocess.run([str(c) for c in command], check=True)
    here = fluorojax.load(joint / "export")(read_frame(frame))
    np.testing.assert_array_equal(np.load(found), here)


def test_predict_writes_masks_on_the_frames_own_grid(place, joint, tmp_path):
    frame = Image.fromarray(np.random.default_rng(0).integers(0, 4000, (90, 50)).astype(np.uint16))
    frame.save(tmp_path / "odd.tif")
    arguments = [joint / "export", tmp_path / "odd.tif", place / "frames/images", "--out"]
    cli.main([str(a) for a in ["predict", *arguments, tmp_path / "out"]])
    assert len(list((tmp_path / "out").glob("*_overlay.png"))) == 11
    mask = np.asarray(Image.open(tmp_path / "out/odd.png"))
    assert mask.shape == (90, 50)
    assert mask.max() <= 3
    with (tmp_path / "out/image_labels.csv").open() as file:
        told = list(csv.DictReader(file))
    assert [row["image_label"] for row in told] == ["view", "maker"] * 11
    choice = fluorojax.load(joint / "export").predict(tmp_path / "odd.tif").image_labels
    assert (told[0]["frame"], told[0]["value"]) == ("odd.tif", choice["view"].value)
    assert float(told[0]["probability"]) == choice["view"].probability
