import json

import pytest

from fluorojax.cli import main as cli
from fluorojax.compare import compare, folds, grid, read_runs
from fluorojax.core.errors import InputError
from fluorojax.core.outputs import check_whole
from fluorojax.metrics.presence import read_presence_csv, summarise_presence, write_presence_csv
from fluorojax.metrics.summary import read_cases_csv
from tests.compare.constructed import rows_of, write_run
from tests.compare.test_grid import small_settings


def write_folds(root, method, seed, shift, n=4):
    """A method and seed of which each fold has the rows of every n-th patient."""
    rows = rows_of(shift, 10 * seed + bool(shift))
    folder = root / f"{method}-seed{seed}"
    for k in range(n):
        of = [row for row in rows if int(row["patient"][1:]) % n == k]
        data = {"data": {"train_share": 1.0, "folds": n, "fold": k}}
        made = write_run(folder, method, seed, of, config=data | {"method": method, "seed": seed})
        (made / "evaluation" / "test").rename(made / "evaluation" / "validation")
        lists = {"train": [], "validation": sorted({row["case"] for row in of}), "test": []}
        (made / "cases.json").write_text(json.dumps(lists))
        made.rename(folder / f"fold{k}")
    return folder


def test_the_folds_of_a_method_and_seed_are_scored_as_one_run(tmp_path):
    folders = [
        write_folds(tmp_path, method, seed, shift)
        for method, shift in (("multi", 0.0), ("joint", 0.1))
        for seed in range(2)
    ]
    for folder in folders:
        folds.pool(folder, 4)
    scored = folders[0] / "evaluation" / "validation"
    check_whole(scored)
    rows = read_cases_csv(scored / "cases.csv")
    assert sorted((row["case"], row["cldice"]) for row in rows) == sorted(
        (row["case"], row["cldice"]) for row in rows_of(0.0, 0)
    )
    assert json.loads((scored / "summary.json").read_text())["patients"] == 8
    lists = json.loads((folders[0] / folds.LISTS).read_text())
    assert lists["cases"][1] == ["c10", "c11", "c50", "c51"]
    found = compare(read_runs(folders, "validation"), "multi")
    (joint,) = [r for r in found if (r.method, r.metric, r.stratum) == ("joint", "cldice", "")]
    assert (joint.patients, joint.cases, joint.seeds) == (8, 16, 2)
    assert joint.difference == pytest.approx(0.1, abs=0.01)


def test_the_folds_say_together_where_their_millimetres_come_from(tmp_path):
    folder = write_folds(tmp_path, "multi", 0, 0.0)
    for k, counts in enumerate(({"stated": 2}, {"imager": 1, "stated": 3}, {}, {"imager": 4})):
        path = folder / f"fold{k}" / "evaluation" / "validation" / "summary.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"spacings": counts}))
    folds.pool(folder, 4)
    pooled = json.loads((folder / "evaluation" / "validation" / "summary.json").read_text())
    assert pooled["spacings"] == {"imager": 5, "stated": 5}


def test_scores_of_presence_are_pooled_where_every_fold_has_them(tmp_path):
    folder = write_folds(tmp_path, "multi", 0, 0.0)
    pooled, written = folder / "evaluation" / "validation", []
    for k in range(4):
        folds.pool(folder, 4)
        assert not (pooled / "presence.csv").exists()
        assert "presence" not in json.loads((pooled / "summary.json").read_text())
        about = {"case": f"c{k}0", "patient": f"p{k}", "class": "wire"}
        rows = [about | {"reference": k % 2, "score": 0.25 * k}]
        write_presence_csv(rows, folder / f"fold{k}" / "evaluation/validation/presence.csv")
        written += rows
    folds.pool(folder, 4)
    assert read_presence_csv(pooled / "presence.csv") == written
    found = json.loads((pooled / "summary.json").read_text())["presence"]
    assert found == summarise_presence(written)
    assert found["wire"]["auroc"] == 3 / 4


def test_a_case_of_two_folds_is_refused(tmp_path):
    folder = write_folds(tmp_path, "multi", 0, 0.0)
    path = folder / "fold1" / "cases.json"
    path.write_text(path.read_text().replace("c10", "c00"))
    with pytest.raises(InputError, match=r"fold1 and .*fold0 both validate case c00; delete both"):
        folds.pool(folder, 4)
    assert not (folder / "config.json").exists()


def test_a_fold_is_a_run_that_its_own_cases_do_not_choose(tmp_path):
    cells = grid.grid(["multi:quick"], [3], tmp_path)
    first, second = folds.with_folds(cells, 2, [700])
    assert second.workdir == tmp_path / "multi-quick-seed3" / "fold1"
    assert second.name == "multi-quick-seed3/fold1"
    given = grid.command(second, ["training.steps=700"])
    assert given[-5:] == [
        "--config.training.steps=700",
        *("--config.data.folds=2", "--config.data.fold=1"),
        *("--config.evaluation.split=validation", "--config.training.eval_every=700"),
    ]
    assert first.log == tmp_path / "multi-quick-seed3" / "fold0.log"


@pytest.mark.parametrize(
    ("number", "settings", "message"),
    [
        (1, [], "--folds 1: write 2 or more"),
        (5, ["data.fold=1"], "--set data.fold=1: --folds sets data.fold itself"),
        (5, ["evaluation.operating_point=validation"], "must not choose thresholds"),
    ],
)
def test_what_is_no_cross_validation_is_refused(number, settings, message):
    with pytest.raises(InputError, match=message):
        folds.check_folds(number, settings)
    folds.check_folds(5, ["training.steps=4"])


def test_a_folder_holds_one_number_of_folds(tmp_path):
    grid.validate_grid_directory(tmp_path / "grid", [], 5)
    grid.validate_grid_directory(tmp_path / "grid", [], 5)
    for other in (0, 4):
        with pytest.raises(InputError, match=r"holds runs with --set \(nothing\) and --folds 5"):
            grid.validate_grid_directory(tmp_path / "grid", [], other)


@pytest.mark.slow  # four trainings in processes of their own
def test_a_cross_validation_is_made_compared_and_not_made_again(tmp_path, capsys):
    root = tmp_path / "grid"
    given = ["benchmark", "--configs=cascade:quick,multi:quick", "--seeds=0", "--folds=2"]
    given += [f"--workdir={root}", *small_settings(tmp_path)]
    cli.main(given)
    assert "cascade · multi" in (root / "comparison" / "report.html").read_text("utf-8")
    cases = {
        row["case"]
        for row in read_cases_csv(root / "multi-quick-seed0/evaluation/validation/cases.csv")
    }
    assert cases == {"c0", "c1", "c2", "c3", "c5", "c6", "c7", "c8"}  # of train and validation
    lists = json.loads((root / "multi-quick-seed0" / "folds.json").read_text())
    assert sorted(case for fold in lists["cases"] for case in fold) == sorted(cases)
    trained = root / "multi-quick-seed0" / "fold1" / "export" / "params.safetensors"
    before = trained.stat().st_mtime_ns
    cli.main(given)
    assert trained.stat().st_mtime_ns == before
    assert capsys.readouterr().out.count("finished before") == 4
