import dataclasses
import math

import jax
import numpy as np
import pytest

import fluorojax
from fluorojax.core.errors import InputError
from fluorojax.datasets.source import open_folder
from fluorojax.evaluation.probabilities import read_thresholds
from fluorojax.inference.export import read_manifest
from fluorojax.metrics.thresholds import operating_points
from fluorojax.training import finish, setup, workdir
from fluorojax.training.checkpoint import Checkpoints
from tests.folders import write_folder
from tests.integration.runs import small_config


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("finish")
    dataset = open_folder(write_folder(root / "frames"), "cases.csv", root / "built")
    return setup.set_up(small_config("multi", root / "frames", root / "built"), dataset)


def head(parameters):
    return np.asarray(parameters["stage_0"]["head"]["bias"])


def save(run, workdir, score):
    """Save a best state if the score is a number, and a last one that differs from it."""
    state = run.first_state()
    changed = state.average | {"stage_0": {**state.average["stage_0"]}}
    changed["stage_0"]["head"] = {k: v + 1.0 for k, v in state.average["stage_0"]["head"].items()}
    with Checkpoints(workdir) as checkpoints:
        checkpoints.save_best(3, state.average, score)
        checkpoints.save_last(6, state.replace(average=changed))
    return head(state.average)


def test_the_best_parameters_are_exported_with_their_origin(run, tmp_path):
    best = save(run, tmp_path, score=0.5)
    folder = finish.export_best(run, tmp_path)
    np.testing.assert_array_equal(head(fluorojax.load(folder).parameters), best)
    origin = read_manifest(folder)["origin"]
    assert (origin["method"], origin["seed"], origin["step"]) == ("multi", 0, 3)
    assert origin["dataset_fingerprint"] == run.dataset.fingerprint
    assert (origin["builder"], origin["simulated"]) == ("xray_folder", False)
    assert origin["steps"] == run.config.training.steps
    assert "command" not in origin  # nobody gave one


def test_an_export_says_by_which_command_and_versions_its_run_was_made(run, tmp_path):
    save(run, tmp_path, score=0.5)
    command = "python launch.py --config=configs/multi.py:quick --config.data.dir=..."
    workdir.validate_run_directory(tmp_path, run.config, run.dataset, command)
    folder = finish.export_best(run, tmp_path)
    origin = read_manifest(folder)["origin"]
    assert origin["command"] == command
    assert origin["fluorojax"] == fluorojax.__version__
    assert origin["jax"] == jax.__version__
    text = (folder / "MODEL_CARD.md").read_text()
    assert f"    {command}\n" in text
    assert "| frames | a folder of frames |" in text
    assert str(tmp_path) not in text


def test_the_operating_point_is_chosen_on_validation_where_the_config_asks_for_it(run, tmp_path):
    save(run, tmp_path, score=0.5)
    exported = read_manifest(finish.export_best(run, tmp_path))
    points = exported["origin"]["operating_points"]
    assert points == operating_points(read_thresholds(tmp_path / "evaluation" / "validation"))
    assert [c["threshold"] for c in exported["masks"]["classes"]] == [0.5, 0.5]
    config = run.config.copy_and_resolve_references()
    config.evaluation.operating_point = "validation"
    chosen = finish.export_best(setup.set_up(config, run.dataset), tmp_path)
    assert [c["threshold"] for c in read_manifest(chosen)["masks"]["classes"]] == list(
        points.values()
    )


def test_the_least_presence_is_chosen_on_validation_where_the_config_asks_for_it(
    run, tmp_path, monkeypatch
):
    save(run, tmp_path, score=0.5)
    asked = []

    def least_presence(predict, frames, scoring):
        asked.append(list(frames.rows))
        return (0.0, 12.5)

    monkeypatch.setattr(finish.evaluate, "least_presence", least_presence)

    def exported(presence, split):
        config = run.config.copy_and_resolve_references()
        config.evaluation.presence, config.evaluation.split = presence, split
        folder = finish.export_best(setup.set_up(config, run.dataset), tmp_path)
        return fluorojax.load(folder).rules.least_presence

    assert exported("fixed", "test") == (0.0, 0.0)
    assert exported("validation", "validation") == (0.0, 0.0)  # it would choose on what it scores
    assert asked == []
    assert exported("validation", "test") == (0.0, 12.5)
    assert asked == [list(run.frames("validation").rows)]


