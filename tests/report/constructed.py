"""A small run made up for the purpose, and a reader of the page that is made of it."""

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from fluorojax.drawing import archive, overlay
from fluorojax.evaluation.probabilities import ProbabilityScores
from fluorojax.metrics.case import MetricSettings, score_case
from fluorojax.metrics.summary import summarise, write_cases_csv, write_summary
from fluorojax.report import write_report
from fluorojax.schema.info import ClassInfo, Relation

CLASSES = (ClassInfo("scope", "region"), ClassInfo("wire", "curve"))
NOTHING = np.zeros((48, 64), bool)
SCRIPT_IN_A_NAME = "<script>alert(1)</script>"
VOID = {"meta", "img", "br", "input"}


def scene(reach: int) -> np.ndarray:
    mask = np.zeros((48, 64, 2), bool)
    mask[16:32, :16, 0] = True
    mask[23:26, 16:reach, 1] = True
    return mask


def case_rows(case: str, patient: str, reach: int) -> list[dict]:
    rows = score_case(
        scene(reach),
        scene(60),
        classes=CLASSES,
        spacing=(0.5, 0.5),
        relation=Relation("wire", "scope"),
        attached=1,
    )
    return [{"case": case, "patient": patient, "sequence": "", "stratum": ""} | r for r in rows]


def write_evaluation(folder: Path) -> None:
    reaches = {"good": 58, "bad": 24, "missed": 16, SCRIPT_IN_A_NAME: 40}
    rows = [r for n, (c, x) in enumerate(reaches.items()) for r in case_rows(c, f"p{n % 2}", x)]
    write_cases_csv(rows, folder / "cases.csv")
    collected = ProbabilityScores(CLASSES, MetricSettings())
    for n, (case, reach) in enumerate(reaches.items()):
        found = np.array([0.9, 0.4]) * scene(reach)
        about = {"patient": f"p{n % 2}", "ignore": NOTHING, "spacing": (0.5, 0.5)}
        collected.add(found, scene(60), **about)
        path = folder / "maps" / f"{overlay.file_name(case)}.png"
        archive.save(path, np.full((48, 64), 0.5), NOTHING, found, scene(60))
        # As evaluations do, with a legend below it.
        drawn = overlay.overlay(np.full((48, 64), 0.5), scene(reach), scene(60), None, ["a", "b"])
        overlay.save_png(drawn, folder / "overlays" / path.name)
    collected.write(folder)
    collected.write(folder.parent / "validation")
    summary = summarise(rows, MetricSettings()) | {
        "thresholds": {"scope": 0.5, "wire": 0.3},
        "confidence": collected.summary({"scope": 0.5, "wire": 0.25}),
    }
    write_summary(summary, folder / "summary.json")


def write_config(run: Path, split_unit: str) -> None:
    dataset = {"name": "made_up", "split_unit": split_unit}
    config = {"method": "joint", "seed": 3, "training": {"steps": 40}}
    (run / "config.json").write_text(json.dumps({"config": config, "dataset": dataset}))


def write_run(folder: Path) -> Path:
    """A run of 40 steps, four cases of two patients, with all that a report reads."""
    run = folder / "joint-quick"
    write_evaluation(run / "evaluation" / "test")
    write_config(run, "patient")
    lines = [
        {"step": s, "split": "train", "time": 1.5, "loss": 1 / s, "learning_rate": 1e-3}
        for s in range(1, 41)
    ]
    lines += [{"step": 20, "split": "validation", "time": 9.5, "wire/cldice": 0.25}]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (run / "export").mkdir()
    (run / "export" / "manifest.json").write_text('{"sha256": "feed", "scores": {"test": 1}}')
    return run


def in_one_line(words: str) -> str:
    return " ".join(words.split())


class Page(HTMLParser):
    """Checks nesting and that nothing is fetched; gathers the words and the cells of tables.

    Any run of white space is one space, as in a browser.
    """

    def __init__(self, written: str):
        super().__init__()
        self.open: list[str] = []
        self.words = ""
        self.rows: list[list[str]] = []
        self.found: dict[str, list[dict]] = {"img": [], "button": [], "input": []}
        self.feed(written)
        assert not self.open
        self.words = in_one_line(self.words)
        self.rows = [[in_one_line(cell) for cell in row] for row in self.rows]
        self.pictures, self.buttons, self.inputs = self.found.values()

    def handle_starttag(self, tag, attrs):
        fields = dict(attrs)
        assert "href" not in fields
        assert fields.get("src", "data:").startswith("data:")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
        if tag in self.found:
            self.found[tag].append(fields)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def read(run: Path) -> Page:
    return Page(write_report(run).read_text("utf-8"))
