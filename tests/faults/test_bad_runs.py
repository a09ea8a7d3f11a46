"""Runs that cannot be compared, damaged scores and damaged archives: what the user is told."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from fluorojax.compare.runs import read_runs
from fluorojax.drawing import archive
from fluorojax.evaluation.probabilities import read_calibration
from fluorojax.report.scores import Evaluation
from tests.compare.constructed import rows_of, write_run, write_sweep
from tests.faults.matrix import names, refused
from tests.folders import edit_csv

SCORED = "joint-seed0/evaluation/test"


def binned(text):
    """A table of calibration is damaged."""

    def use(folder):
        (folder / "calibration.csv").write_text(
            f"class,low,high,pixels,mean_probability,share\n{text}"
        )
        read_calibration(folder)

    return use


def two(folder, **joint):
    """One run of each of two methods; `joint`: how the second was made."""
    write_run(folder, "multi", 0, rows_of(0.0, 1))
    write_run(folder, "joint", 0, rows_of(0.1, 2), **joint)
    return sorted(folder.iterdir(), reverse=True)  # multi first


def trained(**config):
    """The second run has another configuration."""
    return lambda folder: read_runs(two(folder, config=config), "test")


def again(**config):
    """The second run of one method has."""

    def use(folder):
        paths = two(folder)
        more = write_run(folder, "joint", 1, rows_of(0.1, 3), config=config)
        read_runs([*paths, more], "test")

    return use


def cases(change):
    """A row of the second run's table is changed."""

    def use(folder):
        paths = two(folder)
        edit_csv(folder / SCORED / "cases.csv", change)
        read_runs(paths, "test")

    return use


def cell(**change):
    return cases(lambda rows: rows[3].update(change))


def text(name, change, sweep=False):
    """The text of a file of the second run is changed."""

    def use(folder):
        paths = two(folder)
        for path in paths if sweep else ():
            write_sweep(path, 0.6)
        path = folder / SCORED / name
        data = change(path.read_bytes())
        path.write_bytes(data)
        read_runs(paths, "test")

    return use


def replaced(old, new, name="cases.csv", count=1, **more):
    def change(data):
        assert old in data
        return data.replace(old, new, count)

    return text(name, change, **more)


def swept(old, new, count=1):
    return replaced(old, new, "thresholds.csv", count, sweep=True)


def summary(change):
    """The second run's summary is changed."""

    def edited(data):
        found = json.loads(data)
        change(found)
        return json.dumps(found).encode()

    return text("summary.json", edited)


def metric(**change):
    return summary(lambda s: s["classes"]["wire"]["metrics"]["cldice"].update(change))


def gone(name):
    def use(folder):
        paths = two(folder)
        (folder / SCORED / name).unlink()
        read_runs(paths, "test")

    return use


def runs(choose):
    return lambda folder: read_runs(choose(two(folder), folder), "test")


def copied(paths, folder):
    return [*paths, shutil.copytree(paths[1], folder / "copy")]


def picture(write):
    """An archive of two classes is damaged."""

    def use(folder):
        rng, path = np.random.default_rng(0), folder / "a.png"
        planes = rng.uniform(size=(20, 30, 4)) < 0.5
        archive.save(path, planes[..., 0], planes[..., 1], planes[..., :2], planes[..., 2:])
        write(path)
        archive.load(path, 2)

    return use


def grey(rows, columns, **about):
    return lambda path: Image.fromarray(np.zeros((rows, columns), np.uint8)).save(path, **about)


def rows_text(value):
    info = archive.PngInfo()
    info.add_text("rows", value)
    return lambda path: Image.fromarray(np.zeros((60, 30), np.uint8)).save(path, pnginfo=info)


def swapped(folder):
    """Both files of a report are damaged one by one: the report names them as well."""
    two(folder)
    (folder / SCORED / "summary.json").write_text("[]")
    Evaluation(folder / SCORED)


