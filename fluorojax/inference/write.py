"""Predictions as files: masks, curves, pictures to look at, and tables of what was found."""

import contextlib
import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import fluorojax
from fluorojax.core.errors import InputError, writing
from fluorojax.core.files import file_name
from fluorojax.core.outputs import refuse_clashes, written_aside
from fluorojax.data.folder import Case, load_frame
from fluorojax.data.frames import as_frame
from fluorojax.data.intensity import shown
from fluorojax.data.write_labelme import labelme
from fluorojax.drawing import overlay
from fluorojax.inference import found
from fluorojax.inference.journal import Journal
from fluorojax.inference.predictor import Prediction, Predictor
from fluorojax.metrics import image_labels
from fluorojax.schema import bitmask
from fluorojax.schema.frame import Frame, Spacing

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
    with_labelme: bool = False,
    on_case: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Write `CASE.png` (a bitmask) and `CASE_overlay.png` of each case, on the frame's own grid.

    What was found stands in `predictions.csv`, a row a case and class; where a class is looked for
    as a curve, its points in `CASE_curves.json`. A network that predicts image labels has them
    written to `image_labels.csv`. A frame that cannot be read is noted, and the others are
    predicted; one that an earlier call into the same folder has done is not predicted again (see
    `journal`).

    Args:
        model: the network.
        cases: of `inputs.cases_of`; each with the spacing that its table says.
        out: made if missing; new, or of earlier calls with the same settings.
        call: of `call_of`.
        spacing_mm: of all frames, instead of their own.
        with_labelme: write the curves as `CASE.json` too, for LabelMe; one that is there is left as
            it is, since it may have been corrected by hand.
        on_case: called with the number of cases that are done.

    Raises:
        InputError: something in `out` would be lost, two cases would write one file, `out` cannot
            be written, or LabelMe files are asked for where no class is looked for as a curve.
    """
    if with_labelme and not model.rules.followed:
        raise InputError(
            "--labelme writes curves, and this export looks for none; use an export of a run with "
            "config.evaluation.curve=attached, or leave the option out"
        )
    _refuse_clashes(model, cases, out)
    journal = Journal(out, call, [case.image for case in cases])
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    outcome = Outcome()
    for done, case in enumerate(cases, 1):
        _predict_case(model, case, out, journal, outcome, spacing_mm, with_labelme)
        on_case(done)
    with written_aside(out / found.FILE) as draft:
        noted = [entry["found"].get("classes", ()) for entry in journal.entries.values()]
        found.write_found_csv((row for rows in noted for row in rows), draft)
    if model.image_labels:
        rows = [row for entry in journal.entries.values() for row in entry["found"]["labels"]]
        with written_aside(out / image_labels.FILE) as draft:
            image_labels.write_image_labels_csv(rows, draft, LABEL_COLUMNS)
    return outcome


def _refuse_clashes(model: Predictor, cases: Sequence[Case], out: Path) -> None:
    kinds = {"mask": mask_path, "overlay": overlay_path}
    if model.rules.followed:
        kinds |= {"curves": curves_path, "LabelMe file": labelme_path}
    refuse_clashes(
        (f"the {kind} of {case.case}", path(out, case.case))
        for kind, path in kinds.items()
        for case in cases
    )


def _predict_case(
    model: Predictor,
    case: Case,
    out: Path,
    journal: Journal,
    outcome: Outcome,
    spacing_mm: Spacing | None,
    with_labelme: bool,
) -> None:
    """Predict one case and write its files, unless they are there; note what became of it."""
    given: dict[str, Any] = {"spacing_mm": [mm if mm == mm else None for mm in case.spacing_mm]}
    if case.frame >= 0:
        given["frame"] = case.frame
    by_hand = labelme_path(out, case.case)
    if journal.is_done(case.case, case.image, given, [by_hand.name] if with_labelme else ()):
        outcome.skipped += 1
        outcome.spacings[journal.entries[case.case]["found"].get("spacing", "stated")] += 1
        return
    try:
        frame = as_frame(load_frame(case), spacing_mm)
        prediction = model.predict(frame)
    except (InputError, MemoryError) as error:
        outcome.failed[case.case] = str(error) or f"{case.image}: not enough memory"
        return
    paths = [mask_path(out, case.case), overlay_path(out, case.case)]
    if model.rules.followed:
        paths.append(curves_path(out, case.case))
    if with_labelme and not by_hand.exists():
        paths.append(by_hand)
    with contextlib.ExitStack() as stack:
        drafts = {path: stack.enter_context(written_aside(path)) for path in paths}
        _write(model, case, frame, prediction, list(drafts.values()))
        files: dict[str, Path | None] = {path.name: draft for path, draft in drafts.items()}
        if with_labelme or by_hand.exists():
            files[by_hand.name] = None
        journal.add(case.case, case.image, given, files, _noted(model, case, frame, prediction))
    outcome.written += 1
    outcome.spacings[frame.spacing_origin] += 1


def _write(
    model: Predictor, case: Case, frame: Frame, prediction: Prediction, drafts: Sequence[Path]
) -> None:
    """Write the mask of a frame, its overlay and, as far as there are drafts, its curves."""
    mask, picture, *others = drafts
    Image.fromarray(bitmask.pack(prediction.masks)).save(mask, format="PNG")
    names, image = model.rules.names, shown(frame.pixels)
    axes = [
        overlay.Axis(names.index(name), curve.points, curve.attached)
        for name, curves in prediction.curves.items()
        for curve in curves
    ]
    overlay.save_png(
        overlay.overlay(image, prediction.masks, None, None, names, axes=axes), picture
    )
    for draft, document in zip(others, _documents(case, frame, prediction, image), strict=False):
        draft.write_text(json.dumps(document) + "\n", "utf-8")


def _documents(
    case: Case, frame: Frame, prediction: Prediction, image: np.ndarray
) -> Iterator[dict[str, Any]]:
    """Yield the curves of a frame, and the same for LabelMe, as JSON."""
    yield found.curves_json(case, prediction, frame.shape, frame.spacing_mm)
    yield labelme(found.lines_of(prediction), image, case.image.name)


def _noted(model: Predictor, case: Case, frame: Frame, prediction: Prediction) -> dict[str, Any]:
    """Return what the journal keeps of a frame, for the tables of all."""
    return {
        "labels": label_rows(case, prediction),
        "spacing": frame.spacing_origin,
        "classes": found.found_rows(case, prediction, model.rules.names, frame.spacing_mm),
    }


def mask_path(out: Path, case: str) -> Path:
    """Return where the mask of a case is written."""
    return out / f"{file_name(case)}.png"


def overlay_path(out: Path, case: str) -> Path:
    """Return where the picture of a case is written."""
    return out / f"{file_name(case)}_overlay.png"


def curves_path(out: Path, case: str) -> Path:
    """Return where the curves of a case are written."""
    return out / f"{file_name(case)}_curves.json"


def labelme_path(out: Path, case: str) -> Path:
    """Return where the curves of a case are written for LabelMe."""
    return out / f"{file_name(case)}.json"


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
