"""Predictions as files: masks, pictures to look at, and a table of image labels."""

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

import fluorojax
from fluorojax.core.errors import InputError, writing
from fluorojax.core.files import file_name
from fluorojax.core.outputs import refuse_clashes, written_aside
from fluorojax.data.folder import Case, load_frame
from fluorojax.data.frames import as_frame
from fluorojax.data.intensity import shown
from fluorojax.drawing import overlay
from fluorojax.inference.journal import Journal
from fluorojax.inference.predictor import Prediction, Predictor
from fluorojax.metrics import image_labels
from fluorojax.schema import bitmask
from fluorojax.schema.frame import Spacing

LABEL_COLUMNS = ("case", "frame", "image_label", "value", "probability")
Row = dict[str, Any]


@dataclasses.dataclass
class Outcome:
    """What became of the frames of a call.

    Attributes:
        written: frames whose files were written.
        skipped: frames that an earlier call had done.
        spacings: where the spacings of the frames, of both, come from -> number of frames.
        failed: case -> why it could not be read.
    """

    written: int = 0
    skipped: int = 0
    spacings: Counter[str] = dataclasses.field(default_factory=Counter)
    failed: dict[str, str] = dataclasses.field(default_factory=dict)


def call_of(model: Predictor, checksum: str, spacing_mm: Spacing | None) -> dict[str, Any]:
    """Return what the masks of a call depend on besides the frames, as JSON.

    Args:
        model: with the rules in use.
        checksum: of its parameters.
        spacing_mm: of all frames, instead of their own.
    """
    return {
        "parameters": checksum,
        "masks": json.loads(json.dumps(model.rules.to_json())),
        "spacing_mm": None if spacing_mm is None else list(spacing_mm),
        "version": fluorojax.__version__,
    }


def predict_cases(
    model: Predictor,
    cases: Sequence[Case],
    out: Path,
    call: Mapping[str, Any],
    *,
    spacing_mm: Spacing | None = None,
    on_case: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Write `CASE.png` (a bitmask) and `CASE_overlay.png` of each case, on the frame's own grid.

    A network that predicts image labels has them written to `image_labels.csv`. A frame that
    cannot be read is noted, and the others are predicted; one that an earlier call into the same
    folder has done is not predicted again (see `journal`).

    Args:
        model: the network.
        cases: of `inputs.cases_of`; each with the spacing that its table says.
        out: made if missing; new, or of earlier calls with the same settings.
        call: of `call_of`.
        spacing_mm: of all frames, instead of their own.
        on_case: called with the number of cases that are done.

    Raises:
        InputError: something in `out` would be lost, two cases would write one file, or `out`
            cannot be written.
    """
    _refuse_clashes(cases, out)
    journal = Journal(out, call, [case.image for case in cases])
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    outcome = Outcome()
    for done, case in enumerate(cases, 1):
        _predict_case(model, case, out, journal, outcome, spacing_mm)
        on_case(done)
    if model.image_labels:
        rows = [row for entry in journal.entries.values() for row in entry["found"]["labels"]]
        with written_aside(out / image_labels.FILE) as draft:
            image_labels.write_image_labels_csv(rows, draft, LABEL_COLUMNS)
    return outcome


def _refuse_clashes(cases: Sequence[Case], out: Path) -> None:
    masks = [(f"the mask of {case.case}", mask_path(out, case.case)) for case in cases]
    overlays = [(f"the overlay of {case.case}", overlay_path(out, case.case)) for case in cases]
    refuse_clashes([*masks, *overlays])


def _predict_case(
    model: Predictor,
    case: Case,
    out: Path,
    journal: Journal,
    outcome: Outcome,
    spacing_mm: Spacing | None,
) -> None:
    """Predict one case and write its files, unless they are there; note what became of it."""
    given: dict[str, Any] = {"spacing_mm": [mm if mm == mm else None for mm in case.spacing_mm]}
    if case.frame >= 0:
        given["frame"] = case.frame
    if journal.is_done(case.case, case.image, given):
        outcome.skipped += 1
        outcome.spacings[journal.entries[case.case]["found"].get("spacing", "stated")] += 1
        return
    try:
        frame = as_frame(load_frame(case), spacing_mm)
        prediction = model.predict(frame)
    except (InputError, MemoryError) as error:
        outcome.failed[case.case] = str(error) or f"{case.image}: not enough memory"
        return
    names = [c.name for c in model.classes]
    found = {"labels": label_rows(case, prediction), "spacing": frame.spacing_origin}
    mask, picture = mask_path(out, case.case), overlay_path(out, case.case)
    with written_aside(mask) as mask_draft, written_aside(picture) as picture_draft:
        Image.fromarray(bitmask.pack(prediction.masks)).save(mask_draft, format="PNG")
        shown_with = overlay.overlay(shown(frame.pixels), prediction.masks, None, None, names)
        overlay.save_png(shown_with, picture_draft)
        files = {mask.name: mask_draft, picture.name: picture_draft}
        journal.add(case.case, case.image, given, files, found)
    outcome.written += 1
    outcome.spacings[frame.spacing_origin] += 1


def mask_path(out: Path, case: str) -> Path:
    """Return where the mask of a case is written."""
    return out / f"{file_name(case)}.png"


def overlay_path(out: Path, case: str) -> Path:
    """Return where the picture of a case is written."""
    return out / f"{file_name(case)}_overlay.png"


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