TRAINED = [
    ("steps", trained(training={"steps": 99}), "training.steps is 99, not "),
    ("rate", trained(training={"learning_rate": 0.5}), "training.learning_rate is 0.5, not "),
    ("batch", trained(training={"batch_size": 9}), "training.batch_size is 9, not "),
    ("warm-up", trained(training={"warmup_steps": 9}), "training.warmup_steps is 9, not "),
    ("schedule", trained(training={"schedule": "x"}), "training.schedule is x, not together"),
    ("crop", trained(training={"crop_size": [8, 8]}), r"training.crop_size is \[8, 8\], not "),
    ("decay", trained(training={"weight_decay": 1}), "training.weight_decay is 1, not "),
    ("average", trained(training={"ema_decay": 0.5}), "training.ema_decay is 0.5, not "),
    ("best", trained(training={"best_metric": "a/b"}), "training.best_metric is a/b, not "),
    ("fold", trained(data={"fold": 2, "folds": 5}), "data.fold is 2, not 0; data.folds is 5, not"),
    ("share", trained(data={"train_share": 0.5}), "data.train_share is 0.5, not 1"),
    ("grid", trained(data={"image_size": [64, 64]}), r"data.image_size is \[64, 64\], not "),
    ("builder", trained(data={"builder": "other"}), "data.builder is other, not "),
    ("size of the set", trained(data={"size": "quick"}), "data.size is quick, not "),
    ("turns", trained(augment={"rotation_degrees": [0, 1]}), r"augment.rotation_degrees is \[0, "),
    ("a rate of 0.1", trained(augment={"thin_rate": 0.1}), "augment.foreground_oversampling is"),
    ("loss", trained(loss={"dice": 0.5}), "loss.dice is 0.5, not 1"),
    ("a further term", trained(loss={"cldice": 1.0}), "loss.cldice is 1.0, not 0"),
    ("depth", trained(model={"depth": 9}), "model.depth is 9, not "),
    ("numbers", trained(model={"dtype": "bfloat16"}), "model.dtype is bfloat16, not float32"),
    ("threshold", trained(evaluation={"threshold": 0.1}), "evaluation.threshold is 0.1, not 0.5"),
    ("tolerance", trained(evaluation={"tolerance_mm": 9}), "evaluation.tolerance_mm is 9, not 1"),
    ("mirror", trained(evaluation={"mirrored": True}), "evaluation.tta_mirror is True, not False"),
    ("beginnings", trained(init_from="export"), "init_from is export, not None"),
    ("simulation", trained(simulation={"quanta": [1, 2]}), r"simulation.quanta is \[1, 2\], not "),
    ("a field of later", trained(model={"novel": 1}), "model.novel is 1, not not set"),
    ("width of a seed", again(model={"width": 9.0}), "in more than seed: model.width is 9.0, not"),
    ("gap of a seed", again(evaluation={"bridge_mm": 3}), "than seed: evaluation.bridge_mm is 3"),
    ("no section", trained(loss=3), r"config\.json: the configuration is damaged|loss is 3"),
    ("other data", lambda f: read_runs(two(f, fingerprint="e" * 64), "test"), "content of the dat"),
]

CHOSEN = [
    ("one method", runs(lambda paths, _: paths[:1]), "only runs of multi; give runs of two"),
    ("named twice", runs(lambda paths, _: [*paths, paths[0]]), "both multi with seed 0"),
    ("copied", runs(copied), "joint-seed0 and .*copy are both joint with seed 0"),
    (
        "another split",
        lambda f: read_runs(two(f), "hard"),
        "another --split: it has scores of test",
    ),
]

