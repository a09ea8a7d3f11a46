"""The options of each `fluorojax` command."""

import argparse
import re
from pathlib import Path

from fluorojax.config.procedures import PROCEDURES
from fluorojax.core.numbers import hint
from fluorojax.data.problems import said
from fluorojax.schema.info import ENCODINGS

EXPORT = "folder with manifest.json, or the name of a ready-made model such as joint"


def whole_number(text: str) -> int:
    """Return the whole number from 0 up that an option says, digits alone.

    Raises:
        ArgumentTypeError: it says none; argparse tells it with the option's name.
    """
    # Of any length: what is too large is refused where it is used, in the option's own words.
    if not re.fullmatch(r"\d{1,100}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"'{said(text)}' is no whole number{hint(text)}")
    return int(text)


def _folder(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "dir", type=Path, metavar="DIR", help="folder with dataset.json and cases.csv"
    )
    command.add_argument("--cases", default="cases.csv", help="table of cases inside DIR")


def init(command: argparse.ArgumentParser) -> None:
    """Add the options that name a folder without a table, and how its files are named."""
    command.add_argument("dir", type=Path, metavar="DIR", help="folder of frames and annotations")
    command.add_argument("--cases", default="cases.csv", help="table of cases to write in DIR")
    command.add_argument(
        "--patient-pattern",
        default="",
        metavar="REGEX",
        help="found in a frame's path without its ending; its groups (?P<patient>...), "
        "(?P<sequence>...) and (?P<frame>...), or else its first group, say these",
    )


def check(command: argparse.ArgumentParser) -> None:
    """Add the options that name a folder to be looked at."""
    _folder(command)
    command.add_argument(
        "--page", type=Path, metavar="FILE", help="write what is found as a page (HTML), too"
    )
    command.add_argument(
        "--no-trial",
        dest="trial",
        action="store_false",
        help="leave out the trial step, which compiles and says how long training takes here",
    )


def prepare(command: argparse.ArgumentParser) -> None:
    """Add the options that name a folder to be built."""
    _folder(command)
    command.add_argument("--built-dir", default="datasets", help="where built data sets are kept")
    for name, what in (("nnunet", "an nnU-Net raw folder"), ("coco", "frames and COCO files")):
        command.add_argument(
            f"--to-{name}", type=Path, metavar="OUT", help=f"write {what} there instead of building"
        )


def train(command: argparse.ArgumentParser) -> None:
    """Add the options that name a configuration and the folder of its run."""
    command.usage = "fluorojax train CONFIG[:VARIANT] [--workdir DIR] [--config.FIELD=VALUE ...]"
    command.add_argument(
        "config",
        metavar="CONFIG[:VARIANT]",
        help="such as joint, joint:quick, configs/joint.py:quick or a file of your own; "
        "--config.FIELD=VALUE sets any field of it, such as --config.training.steps=4000",
    )
    command.add_argument(
        "--workdir", type=Path, metavar="DIR", help="folder of the run; default: runs/METHOD-..."
    )


def predict(command: argparse.ArgumentParser) -> None:
    """Add the options that name an export and new frames."""
    command.add_argument("export", type=Path, metavar="EXPORT", help=EXPORT)
    command.add_argument(
        "inputs",
        type=Path,
        nargs="+",
        metavar="INPUT",
        help="frames, folders of them, or dataset folders, of which the table is read",
    )
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="where masks are written"
    )
    command.add_argument(
        "--threshold",
        metavar="P|CLASS=P,...",
        help="probability, for all classes or for those named; default: the export's own",
    )
    command.add_argument(
        "--spacing-mm",
        metavar="MM|ROW,COLUMN",
        help="size of a pixel in the plane of the thing shown; default: the table's, if any",
    )
    command.add_argument("--cases", default="cases.csv", help="table of cases in a dataset folder")
    command.add_argument(
        "--labelme",
        action="store_true",
        help="write the curves as CASE.json too, to be corrected in LabelMe",
    )
    command.add_argument(
        "--with",
        dest="others",
        action="append",
        default=[],
        type=Path,
        metavar="EXPORT",
        help="another training of the same classes, perhaps several: an ensemble, with maps of its "
        "uncertainty",
    )
    for name, what in (
        ("probabilities", "the probability of each class as CASE_CLASS_probability.png, 16 bit"),
        ("video", "the pictures of each cine as CINE_overlay.mp4"),
        ("coco", "all masks as coco.json"),
        ("dicom-seg", "the masks of each DICOM file as NAME_seg.dcm, with the patient's name"),
    ):
        command.add_argument(f"--{name}", action="store_true", help=f"write {what}")


