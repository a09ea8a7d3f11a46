"""Predictions as files: masks, curves, pictures to look at, and tables of what was found."""

import contextlib
import dataclasses
import functools
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import fluorojax
from fluorojax.core.errors import InputError, writing
from fluorojax.core.files import file_name
from fluorojax.core.outputs import refuse_clashes, written_aside
from fluorojax.data.dicom_out import Algorithm
from fluorojax.data.folder import Case, load_frame
from fluorojax.data.frames import as_frame
from fluorojax.data.intensity import shown
from fluorojax.data.readers import holds_several
from fluorojax.data.write_labelme import labelme
from fluorojax.drawing import overlay
from fluorojax.inference import found, products
from fluorojax.inference.ensemble import Ensemble
from fluorojax.inference.journal import Journal
from fluorojax.inference.predictor import Prediction, Predictor
from fluorojax.inference.products import NOTHING_MORE, Wanted
from fluorojax.metrics import image_labels
from fluorojax.schema import bitmask
from fluorojax.schema.frame import Frame, Spacing

LABEL_COLUMNS = ("case", "frame", "image_label", "value", "probability")
WHOLE = 65535
"""What stands in a picture of 16 bit for a probability, or a standard deviation, of 1."""
Row = dict[str, Any]


@dataclasses.dataclass
class Outcome:
    """What became of the frames of a call.

    Attributes:
        written: frames whose files were written.
        skipped: frames that an earlier call had done.
        spacings: where the spacings of the frames, of both, come from -> number of frames.
        failed: case -> why it could not be read.
        made: files of several frames that are there, of this call or an earlier one.
        unmade: file of several frames that was asked for -> why it could not be made.
    """

    written: int = 0
    skipped: int = 0
    spacings: Counter[str] = dataclasses.field(default_factory=Counter)
    failed: dict[str, str] = dataclasses.field(default_factory=dict)
    made: list[str] = dataclasses.field(default_factory=list)
    unmade: dict[str, str] = dataclasses.field(default_factory=dict)


