"""What goes with a network to another runtime: how frames become its input, what comes out."""

from collections.abc import Mapping
from typing import Any

import fluorojax
from fluorojax.inference.predictor import Predictor
from fluorojax.models.cascade import LANDMARKS
from fluorojax.models.unet import stride

FORMAT = 1
_RANGE = (
    "low, high = the intensity_percentiles of the frame's own grey values, as decoded, bright is "
    "large (numpy.percentile); of integers, high is at least low + 1"
)
_SCALED = "float32: clip((grey - low) / (high - low), 0, 1)"
_PADDED = "pad to image_size by repeating the border, before: (image_size - size) // 2 rows/columns"
STEPS: Mapping[str, tuple[str, ...]] = {
    "shrink": (
        _RANGE,
        "scale = min(1, image_size[0] / rows, image_size[1] / columns); where it is below 1, "
        "resize to round(rows * scale) x round(columns * scale) as float32 with Pillow's filter "
        "named in resampling, and round integers back to their type",
        _PADDED,
        _SCALED,
        "afterwards: cut the padding off the probabilities, and enlarge them to the frame's rows "
        "and columns, bilinear, half-pixel centres",
    ),
    "native": (
        _RANGE,
        f"a frame that is smaller: {_PADDED}",
        "a larger one: windows of image_size, evenly spaced, overlapping by half or more",
        f"each window: {_SCALED}, low and high of the whole frame",
        "afterwards: mean of the windows' probabilities, those amid a window counting more",
    ),
}
"""From a frame to the network's input, and back, by the way in which frames come onto its grid."""


def description(model: Predictor, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that whoever runs a network elsewhere has to know, as JSON.

    Args:
        model: the network.
        manifest: of its export.
    """
    rows, columns = model.image_size
    several = stride(model.spec.depth, model.spec.patch)
    outputs: dict[str, Any] = {
        "probabilities": {"shape": ["N", len(model.classes), "H", "W"], "of": model.rules.names}
    }
    if model.spec.landmarks:
        outputs["landmarks"] = {"shape": ["N", len(LANDMARKS), "H", "W"], "of": LANDMARKS}
    for label in model.image_labels:
        shape = ["N", len(label.values)]
        outputs[f"image_label_{label.name}"] = {"shape": shape, "of": label.values}
    return {
        "format": FORMAT,
        "fluorojax": fluorojax.__version__,
        "parameters_sha256": manifest["sha256"],
        "input": {
            "name": "image",
            "shape": ["N", 1, "H", "W"],
            "type": "float32",
            "range": [0, 1],
            "usual_size": [rows, columns],
            "multiples_of": several,
        },
        "outputs": outputs,
        "preprocessing": {**manifest["preprocessing"], "steps": STEPS[model.fitting.fit]},
        "spacing": "the network takes pixels as they are: frames are not resampled to a spacing",
        "masks": manifest["masks"],
        "not_in_the_network": "views (masks.tta), thresholds, gap closing and curves (masks)",
    }
