import csv
import json

import jax
import numpy as np
import pytest

from benchmarks.studies import stress
from fluorojax.cli import main as cli
from fluorojax.compare.runs import read_run
from fluorojax.configs import base
from fluorojax.core.errors import InputError
from fluorojax.inference import export
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.predictor import Predictor
from fluorojax.metrics.summary import read_cases_csv
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.schema.info import ClassInfo
from tests.compare.constructed import rows_of, write_run
from tfds_builders.ercp_synthetic.ercp_synthetic_dataset_builder import INFO
from tfds_builders.simulated import Size

pytestmark = pytest.mark.slow  # simulates a set of each kind, and scores runs on them

FRAMES = 3
ONE = (ClassInfo("instruments", "region"),)


def write_export(folder, method, seed, labels, classes):
    """An untrained network, as a run would export it."""
    spec = NetworkSpec(
        (tuple(range(len(classes))),), "none", None, 4, 1, "group", False, False, False, "float32"
    )
    image = np.zeros((1, 32, 32, 1))
    parameters = jax.jit(build(spec).init)(jax.random.key(seed, impl="rbg"), image)["params"]
    origin = {"method": method, "seed": seed, "labels": labels, "operating_points": {}}
    export.export(Predictor(spec, parameters, (32, 32), MaskRules(classes)), folder, origin)


def write_trained(root, method, seed, **fields):
    """A trained run, as far as it is read here."""
    folder = root / f"{method}-quick-seed{seed}"
    folder.mkdir(parents=True)
    config = base.get_config("quick")
    config.update_from_flattened_dict({"method": method, "seed": seed, **fields})
    dataset = {"fingerprint": "f" * 64}
    record = {"config": config.to_dict(), "dataset": dataset}
    (folder / "config.json").write_text(json.dumps(record))
    labels, classes = ("one", ONE) if method == "single" else ("classes", INFO.classes)
    write_export(folder / "export", method, seed, labels, classes)
    return folder


@pytest.fixture(scope="module")
def small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(stress.SIZES, "quick", Size(48, {}))
        yield


@pytest.fixture(scope="module")
def grid(tmp_path_factory, small):
    root = tmp_path_factory.mktemp("stress") / "grid"
    for method in ("single", "joint", "separate"):
        write_trained(root, method, 0)
    (write_trained(root, "joint", 1) / "export" / "manifest.json").unlink()
    stress.score_grid(root, stress.runs_in(root), FRAMES)
    return root