CASES = [
    ("cases gone", gone("cases.csv"), r"cases\.csv does not exist; finish the run"),
    ("nothing", text("cases.csv", lambda _: b""), "no column case, patient"),
    ("head alone", text("cases.csv", lambda d: d.split(b"\n")[0] + b"\n"), "has no row"),
    ("no status", replaced(b",status,", b",state,"), "damaged .no column status"),
    ("no clDice", replaced(b",cldice,", b",cl,"), "damaged .no column cldice"),
    ("twice a column", replaced(b",iou,", b",dice,"), "no column iou|dice stands there twice"),
    ("cell too many", replaced(b"c00,", b"c00,,"), "row 2 has 26 cells, there are 25 columns"),
    ("cell too few", replaced(b"c00,p0,", b"c00,"), "row 2 has 24 cells, there are 25 columns"),
    ("NUL", replaced(b"c00", b"c\x0000"), "no text: a zero byte"),
    ("quote", replaced(b"c00,", b'"c00,'), "damaged"),
    ("not UTF-8", replaced(b"c00", b"\xff00"), "not text in UTF-8"),
    ("picture", text("cases.csv", lambda _: b"\x89PNG\r\n\x1a\n\0\xff"), "no text: a zero byte"),
    ("text", cell(cldice="good"), "case c11, class wire: cldice is 'good', which is no finite"),
    ("decimal comma", cell(cldice="0,5"), "cldice is '0,5', which is no finite number"),
    ("NaN", cell(cldice="nan"), "cldice is 'nan', which is no finite number"),
    ("infinite", cell(hd95="inf"), "hd95 is 'inf', which is no finite number"),
    ("1_0", cell(hd95="1_0"), "hd95 is '1_0', which is no finite number"),
    ("share above 1", cell(cldice="1.5"), "cldice is 1.5, and must be from 0 to 1"),
    ("share below 0", cell(cldice="-0.5"), "cldice is -0.5, and must be from 0 to 1"),
    ("negative length", cell(hd95="-1"), "hd95 is -1, and must be at least 0"),
    ("no patient", cell(patient=""), "case c11, class wire: patient is empty"),
    ("no class", cell(**{"class": " "}), "class is empty"),
    ("no case", cell(case=""), "case is empty"),
    ("kind", cell(kind="line"), "kind is 'line', not one of region, curve"),
    ("status", cell(status="found"), "status is 'found', not one of both_empty, missed"),
    ("unit", cell(unit="cm"), "unit is 'cm', not one of mm, px"),
    (
        "row twice",
        cases(lambda rows: rows.append(dict(rows[3]))),
        "c11, class wire: stands there tw",
    ),
    ("row lost", cases(lambda rows: rows.__delitem__(3)), "has no score of case c11, class wire"),
    ("another case", cell(case="c99"), "has no score of case c99|has no score of case c11"),
    ("another patient", cell(patient="p7"), "patient is p7, in .* p1; evaluate both on the same"),
    ("another stratum", cell(stratum="none"), "stratum is none, in .* over bone"),
    ("another unit", cell(unit="px"), "unit is px, in .* mm"),
    ("another reference", cell(status="false_alarm"), "what is annotated is not in the reference"),
    ("another class", replaced(b",wire,", b",scope,", count=99), "has scores of scope, .* of wire"),
]

SUMMARIES = [
    ("summary gone", gone("summary.json"), r"summary\.json does not exist; finish the run"),
    ("no JSON", text("summary.json", lambda d: d[:-9]), "not valid JSON"),
    ("empty summary", text("summary.json", lambda _: b""), "not valid JSON"),
    ("a list", text("summary.json", lambda _: b"[]"), "it is .., not an object with fields"),
    ("no counts", summary(lambda s: s.pop("patients")), "patients is missing"),
    ("no settings", summary(lambda s: s.pop("settings")), "settings is missing"),
    (
        "setting",
        summary(lambda s: s["settings"].update(tolerance_mm="1")),
        "tolerance_mm is '1', no",
    ),
    (
        "setting lost",
        summary(lambda s: s["settings"].pop("tolerance_px")),
        "tolerance_px is missing",
    ),
    ("other tolerance", summary(lambda s: s["settings"].update(tolerance_px=9)), "px is 9, in"),
    ("half a case", summary(lambda s: s.update(cases=1.5)), "cases is 1.5, not a number of things"),
    ("fewer than none", summary(lambda s: s.update(cases=-1)), "cases is -1, not a number of th"),
    ("classes a list", summary(lambda s: s.update(classes=[])), "classes is .., not an object"),
    (
        "class a text",
        summary(lambda s: s["classes"].update(wire="x")),
        "classes.wire is 'x', not an",
    ),
    ("kind lost", summary(lambda s: s["classes"]["wire"].pop("kind")), "wire.kind is missing"),
    ("no metric", summary(lambda s: s["classes"]["wire"]["metrics"].clear()), "cldice is missing"),
    (
        "unknown metric",
        summary(lambda s: s["classes"]["wire"]["metrics"].update(a={})),
        r"cs\.a is no",
    ),
    ("mean a text", metric(mean="0.5"), "cldice.mean is '0.5', not a number"),
    ("mean of truth", metric(mean=True), "cldice.mean is True, not a number"),
    ("no std", metric(std=[]), "cldice.std is .., not a number"),
    ("n a text", metric(n="3"), "cldice.n is '3', not a number of things"),
    (
        "NaN in JSON",
        replaced(b'"std": null', b'"std": NaN', "summary.json"),
        "NaN is no number",
    ),
    (
        "threshold 2",
        summary(lambda s: s.update(thresholds={"wire": 2})),
        "thresholds.wire is 2, which",
    ),
    (
        "labels",
        summary(lambda s: s.update(image_labels={"a": {}})),
        "image_labels.a.cases is missin",
    ),
    ("strata", summary(lambda s: s.update(strata={"x": 3})), "strata.x is 3, not an object"),
    ("report of a list", swapped, r"summary\.json is damaged .it is .., not an object"),
]

