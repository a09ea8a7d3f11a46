import numpy as np
import pytest

from fluorojax.compare import read_runs
from fluorojax.compare.runs import circumstances, primary_scores, warning
from fluorojax.core.errors import InputError
from fluorojax.metrics.case import MetricSettings
from tests.compare.constructed import PATIENTS, rows_of, write_run, write_sweep
from tests.folders import edit_csv


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:-1], r"joint-seed1 has no score of case c71, class wire"),
        (lambda rows: rows[3].update(cldice="nan"), r"case c11, class wire: cldice is 'nan'"),
        (
            lambda rows: rows[3].update(cldice="x"),
            r"joint-seed1.*cldice is 'x', which is no",
        ),
    ],
)
def test_a_missing_case_or_a_nan_is_refused_by_run_and_case(folders, change, message):
    edit_csv(folders[4] / "evaluation" / "test" / "cases.csv", change)
    with pytest.raises(InputError, match=message):
        read_runs(folders, "test")


def test_a_missing_seed_is_refused_by_method(folders):
    with pytest.raises(InputError, match="joint has no run with seed 1"):
        read_runs([*folders[:4], folders[5]], "test")


def test_other_settings_data_or_a_run_twice_are_refused(folders, tmp_path):
    rows, root = rows_of(0.0, 1), tmp_path / "other"
    coarse = write_run(root, "joint", 7, rows, MetricSettings(tolerance_mm=2.0))
    with pytest.raises(InputError, match=r"joint-seed7: metric setting tolerance_mm is 2.0"):
        read_runs([*folders, coarse], "test")
    elsewhere = write_run(root, "joint", 8, rows, fingerprint="e" * 64)
    with pytest.raises(InputError, match="content of the data set is eeeeeeeeeeee"):
        read_runs([*folders, elsewhere], "test")
    little = write_run(root, "joint", 9, rows, train_share=0.25)
    with pytest.raises(InputError, match=r"joint-seed9 differs .*train_share is 0\.25, not 1"):
        read_runs([*folders, little], "test")
    twice = write_run(root, "joint", 0, rows)
    with pytest.raises(InputError, match="both joint with seed 0"):
        read_runs([*folders, twice], "test")
    with pytest.raises(InputError, match="two methods or more"):
        read_runs(folders[:3], "test")
    with pytest.raises(InputError, match=r"validation.*does not exist.*it has scores of test"):
        read_runs(folders, "validation")


def test_methods_without_a_class_in_common_are_refused(folders, tmp_path):
    other = write_run(tmp_path / "other", "third", 0, rows_of(0.0, 1, "scope"))
    with pytest.raises(InputError, match=r"third-seed0 has scores of scope, .* of wire"):
        read_runs([folders[0], other], "test")
    odd = write_run(tmp_path / "odd", "joint", 7, rows_of(0.0, 1, "scope") + rows_of(0.0, 1))
    with pytest.raises(InputError, match=r"joint-seed7 has scores of scope, wire"):
        read_runs([folders[0], folders[3], odd], "test")


def test_other_thresholds_are_refused_by_file(folders):
    for folder in folders:
        write_sweep(folder, 0.6)
    read_runs(folders, "test")
    path = folders[2] / "evaluation" / "test" / "thresholds.csv"
    path.write_text(path.read_text().replace(",0.55,", ",0.56,"))
    with pytest.raises(InputError, match=r"multi-seed2.*thresholds\.csv has other thresholds"):
        read_runs(folders, "test")


