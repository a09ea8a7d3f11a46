"""The scores of one split as parts of a page: cards, means, cases from worst to best, pictures."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from fluorojax.core.errors import InputError
from fluorojax.drawing.overlay import colour, file_name
from fluorojax.metrics.case import METRICS, PRIMARY
from fluorojax.metrics.summary import read_cases_csv
from fluorojax.report.page import element, text
from fluorojax.report.pictures import Layer, Picture, swatch, viewer
from fluorojax.schema.renamed import KEYS, with_new_names

MOST_PICTURES = 60
"""A page with more would be too heavy to send or to open; the worst cases come first."""

STATUS = {"missed": "missed", "false_alarm": "false alarm", "both_empty": "both empty"}

COUNTS = {
    "missed": "missed: {}",
    "false_alarms": "false alarms: {}",
    "both_empty": "left out, both empty: {}",
}

CARD_METRICS = ("dice", "cldice", "hd95", "attachment")

Row = dict[str, Any]


def read_json(path: Path) -> dict[str, Any]:
    """Return what a JSON file holds, an empty dict where there is no file.

    Raises:
        InputError: the file is not JSON.
    """
    if not path.is_file():
        return {}
    try:
        return with_new_names(json.loads(path.read_text("utf-8")), KEYS)
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); delete it and run again") from error


class Evaluation:
    """What stands in `evaluation/<split>/`: the summary, the rows of the cases, the pictures."""

    def __init__(self, folder: Path):
        self.split = folder.name
        self.folder = folder
        self.summary = read_json(folder / "summary.json")
        path = folder / "cases.csv"
        try:
            self.rows = read_cases_csv(path) if path.is_file() else []
        except ValueError as error:
            raise InputError(f"{path} has a damaged cell ({error}); evaluate again") from error
        self.classes = list(
            dict.fromkeys([*self.summary.get("classes", {}), *(r["class"] for r in self.rows)])
        )
        summarised = self.summary.get("classes", {}).values()
        self.metrics_shown = {m for row in self.rows for m in METRICS if row.get(m) is not None}
        self.metrics_shown |= {m.split(" ")[0] for of in summarised for m in of["metrics"]}

    def headline(self) -> str:
        """Return a card a class, and the table of all means."""
        if not self.summary:
            return ""
        of = self.summary["classes"]
        cards = "".join(_card(name, k, of[name]) for k, name in enumerate(of))
        count = f"{self.summary['cases']} cases of {self.summary['patients']} patients"
        if self.summary.get("unlabelled"):
            count += f"; {self.summary['unlabelled']} more have no annotation and no score"
        tables = "".join(_means_table(name, of[name]) for name in of)
        every = element("details", text("summary", "All scores, with their spread") + tables)
        heading = text("h2", f"Scores, {self.split} split") + text("p", count, class_="soft")
        strata = _strata_table(self.summary.get("strata", {}), list(of))
        return heading + element("div", cards, class_="cards") + "<br>" + strata + every

    def cases(self) -> str:
        """Return the table of cases from worst to best, a class each, and the pictures."""
        if not self.rows:
            return ""
        pictures = self._pictures()
        tables = ""
        for k, name in enumerate(self.classes):
            rows = from_worst_to_best([r for r in self.rows if r["class"] == name])
            if rows:
                tables += element("h3", swatch(k) + " " + escape(name))
                tables += _cases_table(rows, k, {c: self._picture_id(c) for c in pictures})
        hint = text(
            "p", "A click on a column's head sorts by it, again the other way.", class_="soft hint"
        )
        heading = text("h2", f"Cases from worst to best, {self.split} split")
        return heading + hint + tables + self._gallery(pictures)

    def _pictures(self) -> dict[str, Path]:
        """Return case -> map, from worst to best, as many as the page takes."""
        of_case: dict[str, list[Row]] = {}
        for row in self.rows:
            of_case.setdefault(row["case"], []).append(row)
        paths = {c: map_of(self.folder, c) for c in of_case}
        there = [c for c in of_case if paths[c].is_file()]
        there.sort(key=lambda c: _order_of_case(of_case[c]))
        self.left_out = len(there) - MOST_PICTURES
        return {c: paths[c] for c in there[:MOST_PICTURES]}

    def _gallery(self, paths: Mapping[str, Path]) -> str:
        if not paths:
            return ""
        pictures = [
            Picture(
                id=self._picture_id(case),
                path=path,
                label=f"Case {case} with prediction and reference",
                caption=text("b", case) + "<br>" + escape(self.said_of(case)),
            )
            for case, path in paths.items()
        ]
        note = ""
        if self.left_out > 0:
            words = f"The {len(paths)} worst are shown; {self.left_out} more are in overlays/."
            note = text("p", words, class_="soft")
        shown = viewer(pictures, self.layers, adjustable="thresholds" in self.summary)
        return text("h3", "Pictures") + note + shown

    @property
    def layers(self) -> list[Layer]:
        """The classes as they are drawn."""
        kinds = {row["class"]: row["kind"] for row in self.rows}
        thresholds = self.summary.get("thresholds", {})
        return [
            Layer(name, kind == "curve", thresholds.get(name, 0.5)) for name, kind in kinds.items()
        ]

    def said_of(self, case: str) -> str:
        """Return the first score of each class in a case, as a line of text."""
        said = []
        for row in (r for r in self.rows if r["case"] == case):
            metric = PRIMARY[row["kind"]]
            value = row.get(metric)
            score = f"{METRICS[metric].label} {value:.3f}" if value is not None else "not scored"
            said.append(f"{row['class']}: {STATUS.get(row['status']) or score}")
        return ", ".join(said)

    def _picture_id(self, case: str) -> str:
        return f"picture-{self.split}-{file_name(case)}"


def from_worst_to_best(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of one class by its kind's score (PRIMARY); those not scored come last."""
    return sorted(rows, key=lambda row: (*_order(row), row["case"]))


