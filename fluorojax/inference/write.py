"""Predictions as files: masks, pictures to look at, and a table of image labels."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from fluorojax.core.files import file_name
from fluorojax.data.folder import Case, load_frame
from fluorojax.data.frames import as_frame
from fluorojax.data.intensity import shown
from fluorojax.drawing import overlay
from fluorojax.inference.predictor import Prediction, Predictor
from fluorojax.metrics import image_labels
from fluorojax.schema import bitmask
from fluorojax.schema.frame import Frame, Spacing

LABEL_COLUMNS = ("case", "frame", "image_label", "value", "probability")
Row = dict[str, Any]


def predict_cases(
    model: Predictor,
    cases: Sequence[Case],
    out: Path,
    *,
    spacing_mm: Spacing | None = None,
    on_case: Callable[[int], None] = lambda done: None,
) -> int:
    """Write `CASE.png` (a bitmask) and `CASE_overlay.png` of each case, on the frame's own grid.

    A network that predicts image labels has them written to `image_labels.csv`.

    Args:
        model: the network.
        cases: of `inputs.cases_of`; each with the spacing that its table says.
        out: made if missing.
        spacing_mm: of all frames, instead of their own.
        on_case: called with the number of cases that are done.

    Returns:
        The number of frames whose spacing nobody says.

    Raises:
        InputError: a frame cannot be read.
    """
    out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    unknown = 0
    for done, case in enumerate(cases, 1):
        frame = as_frame(load_frame(case), spacing_mm)
        prediction = model.predict(frame)
        write_masks(frame, prediction, [c.name for c in model.classes], out, case.case)
        rows += label_rows(case, prediction)
        unknown += not frame.spacing_known
        on_case(done)
    if model.image_labels:
        image_labels.write_image_labels_csv(rows, out / image_labels.FILE, LABEL_COLUMNS)
    return unknown


def write_masks(
    frame: Frame, prediction: Prediction, names: Sequence[str], out: Path, name: str
) -> None:
    """Write the masks as a bitmask, and their picture, in files of the name."""
    name = file_name(name)
    Image.fromarray(bitmask.pack(prediction.masks)).save(out / f"{name}.png")
    picture = overlay.overlay(shown(frame.pixels), prediction.masks, None, None, names)
    overlay.save_png(picture, out / f"{name}_overlay.png")


def label_rows(case: Case, prediction: Prediction) -> list[Row]:
    """Return a row for each image label that is predicted of a case."""
    return [
        {
            "case": case.case,
            "frame": case.image.name,
            "image_label": name,
            "value": choice.value,
            "probability": choice.probability,
        }
        for name, choice in prediction.image_labels.items()
    ]
