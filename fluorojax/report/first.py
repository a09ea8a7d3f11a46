"""What stands on the first screen of a run's page: three cases, and what to do next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.drawing import archive
from fluorojax.drawing.overlay import file_name
from fluorojax.evaluation.probabilities import read_thresholds
from fluorojax.metrics.case import METRICS, PRIMARY
from fluorojax.report import advice
from fluorojax.report.advice import Advice
from fluorojax.report.cases import in_words, layers, map_path, picture_ids, scored_cases
from fluorojax.report.chart import Point
from fluorojax.report.pictures import jpeg
from fluorojax.report.scores import Evaluation, Row

SIDE = 480
"""Longest side of a picture (px), about twice as fine as it is shown."""

MOST_CLASSES, MOST_ADVICE = 4, 4
"""What there is room for on a screen of 1280 x 800."""


class Example(NamedTuple):
    """A case on the first screen: which it is, its scores, and a JPEG as a data URI.

    `picture` is the id of the same case among the pictures below, None where it is not there.
    """

    which: str
    case: str
    scores: str
    source: str
    picture: str | None


@dataclass(frozen=True)
class First:
    """The first screen; `examples` are empty where there are none, or none may be shown.

    `many`: there are too many classes for more than the first score of each. `advice` begins with
    what weighs most, `more` goes on with what there is no room for.
    """

    many: bool
    examples: Sequence[Example]
    advice: Sequence[Advice]
    more: Sequence[Advice]


def first_screen(
    evaluation: Evaluation,
    settings: Mapping[str, Any],
    validation: Mapping[str, Sequence[Point]],
    *,
    pictures: bool,
) -> First:
    """Return the first screen of a run.

    Args:
        evaluation: of the split that is shown first.
        settings: the configuration; empty where it is not known.
        validation: metric -> (step, score) on the validation split during training.
        pictures: show cases.

    Raises:
        InputError: a map or a table of thresholds is damaged.
    """
    told = [
        *_of_classes(evaluation, settings),
        _of_training(settings.get("training", {}).get("best_metric", ""), validation),
        advice.few_patients(evaluation.summary["patients"]),
        advice.one_seed(settings.get("seed")),
    ]
    found = sorted((one for one in told if one is not None), key=lambda one: -one.weight)
    return First(
        many=len(evaluation.summary["classes"]) > MOST_CLASSES,
        examples=examples(evaluation) if pictures else [],
        advice=found[:MOST_ADVICE],
        more=found[MOST_ADVICE:],
    )


# Cases


def examples(evaluation: Evaluation) -> list[Example]:
    """Return the worst, the median and the best case by the mean of their classes' scores.

    Fewer where there are fewer, and none without maps and overlays.
    """
    cases = [c for c in scored_cases(evaluation) if _overlay_path(evaluation, c).is_file()]
    ids = picture_ids(evaluation)
    # Of two, the second is the best rather than the median.
    places = {len(cases) // 2: "median", len(cases) - 1: "best", 0: "worst"}
    return [
        Example(
            which=places[n] if cases[1:] else "the only one",
            case=cases[n],
            scores=_caption(evaluation, cases[n]),
            source=jpeg(_overlay(evaluation, cases[n])),
            picture=ids.get(cases[n]),
        )
        for n in sorted(places)
        if 0 <= n < len(cases)
    ]


def _caption(evaluation: Evaluation, case: str) -> str:
    """Return the first score of each class in a case; of many classes, their mean."""
    if len(evaluation.classes) <= MOST_CLASSES:
        return in_words(evaluation, case)
    rows = (row for row in evaluation.rows if row["case"] == case)
    values = [v for row in rows if (v := row.get(PRIMARY[row["kind"]])) is not None]
    return f"mean of {len(values)} classes' scores {np.mean(values):.3f}"


def _overlay_path(evaluation: Evaluation, case: str) -> Path:
    return evaluation.folder / "overlays" / f"{file_name(case)}.png"


def _overlay(evaluation: Evaluation, case: str) -> np.ndarray:
    """Return a case with the masks that were scored, [H, W, 3] uint8, without the legend below it.

    Not drawn from its map, whose probabilities do not know what the rules of the masks took away.
    """
    about = archive.load(map_path(evaluation.folder, case), len(layers(evaluation)))
    path = _overlay_path(evaluation, case)
    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); evaluate again") from error
    rows, columns = about.frame.shape
    picture = picture.crop((0, 0, picture.width, picture.width * rows // columns))
    picture.thumbnail((SIDE, SIDE))
    return np.asarray(picture)


# Advice


def _of_classes(evaluation: Evaluation, settings: Mapping[str, Any]) -> list[Advice | None]:
    """Return what is to be said of each class: what is missed, what is invented, its threshold."""
    chosen = settings.get("evaluation", {}).get("presence") == "validation"
    sweep = read_thresholds(evaluation.folder)
    told: list[Advice | None] = []
    for name, of in evaluation.summary["classes"].items():
        without = of["both_empty"] + of["false_alarms"]
        told += [
            advice.missed(name, of["missed"], of["cases"] - without),
            advice.false_alarms(name, of["false_alarms"], without, chosen=chosen),
            _of_threshold(evaluation.summary, name, sweep),
        ]
    return told


def _of_threshold(summary: Mapping[str, Any], name: str, sweep: Sequence[Row]) -> Advice | None:
    metric = PRIMARY[summary["classes"][name]["kind"]]
    means = {
        row["threshold"]: row["patient_mean"]
        for row in sweep
        if (row["class"], row["metric"]) == (name, metric)
    }
    used = summary.get("thresholds", {}).get(name)
    chosen = summary.get("confidence", {}).get(name, {}).get("operating_point")
    here, there = means.get(used), means.get(chosen)
    if here is None or there is None:
        return None
    used_at, chosen_at = advice.Scored(used, here), advice.Scored(chosen, there)
    return advice.threshold(name, METRICS[metric].label, used_at, chosen_at)


def _of_training(best_metric: str, validation: Mapping[str, Sequence[Point]]) -> Advice | None:
    """Return what is to be said of the metric by which a training kept its parameters."""
    values = [(step, y) for step, y in validation.get(best_metric, ()) if y is not None]
    return advice.still_rising(best_metric, values)
