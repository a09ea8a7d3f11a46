"""The field: what is written of trainings, and the budget that all of them keep to."""

import argparse
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.field import common
from benchmarks.field.__main__ import METRICS, Trained, compared, run, table, trained
from fluorojax.data.folder import read_folder
from tests.folders import write_folder

PATIENTS = ("a", "a", "b", "c", "d")


def training(method, seed, dice):
    rows = [
        {
            "class": "vessel",
            "patient": patient,
            "dice": str(value),
            "cldice": "",
            "betti0_error": "",
        }
        for patient, value in zip(PATIENTS, dice, strict=True)
    ]
    return Trained(method, seed, 60.0, {}, rows)


def test_ours_less_theirs_is_by_patient_with_an_interval_over_seeds():
    ours = [training("fluorojax", s, (0.8, 0.6, 0.9, 0.8, 0.7 + 0.1 * s)) for s in (0, 1)]
    theirs = [training("nnunet", s, (0.7, 0.5, 0.8, 0.7, 0.6 + 0.1 * s)) for s in (0, 1)]
    found = compared([*ours, *theirs])
    # No metric without a value: this class has no relation, and empty cells are no scores.
    assert list(found) == ["vessel dice"]
    us, them = found["vessel dice"]["fluorojax"], found["vessel dice"]["nnunet"]
    # Patient a has two cases, whose mean counts once.
    assert us == {"mean": pytest.approx((0.7 + 0.9 + 0.8 + 0.75) / 4, abs=1e-4), "spread": 0.0177}
    assert them["ours_less_this"] == pytest.approx(0.1, abs=1e-4)
    low, high = them["interval"]
    assert low < 0.1 < high
    assert 0 < them["p"] <= 1
    assert table(found).row_count == 2


def test_one_seed_has_no_spread_and_a_metric_that_one_method_lacks_is_left_out():
    found = compared([training("fluorojax", 0, (0.8,) * 5), training("nnunet", 0, (math.nan,) * 5)])
    assert found == {}
    assert compared([training("fluorojax", 0, (0.8,) * 5)]) == {
        "vessel dice": {"fluorojax": {"mean": 0.8, "spread": 0.0}}
    }
    assert "dice" in METRICS


def test_as_many_steps_as_fit_by_the_clock_of_the_processor(monkeypatch):
    clock, made = itertools.count(0.0, 5.0), []
    monkeypatch.setattr(common.time, "process_time", lambda: next(clock))
    fit = common.steps_that_fit(lambda: made.append(1), minutes=10.0, tiny=False)
    assert fit == int(common.SHARE * 600 / 0.5)  # TIMED steps took 5 s
    assert len(made) == common.WARM + common.TIMED
    assert common.steps_that_fit(lambda: made.append(1), minutes=10.0, tiny=True) == 2


def test_masks_are_written_where_evaluate_looks_for_them(tmp_path):
    folder = read_folder(write_folder(tmp_path / "toy", size=48))
    cases = common.cases_of(folder, "test")
    assert cases
    assert all(case.split == "test" and case.labelled for case in cases)
    masks = np.zeros((48, 48, len(folder.info.classes)), bool)
    masks[3:9, 4:8, -1] = True
    common.write_masks(tmp_path, cases[0], masks)
    assert (tmp_path / "masks" / f"{cases[0].case}.png").is_file()


def test_a_training_that_fails_names_its_log(tmp_path):
    log = tmp_path / "log.txt"
    with pytest.raises(SystemExit, match=r"log\.txt says why"):
        run(("-c", "raise SystemExit('no such plans')"), log)
    assert "no such plans" in log.read_text()


def test_a_trial_of_two_steps_is_not_taken_for_a_training(tmp_path):
    place = tmp_path / "frames-nnunet-seed0"
    (place / "scores").mkdir(parents=True)
    (place / "scores/cases.csv").write_text("class,patient,dice\nvessel,a,0.5\n")
    (place / "method.json").write_text('{"steps": 2}')
    done = {"config": "vessels:quick", "minutes": 1.0, "tiny": True, "processor_s": 3.0}
    (place / "done.json").write_text(json.dumps(done))
    options = argparse.Namespace(
        folder=Path("frames"), out=tmp_path, config="vessels:quick", minutes=1.0, tiny=True
    )
    found = trained(options, "nnunet", 0)
    assert (found.processor_s, found.about, len(found.rows)) == (3.0, {"steps": 2}, 1)
    options.tiny = False
    with pytest.raises(SystemExit, match=r"was trained with tiny=True, not False; give another"):
        trained(options, "nnunet", 0)