def test_the_first_scores_of_a_class_by_patient_and_by_case(folders):
    (found,) = primary_scores(read_runs(folders, "test"))
    assert (found.class_name, found.metric, len(found.patients)) == ("wire", "cldice", PATIENTS)
    assert {m: s.shape for m, s in found.by_case.items()} == {
        "multi": (3, 2 * PATIENTS),
        "joint": (3, 2 * PATIENTS),
    }
    by_hand = found.by_case["joint"].reshape(3, PATIENTS, 2).mean(2)
    np.testing.assert_allclose(found.by_patient["joint"], by_hand)
    assert [row["case"] for row in found.cases[:2]] == ["c00", "c01"]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"training": {"steps": 99}}, "training.steps is 99, not "),
        ({"training": {"learning_rate": 0.5}}, "training.learning_rate is 0.5, not "),
        ({"data": {"fold": 1, "folds": 5}}, r"data.fold is 1, not 0; data.folds is 5, not 0"),
        ({"loss": {"dice": 0.5}}, "loss.dice is 0.5, not 1.0"),
        ({"evaluation": {"threshold": 0.4}}, "evaluation.threshold is 0.4, not 0.5"),
        ({"simulation": {"quanta": [1.0, 2.0]}}, r"simulation.quanta is \[1.0, 2.0\], not "),
    ],
)
def test_runs_that_differ_in_more_than_the_method_are_refused_field_by_field(
    folders, tmp_path, config, told
):
    other = write_run(tmp_path / "other", "third", 0, rows_of(0.0, 1), config=config)
    paths = [folders[0], folders[3], other]
    with pytest.raises(InputError, match=rf"third-seed0 differs from .*multi-seed0.*: {told}"):
        read_runs(paths, "test")
    runs = read_runs(paths, "test", allow_different=True)
    assert told.split(" is ")[0] in warning(runs)
    assert "(third)" in warning(runs)


def test_what_belongs_to_the_method_may_differ_between_methods_and_not_within_one(
    folders, tmp_path
):
    mine = {"model": {"width": 5.0}, "loss": {"attachment": 0.1}}
    other = write_run(tmp_path / "other", "third", 0, rows_of(0.0, 1), config=mine)
    assert warning(read_runs([folders[0], other], "test")) == ""
    same = write_run(tmp_path / "same", "multi", 3, rows_of(0.0, 1), config=mine)
    with pytest.raises(InputError, match=r"more than seed: loss.attachment is 0.1.*model.width"):
        read_runs([folders[0], other, same], "test")


def test_other_data_may_be_allowed_and_is_told(folders, tmp_path):
    elsewhere = write_run(tmp_path / "o", "third", 0, rows_of(0.0, 1), fingerprint="e" * 64)
    runs = read_runs([folders[0], folders[3], elsewhere], "test", allow_different=True)
    assert f"content of the data set: {'f' * 12} (multi; joint), {'e' * 12} (third)" in warning(
        runs
    )


def test_other_versions_and_machines_are_noted(folders, tmp_path):
    made = {"versions": {"jax": "9"}, "machine": {"cores": 64}, "devices": ["gpu:0 H"]}
    other = write_run(tmp_path / "other", "third", 0, rows_of(0.0, 1), **made)
    noted = circumstances(read_runs([folders[0], other], "test"))
    assert noted == [
        "versions.jax: not known (multi), 9 (third)",
        "devices: not known (multi), gpu:0 H (third)",
        "machine.cores: not known (multi), 64 (third)",
    ]
    assert circumstances(read_runs(folders, "test")) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"patient": "px"}, "patient is px, in .* p1"),
        ({"stratum": "other"}, "stratum is other, in"),
        ({"unit": "px"}, "unit is px, in .* mm"),
        ({"status": "false_alarm"}, "what is annotated is not in the reference, in"),
    ],
)
def test_a_case_must_be_the_same_in_all_runs(folders, change, told):
    edit_csv(folders[4] / "evaluation/test/cases.csv", lambda rows: rows[3].update(change))
    with pytest.raises(InputError, match=rf"joint-seed1: case c11, class wire: {told}"):
        read_runs(folders, "test")


def test_a_run_named_twice_is_refused(folders):
    with pytest.raises(InputError, match="are both multi with seed 0; leave one out"):
        read_runs([folders[0], *folders], "test")
