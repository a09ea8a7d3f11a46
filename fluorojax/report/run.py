"""`report.html`: a run on one page that opens anywhere, from the files of its run directory.

Read are `config.json`, `metrics.jsonl`, `export/manifest.json` and, of `evaluation/<split>/`,
`summary.json`, `cases.csv`, `image_labels.csv`, `thresholds.csv`, `calibration.csv` and `maps/`,
each if it is there.
The same files give the same bytes.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fluorojax.core.errors import InputError
from fluorojax.metrics.case import EMPTY_POLICY, METRICS
from fluorojax.report import confidence, image_labels
from fluorojax.report.chart import line_chart
from fluorojax.report.page import DIALOG, element, page, text
from fluorojax.report.scores import Evaluation, read_json
from fluorojax.schema.info import caution

SPLIT_ORDER = ("test", "validation", "train")

Record = dict[str, Any]


def write_report(run_dir: str | Path) -> Path:
    """Write `report.html` into a run directory, replacing an older one in one move.

    Returns:
        The path of the page.

    Raises:
        InputError: no such directory, or a file in it that cannot be read.
    """
    run_dir = Path(run_dir)
    if not run_dir.is_dir():
        raise InputError(f"{run_dir} is not a directory; give the workdir of a run")
    path, draft = run_dir / "report.html", run_dir / "report.html.part"
    draft.write_text(render(run_dir), "utf-8")
    draft.replace(path)
    return path


def render(run_dir: Path) -> str:
    """Return the page as text."""
    config = read_json(run_dir / "config.json")
    evaluations = [
        Evaluation(folder)
        for folder in _in_order(run_dir / "evaluation")
        if (folder / "summary.json").is_file() or (folder / "cases.csv").is_file()
    ]
    records = read_records(run_dir / "metrics.jsonl")
    sections = [
        _header(run_dir.resolve().name, config, records),
        *(e.headline() for e in evaluations),
        *(image_labels.section(e.folder, e.summary) for e in evaluations),
        *(confidence.section(e.folder, e.summary) for e in evaluations),
        _curves(records),
        *(e.cases() for e in evaluations),
        definitions(evaluations),
        _settings(config, read_json(run_dir / "export" / "manifest.json")),
    ]
    title = f"{run_dir.resolve().name}: FluoroJAX report"
    footer = text("footer", "Written by FluoroJAX. Everything is in this file.")
    body = notice(config.get("dataset", {}).get("split_unit")) + element(
        "main", "\n".join(filter(None, sections))
    )
    return page(title, body + footer + DIALOG)


# Reading


def read_records(path: Path) -> list[Record]:
    """Return the lines of `metrics.jsonl`; a last line cut short by a kill is left out.

    Raises:
        InputError: a line in the middle is not JSON.
    """
    if not path.is_file():
        return []
    lines = path.read_text("utf-8").splitlines()
    records = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            if number < len(lines):
                raise InputError(
                    f"{path}, line {number} is not JSON ({error}); delete that line"
                ) from error
    return records


def series_of(records: Sequence[Record]) -> dict[str, dict[str, list[tuple[float, float | None]]]]:
    """Return metric -> split -> [(step, value)], by step; None stands for what is not finite.

    A step that was logged twice, before and after a resume, counts as logged last.
    """
    found: dict[str, dict[str, dict[float, float | None]]] = {}
    for record in records:
        for name, value in record.items():
            if name not in ("step", "split", "time"):
                finite = value is not None and math.isfinite(value)
                of_split = found.setdefault(name, {}).setdefault(record["split"], {})
                of_split[record["step"]] = value if finite else None
    return {
        name: {split: sorted(points.items()) for split, points in of_split.items()}
        for name, of_split in found.items()
    }


def _in_order(folder: Path) -> list[Path]:
    """Return the folders of the splits, the test split first."""
    if not folder.is_dir():
        return []
    rank = {name: k for k, name in enumerate(SPLIT_ORDER)}
    folders = (f for f in folder.iterdir() if f.is_dir())
    return sorted(folders, key=lambda f: (rank.get(f.name, len(rank)), f.name))


# First line, header, curves, settings


def notice(unit: str | None) -> str:
    """Return the first line of a page: are patients shared between the splits, drawn by `unit`?"""
    if unit == "patient":
        words = "Split by patient: no patient is in two splits."
        return element("div", text("p", words), class_="notice")
    if unit is None:
        words = "How the splits were drawn is not known: patients may be shared between them."
    else:
        words = caution(unit)
    return element("div", text("p", words), class_="notice warning", role="note")


def _header(name: str, config: Mapping[str, Any], records: Sequence[Record]) -> str:
    settings, dataset = config.get("config", {}), config.get("dataset", {})
    facts = [
        f"method {settings['method']}" if "method" in settings else "",
        f"data set {dataset['name']}" if "name" in dataset else "",
        f"seed {settings['seed']}" if "seed" in settings else "",
        f"{max(r['step'] for r in records)} steps" if records else "",
    ]
    lead = text("p", " · ".join(filter(None, facts)), class_="lead")
    about = text("p", dataset["description"]) if dataset.get("description") else ""
    return element("header", text("h1", name) + lead + about)


def _curves(records: Sequence[Record]) -> str:
    """Return the loss and what was scored on the validation split, and the rest behind a fold."""
    first: list[str] = []
    other: list[str] = []
    for name, of_split in series_of(records).items():
        if any(y is not None for points in of_split.values() for _, y in points):
            shown = name == "loss" or "validation" in of_split
            (first if shown else other).append(_figure(name, of_split))
    if not first and not other:
        return ""
    key = "".join(
        element("span", element("i", "", class_=f"key {split}") + split + " &nbsp; ")
        for split in ("train", "validation")
    )
    charts = element("p", key, class_="soft") + element("div", "".join(first), class_="charts")
    if other:
        rest = element("div", "".join(other), class_="charts") + "<br>"
        heading = text("summary", f"{len(other)} more: parts of the loss, learning rate, speed")
        charts += "<br>" + element("details", heading + rest)
    return text("h2", "Training") + charts


def _figure(name: str, of_split: Mapping[str, Sequence[tuple[float, float | None]]]) -> str:
    last = [
        f"{split} {next((y for _, y in reversed(points) if y is not None), math.nan):.4g}"
        for split, points in of_split.items()
    ]
    lost = sum(y is None for points in of_split.values() for _, y in points)
    last += [f"{lost} not finite"] if lost else []
    caption = text("b", name) + text("span", ", ".join(last))
    return element("figure", element("figcaption", caption) + line_chart(of_split))


def flattened(fields: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested settings as (dotted name, value as JSON) pairs."""
    pairs: list[tuple[str, str]] = []
    for name, value in fields.items():
        if isinstance(value, Mapping) and value:
            pairs += flattened(value, f"{prefix}{name}.")
        else:
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            pairs.append((f"{prefix}{name}", shown))
    return pairs