def call_of(
    model: Predictor, checksums: Sequence[str], spacing_mm: Spacing | None
) -> dict[str, Any]:
    """Return what the masks of a call depend on besides the frames, as JSON.

    Args:
        model: with the rules in use.
        checksums: of its parameters; of an ensemble, of each member's.
        spacing_mm: of all frames, instead of their own.
    """
    return {
        "parameters": checksums[0] if len(checksums) == 1 else list(checksums),
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
    wanted: Wanted = NOTHING_MORE,
    algorithm: Algorithm | None = None,
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
        wanted: what is written besides. `CASE.json`, for LabelMe, is left as it is where it is
            there, since it may have been corrected by hand.
        algorithm: what stands in DICOM files as what found the masks; None: told from `call`.
        on_case: called with the number of cases that are done.

    Raises:
        InputError: something in `out` would be lost, two cases would write one file, `out` cannot
            be written, or something is asked for that cannot be made: LabelMe files where no class
            is looked for as a curve, or see `products.check_wanted`.
    """
    if wanted.labelme and not model.rules.followed:
        raise InputError(
            "--labelme writes curves, and this export looks for none; use an export of a run with "
            "config.evaluation.curve=attached, or leave the option out"
        )
    products.check_wanted(cases, wanted)
    algorithm = algorithm or Algorithm("fluorojax export", str(call.get("parameters", "")))
    made = products.products(cases, out, model.rules, algorithm, wanted)
    _refuse_clashes(model, cases, out, wanted, [product.name for product in made])
    journal = Journal(out, call, [case.image for case in cases])
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    outcome = Outcome()
    for done, case in enumerate(cases, 1):
        _predict_case(model, case, out, journal, outcome, spacing_mm, wanted)
        on_case(done)
    if journal.entries and (wanted.coco or products.COCO in journal.products):
        made.append(products.coco(journal, out, model.classes))
    reasons = {product.name: products.make(product, out, journal) for product in made}
    outcome.made = [name for name, reason in reasons.items() if not reason]
    outcome.unmade = {name: reason for name, reason in reasons.items() if reason}
    with written_aside(out / found.FILE) as draft:
        noted = [entry["found"].get("classes", ()) for entry in journal.entries.values()]
        found.write_found_csv((row for rows in noted for row in rows), draft)
    if model.image_labels:
        rows = [row for entry in journal.entries.values() for row in entry["found"]["labels"]]
        with written_aside(out / image_labels.FILE) as draft:
            image_labels.write_image_labels_csv(rows, draft, LABEL_COLUMNS)
    return outcome


def _refuse_clashes(
    model: Predictor, cases: Sequence[Case], out: Path, wanted: Wanted, made: Sequence[str]
) -> None:
    kinds = {"mask": mask_path, "overlay": overlay_path}
    if model.rules.followed:
        kinds |= {"curves": curves_path, "LabelMe file": labelme_path}
    files = [
        (f"the {kind} of {case.case}", path(out, case.case))
        for kind, path in kinds.items()
        for case in cases
    ]
    files += [
        (f"{path.name} of {case.case}", path)
        for case in cases
        for path in map_paths(model, out, case.case, wanted)
    ]
    refuse_clashes([*files, *((f"file {n} of {name}", out / name) for n, name in enumerate(made))])


def _predict_case(
    model: Predictor,
    case: Case,
    out: Path,
    journal: Journal,
    outcome: Outcome,
    spacing_mm: Spacing | None,
    wanted: Wanted,
) -> None:
    """Predict one case and write its files, unless they are there; note what became of it."""
    given: dict[str, Any] = {"spacing_mm": [mm if mm == mm else None for mm in case.spacing_mm]}
    if case.frame >= 0:
        given["frame"] = case.frame
    by_hand = labelme_path(out, case.case)
    needed = [path.name for path in map_paths(model, out, case.case, wanted)]
    needed += [by_hand.name] * wanted.labelme
    if journal.is_done(case.case, case.image, given, needed):
        outcome.skipped += 1
        outcome.spacings[journal.entries[case.case]["found"].get("spacing", "stated")] += 1
        return
    try:
        frame = as_frame(load_frame(case), spacing_mm)
        prediction = model.predict(frame)
    except (InputError, MemoryError) as error:
        outcome.failed[case.case] = str(error) or f"{case.image}: not enough memory"
        return
    writers = _writers(model, case, frame, prediction, out, wanted)
    with contextlib.ExitStack() as stack:
        drafts = {path: stack.enter_context(written_aside(path)) for path in writers}
        for path, draft in drafts.items():
            writers[path](draft)
        files: dict[str, Path | None] = {path.name: draft for path, draft in drafts.items()}
        if wanted.labelme or by_hand.exists():
            files[by_hand.name] = None
        journal.add(case.case, case.image, given, files, _noted(model, case, frame, prediction))
    outcome.written += 1
    outcome.spacings[frame.spacing_origin] += 1


def _writers(
    model: Predictor,
    case: Case,
    frame: Frame,
    prediction: Prediction,
    out: Path,
    wanted: Wanted,
) -> dict[Path, Callable[[Path], None]]:
    """Return each file of a frame, and what writes it to a draft."""
    name, image = case.case, shown(frame.pixels)
    writers: dict[Path, Callable[[Path], None]] = {
        mask_path(out, name): lambda draft: _save(bitmask.pack(prediction.masks), draft),
        overlay_path(out, name): lambda draft: _draw(model, image, prediction, draft),
    }
    for path, values in zip(
        map_paths(model, out, name, wanted), _maps(prediction, wanted), strict=True
    ):
        writers[path] = functools.partial(_save, _in_16_bits(values))
    if model.rules.followed:
        curves = found.curves_json(case, prediction, frame.shape, frame.spacing_mm)
        writers[curves_path(out, name)] = functools.partial(_dump, curves)
    if wanted.labelme and not labelme_path(out, name).exists():
        document = labelme(found.lines_of(prediction), image, case.image.name)
        writers[labelme_path(out, name)] = functools.partial(_dump, document)
    return writers


def map_paths(model: Predictor, out: Path, case: str, wanted: Wanted) -> list[Path]:
    """Return where maps of a case are written: probabilities, and of an ensemble their spread."""
    kinds = ["probability"] * wanted.probabilities
    kinds += ["uncertainty"] * isinstance(model, Ensemble)
    return [
        out / f"{file_name(case)}_{name}_{kind}.png" for kind in kinds for name in model.rules.names
    ]


def _maps(prediction: Prediction, wanted: Wanted) -> list[np.ndarray]:
    """Return the maps of `map_paths`, [H, W] each."""
    found = [prediction.probabilities] if wanted.probabilities else []
    found += [prediction.agreement.spread] if prediction.agreement else []
    return [np.asarray(of)[..., k] for of in found for k in range(prediction.masks.shape[-1])]


def _in_16_bits(values: np.ndarray) -> np.ndarray:
    """Return numbers in [0, 1] as round(65535 v), uint16."""
    return np.rint(np.clip(values, 0, 1) * WHOLE).astype(np.uint16)


def _save(pixels: np.ndarray, draft: Path) -> None:
    Image.fromarray(pixels).save(draft, format="PNG")


def _dump(document: Mapping[str, Any], draft: Path) -> None:
    draft.write_text(json.dumps(document) + "\n", "utf-8")


def _draw(model: Predictor, image: np.ndarray, prediction: Prediction, draft: Path) -> None:
    """Write the picture of a frame."""
    names = model.rules.names
    axes = [
        overlay.Axis(names.index(name), curve.points, curve.attached)
        for name, curves in prediction.curves.items()
        for curve in curves
    ]
    overlay.save_png(overlay.overlay(image, prediction.masks, None, None, names, axes=axes), draft)


def _noted(model: Predictor, case: Case, frame: Frame, prediction: Prediction) -> dict[str, Any]:
    """Return what the journal keeps of a frame, for the tables of all."""
    return {
        "labels": label_rows(case, prediction),
        "spacing": frame.spacing_origin,
        "several": case.frame >= 1 and holds_several(case.image),
        "classes": found.found_rows(case, prediction, model.rules.names, frame.spacing_mm),
    }


def mask_path(out: Path, case: str) -> Path:
    """Return where the mask of a case is written."""
    return out / products.mask_name(case)


def overlay_path(out: Path, case: str) -> Path:
    """Return where the picture of a case is written."""
    return out / products.overlay_name(case)


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