def latency(command: argparse.ArgumentParser) -> None:
    """Add the options that name an export and a frame that it is timed with."""
    command.add_argument("export", type=Path, metavar="EXPORT", help=EXPORT)
    command.add_argument("frame", type=Path, metavar="FRAME", help="one like those to come")
    command.add_argument(
        "--rounds", type=int, default=200, help="times that it is done; default: 200"
    )
    command.add_argument(
        "--spacing-mm", metavar="MM|ROW,COLUMN", help="size of a pixel; default: the frame's own"
    )


def view(command: argparse.ArgumentParser) -> None:
    """Add the options that name frames, and what is known of them."""
    command.add_argument(
        "dir",
        type=Path,
        metavar="DIR",
        help="dataset folder, folder of pictures or DICOM, or folder of a run that was scored",
    )
    command.add_argument(
        "--export",
        type=Path,
        metavar="EXPORT",
        help="a network, by its folder or name, that predicts the frames; those that it is least "
        "sure of come first",
    )
    command.add_argument(
        "--predictions", type=Path, metavar="DIR", help="what `fluorojax predict` wrote of them"
    )
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="where corrections are saved; default: DIR/labelme"
    )
    command.add_argument("--cases", default="cases.csv", help="table of cases in a dataset folder")
    command.add_argument(
        "--classes",
        metavar="NAME:KIND,...",
        help="what is drawn where nothing says it, as in wire:curve,scope:region",
    )
    command.add_argument(
        "--port", type=whole_number, default=0, metavar="N", help="default: one that is free"
    )
    command.add_argument(
        "--no-browser", action="store_true", help="only print the address of the page"
    )


def measure(command: argparse.ArgumentParser) -> None:
    """Add the options that name masks of knees, and what is known of the films."""
    command.add_argument(
        "masks",
        type=Path,
        metavar="EXPORT|FOLDER",
        help="an export, by its folder or name, or a dataset folder whose annotations are measured",
    )
    command.add_argument(
        "films",
        nargs="*",
        metavar="FILM",
        help="films or folders of them; of FOLDER: cases, default: all that are annotated",
    )
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="for tables and pictures"
    )
    command.add_argument("--cases", default="cases.csv", help="table of cases in a dataset folder")
    command.add_argument(
        "--before", metavar="FILM", help="an earlier film of the knee: what changed?"
    )
    command.add_argument(
        "--view",
        choices=("ap", "lateral"),
        help="of all films, as --side and --implant; default: as the folder or the export says",
    )
    command.add_argument("--side", choices=("left", "right"), help="of the body")
    command.add_argument(
        "--implant",
        choices=("total", "revision", "unicompartmental", "native"),
        help="default: as the folder or the export says, or told from the masks",
    )
    command.add_argument(
        "--spacing-mm",
        metavar="MM",
        help="size of a pixel, or ROW,COLUMN; default: the folder's",
    )
    command.add_argument(
        "--magnification",
        default="unknown",
        metavar="M",
        help="the spacing is the detector's, and the knee is shown M times as large; 1: the "
        "spacing is that of the knee's plane; default: unknown, and lengths are in the detector's "
        "plane",
    )
    command.add_argument(
        "--known-width",
        metavar="COMPONENT=MM",
        help="catalogue width of tibial_component or femoral_component in this view",
    )
    command.add_argument(
        "--ball-mm", metavar="MM", help="diameter of what the class calibration_ball shows"
    )
    command.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="NAME=LOW,HIGH",
        help="a band instead of the usual one, such as alpha=93,99",
    )
    command.add_argument(
        "--dicom-sr",
        action="store_true",
        help="write the measurements of each DICOM film as a structured report, FILM_sr.dcm, with "
        "the patient's name",
    )