def test_where_every_frame_has_every_class_nothing_is_asked_for(run, tmp_path):
    save(run, tmp_path, score=0.5)
    config = run.config.copy_and_resolve_references()
    config.evaluation.presence = "validation"
    folder = finish.export_best(setup.set_up(config, run.dataset), tmp_path)
    assert fluorojax.load(folder).rules.least_presence == (0.0, 0.0)


def test_without_a_score_the_last_are_exported_aloud(run, tmp_path, capsys):
    best = save(run, tmp_path, score=math.nan)
    folder = finish.export_best(run, tmp_path, tmp_path / "elsewhere")
    np.testing.assert_array_equal(head(fluorojax.load(folder).parameters), best + 1.0)
    assert "no validation score" in capsys.readouterr().out


def test_a_run_without_a_checkpoint_is_refused(run, tmp_path):
    with pytest.raises(InputError, match="no checkpoint yet"):
        finish.export_best(run, tmp_path)


def test_scores_of_shared_patients_come_after_their_caution(run, capsys):
    info = dataclasses.replace(run.info, split_unit="frame")
    rows = {"cases": 1, "classes": {}, "foreground_mean": {}, "strata": {}}
    finish.print_scores(rows, info)
    lines = capsys.readouterr().out.splitlines()
    assert "nothing about a new patient" in " ".join(lines[:2])


def test_scores_of_attributes_stand_below_those_of_classes(run, capsys):
    known = {"cases": 8, "accuracy": 0.75, "patient_accuracy": 0.625, "interval": [0.5, 0.7]}
    image_labels = {"view": known, "maker": {"cases": 0, "accuracy": None}}
    summary = {"cases": 8, "classes": {}, "strata": {}, "image_labels": image_labels}
    finish.print_scores(summary, run.info)
    lines = capsys.readouterr().out.splitlines()
    view = next(line for line in lines if "view" in line)
    assert [part for part in ("6", "8", "0.625", "0.500 to 0.700") if part not in view] == []
    assert any("maker" in line for line in lines)


def test_whether_a_class_is_there_stands_below_its_scores(run, capsys):
    of = {"metrics": {}, "cases": 9, "false_alarms": 1, "both_empty": 3, "without": 4}
    always = of | {"false_alarms": 0, "without": 0, "false_alarm_rate": None}
    scored = {"auroc": 0.9, "auroc_interval": [0.7, 1.0], "false_alarms_at_95": 0.5}
    summary = {
        **{"cases": 9, "strata": {}, "presence": {"wire": scored | {"with": 5, "without": 4}}},
        "classes": {"wire": of | {"false_alarm_rate": 0.25}, "scope": always},
    }
    finish.print_scores(summary, run.info)
    printed = capsys.readouterr().out.split("Is it there?")[1]
    (line,) = (line for line in printed.splitlines() if "wire" in line)
    for part in ("0.900", "0.500", "0.250"):
        assert part in line
    assert "scope" not in printed
    of_old = {"cases": 9, "strata": {}, "classes": {"wire": {"metrics": {}}}}
    finish.print_scores(of_old, run.info)
    assert "Is it there?" not in capsys.readouterr().out


def test_scores_of_curves_are_also_printed_by_level(run, capsys):
    curve = {"cases": 3, "metrics": {"cldice": {"mean": 0.25}}}
    summary = {
        "cases": 3,
        "classes": {"wire": {"metrics": {"cldice": {"mean": 0.75}}}},
        "strata": {"wire over bone": {"wire": curve}},
    }
    finish.print_scores(summary, run.info)
    lines = capsys.readouterr().out.splitlines()
    assert any("wire over bone (3)" in line and "0.250" in line for line in lines)
    assert any("0.750" in line for line in lines)