def _order(row: Row) -> tuple[bool, float]:
    value = row.get(PRIMARY[row["kind"]])
    return value is None, value if value is not None else 0.0


def _order_of_case(rows: Sequence[Row]) -> tuple[bool, float]:
    """Return the place of a case: by the mean of its classes' scores."""
    values = [value for missing, value in map(_order, rows) if not missing]
    return not values, sum(values) / len(values) if values else 0.0


def map_of(folder: Path, case: str) -> Path:
    """Return where the map of a case is, in the folder of a split's evaluation."""
    return folder / "maps" / f"{file_name(case)}.png"


def _number(value: float | None, metric: str) -> str:
    if value is None:
        return "–"
    if metric == "betti0_error":
        return f"{value:.2g}" if value % 1 else f"{value:.0f}"
    return f"{value:.2f}" if METRICS[metric].is_distance else f"{value:.3f}"


def _spread(entry: Mapping[str, Any], metric: str, prefix: str = "") -> str:
    mean, std = entry[f"{prefix}mean"], entry[f"{prefix}std"]
    return _number(mean, metric) + (f" ± {_number(std, metric)}" if std is not None else "")


def _card(name: str, k: int, of: Mapping[str, Any]) -> str:
    """Return the box of one class: its main score large, then what one asks for next."""
    main = PRIMARY[of["kind"]]
    entry, label = of["metrics"][main], METRICS[main].label
    std = entry["patient_std"]
    spread = f" ± {_number(std, main)}" if std is not None else ""
    rest = [m for m in CARD_METRICS if m != main and m in of["metrics"]]
    lines = [
        f"mean over {_count(entry['patients'], 'patient')}; "
        f"over {_count(entry['n'], 'case')} {_number(entry['mean'], main)}",
        " · ".join(_short(of["metrics"][m], m) for m in rest),
        ", ".join(COUNTS[key].format(of[key]) for key in COUNTS if of[key]),
    ]
    value = escape(_number(entry["patient_mean"], main)) + text("small", spread)
    return element(
        "div",
        element("div", swatch(k) + escape(name) + text("span", label), class_="name")
        + element("div", value, class_="value")
        + "".join(text("p", line) for line in lines if line),
        class_="card",
    )


def _count(number: int, of: str) -> str:
    return f"{number} {of}" if number == 1 else f"{number} {of}s"


def _short(entry: Mapping[str, Any], metric: str) -> str:
    unit = f" {entry['unit']}" if "unit" in entry else ""
    return f"{METRICS[metric].label} {_number(entry['patient_mean'], metric)}{unit}"


