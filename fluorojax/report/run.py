"""`report.html`: a run on one page that opens anywhere, from the files of its run directory.

Read are `config.json`, `metrics.jsonl`, `export/manifest.json` and, of `evaluation/<split>/`,
`summary.json`, `cases.csv`, `image_labels.csv`, `thresholds.csv`, `calibration.csv`, `maps/` and
`overlays/`, each if it is there.
The same files give the same bytes.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from fluorojax.core.errors import InputError
from fluorojax.metrics.case import METRICS
from fluorojax.report import page
from fluorojax.report.anonymous import Numbers, is_private, without_names
from fluorojax.report.cases import cases
from fluorojax.report.chart import Chart, Point, line_chart
from fluorojax.report.first import First, first_screen
from fluorojax.report.image_labels import image_labels
from fluorojax.report.presence import presence
from fluorojax.report.probabilities import probabilities
from fluorojax.report.scores import Evaluation, counted, definitions, read_json, scores

SPLIT_ORDER = ("test", "validation", "train")

Record = dict[str, Any]
Part = TypeVar("Part")


ANONYMOUS = "report_anonymous.html"


def write_report(run_dir: str | Path, path: Path | None = None, *, anonymous: bool = False) -> Path:
    """Write the page of a run, replacing an older one in one move.

    Args:
        run_dir: the run.
        path: of the page; None: `report.html` in the run directory, `report_anonymous.html` if it
            is anonymous.
        anonymous: leave out what is said of persons (see `fluorojax.report.anonymous`).

    Returns:
        The path of the page.

    Raises:
        InputError: no such directory, a file in it that cannot be read, or a page that cannot be
            written.
    """
    run_dir = Path(run_dir)
    if not run_dir.is_dir():
        raise InputError(f"{run_dir} is not a directory; give the workdir of a run")
    path = path or run_dir / (ANONYMOUS if anonymous else "report.html")
    if path.exists() and not _is_page(path):
        raise InputError(f"{path} is no page of an earlier call; give another --out")
    return page.write(render(run_dir, anonymous=anonymous), path)


def _is_page(path: Path) -> bool:
    """Say whether a file is a page that may be replaced, and nobody's table or picture."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(15).lower() == b"<!doctype html>"


def render(run_dir: Path, *, anonymous: bool = False) -> str:
    """Return the page as text."""
    config = read_json(run_dir / "config.json")
    evaluations = [
        Evaluation(folder)
        for folder in _in_order(run_dir / "evaluation")
        if (folder / "summary.json").is_file() or (folder / "cases.csv").is_file()
    ]
    scored = [evaluation for evaluation in evaluations if evaluation.summary]
    records = read_records(run_dir / "metrics.jsonl")
    numbers = Numbers() if anonymous else None
    if numbers:
        for evaluation in evaluations:
            evaluation.rows = [numbers(row) for row in evaluation.rows]
    about = without_names(config) if anonymous else config
    dataset = about.get("dataset", {})
    return page.render(
        "run.html.j2",
        name="Anonymous run" if anonymous else run_dir.resolve().name,
        notice=page.notice(dataset.get("split_unit")),
        facts=_facts(about, records, scored),
        description=dataset.get("description", ""),
        first=_first(scored, about.get("config", {}), records, pictures=not anonymous),
        scores=_present(map(scores, evaluations)),
        presence=_present(map(presence, evaluations)),
        image_labels=_present(image_labels(e.folder, e.summary, numbers) for e in evaluations),
        probabilities=_present(probabilities(e.folder, e.summary) for e in evaluations),
        curves=curves(records),
        cases=_present(cases(e, pictures=not anonymous) for e in evaluations),
        definitions=definitions(evaluations),
        settings=[
            _public(block) if anonymous else block
            for block in _settings(config, read_json(run_dir / "export" / "manifest.json"))
        ],
    )


def _present(parts: Iterable[Part | None]) -> list[Part]:
    """Return the parts of a page that there is something to show of."""
    return [part for part in parts if part is not None]


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


