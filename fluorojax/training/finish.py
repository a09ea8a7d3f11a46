"""What follows the last step: export the best parameters, score them, say where everything is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from fluorojax.core.errors import InputError
from fluorojax.core.progress import console
from fluorojax.datasets.source import FOLDER
from fluorojax.evaluation import evaluate
from fluorojax.inference import export as exports
from fluorojax.metrics import presence
from fluorojax.metrics.summary import spacings_in_words
from fluorojax.schema.info import DatasetInfo
from fluorojax.training.checkpoint import Checkpoints
from fluorojax.training.reproduce import read_record
from fluorojax.training.setup import Run

RECORD = "config.json"


def export_best(run: Run, workdir: Path, folder: Path | None = None) -> Path:
    """Export the best averaged parameters, or the last if no validation score was a number.

    Returns the folder of the export, `<workdir>/export` if none is given.

    Raises:
        InputError: the run has no checkpoint yet.
    """
    folder = folder or workdir / "export"
    exports.export_in(folder)  # what stands there is looked at before anything is written
    like = run.blank_state()
    with Checkpoints(workdir) as checkpoints:
        step = checkpoints.best_step
        if step is None and checkpoints.last_step is None:
            raise InputError(f"{workdir} has no checkpoint yet; train it first with launch.py")
        if step is None:
            console.print("warning: no validation score was a number; the last parameters are used")
            step = checkpoints.last_step
            parameters = checkpoints.restore_last(like).average
        else:
            parameters = checkpoints.restore_best(like.average)
    predictor = run.predictor(parameters)
    # Where the run is scored on that split, its scores and these tables are written together.
    apart = run.config.evaluation.split != "validation"
    points = evaluate.write_probability_scores(
        evaluate.by_network(predictor),
        run.frames("validation"),
        workdir / "evaluation" / "validation" if apart else None,
        run.scoring,
    )
    if run.config.evaluation.operating_point == "validation":
        chosen = tuple(points[name] for name in run.info.class_names)
        predictor = predictor.with_rules(thresholds=chosen)
    # Nothing is chosen on the cases that are scored.
    if run.config.evaluation.presence == "validation" and apart:
        by_network, frames = evaluate.by_network(predictor), run.frames("validation")
        least = evaluate.least_presence(by_network, frames, run.scoring)
        predictor = predictor.with_rules(least_presence=least)
    origin = {
        **origin_of(run, workdir),
        "step": step,
        "operating_points": points,
    }
    owned = folder.resolve() == (workdir / "export").resolve()
    exports.export(predictor, folder, origin, owned=owned)
    return folder


def origin_of(run: Run, workdir: Path) -> dict[str, Any]:
    """Return where the parameters of a run come from, as an export's manifest says it.

    The command, the revision and the versions are those that the run began with.
    """
    config, info = run.config, run.dataset.info
    origin = {
        "method": config.method,
        "seed": config.seed,
        "steps": config.training.steps,
        "builder": config.data.builder,
        "simulated": config.data.builder != FOLDER,
        "dataset": info.name,
        "dataset_fingerprint": run.dataset.fingerprint,
        "split_unit": info.split_unit,
        "labels": config.model.labels,
    }
    if run.real is not None:
        origin["chosen_on"] = f"{run.real}"
    there = (workdir / RECORD).is_file()
    return origin | (circumstances_of(read_record(workdir)) if there else {})


def circumstances_of(record: Mapping[str, Any]) -> dict[str, str]:
    """Return what a run's record (`config.json`) says of how it was made, as far as it does."""
    versions = record.get("versions", {})
    found = {name: record.get(name) for name in ("command", "git_revision")}
    found |= {name: versions.get(name) for name in ("fluorojax", "jax")}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def evaluate_export(run: Run, export: Path, workdir: Path) -> dict[str, Any]:
    """Score what was exported, as anybody would load it, on the split that the config names."""
    evaluation = run.config.evaluation
    predictor = exports.load(export)
    summary = evaluate.write_evaluation(
        evaluate.by_network(predictor),
        run.frames(evaluation.split),
        workdir / "evaluation" / evaluation.split,
        run.scoring,
        points=exports.read_manifest(export)["origin"]["operating_points"],
        thresholds=predictor.rules.thresholds,
        owned=True,
    )
    exports.add_scores(export, evaluation.split, summary)
    return summary


def print_scores(summary: dict[str, Any], info: DatasetInfo) -> None:
    """Print the scores people ask for first, a row a class, after what must be said with them."""
    if info.caution:
        console.print(info.caution)
    names = ("dice", "iou", "cldice", "hd95")
    table = Table("class", *names, title=f"{summary['cases']} cases, mean over cases")
    for name in info.class_names:
        table.add_row(name, *(_score(summary["classes"], name, metric) for metric in names))
    # What is hard is the curve; a region is hardly touched by what lies under it.
    for name in (info.class_names[k] for k in info.curves):
        for stratum, classes in summary["strata"].items():
            count = classes.get(name, {}).get("cases", 0)
            table.add_row(
                f"  {stratum} ({count})", *(_score(classes, name, metric) for metric in names)
            )
    console.print(table)
    print_presence(summary)
    if summary.get("spacings", {}).keys() - {"stated", "unknown"}:
        console.print(f"spacing: {spacings_in_words(summary)}", markup=False)
    if summary.get("image_labels"):
        print_image_labels(summary["image_labels"])


def print_presence(summary: dict[str, Any]) -> None:
    """Print how well frames with a class are told from those without, if there are such frames."""
    rows = presence.table(summary)
    table = Table(*presence.HEAD, title="Is it there?")
    for row in rows:
        table.add_row(*row)
    if rows:
        console.print(table)


def print_image_labels(image_labels: dict[str, Any]) -> None:
    """Print how often each image label is predicted right, over cases and over patients."""
    columns = ("image_label", "right", "of cases", "mean over patients", "95 %")
    table = Table(*columns, title="image_labels of whole frames")
    for name, of in image_labels.items():
        if of["cases"]:
            right = round(of["accuracy"] * of["cases"])
            low, high = of["interval"]
            shown = (f"{of['patient_accuracy']:.3f}", f"{low:.3f} to {high:.3f}")
            table.add_row(name, str(right), str(of["cases"]), *shown)
        else:
            table.add_row(name, "", "0", "", "")
    console.print(table)


def _score(classes: dict[str, Any], name: str, metric: str) -> str:
    mean = classes.get(name, {}).get("metrics", {}).get(metric, {}).get("mean")
    return "" if mean is None else f"{mean:.3f}"


def say_where(summary: dict[str, Any], run: Run, export: Path, report: Path) -> None:
    """Print the scores, and where the export and the report are."""
    print_scores(summary, run.info)
    console.print(f"export  {export}")
    console.print(f"report  {report}")