def evaluate(command: argparse.ArgumentParser) -> None:
    """Add the options that name predictions, and the folder they are scored on."""
    command.add_argument(
        "predictions",
        type=Path,
        metavar="EXPORT|MASKS",
        help="an export, by its folder or name, or a folder of masks",
    )
    _folder(command)
    command.add_argument(
        "--encoding", default="bitmask", choices=ENCODINGS, help="of masks, as in dataset.json"
    )
    command.add_argument(
        "--name",
        metavar="PATTERN",
        help="of masks, with {case} or {stem}, and {class} for a file a class; default: {case}.png "
        "or {stem}.png, whichever has the masks of all cases",
    )
    command.add_argument("--split", default="test", choices=("train", "validation", "test"))
    command.add_argument("--built-dir", default="datasets", help="where built data sets are kept")
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="where scores are written"
    )


def compare(command: argparse.ArgumentParser) -> None:
    """Add the options that name finished runs."""
    command.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN", help="folders of finished runs"
    )
    command.add_argument(
        "--baseline", help="method the others are held against; default: the first's"
    )
    command.add_argument(
        "--split", default="test", help="a folder in RUN/evaluation; default: %(default)s"
    )
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="for tables, plots and report.html"
    )
    allow_different(command)


def allow_different(command: argparse.ArgumentParser) -> None:
    """Add the option by which runs that were trained otherwise are compared all the same."""
    command.add_argument(
        "--allow-different",
        action="store_true",
        help="compare runs that differ in more than method and seed too; all that is written "
        "begins with what they differ in",
    )


def benchmark(command: argparse.ArgumentParser) -> None:
    """Add the options that name a grid of runs."""
    command.add_argument(
        "--configs",
        default="single,multi,separate,cascade,joint",
        metavar="NAMES",
        help="as for train, perhaps with :quick behind; default: %(default)s",
    )
    command.add_argument("--seeds", default="0,1,2,3,4", help="default: %(default)s")
    command.add_argument(
        "--folds",
        type=int,
        metavar="N",
        help="cross-validation: every method and seed is trained N times on train and validation "
        "together but for a fold of the patients, and all folds are scored together",
    )
    command.add_argument(
        "--jobs",
        type=whole_number,
        default=1,
        help="runs at once, which share the CPU cores; default: %(default)s",
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="a field of every configuration, such as training.steps=4000",
    )
    command.add_argument(
        "--baseline", help="method the others are held against; default: the first's"
    )
    command.add_argument(
        "--workdir", type=Path, required=True, metavar="DIR", help="for runs and comparison"
    )
    allow_different(command)


def simulate(command: argparse.ArgumentParser) -> None:
    """Add the options that name what is simulated."""
    command.add_argument(
        "--n", type=whole_number, default=16, metavar="N", help="patients, or sequences"
    )
    command.add_argument(
        "--frames", type=whole_number, default=1, help="frames a sequence, 0.5 s apart"
    )
    command.add_argument(
        "--procedure", default="ercp", choices=tuple(PROCEDURES), help="what is shown"
    )
    command.add_argument(
        "--side", type=whole_number, default=512, help="rows and columns of a frame (px)"
    )
    command.add_argument("--seed", type=whole_number, default=0)
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="a field of fluorojax/simulation/spec.py (knee/spec.py), such as quanta=300,900",
    )
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")


def reproduce(command: argparse.ArgumentParser) -> None:
    """Add the options that name a run that is made again."""
    command.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run")
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the new run; default: RUN-again"
    )


def report(command: argparse.ArgumentParser) -> None:
    """Add the options that name a run whose page is written."""
    command.add_argument("run", type=Path, metavar="RUN", help="folder of a run")
    command.add_argument(
        "--anonymous",
        action="store_true",
        help="without pictures, names of cases and patients, paths and machines (SECURITY.md)",
    )
    command.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="default: RUN/report.html, or RUN/report_anonymous.html",
    )


def export(command: argparse.ArgumentParser) -> None:
    """Add the options that name a run that is exported, and for what."""
    command.add_argument(
        "run",
        type=Path,
        metavar="RUN",
        help="folder of a run, trained at least in part; with --format also that of an export, or "
        "its name",
    )
    command.add_argument(
        "--format",
        choices=("onnx", "stablehlo"),
        help="write the network of the export for other runtimes, as one file",
    )
    command.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        help="folder of the export, default: RUN/export; with --format a new file",
    )


def report_bug(command: argparse.ArgumentParser) -> None:
    """Add the option that names a run in which something is wrong."""
    command.add_argument(
        "run", type=Path, nargs="?", metavar="RUN", help="folder of the run that it is about"
    )