# Header, curves, settings


def _first(
    scored: Sequence[Evaluation],
    settings: Mapping[str, Any],
    records: Sequence[Record],
    *,
    pictures: bool,
) -> First | None:
    """Return the first screen, of the first split that has scores; None without any."""
    if not scored:
        return None
    found = series_of(records)
    validation = {n: splits["validation"] for n, splits in found.items() if "validation" in splits}
    return first_screen(scored[0], settings, validation, pictures=pictures)


def _facts(
    config: Mapping[str, Any], records: Sequence[Record], scored: Sequence[Evaluation]
) -> list[str]:
    settings, dataset = config.get("config", {}), config.get("dataset", {})
    facts = (
        f"trained {_date(records)}" if records else "",
        f"method {settings['method']}" if "method" in settings else "",
        f"data set {dataset['name']}" if "name" in dataset else "",
        f"seed {settings['seed']}" if "seed" in settings else "",
        f"{max(r['step'] for r in records)} steps" if records else "",
        *(f"{e.split}: {counted(e.summary)}" for e in scored[:1]),
    )
    return [fact for fact in facts if fact]


def _date(records: Sequence[Record]) -> str:
    """Return the day of the last record, in UTC."""
    last = max(record["time"] for record in records)
    return datetime.fromtimestamp(last, UTC).date().isoformat()


@dataclass(frozen=True)
class Curve:
    """The chart of a metric over steps; `last`: its last value in each split, in words."""

    name: str
    last: str
    chart: Chart


@dataclass(frozen=True)
class Curves:
    """The loss and what was scored on the validation split, and the rest behind a fold."""

    first: Sequence[Curve]
    other: Sequence[Curve]


def curves(records: Sequence[Record]) -> Curves | None:
    """Return the curves of a training; None where no value is finite."""
    first: list[Curve] = []
    other: list[Curve] = []
    for name, by_split in series_of(records).items():
        if any(y is not None for points in by_split.values() for _, y in points):
            shown = name == "loss" or "validation" in by_split
            (first if shown else other).append(_curve(name, by_split))
    return Curves(first, other) if first or other else None


def axis_name(name: str) -> str:
    """Return what is logged under a name, with its unit; most of it has none."""
    part, _, last = name.rpartition("/")
    if part.startswith("loss"):
        return "part of the loss"
    metric = METRICS.get(last)
    if metric is None:
        return "steps per second (1/s)" if name == "steps_per_second" else name.replace("_", " ")
    if metric.is_distance:
        return f"{metric.label} (mm or px)"
    return f"{metric.label} (number)" if metric.is_count else f"{metric.label} (0 to 1)"


def _curve(name: str, by_split: Mapping[str, Sequence[Point]]) -> Curve:
    last = [
        f"{split} {next((y for _, y in reversed(points) if y is not None), math.nan):.4g}"
        for split, points in by_split.items()
    ]
    lost = sum(y is None for points in by_split.values() for _, y in points)
    last += [f"{lost} not finite"] if lost else []
    return Curve(name, ", ".join(last), line_chart(by_split, x_name="step", y_name=axis_name(name)))


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


@dataclass(frozen=True)
class Settings:
    """Dotted names and their values, behind a fold with a heading."""

    heading: str
    fields: Sequence[tuple[str, str]]


def _public(block: Settings) -> Settings:
    kept = [(name, value) for name, value in block.fields if not is_private(name, value)]
    return Settings(block.heading, kept)


def _settings(config: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[Settings]:
    """Return how a run was made, a block for each of its files that is there."""
    # The scores that a manifest carries stand above, in full.
    export = {k: v for k, v in manifest.items() if k != "scores"}
    parts = {
        "Configuration": config.get("config", {}),
        "Data set, versions, devices": {k: v for k, v in config.items() if k != "config"},
        "Exported parameters": export,
    }
    return [Settings(heading, flattened(fields)) for heading, fields in parts.items() if fields]
