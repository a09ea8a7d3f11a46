"""The `fluorojax` command: a run, and what is done before and after it."""

import argparse
import dataclasses
import difflib
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fluorojax
from fluorojax.cli import options as options_of
from fluorojax.cli.bugs import report_bug
from fluorojax.cli.comparison import benchmark, compare
from fluorojax.cli.folders import check, init, prepare
from fluorojax.cli.latency import latency
from fluorojax.cli.runs import export, report, reproduce, train
from fluorojax.cli.viewing import view
from fluorojax.config.procedures import PROCEDURES
from fluorojax.core import environment
from fluorojax.core.errors import SOME_FAILED, InputError
from fluorojax.core.numbers import hint, number
from fluorojax.core.outputs import check_free
from fluorojax.core.progress import console, progress
from fluorojax.schema.frame import ORIGINS
from fluorojax.schema.info import DatasetInfo
from fluorojax.simulation.knee.spec import KneeSpec
from fluorojax.simulation.spec import Spec, drawn
from fluorojax.training import signals

if TYPE_CHECKING:
    from fluorojax.datasets.source import Dataset
    from fluorojax.evaluation.evaluate import Predict
    from fluorojax.inference.predictor import Predictor
    from fluorojax.inference.write import Outcome


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; what the user can mend is printed without a traceback, with status 2."""
    top = parser()
    # Fields of a configuration, such as --config.seed=1, are no options of the parser.
    options, rest = top.parse_known_args(arguments)
    if rest and options.command is not train:
        top.error(f"unrecognized arguments: {' '.join(rest)}")
    options.overrides = rest
    with signals.leaving():
        environment.quiet_libraries()
        options.command(options)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(prog="fluorojax", description=__doc__)
    top.add_argument("--version", action="version", version=f"fluorojax {fluorojax.__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for run, example in COMMANDS.items():
        text = (run.__doc__ or "").splitlines()[0]
        command = commands.add_parser(
            name_of(run),
            help=text,
            description=text,
            epilog=f"example: {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        getattr(options_of, run.__name__)(command)
        command.set_defaults(command=run)
    return top


def name_of(run: Callable[..., None]) -> str:
    """Return what a command is called on the command line."""
    return run.__name__.replace("_", "-")


def predict(options: argparse.Namespace) -> None:
    """Write a bitmask and an overlay picture for each frame, on the frame's own grid.

    Of a dataset folder the table says which files are frames, and their spacing. What was found is
    in `predictions.csv` too, curves with their points in `CASE_curves.json`. A network that
    predicts image labels of whole frames has them written to `image_labels.csv`. Frames that cannot
    be read are named at the end, with status 3; the same command again skips what is done.
    """
    environment.keep_compiled()
    from fluorojax.inference.ensemble import algorithm_of, load_all
    from fluorojax.inference.inputs import cases_of, spacing_given, thresholds_given
    from fluorojax.inference.products import Wanted
    from fluorojax.inference.write import call_of, predict_cases

    exports, spacing = [options.export, *options.others], spacing_given(options.spacing_mm)
    model, checksums = load_all(exports)
    if options.threshold is not None:
        usual = model.rules.thresholds
        chosen = thresholds_given(options.threshold, model.rules.names, usual)
        model = model.with_rules(thresholds=chosen)
    cases = cases_of(options.inputs, options.cases)
    call = call_of(model, checksums, spacing)
    with progress("predict", len(cases)) as update:
        outcome = predict_cases(
            *(model, cases, options.out, call),
            spacing_mm=spacing,
            wanted=Wanted(**{name: getattr(options, name) for name in Wanted._fields}),
            algorithm=algorithm_of(exports, model),
            on_case=update,
        )
    show_outcome(outcome, model, options.out)
    if outcome.failed or outcome.unmade:
        sys.exit(SOME_FAILED)


def show_outcome(outcome: "Outcome", model: "Predictor", out: Path) -> None:
    """Print what `predict` has written, what it could not say, and each frame that failed."""
    bits = ", ".join(f"{1 << k} = {name}" for k, name in enumerate(model.rules.names))
    before = f", {outcome.skipped} of an earlier call" if outcome.skipped else ""
    count = outcome.written + outcome.skipped
    console.print(f"{count} masks in {out}{before} (values are sums of {bits})")
    if outcome.spacings["unknown"] and model.rules.reaches:
        reach = model.rules.longest_gap_px
        console.print(
            f"the spacing of {outcome.spacings['unknown']} is not known: gaps are closed up to "
            f"{reach:g} pixels; give --spacing-mm, or a dataset folder whose table has it"
        )
    for origin in ("imager", "magnification"):
        if (number := outcome.spacings[origin]) and model.rules.reaches:
            console.print(f"the spacing of {number} is {ORIGINS[origin]}", markup=False)
    if model.image_labels:
        names = ", ".join(a.name for a in model.image_labels)
        console.print(f"{names} of each frame in {out / 'image_labels.csv'}")
    if outcome.made:
        more = f" and {len(outcome.made) - 5} more" if len(outcome.made) > 5 else ""
        console.print(f"made of them: {', '.join(outcome.made[:5])}{more}", markup=False)
    if any(name.endswith(".dcm") for name in outcome.made):
        console.print("the .dcm files hold the name of the patient, as their sources do")
    for name, reason in (*outcome.failed.items(), *outcome.unmade.items()):
        print(f"failed: {name}: {reason}", file=sys.stderr)
    if outcome.failed:
        print(
            f"error: {len(outcome.failed)} of {count + len(outcome.failed)} frames could not be "
            "predicted; mend them and run the same command again: the others are not made again",
            file=sys.stderr,
        )


def measure(options: argparse.Namespace) -> None:
    """Measure knees on films: angles, millimetres, radiolucency, each with its error or refused."""
    environment.keep_compiled()
    from fluorojax.knee import films
    from fluorojax.knee.options import given_of, tolerances_of
    from fluorojax.knee.show import show
    from fluorojax.knee.source import source_of

    given, tolerances = given_of(options), tolerances_of(options.tolerance)
    compare = options.before is not None
    names = [options.before, *options.films] if compare else options.films
    source = source_of(options.masks, names, options.cases)
    record = films.measure(
        *(source, given, options.out),
        tolerances=tolerances,
        compare=compare,
        dicom_sr=options.dicom_sr,
    )
    show(record, options.out)


def evaluate(options: argparse.Namespace) -> None:
    """Score an export, or any tool's masks, on a split of a folder of frames."""
    environment.keep_compiled()
    from fluorojax.datasets.source import labelled_only, open_folder
    from fluorojax.evaluation.evaluate import KIND, Scoring, by_network, write_evaluation
    from fluorojax.inference.export import origin_for_scores
    from fluorojax.inference.ready_made import is_export
    from fluorojax.training.finish import print_scores

    reads = (options.predictions, options.dir)
    check_free(options.out, KIND, reads)
    dataset = open_folder(options.dir, options.cases, options.built_dir)
    frames = dataset.split(options.split)
    points: dict[str, float] = {}
    thresholds: Sequence[float] = ()
    if is_export(options.predictions):
        model, info = network_of(options.predictions, dataset)
        predict, thresholds = by_network(model), model.rules.thresholds
        points = origin_for_scores(options.predictions)["operating_points"]
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
        reads=reads,
    )
    print_scores(summary, info)


