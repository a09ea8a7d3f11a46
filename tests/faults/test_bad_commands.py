"""What a user can mend ends a command in one line and status 2, without a traceback."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import launch
from fluorojax.cli.main import main
from fluorojax.compare import grid
from fluorojax.configs import base
from fluorojax.core import parallel
from tests.compare.constructed import two_methods
from tests.faults import exports
from tests.folders import write_folder

Row = tuple[str, Callable[[Path], list[object]], str]
"""Name; makes what is bad in an empty folder, where the command runs, and returns the command's
arguments; a pattern that the line must hold."""

OWN = """\
from fluorojax.configs import base


def get_config(variant=""):
    config = base.get_config()
    {body}
    return config
"""


def said(run, arguments, capsys) -> str:
    """Run a command; return the line that it leaves with."""
    with pytest.raises(SystemExit) as left:
        run([str(argument) for argument in arguments])
    error = capsys.readouterr().err
    assert left.value.code == 2, error
    assert error.startswith("error: ")
    assert "Traceback" not in error
    assert error.count("\n") == 1 or "cannot be used:\n" in error, error
    return error


def train(*arguments: object) -> Callable[[Path], list[object]]:
    """Return the making of a training of the package's own configuration."""
    return lambda folder: ["train", *arguments]


def own(text: str, *arguments: object, name: str = "mine.py") -> Callable[[Path], list[object]]:
    """Return the making of a training of a configuration file of the user's own."""

    def make(folder: Path) -> list[object]:
        (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
        return ["train", name, *arguments]

    return make


def body(text: str, *arguments: object) -> Callable[[Path], list[object]]:
    """Return the making of a training of a file whose `get_config` has these lines."""
    return own(OWN.format(body=text), *arguments)


def record() -> dict:
    """Return the `config.json` of a run."""
    config = json.loads(json.dumps(base.get_config("quick").to_dict()))
    config["training"]["cpu_devices"] = 1  # jax is there already
    return {"config": config, "dataset": {"fingerprint": "f" * 64}}


def run_with(change, command: str = "reproduce") -> Callable[[Path], list[object]]:
    """Return the making of a run whose `config.json` a function has changed."""

    def make(folder: Path) -> list[object]:
        fields = record()
        replaced = change(fields)
        (folder / "run").mkdir()
        text = replaced if isinstance(replaced, str) else json.dumps(fields)
        (folder / "run/config.json").write_text(text)
        return [command, "run"]

    return make


def compared(change: Callable[[Path], object]) -> Callable[[Path], list[object]]:
    """Return the making of runs of two methods, one of which a function has damaged."""

    def make(folder: Path) -> list[object]:
        runs = two_methods(folder / "grid")
        change(runs[3])
        return ["compare", *runs, "--out", folder / "out"]

    return make


def edited(name: str, change: Callable[[str], str]) -> Callable[[Path], object]:
    """Return what changes the text of a file in a run."""

    def damage(run: Path) -> None:
        path = run / name
        path.write_text(change(path.read_text()))

    return damage


def fields(name: str, change: Callable[[dict], object]) -> Callable[[Path], object]:
    """Return what changes the fields of a JSON file in a run."""

    def changed(text: str) -> str:
        found = json.loads(text)
        change(found)
        return json.dumps(found)

    return edited(name, changed)


CASES, SUMMARY = "evaluation/test/cases.csv", "evaluation/test/summary.json"


def cell(column: int, text: str) -> Callable[[Path], object]:
    """Return what puts a text into the second line of the table of cases."""

    def change(table: str) -> str:
        head, first, *rest = table.splitlines()
        cells = first.split(",")
        cells[column] = text
        return "\n".join([head, ",".join(cells), *rest])

    return edited(CASES, change)


def benchmark(text: str) -> Callable[[Path], list[object]]:
    """Return the making of a grid with another `benchmark.json`."""

    def make(folder: Path) -> list[object]:
        (folder / "grid").mkdir()
        (folder / "grid/benchmark.json").write_text(text)
        return ["benchmark", "--configs", "multi:quick,joint:quick", "--workdir", "grid"]

    return make


def a_file(folder: Path) -> Path:
    (folder / "file").write_text("no folder")
    return folder / "file"


def export_with(path: str, value: object) -> Callable[[Path], list[object]]:
    def make(folder: Path) -> list[object]:
        (folder / "export").mkdir()
        exports.with_fields(folder / "export", exports.put(path, value))
        return ["predict", "export", "frame.png", "--out", "out"]

    return make


def linked(folder: Path) -> list[object]:
    (folder / "frames").symlink_to(folder / "gone")
    return ["check", "frames"]


def circular(folder: Path) -> list[object]:
    (folder / "frames").symlink_to(folder / "frames")
    return ["check", "frames"]


LONG = "x" * 300

CONFIGURATIONS: list[Row] = [
    ("a field", train("joint:quick", "--config.training.step=5"), r"mean 'training\.steps'\?"),
    ("a section", train("joint:quick", "--config.trainig.steps=5"), r"mean 'training\.steps'\?"),
    ("a field without section", train("joint", "--config.steps=5"), r"did you mean '.*steps'\?"),
    ("a value", train("joint", "--config.training.steps=abc"), "=abc: .*write a whole number"),
    ("a fraction", train("joint", "--config.training.steps=1.5"), "write a whole number"),
    ("a rate", train("joint", "--config.training.learning_rate=fast"), "write a number"),
    ("a flag", train("joint", "--config.deterministic=maybe"), "write true or false"),
    ("a tuple", train("joint", "--config.data.image_size=wide"), "write two whole numbers"),
    ("brackets", train("joint", "--config.data.image_size=(((("), "write two whole numbers"),
    ("no value", train("joint", "--config.training.steps"), "Missing value .*training.steps"),
    ("no field", train("joint", "--config.=5"), "--config.=5"),
    ("a section as value", train("joint", "--config.training=5"), "training"),
    ("too deep", train("joint", "--config.training.steps.a=5"), "training.steps.a"),
    ("a place in it", train("joint", "--config.data.image_size[5]=3"), "image_size"),
    ("another option", train("joint", "--wrkdir=x"), "--wrkdir is no option"),
    ("a word", train("joint", "training.steps=5"), "'training.steps=5' is no option"),
    ("no number", train("joint:quick", "--config.loss.dice=nan"), "loss.dice is nan"),
    ("not finite", train("joint:quick", "--config.training.clip_norm=inf"), "clip_norm is inf"),
    ("too large", train("joint:quick", f"--config.seed={10**30}"), "seed is 1000"),
    ("a choice", train("joint:quick", "--config.model.norm=batch"), "model.norm is 'batch'"),
    ("a file", train("jiont:quick"), "no configuration 'jiont'; did you mean 'joint'"),
    ("a folder", train("config/joint.py"), "no configuration 'config/joint.py'; did you mean"),
    ("a variant", train("joint:quik"), "joint:quik: unknown variant 'quik': write ':quick'"),
    ("no name", train(""), "there is no configuration"),
    ("a long name", train(f"{LONG}.py"), "name too long"),
    ("base", train("base"), "there is no configuration 'base'; there are"),
]

FILES: list[Row] = [
    ("syntax", own("def get_config(:\n"), r"mine\.py: line 1 is no Python \(.*\); correct it"),
    ("indentation", own("\n\ndef get_config():\nreturn 3\n"), r"mine\.py: line 4 is no Python"),
    ("bytes", own("x = '\udcff'\n"), r"mine\.py: line .* is no Python"),
    ("zero bytes", own("x = 1\0\n"), r"mine\.py: line"),
    ("import", own("import no_such_package\n"), "line 1: ModuleNotFoundError: No module named"),
    ("raises", own("\nraise RuntimeError('on\\npurpose')\n"), "line 2: RuntimeError: on purpose"),
    ("leaves", own("import sys\nsys.exit(0)\n"), "line 2: SystemExit: 0"),
    ("circle", own("def f():\n    f()\nf()\n"), "line .: RecursionError"),
    ("no function", own("x = 3\n"), r"has no function get_config\(variant\)"),
    ("a number of that name", own("get_config = 3\n"), "has no function get_config"),
    ("a field that is none", body("config.trainig.steps = 3"), r"mine\.py: line 6: AttributeError"),
    ("a key that is none", body("config['x']['y'] = 3"), r"mine\.py: line 6: KeyError"),
    ("another type", body("config.seed = 'x'"), r"mine\.py: line 6: TypeError"),
    ("a wrong value", body("config.seed = -3"), "seed is -3; it must lie in 0"),
    ("an unknown field", body("config.unlock(); config.sed = 3"), "unknown field 'sed'; did you"),
    ("nothing", own("def get_config():\n    pass\n"), "returned NoneType, not a ConfigDict"),
    ("a dict", own("def get_config():\n    return {}\n"), "returned dict, not a ConfigDict"),
    ("two arguments", own("def get_config(a, b):\n    pass\n"), "TypeError: get_config"),
    ("a variant of none", own("def get_config():\n    pass\n", name="n.py"), "NoneType"),
    ("no such", lambda f: ["train", "n.py:x"], "no configuration 'n.py'"),
    (
        "a folder of that name",
        lambda f: [(f / "mine.py").mkdir(), ["train", "mine.py"]][1],
        "no conf",
    ),
]

RUNS: list[Row] = [
    ("run: none", lambda f: ["reproduce", "gone"], r"gone/config\.json does not exist"),
    ("run: empty", run_with(lambda _: " "), r"config\.json: not valid JSON"),
    ("run: cut", run_with(lambda r: json.dumps(r)[:500]), "not valid JSON"),
    ("run: a list", run_with(lambda _: "[]"), r"the file is \[\]; it must be an object"),
    ("run: brackets", run_with(lambda _: "[" * 100_000), "brackets within hundreds"),
    ("run: NaN", run_with(lambda r: json.dumps(r).replace("0.5", "NaN", 1)), "NaN is no number"),
    (
        "run: twice",
        run_with(lambda r: '{"config": {}, "config": {}}'),
        "'config' stands there twice",
    ),
    ("run: no config", run_with(lambda r: r.pop("config")), "config is missing"),
    ("run: no data set", run_with(lambda r: r.pop("dataset")), "dataset is missing"),
    ("run: a word", run_with(lambda r: r.update(config="joint")), "config is 'joint'"),
    (
        "run: no seed",
        run_with(lambda r: r["config"].pop("seed") and None),
        r"config\.seed is missing",
    ),
    ("run: seed", run_with(lambda r: r["config"].update(seed="3")), r"config\.seed is '3'"),
    ("run: section", run_with(lambda r: r["config"].update(training=3)), r"config\.training is 3"),
    ("run: field", run_with(lambda r: r["config"].update(method={})), r"config\.method is \{\}"),
    (
        "run: a field as object",
        run_with(lambda r: r["config"]["training"].update(steps={"n": 3})),
        r"config\.training\.steps is \{'n': 3\}; it must be a value",
    ),
    (
        "run: a value",
        run_with(lambda r: r["config"]["training"].update(steps="many")),
        "training.steps is 'many'; write one whole number",
    ),
    (
        "run: a list as prior",
        run_with(lambda r: r["config"]["model"].update(spatial_prior=["none"])),
        r"model\.spatial_prior is \['none'\]",
    ),
    ("run: dotted", run_with(lambda r: r["config"].update({"a.b": 3})), r"config\.a\.b is no name"),
    ("run: unknown", run_with(lambda r: r["config"].update(sed=3)), "unknown field 'sed'"),
    (
        "run: fingerprint",
        run_with(lambda r: r["dataset"].update(fingerprint=3)),
        "fingerprint is 3",
    ),
    ("run: versions", run_with(lambda r: r.update(versions=[])), r"versions is \[\]"),
    ("run: devices", run_with(lambda r: r.update(devices="cpu")), "devices is 'cpu'"),
    ("run: not trained", run_with(lambda r: None), "run stands at step 0 of"),
    ("run: exported", run_with(lambda _: "{", "export"), r"config\.json: not valid JSON"),
    ("run: itself", lambda f: ["reproduce", "r", "--out", "r"], "is the run itself"),
]

SCORES: list[Row] = [
    ("compare: config cut", compared(edited("config.json", lambda t: t[:30])), "not valid JSON"),
    (
        "compare: no method",
        compared(fields("config.json", lambda r: r["config"].pop("method"))),
        r"config\.method is missing",
    ),
    (
        "compare: seed",
        compared(fields("config.json", lambda r: r["config"].update(seed=None))),
        r"config\.seed is None",
    ),
    (
        "compare: no data set",
        compared(fields("config.json", lambda r: r.pop("dataset"))),
        "dataset is missing",
    ),
    ("compare: summary cut", compared(edited(SUMMARY, lambda t: t[:30])), r"summary\.json: not"),
    (
        "compare: summary a list",
        compared(edited(SUMMARY, lambda t: "[]")),
        "it is \\[\\], not an object",
    ),
    (
        "compare: no settings",
        compared(fields(SUMMARY, lambda s: s.update(settings=None))),
        "metric setting .* is None",
    ),
    ("compare: no count", compared(fields(SUMMARY, lambda s: s.pop("cases"))), "cases is missing"),
    (
        "compare: empty table",
        compared(edited(CASES, lambda t: "")),
        "no column case",
    ),
    (
        "compare: head alone",
        compared(edited(CASES, lambda t: t.splitlines()[0])),
        "has no row",
    ),
    (
        "compare: a line cut",
        compared(edited(CASES, lambda t: t + "c9,p9,,over")),
        "row 18 has 4 cells",
    ),
    (
        "compare: too many cells",
        compared(cell(-1, "0.5,1,2,3")),
        "row 2 has 28 cells",
    ),
    (
        "compare: no column",
        compared(edited(CASES, lambda t: t.replace("patient", "person", 1))),
        "no column patient",
    ),
    (
        "compare: a line twice",
        compared(edited(CASES, lambda t: t + t.splitlines()[1])),
        "stands there twice",
    ),
    ("compare: a kind", compared(cell(5, "point")), "kind is 'point', not one of region, curve"),
    (
        "compare: a score",
        compared(cell(-1, "good")),
        "false_attachment is 'good', which is no finite number",
    ),
    ("compare: no number", compared(cell(8, "nan")), "dice is 'nan', which is no finite number"),
    (
        "compare: no text",
        compared(lambda r: (r / CASES).write_bytes(b"\xff\xfe\0")),
        "text in UTF-16",
    ),
    (
        "compare: a folder",
        compared(lambda r: [(r / CASES).unlink(), (r / CASES).mkdir()]),
        "not exist",
    ),
    ("compare: one run", lambda f: ["compare", f / "gone", "--out", "o"], "does not exist"),
    ("benchmark: cut", benchmark('{"sett'), r"benchmark\.json: not valid JSON"),
    ("benchmark: a list", benchmark("[]"), r"benchmark\.json is damaged: the file is \[\]"),
    ("benchmark: a word", benchmark('{"settings": "x"}'), "settings is 'x'; it must be a list"),
    ("benchmark: others", benchmark('{"settings": ["seed=1"]}'), "holds runs with --set seed=1"),
    (
        "benchmark: seeds",
        lambda f: ["benchmark", "--seeds", "0,a", "--workdir", "g"],
        "whole numbers",
    ),
    ("benchmark: jobs", lambda f: ["benchmark", "--jobs", "0", "--workdir", "g"], "from 1 up"),
]

PLACES: list[Row] = [
    ("check: a long name", lambda f: ["check", LONG], "name too long|File name too long"),
    ("check: a file", lambda f: ["check", a_file(f)], "file"),
    ("check: a link to nothing", linked, "frames"),
    ("check: links in a circle", circular, "frames"),
    ("prepare: a file as place", lambda f: prepared(f, a_file(f)), "file"),
    ("simulate: a file as place", lambda f: ["simulate", "--n", "1", "--out", a_file(f)], "file"),
    (
        "simulate: in a file",
        lambda f: ["simulate", "--n", "1", "--side", "32", "--out", a_file(f) / "out"],
        "file",
    ),
    (
        "simulate: a long name",
        lambda f: ["simulate", "--n", "1", "--side", "32", "--out", LONG],
        "long",
    ),
    ("simulate: a seed", lambda f: ["simulate", "--seed", 10**30, "--out", "o"], "--seed 10000"),
    ("simulate: none", lambda f: ["simulate", "--n", "0", "--out", "o"], "write numbers from 1 up"),
    ("simulate: a side", lambda f: ["simulate", "--side", "0", "--out", "o"], "height is 0"),
    (
        "simulate: a field",
        lambda f: ["simulate", "--set", "qanta=1", "--out", "o"],
        "mean 'quanta'",
    ),
    ("predict: a long name", lambda f: ["predict", LONG, "x.png", "--out", "o"], "too long"),
    (
        "predict: a field",
        export_with("masks.classes.0.threshold", 2),
        r"classes\[0\]\.threshold is 2",
    ),
    ("predict: a format", export_with("format", 99), "written by a newer version"),
    ("predict: a field more", export_with("notes", 1), "notes is an unknown field"),
    ("evaluate: nothing", lambda f: ["evaluate", "x", "gone", "--out", "o"], "gone"),
    ("measure: nothing", lambda f: ["measure", "gone", "--out", "o"], "gone has neither"),
]


def prepared(folder: Path, built: Path) -> list[object]:
    write_folder(folder / "frames", size=32)
    return ["prepare", "frames", "--built-dir", built]


ROWS = CONFIGURATIONS + FILES + RUNS + SCORES + PLACES


@pytest.fixture
def nothing_runs(monkeypatch):
    """An input that is taken for a good one fails here, and does not begin to train."""

    def began(*_):
        raise AssertionError("a run began")

    monkeypatch.setattr(parallel, "join_processes", began)
    monkeypatch.setattr(grid, "run_grid", began)


@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_command_leaves_with_one_line(row, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _, make, pattern = row
    line = said(main, make(tmp_path), capsys)
    assert re.search(pattern, line), line


@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize("row", CONFIGURATIONS + FILES, ids=lambda row: row[0])
def test_so_does_the_script(row, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _, make, pattern = row
    _, config, *rest = make(tmp_path)
    line = said(launch.main, [f"--config={config}", *rest], capsys)
    assert re.search(pattern, line), line


def test_rows_have_names_of_their_own():
    assert len({row[0] for row in ROWS}) == len(ROWS)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("built")
    write_folder(root / "frames", size=32)
    main(["prepare", str(root / "frames"), "--built-dir", str(root / "built")])
    return root


SHARD = "xray_folder-train.array_record-00000-of-00001"
DAMAGES: list[tuple[str, Callable[[Path], object], str]] = [
    ("no shard", lambda d: (d / SHARD).unlink(), f"{SHARD} is missing"),
    ("a folder", lambda d: [(d / SHARD).unlink(), (d / SHARD).mkdir()], f"{SHARD} is missing"),
    ("no metadata", lambda d: (d / "metadata.json").unlink(), r"metadata\.json: no such file"),
    ("metadata cut", lambda d: os.truncate(d / "metadata.json", 99), "not valid JSON"),
    ("metadata a list", lambda d: (d / "metadata.json").write_text("[]"), r"the file is \[\]"),
    (
        "a class without kind",
        lambda d: fields("metadata.json", lambda m: m["info"]["classes"][0].pop("kind"))(d),
        r"info\.classes\[0\]\.kind is missing",
    ),
    (
        "a frame too few",
        lambda d: fields("metadata.json", lambda m: m["index"]["train"].pop())(d),
        "train has 6 records of 5 frames",
    ),
    (
        "a case as number",
        lambda d: fields("metadata.json", lambda m: m["index"]["train"][0].update(case=3))(d),
        r"index\.train\[0\]\.case is 3",
    ),
    ("no description", lambda d: (d / "dataset_info.json").unlink(), "dataset info"),
    ("description cut", lambda d: os.truncate(d / "dataset_info.json", 99), "JSON"),
    ("no features", lambda d: (d / "features.json").unlink(), "damaged"),
    ("features empty", lambda d: (d / "features.json").write_text("{}"), "damaged"),
]


@pytest.mark.parametrize("row", DAMAGES, ids=[row[0] for row in DAMAGES])
def test_a_damaged_built_set_says_which_folder_to_delete(row, built, tmp_path, capsys):
    _, damage, pattern = row
    shutil.copytree(built / "built", tmp_path / "built")
    (found,) = (tmp_path / "built/xray_folder").glob("*/*")
    damage(found)
    command = ["prepare", built / "frames", "--built-dir", tmp_path / "built"]
    line = said(main, command, capsys)
    assert line.startswith(f"error: {found}: the built data set is damaged (")
    assert "delete this folder" in line
    assert re.search(pattern, line), line
    shutil.rmtree(found)
    main([str(argument) for argument in command])


@pytest.mark.parametrize("name", ["[/x]", "[bold]", "a:smile:b", "[red]x[/red]"])
def test_what_users_write_is_no_markup(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = write_folder(tmp_path / name, size=32)
    description = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps({**description, "license": name}))
    main(["check", name, "--no-trial"])
    table = capsys.readouterr().out
    assert "toy" in table
    main(["prepare", name, "--built-dir", f"{name}-built"])
    assert f"building {name}-built" in capsys.readouterr().out
