"""The `fluorojax` command: what is done before and after a run of launch.py."""

import argparse
import dataclasses
import difflib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from fluorojax.cli import options as options_of
from fluorojax.core import environment
from fluorojax.core.errors import InputError
from fluorojax.core.progress import console, progress
from fluorojax.schema.info import DatasetInfo
from fluorojax.simulation.knee.spec import KneeSpec
from fluorojax.simulation.spec import Spec, drawn
from fluorojax.training import signals

if TYPE_CHECKING:
    from fluorojax.datasets.source import Dataset
    from fluorojax.evaluation.evaluate import Predict
    from fluorojax.inference.predictor import Predictor
    from fluorojax.training.reproduce import Outcome


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; what the user can mend is printed without a traceback, with status 2."""
    options = parser().parse_args(arguments)
    environment.quiet_libraries()
    try:
        options.command(options)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except signals.Stopped as stopped:
        signals.leave(stopped)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(prog="fluorojax", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for run, example in COMMANDS.items():
        text = (run.__doc__ or "").splitlines()[0]
        command = commands.add_parser(
            run.__name__,
            help=text,
            description=text,
            epilog=f"example: {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        getattr(options_of, run.__name__)(command)
        command.set_defaults(command=run)
    return top


def check(options: argparse.Namespace) -> None:
    """Read a folder of frames as training would, and say what is in it or what is wrong."""
    from fluorojax.data.folder import check_folder

    show_folder(check_folder(options.dir, options.cases))


def prepare(options: argparse.Namespace) -> None:
    """Check a folder of frames and build its data set, so that training can start at once."""
    from fluorojax.datasets.source import open_folder

    dataset = open_folder(options.dir, options.cases, options.built_dir)
    console.print(f"{dataset.info.name} is built, content {dataset.fingerprint[:12]}")


def predict(options: argparse.Namespace) -> None:
    """Write a bitmask and an overlay picture for each frame, on the frame's own grid.

    Of a dataset folder the table says which files are frames, and their spacing. A network that
    predicts image labels of whole frames has them written to `image_labels.csv`.
    """
    from fluorojax.inference.export import load
    from fluorojax.inference.inputs import cases_of, spacing_given, thresholds_given
    from fluorojax.inference.write import predict_cases

    model, spacing = load(options.export), spacing_given(options.spacing_mm)
    if options.threshold is not None:
        usual = model.rules.thresholds
        chosen = thresholds_given(options.threshold, model.rules.names, usual)
        model = model.with_rules(thresholds=chosen)
    cases = cases_of(options.inputs, options.cases)
    with progress("predict", len(cases)) as update:
        unknown = predict_cases(model, cases, options.out, spacing_mm=spacing, on_case=update)
    bits = ", ".join(f"{1 << k} = {name}" for k, name in enumerate(model.rules.names))
    console.print(f"{len(cases)} masks in {options.out} (values are sums of {bits})")
    if unknown and model.rules.bridges:
        bridge_px = model.rules.gap_closing.bridge_px
        console.print(
            f"the spacing of {unknown} is not known: gaps are closed up to {bridge_px:g} pixels; "
            "give --spacing-mm, or a dataset folder whose table has it"
        )
    if model.image_labels:
        names = ", ".join(a.name for a in model.image_labels)
        console.print(f"{names} of each frame in {options.out / 'image_labels.csv'}")


def measure(options: argparse.Namespace) -> None:
    """Measure knees on films: angles, millimetres, radiolucency, each with its error or refused."""
    from fluorojax.knee import films
    from fluorojax.knee.options import given_of, tolerances_of
    from fluorojax.knee.show import show
    from fluorojax.knee.source import source_of

    given, tolerances = given_of(options), tolerances_of(options.tolerance)
    compare = options.before is not None
    names = [options.before, *options.films] if compare else options.films
    source = source_of(options.masks, names, options.cases)
    record = films.measure(source, given, options.out, tolerances=tolerances, compare=compare)
    show(record, options.out)


def evaluate(options: argparse.Namespace) -> None:
    """Score an export, or any tool's masks, on a split of a folder of frames."""
    from fluorojax.datasets.source import labelled_only, open_folder
    from fluorojax.evaluation.evaluate import Scoring, by_network, write_evaluation
    from fluorojax.inference.export import read_manifest
    from fluorojax.training.finish import print_scores

    dataset = open_folder(options.dir, options.cases, options.built_dir)
    frames = dataset.split(options.split)
    points: dict[str, float] = {}
    thresholds: Sequence[float] = ()
    if (options.predictions / "manifest.json").is_file():
        model, info = network_of(options.predictions, dataset)
        predict, thresholds = by_network(model), model.rules.thresholds
        points = read_manifest(options.predictions)["origin"]["operating_points"]
    else:
        cases = [row.case for row in labelled_only(frames).rows]
        predict, info = masks_of(options, cases), dataset.info
    summary = write_evaluation(
        predict,
        frames,
        options.out,
        Scoring(info, len(dataset.info.classes)),
        points=points,
        thresholds=thresholds,
    )
    print_scores(summary, info)