def cases_of(grid, name):
    with (grid / "stress" / name / "cases.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_set_holds_its_kind_of_frame_and_each_frame_is_a_patient(grid):
    counter, hard = (cases_of(grid, name) for name in ("counter", "hard"))
    assert {row["attached"] for row in counter} <= {"no", ""}
    assert {row["stratum"] for row in hard} == {stress.IN_THE_DUCT}
    assert {row["attached"] for row in hard} <= {"yes", ""}
    for rows in (counter, hard):
        assert len({row["patient"] for row in rows}) == len(rows) == FRAMES + 2
        assert [row["split"] for row in rows] == ["train", "validation", *["test"] * FRAMES]


def test_finished_runs_are_scored_without_pictures_and_can_be_compared(grid, tmp_path):
    for name in ("counter", "hard"):
        rows = read_cases_csv(grid / "joint-quick-seed0" / "evaluation" / name / "cases.csv")
        assert len(rows) == 2 * FRAMES
        assert not (grid / "joint-quick-seed0" / "evaluation" / name / "maps").exists()
        single = read_cases_csv(grid / "single-quick-seed0" / "evaluation" / name / "cases.csv")
        assert {row["class"] for row in single} == {"instruments"}
        assert not (grid / "joint-quick-seed1" / "evaluation").exists()
    runs = [path for path in sorted(grid.iterdir()) if path.name != "joint-quick-seed1"]
    out = tmp_path / "out"
    arguments = ["--split", "counter", "--baseline", "separate", "--out", str(out)]
    cli.main(["compare", *map(str, runs), *arguments])
    assert "counter split" in (out / "report.html").read_text("utf-8")


def test_what_is_scored_is_scored_again_only_with_other_parameters(grid, capsys):
    def again():
        stress.score_grid(grid, stress.runs_in(grid), FRAMES)
        return capsys.readouterr().out

    assert again().count("scored before") == 6
    write_export(grid / "joint-quick-seed0/export", "joint", 7, "classes", INFO.classes)
    said = again()
    assert said.count("scored before") == 4
    assert "joint-quick-seed1: not finished, left out" in said


def test_another_number_of_frames_is_refused(grid):
    with pytest.raises(InputError, match=r"stress/counter has 3 frames; ask for the same"):
        stress.score_grid(grid, stress.runs_in(grid), FRAMES + 1)


def test_too_rare_a_level_ends(grid):
    spec = stress.spec_of(stress.runs_in(grid))
    rare = stress.SETS[1]._replace(stratum="never")
    with pytest.raises(InputError, match=r"of 20 simulated frames only 0 are 'never', and 1"):
        stress.sequences_of(rare, spec, 1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"simulation.clip_rate": 0.9}, r"joint-quick-seed1 has another simulation"),
        ({"data.size": "512"}, r"joint-quick-seed1 has another simulation or size"),
        ({"data.builder": "xray_folder", "data.dir": "mine"}, r"trained on frames of mine"),
        ({"data.builder": "knee_synthetic"}, r"trained on frames of knee_synthetic"),
    ],
)
def test_runs_of_other_frames_are_refused(tmp_path, small, fields, message):
    runs = [write_trained(tmp_path, "joint", 0), write_trained(tmp_path, "joint", 1, **fields)]
    with pytest.raises(InputError, match=message):
        stress.spec_of(runs)


def wires(found, statuses, seed):
    """Rows of a frame each: whether the wire was detected, and what became of it."""
    rows = rows_of(0.0, seed, stress.WIRE)[: len(found)]
    for n, (row, detection, status) in enumerate(zip(rows, found, statuses, strict=True)):
        row |= {"case": f"c{n}", "patient": f"p{n}", "detection": detection, "status": status}
        row |= {"length_error": 12.0 if status == "false_alarm" else None}
    return rows


def test_the_summary_by_hand(tmp_path, capsys):
    statuses = ("scored", "missed", "false_alarm", "both_empty")
    quiet = ("scored", "scored", "both_empty", "both_empty")
    folders = [
        write_run(tmp_path, "separate", 0, wires((1.0, 0.0, None, None), statuses, 0)),
        write_run(tmp_path, "joint", 0, wires((1.0, 1.0, None, None), quiet, 1)),
        write_run(tmp_path, "joint", 1, wires((1.0, 0.0, None, None), quiet, 2)),
    ]
    runs = [read_run(folder, "test") for folder in folders]
    measures = stress.SETS[0].measures
    detected = stress.measured(runs, "joint", measures["detected"])
    np.testing.assert_array_equal(detected, [[1, 1, np.nan, np.nan], [1, 0, np.nan, np.nan]])
    alarms = {m: stress.measured(runs, m, stress.false_alarm) for m in ("joint", "separate")}
    np.testing.assert_array_equal(alarms["separate"], [[np.nan, np.nan, 1, 0]])
    length = stress.measured(runs, "separate", stress.false_length)
    np.testing.assert_array_equal(length, [[np.nan, np.nan, 12, 0]])
    assert stress.frames_in(alarms) == 2
    assert stress.mean_and_spread(alarms["separate"]) == "0.500"
    assert stress.mean_and_spread(detected) == "0.750 ± 0.354"
    assert stress.difference(alarms).startswith("-0.500 [-1.000, +0.000]")
    stress.show(stress.SETS[0]._replace(name="test"), folders)
    assert "false alarms, joint - separate: -0.500 [-1.000, " in capsys.readouterr().out
    stress.show(stress.SETS[0], folders)
    assert "counter: no scores yet" in capsys.readouterr().out