THRESHOLDS = [
    ("sweep of text", swept(b",0.5,", b",half,"), "threshold is 'half', which is no finite number"),
    ("sweep NaN", swept(b",0.5,", b",nan,"), "threshold is 'nan', which is no finite number"),
    ("sweep above 1", swept(b",0.5,", b",1.5,"), "threshold is 1.5, and must be from 0 to 1"),
    ("sweep twice", swept(b",0.5,", b",0.55,", 1), "stands there twice|other thresholds"),
    ("sweep of nothing", swept(b",0.5,", b",,"), "threshold is empty"),
    ("sweep metric", swept(b",cldice,", b",clever,"), "metric is 'clever', not one of dice"),
    ("sweep kind", swept(b",curve,", b",line,"), "kind is 'line', not one of region, curve"),
    ("sweep column", swept(b",missed,", b",mist,"), "no column missed"),
    ("sweep counts", swept(b",1,0,0\n", b",1,-1,0\n"), "missed is -1, and must be at least 0"),
    ("other sweep", swept(b",0.55,", b",0.56,", 3), r"thresholds\.csv has other thresholds than"),
]

CALIBRATION = [
    ("bin without share", binned("a,0,0.05,3,0.01,\n"), "class a, bin from 0: pixels without mean"),
    ("bin twice", binned("a,0,0.05,0,,\na,0,0.05,0,,\n"), "row 3: .'a', 0.0. stands there twice"),
    ("bin of text", binned("a,low,0.05,0,,\n"), "row 2: low is 'low', which is no finite number"),
    (
        "bin above 1",
        binned("a,0,0.05,3,1.5,0\n"),
        "mean_probability is 1.5, and must be from 0 to 1",
    ),
    ("bin without pixels", binned("a,0,0.05,,,\n"), "row 2: pixels is empty"),
    ("bin without class", binned(",0,0.05,0,,\n"), "row 2: class is empty"),
]

ARCHIVES = [
    ("archive gone", picture(lambda path: path.unlink()), r"a\.png cannot be read .*No such file"),
    ("archive of text", picture(lambda path: path.write_text("x")), r"a\.png cannot be read"),
    ("archive empty", picture(lambda path: path.write_bytes(b"")), r"a\.png cannot be read"),
    (
        "archive cut",
        picture(lambda p: p.write_bytes(p.read_bytes()[:99])),
        r"a\.png cannot be read",
    ),
    ("archive JPEG", picture(grey(120, 30, format="JPEG")), r"a\.png cannot be read"),
    (
        "archive in colour",
        picture(lambda p: Image.new("RGB", (30, 120)).save(p)),
        r"a\.png cannot be read \(RGB, 120 x 30\)",
    ),
    (
        "archive of other rows",
        picture(grey(121, 30)),
        "has 121 rows, which is no multiple of the 6",
    ),
    ("archive of no rows", picture(rows_text("0")), r"cannot be read .planes of 0 rows"),
    ("archive of many rows", picture(rows_text("61")), r"cannot be read .planes of 61 rows"),
    (
        "archive of odd rows",
        picture(rows_text("21")),
        "has 60 x 30 pixels, which are no planes of 21",
    ),
    ("archive rows a word", picture(rows_text("many")), "cannot be read .invalid literal"),
    ("archive without pages", picture(rows_text("20")), r"a\.pages/1\.png cannot be read"),
]

ROWS = [*TRAINED, *CHOSEN, *CASES, *SUMMARIES, *THRESHOLDS, *CALIBRATION, *ARCHIVES]


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_it_is_refused_and_named(row, tmp_path):
    refused(row, tmp_path)


def test_the_good_ones_are_read(tmp_path):
    assert len(read_runs(two(tmp_path), "test")) == 2
    picture(lambda path: None)(tmp_path)
