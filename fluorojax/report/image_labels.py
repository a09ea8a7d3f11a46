"""What a page shows of the image labels of whole frames: how many are right, and which are not."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fluorojax.core.errors import InputError
from fluorojax.metrics.image_labels import FILE, Row, read_image_labels_csv
from fluorojax.report.page import sortable, table, text

EXPLAINED = (
    "A line of a table holds the frames annotated with a value, a column those that were told it; "
    "right are those on the diagonal. Frames of a patient may be right or wrong together: the "
    "interval (Wilson, 95 %) is of the mean over patients, and counts patients."
)


def section(folder: Path, summary: Mapping[str, Any]) -> str:
    """Return the section of a split's evaluation, empty where no image labels are told.

    Args:
        folder: `evaluation/<split>`.
        summary: of the split.
    """
    told = summary.get("image_labels")
    if not told:
        return ""
    rows = mistakes(folder / FILE)
    blocks = [
        text("h3", name)
        + text("p", _said(of))
        + _confusion(of)
        + _mistakes([r for r in rows if r["image_label"] == name])
        for name, of in told.items()
    ]
    heading = text("h2", f"Attributes of whole frames, {folder.name} split")
    return heading + text("p", EXPLAINED, class_="soft") + "".join(blocks)


def mistakes(path: Path) -> list[Row]:
    """Return the rows that were told wrong, the surest first; nothing where there is no file.

    Raises:
        InputError: the file is damaged.
    """
    if not path.is_file():
        return []
    try:
        rows = read_image_labels_csv(path)
        wrong = [r for r in rows if r["reference"] and r["reference"] != r["predicted"]]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged ({error!r}); evaluate again") from error
    return sorted(wrong, key=lambda row: -row["probability"])


def _said(of: Mapping[str, Any]) -> str:
    unknown = f" Of {of['unknown']} more the value is not known." if of["unknown"] else ""
    if not of["cases"]:
        return f"No frame has a known value.{unknown}"
    right = sum(line[k] for k, line in enumerate(of["confusion"]))
    low, high = of["interval"]
    return (
        f"Right in {right} of {of['cases']} frames ({of['accuracy']:.3f}); mean over "
        f"{of['patients']} patients {of['patient_accuracy']:.3f}, interval {low:.3f} to "
        f"{high:.3f}.{unknown}"
    )


def _confusion(of: Mapping[str, Any]) -> str:
    rows = [
        [value, *map(str, line)] for value, line in zip(of["values"], of["confusion"], strict=True)
    ]
    return table(["annotated, told as", *of["values"]], rows, words=1)


def _mistakes(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    lines = [
        [r["case"], r["patient"], r["reference"], r["predicted"], f"{r['probability']:.3f}"]
        for r in rows
    ]
    columns = ["wrong case", "patient", "annotated", "told as", "probability"]
    return "<br>" + sortable(columns, lines, words=4)
