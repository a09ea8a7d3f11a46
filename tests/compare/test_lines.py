import csv
import json
import math

import numpy as np
import pytest

from fluorojax import cli
from fluorojax.compare import compare, read_runs
from fluorojax.compare.tables import latex, markdown
from fluorojax.errors import InputError
from fluorojax.metrics.case import METRICS, MetricSettings
from fluorojax.metrics.summary import summarise, write_cases_csv, write_summary
from tests.folders import edit_csv

PATIENTS = 8


def rows_of(shift, seed):
    """Two cases a patient; the wire's clDice is the patient's own, plus `shift` and luck."""
    rng, patients = np.random.default_rng(seed), np.random.default_rng(99)
    rows = []
    for patient in range(PATIENTS):
        own = patients.uniform(0.4, 0.7)
        for case in range(2):
            score = own + shift + 0.01 * rng.standard_normal()
            empty = {m: None for m, metric in METRICS.items() if "curve" in metric.kinds}
            rows.append(
                {
                    "case": f"c{patient}{case}",
                    "patient": f"p{patient}",
                    "sequence": "",
                    "level": "over bone" if case else "over soft tissue",
                    "class": "wire",
                    "kind": "curve",
                    "status": "scored",
                    "unit": "mm",
                    **empty,
                    "cldice": score,
                    "hd95": 3.0 - score,
                }
            )
    return rows


def write_run(root, method, seed, rows, settings=None, fingerprint="f" * 64):
    folder = root / f"{method}-seed{seed}"
    scored = folder / "evaluation" / "test"
    write_cases_csv(rows, scored / "cases.csv")
    write_summary(summarise(rows, settings or MetricSettings()), scored / "summary.json")
    config = {"config": {"method": method, "seed": seed}, "dataset": {"fingerprint": fingerprint}}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def folders(tmp_path):
    """`multi` and `joint`, which is better by 0.1, three seeds each."""
    return [
        write_run(tmp_path, method, seed, rows_of(shift, 10 * seed + bool(shift)))
        for method, shift in (("multi", 0.0), ("joint", 0.1))
        for seed in range(3)
    ]


def test_a_known_difference_is_found_with_its_interval(folders):
    lines = compare(read_runs(folders, "test"), "multi")
    (base, ours) = [line for line in lines if line.metric == "cldice" and not line.level]
    assert (base.method, ours.method, ours.seeds, ours.patients) == ("multi", "joint", 3, PATIENTS)
    assert math.isnan(base.difference)
    assert ours.difference == pytest.approx(0.1, abs=0.01)
    assert ours.low < ours.difference < ours.high
    assert ours.low > 0.08
    assert ours.p == pytest.approx(2 / 2**PATIENTS)  # all eight patients are better
    # Corrected for cldice and hd95 over all cases, and cldice at two levels.
    assert ours.p_holm == pytest.approx(4 * ours.p)
    assert {line.level for line in lines} == {"", "over bone", "over soft tissue"}


def test_means_and_spread_by_hand(folders):
    ours = compare(read_runs(folders, "test"), "multi")[1]
    per_seed = []
    for folder in folders[3:]:
        with (folder / "evaluation/test/cases.csv").open(newline="") as file:
            scores = [float(row[ours.metric]) for row in csv.DictReader(file)]
        per_seed.append(np.mean(scores))  # as many cases in each patient
    assert ours.mean == pytest.approx(np.mean(per_seed))
    assert ours.seed_std == pytest.approx(np.std(per_seed, ddof=1))


def test_the_command_writes_tables_and_a_plot(folders, tmp_path, capsys):
    out = tmp_path / "out"
    cli.main(["compare", *map(str, folders), "--baseline", "multi", "--out", str(out)])
    assert {p.name for p in out.iterdir()} == {
        *("table.csv", "table.md", "table.tex", "patients.csv", "report.html"),
        *("paired.png", "paired.pdf", "cases.png", "cases.pdf"),
    }
    with (out / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    whole = [row for row in rows if row["metric"] == "cldice" and not row["level"]]
    assert [row["method"] for row in whole] == ["multi", "joint"]
    assert whole[0]["difference"] == ""
    assert float(whole[1]["difference"]) == pytest.approx(0.1, abs=0.01)
    with (out / "patients.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2 * 3 * PATIENTS
    assert "Both empty" in (out / "table.md").read_text()
    printed = capsys.readouterr().out
    assert "clDice, over" in printed  # the level goes on in the next line of its cell
    assert "paired permutation" in printed


def test_tables_hold_the_same_numbers(folders):
    lines = compare(read_runs(folders, "test"), "multi")
    ours = next(line for line in lines if line.method == "joint" and line.metric == "cldice")
    number = f"{ours.mean:.3f}"
    assert number in markdown(lines)
    assert number in latex(lines)
    assert r"95\,\%" in latex(lines)


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
    twice = write_run(root, "joint", 0, rows)
    with pytest.raises(InputError, match="both joint with seed 0"):
        read_runs([*folders, twice], "test")
    with pytest.raises(InputError, match="two methods or more"):
        read_runs(folders[:3], "test")
    with pytest.raises(InputError, match=r"validation.*does not exist"):
        read_runs(folders, "validation")
