"""Cross-validation in a grid: every fold of a method and seed is a run, scored together as one.

The folder `METHOD-seedN/` holds `fold0/`, `fold1/`, ... (runs), and, when all are finished, what a
run has that is compared: `config.json`, and `evaluation/validation/` with a line for each case, of
the one run that had not seen its patient. `folds.json` lists the cases of each fold.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fluorojax.compare.grid import Cell
from fluorojax.core.errors import InputError
from fluorojax.core.files import read_json
from fluorojax.core.outputs import results, written_aside
from fluorojax.evaluation.evaluate import KIND, ONE_LABEL_CASES
from fluorojax.metrics import image_labels, presence
from fluorojax.metrics.case import MetricSettings
from fluorojax.metrics.saved import read_summary
from fluorojax.metrics.summary import read_cases_csv, summarise, write_cases_csv, write_summary
from fluorojax.schema.info import DatasetInfo
from fluorojax.training.reproduce import read_record
from fluorojax.training.workdir import CASES

SPLIT = "validation"  # what a fold is to its run
LISTS = "folds.json"
OURS = ("data.folds", "data.fold", "evaluation.split", "training.eval_every")
"""The fields that a cross-validation sets itself."""


def check_folds(folds: int, settings: Sequence[str]) -> None:
    """Check the number of folds, and that no setting is a cross-validation's own.

    Raises:
        InputError: what to write instead.
    """
    if folds < 2:
        raise InputError(f"--folds {folds}: write 2 or more, or leave it out")
    for setting in settings:
        name, _, value = setting.partition("=")
        if name in OURS:
            raise InputError(f"--set {setting}: --folds sets {name} itself; leave it out")
        if (name, value) == ("evaluation.operating_point", "validation"):
            raise InputError(
                f"--set {setting}: with --folds the validation cases are those scored, and must "
                "not choose thresholds; write evaluation.operating_point=fixed"
            )


def with_folds(cells: Sequence[Cell], folds: int, steps: Sequence[int]) -> list[Cell]:
    """Return the runs of a cross-validation: each of a grid's, once a fold.

    A run is validated after its last step alone. So its fold has no say in which parameters are
    kept, and is as new to them as a test split.

    Args:
        cells: of the grid, in order.
        folds: at least 2.
        steps: of each cell's configuration.
    """
    return [
        cell._replace(
            workdir=cell.workdir / f"fold{fold}",
            settings=(
                *(f"data.folds={folds}", f"data.fold={fold}", f"evaluation.split={SPLIT}"),
                f"training.eval_every={last}",
            ),
        )
        for cell, last in zip(cells, steps, strict=True)
        for fold in range(folds)
    ]


def pool(folder: Path, folds: int) -> None:
    """Score the cases of all folds together, in the folder of a method and seed.

    Raises:
        InputError: a fold is not finished, or two folds have a case in common.
    """
    runs = [folder / f"fold{k}" for k in range(folds)]
    lists = [read_json(run / CASES)[SPLIT] for run in runs]
    _check_apart(runs, lists)
    record = {**read_record(runs[0]), "folds": folds}
    record["config"]["data"]["fold"] = 0  # of none alone
    with results(folder / "evaluation" / SPLIT, KIND, owned=True) as draft:
        _write_scores([run / "evaluation" / SPLIT for run in runs], record["dataset"], draft)
    about = {"folds": folds, "split_unit": record["dataset"].get("split_unit", ""), "cases": lists}
    for name, content in ((LISTS, about), ("config.json", record)):
        with written_aside(folder / name) as draft:
            draft.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def _check_apart(runs: Sequence[Path], lists: Sequence[Sequence[str]]) -> None:
    seen: dict[str, Path] = {}
    for run, cases in zip(runs, lists, strict=True):
        for case in cases:
            if (other := seen.setdefault(case, run)) != run:
                raise InputError(
                    f"{run} and {other} both validate case {case}; delete both and train again"
                )


def _write_scores(scored: Sequence[Path], dataset: dict[str, Any], out: Path) -> None:
    """Write the tables of several evaluations as one, with the summary of all."""
    summaries = [read_summary(folder / "summary.json") for folder in scored]
    rows = [row for folder in scored for row in read_cases_csv(folder / "cases.csv")]
    settings = MetricSettings(**summaries[0]["settings"])
    unlabelled = sum(summary.get("unlabelled", 0) for summary in summaries)
    spacings = sum((Counter(summary.get("spacings", {})) for summary in summaries), Counter())
    summary = summarise(rows, settings) | {"unlabelled": unlabelled}
    summary["spacings"] = dict(sorted(spacings.items()))
    write_cases_csv(rows, out / "cases.csv")
    if all((folder / ONE_LABEL_CASES).is_file() for folder in scored):
        alone = [row for folder in scored for row in read_cases_csv(folder / ONE_LABEL_CASES)]
        write_cases_csv(alone, out / ONE_LABEL_CASES)
    if all((folder / image_labels.FILE).is_file() for folder in scored):
        told = [
            row
            for folder in scored
            for row in image_labels.read_image_labels_csv(folder / image_labels.FILE)
        ]
        known = DatasetInfo.from_json(dataset).image_labels
        summary["image_labels"] = image_labels.summarise_image_labels(told, known)
        image_labels.write_image_labels_csv(told, out / image_labels.FILE)
    if all((folder / presence.FILE).is_file() for folder in scored):
        found = [r for folder in scored for r in presence.read_presence_csv(folder / presence.FILE)]
        summary["presence"] = presence.summarise_presence(found)
        presence.write_presence_csv(found, out / presence.FILE)
    write_summary(summary, out / "summary.json")
