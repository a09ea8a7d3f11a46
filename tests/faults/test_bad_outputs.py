"""Calls that would write over what is there: each is refused, and nothing has changed."""
# ruff: noqa: E501  (a row a line)

import re
import shutil

import pytest

from fluorojax.cli import main as cli
from fluorojax.core import outputs
from tests.faults.matrix import names
from tests.faults.place import state, write_export, write_place
from tests.folders import edit_csv

NOT_OURS = "is not empty: .*give a new folder"
IN_IT = "is read, and would be lost|lies in it"


def predict(place, *inputs, out="out", more=()):
    return ["predict", place / "export", *(place / i for i in inputs), "--out", place / out, *more]


def evaluate(place, given="export", out="out", more=()):
    built = ["--built-dir", place / "built"]
    return ["evaluate", place / given, place / "frames", "--out", place / out, *built, *more]


def compare(place, out="out"):
    return ["compare", *sorted((place / "runs").iterdir()), "--out", place / out]


def simulate(place, out="out"):
    return ["simulate", "--n", "1", "--frames", "2", "--side", "48", "--out", place / out]


def report(place, out="out.html"):
    return ["report", place / "runs" / "multi-seed0", "--out", place / out]


def measure(place, *films, out="out", given="knees"):
    return ["measure", place / given, *films, "--view", "ap", "--out", place / out]


def link(place, name, target):
    (place / name).symlink_to(place / target)


def copied(place, name, target):
    shutil.copy(place / target, place / name)


def earlier(call):
    """Return what makes results of an earlier call in `out`."""

    def make(place):
        cli.main([str(a) for a in call(place)])

    return make


def simulated(place):
    """Make what `simulate` leaves, without a simulation."""
    with outputs.results(place / "out", "simulated frames") as draft:
        (draft / "cases.csv").write_text("case")


def earlier_then(call, change):
    def make(place):
        earlier(call)(place)
        change(place)

    return make


def nothing(place):
    """Leave the place as it is."""


def two_stems(place):
    copied(place, "f1.png", "frames/images/0.png")
    copied(place, "f1_overlay.png", "frames/images/1.png")


def same_stem(place):
    (place / "b").mkdir()
    copied(place, "b/0.png", "frames/images/1.png")


def masks(place):
    """Put masks of the test split there, by case."""
    (place / "masks").mkdir()
    copied(place, "masks/c4.png", "frames/masks/4.png")


def masks_for_two(place):
    """Two test cases, and one mask."""
    masks(place)
    edit_csv(place / "frames/cases.csv", lambda rows: [r | _to_test(r) for r in rows])


def _to_test(row):
    return {"split": "test"} if row["case"] in ("c1", "c4") else {}


def cases_named_as_others_files(place):
    masks(place)
    copied(place, "masks/0.png", "frames/masks/0.png")
    copied(place, "masks/4.png", "frames/masks/4.png")
    edit_csv(place / "frames/cases.csv", lambda r: [x | {"case": _swap(x["case"])} for x in r])


def _swap(case):
    return {"c4": "0", "c0": "4"}.get(case, case)


def text_in(name):
    def make(place):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("mine")

    return make