def network_of(export: Path, dataset: "Dataset") -> "tuple[Predictor, DatasetInfo]":
    """Return an export's network, and the classes of the data set as it learned them.

    Raises:
        InputError: it finds other classes than the data set has, or other values of an image_label.
    """
    from fluorojax.inference.export import load, read_manifest
    from fluorojax.schema.labels import LABELS

    model, origin = load(export), read_manifest(export)["origin"]
    info = LABELS[origin["labels"]](dataset.info)
    ours, theirs = [c.name for c in model.classes], list(info.class_names)
    if ours != theirs:
        raise InputError(
            f"{export} finds {ours}, but {dataset.info.name} has labels for {theirs}; "
            "the names in dataset.json must be the export's, in the same order"
        )
    predicted = {a.name: a.values for a in model.image_labels}
    for image_label in info.image_labels:
        if (values := predicted.get(image_label.name, image_label.values)) != image_label.values:
            raise InputError(
                f"{export} predicts {image_label.name} as one of {', '.join(values)}, but in "
                f"{dataset.info.name} it is one of {', '.join(image_label.values)}; the values in "
                "dataset.json must be the export's, in the same order"
            )
    return model, info


def masks_of(options: argparse.Namespace, cases: Sequence[str]) -> "Predict":
    """Return a folder of masks as what predicts examples.

    Raises:
        InputError: no such folder, or cases without a mask in it.
    """
    from fluorojax.data.folder import read_folder
    from fluorojax.data.masks import NAMES, MaskFolder
    from fluorojax.inference.predictor import Prediction

    if not options.predictions.is_dir():
        raise InputError(f"{options.predictions}: give an export, or a folder of masks")
    masks = MaskFolder(
        options.predictions,
        read_folder(options.dir, options.cases),
        cases,
        encoding=options.encoding,
        names=[options.name] if options.name else NAMES,
    )
    return lambda example: Prediction(masks(example))


def export(options: argparse.Namespace) -> None:
    """Write the best parameters of a run as params.safetensors and manifest.json."""
    from fluorojax.config import simulation_spec
    from fluorojax.datasets.source import open_dataset
    from fluorojax.training import finish, setup
    from fluorojax.training.reproduce import config_of, read_record

    config = config_of(read_record(options.run))
    run = setup.set_up(config, open_dataset(config.data, simulation_spec(config.simulation)))
    console.print(f"export  {finish.export_best(run, options.run, options.out)}")


def benchmark(options: argparse.Namespace) -> None:
    """Run methods x seeds, and compare them; what is finished is not run again."""
    from fluorojax.compare import grid as grids
    from fluorojax.training.reproduce import read_record

    if options.jobs < 1:
        raise InputError(f"--jobs {options.jobs}: write a number from 1 up")
    configs = options.configs.split(",")
    cells = grids.grid(configs, whole_numbers("--seeds", options.seeds), options.workdir)
    grids.claim(options.workdir, options.set)
    grids.run_grid(cells, options.set, options.jobs)
    # The runs score the split that their configurations name, which is one for all.
    options.split = read_record(cells[0].workdir)["config"]["evaluation"]["split"]
    options.runs = [cell.workdir for cell in cells]
    options.out = options.workdir / "comparison"
    compare(options)


def whole_numbers(option: str, given: str) -> list[int]:
    """Return the numbers in a list such as `0,1,2`.

    Raises:
        InputError: something else is in it.
    """
    try:
        return [int(part) for part in given.split(",")]
    except ValueError:
        raise InputError(f"{option} {given}: write whole numbers, as in 0,1,2") from None


def reproduce(options: argparse.Namespace) -> None:
    """Run a run again in a new folder, and say whether the same parameters come out."""
    from fluorojax.training import reproduce as again
    from fluorojax.training.signals import Stop

    out = options.out or options.run.with_name(f"{options.run.resolve().name}-again")
    if out.resolve() == options.run.resolve():
        raise InputError(f"--out {out} is the run itself; give another folder")
    with Stop() as stop:
        outcome = again.reproduce(options.run, out, stop)
    show_outcome(outcome, options.run, out)
    sys.exit(1 if outcome.different else 0)