def network_of(export: Path, dataset: "Dataset") -> "tuple[Predictor, DatasetInfo]":
    """Return an export's network, and the classes of the data set as it learned them.

    Raises:
        InputError: it finds other classes than the data set has, or other values of an image label.
    """
    from fluorojax.inference.export import load, origin_for_scores
    from fluorojax.schema.labels import LABELS

    model, origin = load(export), origin_for_scores(export)
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
    from fluorojax.data.masks import MaskFolder
    from fluorojax.inference.predictor import Prediction
    from fluorojax.inference.ready_made import in_words

    if not options.predictions.is_dir():
        raise InputError(
            f"{options.predictions}: give an export, or a folder of masks, or {in_words()}"
        )
    masks = MaskFolder(
        options.predictions,
        read_folder(options.dir, options.cases),
        cases,
        encoding=options.encoding,
        names=[options.name] if options.name else None,
    )
    return lambda example: Prediction(masks(example))


def simulate(options: argparse.Namespace) -> None:
    """Write simulated frames, with their masks, and galleries with and without labels."""
    from fluorojax.datasets.gallery import write_gallery

    if min(options.n, options.frames) < 1:
        raise InputError(f"--n {options.n} --frames {options.frames}: write numbers from 1 up")
    if not 0 <= options.seed < 2**31:
        raise InputError(f"--seed {options.seed}: write a whole number from 0 to {2**31 - 1}")
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
    spec = PROCEDURES[procedure].spec
    defaults = {field.name: field.default for field in drawn(spec)}
    fields: dict[str, Any] = {}
    for text in assignments:
        name, _, value = text.partition("=")
        if name not in defaults:
            close = difflib.get_close_matches(name, defaults, n=1, cutoff=0.0)[0]
            raise InputError(f"--set {text}: there is no field '{name}'; did you mean '{close}'?")
        numbers = tuple(map(number, value.split(",")))
        if any(map(math.isnan, numbers)):
            raise InputError(
                f"--set {text}: write numbers, as in --set quanta=300,900{hint(value)}"
            )
        fields[name] = numbers if isinstance(defaults[name], tuple) else numbers[0]
    return dataclasses.replace(spec, height=side, width=side, **fields)


COMMANDS: dict[Callable[[argparse.Namespace], None], str] = {
    init: "fluorojax init my_frames",
    check: "fluorojax check my_frames",
    prepare: "fluorojax prepare my_frames",
    train: "fluorojax train joint:quick --workdir=runs/joint-1 --config.seed=1",
    predict: "fluorojax predict runs/joint/export frames/*.png --out predictions",
    latency: "fluorojax latency runs/joint/export frame.png",
    view: "fluorojax view my_frames --export runs/joint/export",
    measure: "fluorojax measure runs/knee/export films --view ap --out measured",
    evaluate: "fluorojax evaluate runs/joint/export my_frames --out scores",
    compare: "fluorojax compare runs/multi-seed* runs/joint-seed* --baseline multi --out both",
    benchmark: "fluorojax benchmark --configs multi:quick,joint:quick --seeds 0,1 --workdir grid",
    simulate: "fluorojax simulate --n 16 --out gallery",
    reproduce: "fluorojax reproduce runs/joint --out runs/joint-again",
    report: "fluorojax report runs/joint --anonymous",
    export: "fluorojax export runs/joint --out shared/joint",
    report_bug: "fluorojax report-bug runs/joint",
}
"""What each command runs -> an example of it; `options` has its options under the same name."""