def _settings(config: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    # The scores that a manifest carries stand above, in full.
    export = {k: v for k, v in manifest.items() if k != "scores"}
    parts = {
        "Configuration": config.get("config", {}),
        "Data set, versions, devices": {k: v for k, v in config.items() if k != "config"},
        "Exported parameters": export,
    }
    blocks = []
    for heading, fields in parts.items():
        if fields:
            rows = "".join(
                element("tr", text("th", n, class_="text") + text("td", v, class_="text"))
                for n, v in flattened(fields)
            )
            table = element("div", element("table", element("tbody", rows)), class_="scroll")
            blocks.append(element("details", text("summary", heading) + table + "<br>"))
    return text("h2", "How it was made") + "".join(blocks) if blocks else ""


def definitions(evaluations: Sequence[Evaluation]) -> str:
    """Return the formulas of the metrics shown, their settings, and the policy for empty masks."""
    if not evaluations:
        return ""
    used = [m for m in METRICS if any(m in e.metrics_shown for e in evaluations)]
    arrow = {"higher": "Higher is better.", "lower": "Lower is better."}
    items = "".join(
        text("dt", METRICS[m].label) + text("dd", f"{METRICS[m].text}. {arrow[METRICS[m].better]}")
        for m in used
    )
    said = [
        *(_tolerances(e.summary["settings"]) for e in evaluations if e.summary.get("settings")),
        "P is the prediction, R the reference, both on the frame's own grid; connectivity is that "
        "of 8 neighbours. Means over patients average each patient's cases first; ± is the sample "
        "standard deviation (n - 1).",
    ]
    policy = next((e.summary.get("empty_policy") for e in evaluations if e.summary), EMPTY_POLICY)
    return (
        text("h2", "Definitions")
        + element("dl", items, class_="definitions")
        + text("p", " ".join(dict.fromkeys(said)))
        + text("p", policy)
    )


def _tolerances(settings: Mapping[str, float]) -> str:
    return (
        f"Tolerance {settings['tolerance_mm']:g} mm, or {settings['tolerance_px']:g} px where the "
        f"spacing is unknown; detected from a centreline recall of "
        f"{settings['detection_recall']:g} on."
    )