def show_outcome(outcome: "Outcome", run: Path, out: Path) -> None:
    """Print whether two runs are equal, and what differs, a few arrays and all circumstances."""
    same = outcome.arrays - len(outcome.different)
    verdict = "differ" if outcome.different else "are equal"
    console.print(f"{run} and {out} {verdict}: {same} of {outcome.arrays} arrays are the same bits")
    for line in outcome.different[:5]:
        console.print(f"- {line}")
    if len(outcome.different) > 5:
        console.print(f"- and {len(outcome.different) - 5} more, by less")
    if outcome.circumstances:
        console.print("what differed around them:")
        for line in outcome.circumstances:
            console.print(f"- {line}")
    elif outcome.different:
        console.print(
            "nothing that is recorded differed; on a GPU, --config.deterministic=true is needed "
            "for the same bits (docs/reproducibility.md)"
        )


def compare(options: argparse.Namespace) -> None:
    """Compare methods over seeds: means, paired differences with intervals, corrected p values."""
    from fluorojax import compare as comparison
    from fluorojax.compare.rows import DEFINITIONS, cells, first_lines, head
    from fluorojax.compare.runs import methods_of, without_others
    from fluorojax.metrics.case import EMPTY_POLICY

    folders = without_others(options.runs)
    if others := [path.name for path in options.runs if path not in folders]:
        console.print(f"left out, no runs: {', '.join(others)}")
    runs = comparison.read_runs(folders, options.split)
    methods = methods_of(runs)
    baseline = options.baseline or methods[0]
    if baseline not in methods:
        raise InputError(f"--baseline {baseline}: there are runs of {', '.join(methods)}")
    lines = comparison.compare(runs, baseline)
    report = comparison.write_comparison(lines, runs, baseline, options.out)
    table = Table("class", "metric", "method", "mean ± seeds", "difference [95 %]", "p")
    for line in first_lines(lines, runs):
        table.add_row(*head(line), *cells(line))
    console.print(table)
    console.print(DEFINITIONS)
    console.print(EMPTY_POLICY)
    console.print(f"all metrics, as CSV, Markdown and LaTeX, and plots: {options.out}")
    console.print(f"report  {report}")


def simulate(options: argparse.Namespace) -> None:
    """Write simulated frames, with their masks, and galleries with and without labels."""
    from fluorojax.datasets.gallery import write_gallery

    if min(options.n, options.frames) < 1:
        raise InputError(f"--n {options.n} --frames {options.frames}: write numbers from 1 up")
    spec = changed(options.procedure, options.side, options.set)
    write_gallery(
        spec,
        sequences=range(options.n),
        frames=options.frames,
        seed=options.seed,
        out=options.out,
    )
    console.print(f"frames, masks and gallery.png are in {options.out}")


def changed(procedure: str, side: int, assignments: Sequence[str]) -> Spec | KneeSpec:
    """Return the spec of a procedure with some fields set, given as `FIELD=VALUE`.

    Raises:
        InputError: no such field, or a value it cannot have.
    """
    spec = options_of.PROCEDURES[procedure]
    defaults = {field.name: field.default for field in drawn(spec)}
    fields: dict[str, Any] = {}
    for text in assignments:
        name, _, value = text.partition("=")
        if name not in defaults:
            close = difflib.get_close_matches(name, defaults, n=1, cutoff=0.0)[0]
            raise InputError(f"--set {text}: there is no field '{name}'; did you mean '{close}'?")
        try:
            numbers = tuple(float(part) for part in value.split(","))
        except ValueError:
            raise InputError(f"--set {text}: write numbers, as in --set quanta=300,900") from None
        fields[name] = numbers if isinstance(defaults[name], tuple) else numbers[0]
    return dataclasses.replace(spec, height=side, width=side, **fields)


def show_folder(summary: dict) -> None:
    """Print what `check_folder` found."""
    table = Table("", "", title=str(summary.get("name", "")), show_header=False)
    for name, value in summary.items():
        table.add_row(name, json.dumps(value) if isinstance(value, dict | list) else str(value))
    console.print(table)


if __name__ == "__main__":
    main()


COMMANDS: dict[Callable[[argparse.Namespace], None], str] = {
    check: "fluorojax check my_frames",
    prepare: "fluorojax prepare my_frames",
    predict: "fluorojax predict runs/joint/export frames/*.png --out predictions",
    measure: "fluorojax measure runs/knee/export films --view ap --out measured",
    evaluate: "fluorojax evaluate runs/joint/export my_frames --out scores",
    compare: "fluorojax compare runs/multi-seed* runs/joint-seed* --baseline multi --out both",
    benchmark: "fluorojax benchmark --configs multi:quick,joint:quick --seeds 0,1 --workdir grid",
    simulate: "fluorojax simulate --n 16 --out gallery",
    reproduce: "fluorojax reproduce runs/joint --out runs/joint-again",
    export: "fluorojax export runs/joint --out shared/joint",
}
"""What each command runs -> an example of it; `options` has its options under the same name."""
