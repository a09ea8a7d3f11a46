"""Names of version 0.1 that have changed since: read for one version more, never written."""

from collections.abc import Mapping
from typing import Any

FIELDS = {
    "augment.thin_rate": "augment.foreground_oversampling",
    "evaluation.least_px": "evaluation.min_component_px",
    "evaluation.mirrored": "evaluation.tta_mirror",
    "evaluation.shifts": "evaluation.tta_shifts",
    "loss.attachment_rise": "loss.attachment_ramp",
    "loss.attributes": "loss.image_labels",
    "loss.points": "loss.landmarks",
    "model.false_context": "model.context_corruption",
    "model.feedback": "model.gradient_scale",
    "model.landscape": "model.spatial_prior",
    "model.points": "model.landmarks",
}
"""Of a configuration: old name -> new name."""

SPATIAL_PRIORS = {"near": "around", "front": "in_front"}
"""Values of `model.spatial_prior`: old -> new."""

COLUMNS = {"level": "stratum", "attribute": "image_label"}
"""Of tables, the user's and the project's own: old name -> new name."""

KEYS = {
    "attributes": "image_labels",
    "feedback": "gradient_scale",
    "landscape": "spatial_prior",
    "least_px": "min_component_px",
    "levels": "strata",
    "mirrored": "mirror",
    "points": "landmarks",
    "views": "tta",
}
"""Of JSON files (dataset.json, summary.json, manifest.json): old name -> new name."""


def with_new_names(fields: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return `fields` under today's names; where both stand there, today's is taken."""
    old = {names[name]: value for name, value in fields.items() if name in names}
    return old | {name: value for name, value in fields.items() if name not in names}
