"""What a trained network is, for whoever is handed it: `MODEL_CARD.md`, made of its manifest alone.

So it can be made again for any export, and says nothing that the manifest does not: no path of a
machine, no case, no patient. What the manifest leaves open is said to be unknown.
"""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from fluorojax.core import templates
from fluorojax.data.grid import FIRST_RESAMPLING
from fluorojax.models.spec import NetworkSpec, array_shapes
from fluorojax.schema.info import caution

FILE = "MODEL_CARD.md"
TEMPLATE = "model_card.md.j2"
TEMPLATES = Path(__file__).parent / "templates"
UNKNOWN = "not recorded"
MEASURES = {"dice": "Dice", "iou": "IoU", "cldice": "clDice", "hd95": "HD95"}
"""The measures of the table: their names in the scores, and in its head."""
MOST = 200  # characters of a word that a manifest gives
_MARKED = re.compile(r"([\\`*{}\[\]<>#|~]|(?<!\w)_|_(?!\w))")

Manifest = Mapping[str, Any]


class Score(NamedTuple):
    """A line of the table: a class on a split."""

    split: str
    name: str
    means: tuple[str, ...]  # of MEASURES, '-' where there is none
    scored: str  # frames that have a Dice
    cases: str
    patients: str


def card(manifest: Manifest) -> str:
    """Return the model card of an export, as Markdown.

    Args:
        manifest: checked, as `fluorojax.inference.manifest.todays` returns it.
    """
    masks, origin = manifest["masks"], manifest["origin"]
    names = [one["name"] for one in masks["classes"]]
    unit = origin.get("split_unit", "patient")
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(
            architecture=architecture(NetworkSpec.from_json(manifest["network"]), names),
            caution="" if unit == "patient" else caution(unit),
            classes=masks["classes"],
            image_labels=manifest["image_labels"],
            measures=tuple(MEASURES.values()),
            names=names,
            origin=origin,
            parameters=parameters(manifest),
            preprocessing={"resampling": FIRST_RESAMPLING, **manifest["preprocessing"]},
            relation=masks["relation"],
            scores=list(scores(manifest)),
            sha256=manifest["sha256"],
            unknown=UNKNOWN,
        )
    )


def parameters(manifest: Manifest) -> int:
    """Return the number of a network's parameters; nothing is loaded for it."""
    size = tuple(manifest["preprocessing"]["image_size"])
    shapes = array_shapes(NetworkSpec.from_json(manifest["network"]), size)
    return sum(math.prod(shape) for shape in shapes.values())


def architecture(spec: NetworkSpec, names: list[str]) -> str:
    """Return what a network is made of, in a line."""
    stages = [" and ".join(names[k] for k in stage) for stage in spec.stages]
    if len(stages) == 1:
        nets = "one U-Net"
    elif spec.link == "none":
        nets = f"{len(stages)} U-Nets that see nothing of each other ({', '.join(stages)})"
    else:
        back = (
            "trained end to end" if spec.link == "gradient" else "no gradient from one to the last"
        )
        nets = f"a cascade of {len(stages)} U-Nets ({', then '.join(stages)}; {back})"
    norm = "no normalisation" if spec.norm == "none" else f"{spec.norm} normalisation"
    parts = [nets, f"depth {spec.depth}, {spec.width:g} channels in the first level", norm]
    if len(stages) > 1 and spec.link != "none" and spec.spatial_prior != "none":
        parts.append(f"spatial prior '{spec.spatial_prior}'")
    if spec.local_contrast:
        parts.append(f"sees local contrast ({spec.local_contrast} px)")
    return "; ".join([*parts, f"computes in {spec.dtype}"])


def scores(manifest: Manifest) -> Iterator[Score]:
    """Yield the lines of the table of scores: each class of each split that was scored."""
    for split, summary in manifest["scores"].items():
        for name, of in summary.get("classes", {}).items():
            metrics = of["metrics"]
            means = tuple(_mean(metrics.get(measure)) for measure in MEASURES)
            scored, cases = _of(metrics.get("dice"), "n"), of.get("cases", summary.get("cases"))
            counts = map(_count, (scored, cases, summary.get("patients")))
            yield Score(split, name, means, *counts)


def _mean(of: Any) -> str:
    """Return a mean with its unit; '-' where there is none, as of the clDice of a region."""
    mean, unit = _of(of, "mean"), _of(of, "unit")
    if not isinstance(mean, int | float):
        return "-"
    return f"{mean:.2f} {unit}" if isinstance(unit, str) else f"{mean:.3f}"


def _of(metric: Any, name: str) -> Any:
    """Return a field of what the scores, whose every field is not checked, say of a metric."""
    return metric.get(name) if isinstance(metric, Mapping) else None


def _count(value: Any) -> str:
    return str(value) if isinstance(value, int) else "-"


def plain(value: Any) -> str:
    """Return a word of a manifest as it stands in Markdown: one line, without marks or HTML."""
    text = " ".join(str(value).split())
    text = text if len(text) <= MOST else f"{text[:MOST]}..."
    return _MARKED.sub(r"\\\1", text)


def code(value: Any) -> str:
    """Return a word of a manifest as code in Markdown: nothing in it is a mark."""
    return f"`{' '.join(str(value).replace('`', chr(39)).split())[: 10 * MOST]}`"


def _environment() -> jinja2.Environment:
    # Markdown: what a manifest says goes through `plain` or `code`.
    made = templates.environment([TEMPLATES], escaped=False)
    made.filters.update(plain=plain, code=code)
    return made