def _strata_table(strata: Mapping[str, Any], classes: Sequence[str]) -> str:
    """Return each class's first score by stratum (difficulty); nothing where there are none."""
    if not strata:
        return ""
    head = text("th", "by stratum, mean over patients (cases)", class_="text")
    head += "".join(text("th", name) for name in classes)
    body = ""
    for stratum, of in strata.items():
        cells = ""
        for name in classes:
            metric = PRIMARY[of[name]["kind"]] if name in of else ""
            entry = of.get(name, {}).get("metrics", {}).get(metric, {})
            mean = entry.get("patient_mean")
            label = METRICS[metric].label if metric else ""
            cells += text("td", "" if mean is None else f"{label} {mean:.3f} ({entry['n']})")
        body += element("tr", text("th", stratum, class_="text") + cells)
    table = element("table", element("thead", element("tr", head)) + element("tbody", body))
    return element("div", table, class_="scroll") + "<br>"


def _means_table(name: str, of: Mapping[str, Any]) -> str:
    head = "".join(
        text("th", words, class_=css)
        for words, css in (
            (name, "text"),
            ("mean over patients ± std", None),
            ("patients", None),
            ("mean over cases ± std", None),
            ("cases", None),
        )
    )
    body = ""
    for key, entry in of["metrics"].items():
        metric = key.split(" ")[0]
        unit = f" ({entry['unit']})" if "unit" in entry else ""
        cells = (
            _spread(entry, metric, "patient_"),
            entry["patients"],
            _spread(entry, metric),
            entry["n"],
        )
        label = text("th", METRICS[metric].label + unit, class_="text", title=METRICS[metric].text)
        body += element("tr", label + "".join(text("td", c) for c in cells))
    table = element("table", element("thead", element("tr", head)) + element("tbody", body))
    return element("div", table, class_="scroll") + "<br>"


def _cases_table(rows: Sequence[Row], k: int, pictures: Mapping[str, str]) -> str:
    """Return the table of one class; columns without any entry are left out."""
    fields = [f for f in ("patient", "sequence", "stratum") if any(r.get(f) for r in rows)]
    metrics = [m for m in METRICS if any(r.get(m) is not None for r in rows)]
    main = PRIMARY[rows[0]["kind"]]
    metrics.sort(key=lambda m: m != main)  # the score that orders the table stands first
    units = {r["unit"] for r in rows}
    unit = f" ({units.pop()})" if len(units) == 1 else ""
    head = [_head(f, "text") for f in ("case", *fields, "status")]
    head += [
        _head(
            METRICS[m].label + (unit if METRICS[m].is_distance else ""),
            None,
            title=METRICS[m].text,
            sort="ascending" if m == main else None,
        )
        for m in metrics
    ]
    head += [] if unit else [_head("unit", "text")]
    body = ""
    for row in rows:
        cells = [_case_cell(row["case"], pictures)]
        cells += [text("td", row[f], class_="text") for f in fields]
        cells.append(_status_cell(row["status"]))
        cells += [_metric_cell(row.get(m), m, k if m == main else None) for m in metrics]
        cells += [] if unit else [text("td", row["unit"], class_="text")]
        body += element("tr", "".join(cells))
    table = element("thead", element("tr", "".join(head))) + element("tbody", body)
    return element("div", element("table", table), class_="scroll tall", tabindex=0)


def _head(words: str, css: str | None, title: str | None = None, sort: str | None = None) -> str:
    return element("th", text("button", words), class_=css, title=title, aria_sort=sort)


def _case_cell(case: str, pictures: Mapping[str, str]) -> str:
    name = escape(case)
    if case in pictures:
        name = element("button", name, class_="case", data_picture=pictures[case])
    return element("th", name, class_="text", scope="row", data_sort=case)


def _status_cell(status: str) -> str:
    words = STATUS.get(status, status)
    return element("td", text("span", words, class_=f"badge {status}"), class_="text")


def _metric_cell(value: float | None, metric: str, k: int | None) -> str:
    """Return a number, sorted by its full precision; the main score of class k has a bar."""
    exact = "" if value is None else repr(value)
    if k is None or value is None:
        return text("td", _number(value, metric), data_sort=exact)
    red, green, blue = colour(k)
    bar = f"--share:{value:.3f};--bar:rgb({red},{green},{blue})"
    return text("td", _number(value, metric), data_sort=exact, class_="bar", style=bar)