# fmt: off
ROWS = [
    # predict
    ("predict in place", nothing, lambda p: predict(p, "frames/images", out="frames/images"), IN_IT),
    ("predict in place, a frame", nothing, lambda p: predict(p, "frames/images/0.png", out="frames/images"), IN_IT),
    ("predict into the data set", nothing, lambda p: predict(p, "frames", out="frames"), IN_IT),
    ("predict above the frames", nothing, lambda p: predict(p, "frames", out="."), IN_IT),
    ("predict through a link", lambda p: link(p, "out", "frames/images"), lambda p: predict(p, "frames/images"), IN_IT),
    ("predict frames by a link", lambda p: link(p, "there", "frames/images"), lambda p: predict(p, "there", out="frames/images"), IN_IT),
    ("predict by dots", nothing, lambda p: predict(p, "frames/images", out="frames/masks/../images"), IN_IT),
    ("predict over masks", nothing, lambda p: predict(p, "frames/images", out="frames/masks"), "is no prediction"),
    ("predict over an export", nothing, lambda p: predict(p, "frames", out="export"), "is no prediction"),
    ("predict over a run", nothing, lambda p: predict(p, "frames", out="runs/multi-seed0"), "is no prediction"),
    ("predict among notes", text_in("out/notes.txt"), lambda p: predict(p, "frames"), r"notes\.txt is no prediction"),
    ("predict over a file", text_in("out"), lambda p: predict(p, "frames"), "is no folder"),
    ("predict below a file", text_in("file"), lambda p: predict(p, "frames", out="file/out"), "Not a directory|is no folder|cannot be written"),
    ("predict with another threshold", earlier(lambda p: predict(p, "frames")), lambda p: predict(p, "frames", more=["--threshold", "0.2"]), "holds predictions with masks"),
    ("predict with another spacing", earlier(lambda p: predict(p, "frames")), lambda p: predict(p, "frames", more=["--spacing-mm", "0.2"]), "holds predictions with spacing_mm"),
    ("predict with another export", earlier_then(lambda p: predict(p, "frames"), lambda p: write_export(p / "export", seed=1)), lambda p: predict(p, "frames"), "holds predictions with parameters"),
    ("predict beside a foreign file", earlier_then(lambda p: predict(p, "frames"), text_in("out/mine.png")), lambda p: predict(p, "frames"), r"mine\.png is no prediction"),
    ("predict its own masks", earlier(lambda p: predict(p, "frames")), lambda p: predict(p, "out"), "would both be written to"),
    ("predict, overlay and mask of one name", two_stems, lambda p: predict(p, "f1.png", "f1_overlay.png"), "the mask of f1_overlay and the overlay of f1 would both"),
    ("predict, two stems of one name", same_stem, lambda p: predict(p, "frames/images", "b"), "would both be written to 0.png"),
    ("predict over evaluation", earlier(lambda p: evaluate(p)), lambda p: predict(p, "frames"), "is no prediction"),
    # evaluate
    ("evaluate into the data set", nothing, lambda p: evaluate(p, out="frames"), IN_IT),
    ("evaluate masks into the data set", masks, lambda p: evaluate(p, "masks", out="frames"), IN_IT),
    ("evaluate above the data set", nothing, lambda p: evaluate(p, out="."), IN_IT),
    ("evaluate into the masks", masks, lambda p: evaluate(p, "masks", out="masks"), IN_IT),
    ("evaluate into the export", nothing, lambda p: evaluate(p, out="export"), IN_IT),
    ("evaluate through a link", lambda p: link(p, "out", "frames"), evaluate, IN_IT),
    ("evaluate over a run", nothing, lambda p: evaluate(p, out="runs/joint-seed0"), NOT_OURS),
    ("evaluate over a run's scores", nothing, lambda p: evaluate(p, out="runs/joint-seed0/evaluation/test"), "is a part of the run"),
    ("evaluate over images", nothing, lambda p: evaluate(p, out="frames/images"), NOT_OURS),
    ("evaluate over predictions", earlier(lambda p: predict(p, "frames")), evaluate, NOT_OURS),
    ("evaluate over a comparison", earlier(compare), evaluate, "another call's comparison"),
    ("evaluate over a simulation", simulated, evaluate, "another call's simulated frames"),
    ("evaluate over changed scores", earlier_then(evaluate, text_in("out/cases.csv")), evaluate, "cases.csv was changed"),
    ("evaluate beside notes", earlier_then(evaluate, text_in("out/maps/notes.txt")), evaluate, "notes.txt is no evaluation"),
    ("evaluate over a file", text_in("out"), evaluate, "is no folder"),
    ("evaluate below a file", text_in("file"), lambda p: evaluate(p, out="file/out"), "cannot be|Not a directory"),
    ("evaluate nothing", nothing, lambda p: evaluate(p, "nowhere"), "give an export, or a folder of masks"),
    ("evaluate, one name for two", masks_for_two, lambda p: evaluate(p, "masks", more=["--name", "c4.png"]), "one file for 2 cases"),
    ("evaluate, an unknown place", masks, lambda p: evaluate(p, "masks", more=["--name", "{name}.png"]), "is not filled in"),
    ("evaluate, a class without a file", masks, lambda p: evaluate(p, "masks", more=["--name", "{case}_{class}.png"]), "goes with --encoding per_class"),
    ("evaluate, files of a class by one", masks, lambda p: evaluate(p, "masks", more=["--encoding", "per_class", "--name", "{case}.png"]), "goes with --encoding per_class"),
    ("evaluate, no mask", masks_for_two, lambda p: evaluate(p, "masks"), r"1 of 2 cases have no mask \(c1\)"),
    ("evaluate, two masks of a case", cases_named_as_others_files, lambda p: evaluate(p, "masks"), "say which with --name"),
    # compare, simulate, report
    ("compare into a run", nothing, lambda p: compare(p, out="runs/multi-seed0"), IN_IT),
    ("compare into the runs", nothing, lambda p: compare(p, out="runs"), IN_IT),
    ("compare above the runs", nothing, lambda p: compare(p, out="."), IN_IT),
    ("compare over frames", nothing, lambda p: compare(p, out="frames"), NOT_OURS),
    ("compare over scores", earlier(evaluate), compare, "another call's evaluation"),
    ("compare over a changed table", earlier_then(compare, text_in("out/table.md")), compare, "table.md was changed"),
    ("compare over a file", text_in("out"), compare, "is no folder"),
    ("compare through a link", lambda p: link(p, "out", "runs"), compare, IN_IT),
    ("simulate over frames", nothing, lambda p: simulate(p, out="frames"), "is not empty"),
    ("simulate over itself", simulated, simulate, "is not empty"),
    ("simulate over a file", text_in("out"), simulate, "is no folder"),
    ("report over a table", nothing, lambda p: report(p, out="frames/cases.csv"), "is no page"),
    ("report over a frame", nothing, lambda p: report(p, out="frames/images/0.png"), "is no page"),
    ("report over a folder", nothing, lambda p: report(p, out="frames"), "is no page"),
    ("report of no run", nothing, lambda p: ["report", p / "nowhere"], "is not a directory"),
]
# fmt: on


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    return write_place(tmp_path_factory.mktemp("pristine") / "place")


@pytest.fixture
def place(pristine, tmp_path):
    return shutil.copytree(pristine, tmp_path / "place")


def refused_call(arguments, capsys):
    """Run a command that must be refused; return its one line."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        cli.main([str(a) for a in arguments])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    return said


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_nothing_is_lost(row, place, capsys):
    _, make, call, pattern = row
    make(place)
    before = state(place)
    said = refused_call(call(place), capsys)
    assert re.search(pattern, said), said
    after = state(place)
    assert {name: after.get(name) for name in before} == before
    assert not [name for name in after.keys() - before.keys() if not name.startswith("built/")]
