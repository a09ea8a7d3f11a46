import numpy as np
import pytest

from fluorojax.compare import read_runs
from fluorojax.compare.runs import primary_scores
from fluorojax.core.errors import InputError
from fluorojax.metrics.case import MetricSettings
from tests.compare.constructed import PATIENTS, rows_of, write_run, write_sweep
from tests.folders import edit_csv


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:-1], r"joint-seed1 has no score of case c71, class wire"),
        (lambda rows: rows[3].update(cldice="nan"), r"case c11, class wire: cldice is nan"),
        (lambda rows: rows[3].update(cldice="x"), r"joint-seed1.*damaged"),
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
    with pytest.raises(InputError, match="another content of the data set"):
        read_runs([*folders, elsewhere], "test")
    little = write_run(root, "joint", 9, rows, train_share=0.25)
    with pytest.raises(InputError, match=r"joint-seed9 .* share of 0\.25 .*compare runs of one"):
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
