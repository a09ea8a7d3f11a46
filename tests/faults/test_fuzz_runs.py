"""Fuzzed scores and archives: they are read, or refused by the project's own error."""

import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluorojax.drawing import archive
from fluorojax.evaluation.probabilities import ProbabilityScores, read_calibration, read_thresholds
from fluorojax.metrics.case import METRICS, MetricSettings, score_case
from fluorojax.metrics.presence import read_presence_csv, summarise_presence, write_presence_csv
from fluorojax.metrics.saved import read_summary
from fluorojax.metrics.summary import as_text, read_cases_csv, summarise, write_cases_csv
from fluorojax.metrics.summary import write_summary as write
from fluorojax.report.presence import presence
from fluorojax.report.scores import Evaluation, definitions, scores
from fluorojax.schema.info import ClassInfo
from tests.faults.fuzz import fuzzed, mutated, survives

NUMBERS = (b"NaN", b"inf", b"-1", b"1e999", b"0,5", b"", b"9" * 400)
CELLS = (*NUMBERS, b",", b"\n", b'"', b"both_empty", b"curve", b"\xef\xbb\xbf", b"\x00")
MEMBERS = (*NUMBERS, b"null", b"true", b"{}", b"[]", b'"', b",", b":", b"[" * 300)


def written(write_into):
    """The bytes of the one file that is written into a folder."""
    with tempfile.TemporaryDirectory() as folder:
        write_into(Path(folder))
        (path,) = (p for p in Path(folder).rglob("*") if p.is_file())
        return path.read_bytes()


def scored():
    classes = (ClassInfo("scope", "region"), ClassInfo("wire", "curve"))
    reference = np.zeros((12, 12, 2), bool)
    reference[2:9, :4, 0] = reference[5:7, 3:11, 1] = True
    empty = np.zeros_like(reference)
    return [
        {"case": f"c{n}", "patient": f"p{n}", "sequence": "", "stratum": "easy" * (n % 2)} | row
        for n, (found, truth) in enumerate(
            ((reference, reference), (empty, reference), (reference, empty), (empty, empty))
        )
        for row in score_case(found, truth, classes=classes, spacing=(0.5, 0.5))
    ]


def probabilities(name):
    collected = ProbabilityScores([ClassInfo("wire", "curve")], MetricSettings())
    wire = np.zeros((8, 8, 1), bool)
    wire[3:5] = True
    nothing = np.zeros((8, 8), bool)
    collected.add(wire * np.float32(0.5), wire, patient="p", ignore=nothing, spacing=(1.0, 1.0))
    with tempfile.TemporaryDirectory() as folder:
        collected.write(Path(folder))
        return (Path(folder) / name).read_bytes()


def planes():
    rng = np.random.default_rng(0)
    of_case = rng.uniform(size=(6, 7, 6)) < 0.5
    return of_case[..., 0], of_case[..., 1], of_case[..., 2:4], of_case[..., 4:]


ROWS = scored()
CASES = written(lambda folder: write_cases_csv(ROWS, folder / "cases.csv"))
THERE = [
    {"case": f"c{n}", "patient": f"p{n % 2}", "class": "wire", "reference": n % 2, "score": score}
    for n, score in enumerate((0.5, 2.5, -np.inf, -1.0))
]
PRESENCE = written(lambda folder: write_presence_csv(THERE, folder / "presence.csv"))
TOLD = summarise(ROWS, MetricSettings()) | {"presence": summarise_presence(THERE)}
SUMMARY = written(lambda folder: write(TOLD, folder / "summary.json"))
PICTURE = written(lambda folder: archive.save(folder / "a.png", *planes()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzzed")


def put(path, data):
    path.write_bytes(data)
    return path


@fuzzed
@given(data=mutated([CASES], CELLS))
def test_fuzz_cases(folder, data):
    def use():
        rows = read_cases_csv(put(folder / "cases.csv", data))
        assert all(0 <= row[m] < np.inf for row in rows for m in METRICS if row[m] is not None)
        if rows:
            as_text(summarise(rows))

    survives(use)


@fuzzed
@given(data=mutated([SUMMARY], MEMBERS))
def test_fuzz_summary(folder, data):
    def use():
        (folder / "s").mkdir(exist_ok=True)
        path = put(folder / "s" / "summary.json", data)
        if read_summary(path):
            evaluation = Evaluation(path.parent)
            scores(evaluation)
            presence(evaluation)
            definitions([evaluation])

    survives(use)


@fuzzed
@given(data=mutated([PRESENCE], (*CELLS, b"-inf")))
def test_fuzz_presence(folder, data):
    def use():
        rows = read_presence_csv(put(folder / "presence.csv", data))
        assert all(row["score"] < np.inf and row["reference"] in (0, 1) for row in rows)
        summarise_presence(rows)

    survives(use)


@fuzzed
@given(data=mutated([probabilities("thresholds.csv")], CELLS))
def test_fuzz_thresholds(folder, data):
    put(folder / "thresholds.csv", data)
    survives(lambda: read_thresholds(folder))


@fuzzed
@given(data=mutated([probabilities("calibration.csv")], CELLS))
def test_fuzz_calibration(folder, data):
    put(folder / "calibration.csv", data)
    survives(lambda: read_calibration(folder))


@fuzzed
@given(
    data=mutated([PICTURE], (b"IHDR", b"IDAT", b"tEXtrows\x003", b"IEND", b"\xff" * 8)),
    classes=st.integers(1, 4),
)
def test_fuzz_archive(folder, data, classes):
    path = put(folder / "a.png", data)
    survives(lambda: archive.load(path, classes))


@fuzzed
@given(rows=st.text(max_size=6), sizes=st.lists(st.integers(1, 9), min_size=1, max_size=3))
def test_fuzz_pages(folder, rows, sizes):
    """Pages of any height, and anything said of how high a plane is."""
    path, about = folder / "p.png", archive.PngInfo()
    about.add_text("rows", rows)
    for number, size in enumerate(sizes):
        page = archive.pages_of(path) / f"{number}.png" if number else path
        page.parent.mkdir(exist_ok=True)
        stack = archive.Image.fromarray(np.zeros((size, 5), np.uint8))
        file = io.BytesIO()
        stack.save(file, "PNG", pnginfo=about)
        page.write_bytes(file.getvalue())
    survives(lambda: archive.load(path, 1))
