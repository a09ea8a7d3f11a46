"""Where the masks of films come from: an export, or the annotations of a dataset folder."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.data import grid
from fluorojax.data.folder import Case, Folder, fingerprint, load_case, load_frame, read_cases
from fluorojax.data.frames import shrunk
from fluorojax.inference.inputs import frames_of, frames_within, is_dataset
from fluorojax.inference.ready_made import in_words, is_export
from fluorojax.knee.doubt import Look, agreed_labels, looks
from fluorojax.knee.measure import CLASSES
from fluorojax.knee.measure.film import FOUND_EDGE_PX
from fluorojax.schema.frame import UNKNOWN_SPACING, Spacing, SpacingOrigin
from fluorojax.schema.info import UNKNOWN

if TYPE_CHECKING:
    from fluorojax.inference.predictor import Predictor

NEEDED = ("femur", "tibia")
LISTED = 10  # annotated cases that a message names
MOST_PX = 1024
"""Rows and columns on which drawn masks are measured at most: a hand is not steadier than that."""


class Film(NamedTuple):
    """A film before it is read: its case, and the dataset folder it is of, if any."""

    case: Case
    folder: Folder | None = None

    @property
    def name(self) -> str:
        """What it is called in tables, and its picture by."""
        return self.case.case

    @property
    def known_labels(self) -> dict[str, str]:
        """Image labels that the folder's table gives for it: name -> value, where known."""
        image_labels = self.folder.info.image_labels if self.folder else ()
        values = zip(image_labels, self.case.image_labels, strict=True)
        return {a.name: a.values[k] for a, k in values if k != UNKNOWN}


class Observation(NamedTuple):
    """What was read of a film.

    Attributes:
        image: [H, W] grey values.
        fields: [h, w, C], bool, or in [0, 1] the share of the pixel's area; perhaps on a coarser
            grid than the image's.
        image_labels: what a network predicts for the whole film: name -> (value, source).
        edge_error_px: s.d. of an edge's place in the fields, as in `KneeFilm`.
        spacing_mm, spacing_origin: of the image's pixels (see `Frame`).
        looks: what the network finds when the film is shown in other ways.
        size: how large it was shown to the network, 1 as usual (see `TtaSpec.scales`).
    """

    image: np.ndarray
    fields: np.ndarray
    image_labels: Mapping[str, tuple[str, str]]
    edge_error_px: float | None = None
    spacing_mm: Spacing = UNKNOWN_SPACING
    spacing_origin: SpacingOrigin = "unknown"
    looks: Sequence[Look] = ()
    size: float = 1.0


class Source(NamedTuple):
    """Where masks come from.

    Attributes:
        films: all that are to be measured.
        class_names: of the masks.
        find: reads a film and returns its masks.
        about: what is written of it beside the values, as JSON.
        recall: of a network, class -> share of its pixels that it found in its own test frames.
    """

    films: Sequence[Film]
    class_names: Sequence[str]
    find: Callable[[Film], Observation]
    about: Mapping[str, Any]
    recall: Mapping[str, float] = {}


def source_of(masks: Path, names: Sequence[str], cases_file: str = "cases.csv") -> Source:
    """Return the masks of an export, or the annotations of a dataset folder.

    Args:
        masks: the folder of an export, or a dataset folder.
        names: with an export: films, folders of films, dataset folders. With a dataset folder: some
            of its cases; none: all that have an annotation.
        cases_file: the table's name in dataset folders.

    Raises:
        InputError: neither of both, nothing to measure, or masks that are not a knee's.
    """
    if is_export(masks):
        source = _predicted(masks, _films(names, cases_file))
    elif (masks / "dataset.json").is_file():
        source = _annotated(masks, names, cases_file)
    else:
        raise InputError(
            f"{masks} has neither manifest.json nor dataset.json; give an export, {in_words()}, or "
            "a dataset folder whose annotations are to be measured"
        )
    missing = [name for name in NEEDED if name not in source.class_names]
    if missing:
        raise InputError(
            f"{masks} has the classes {', '.join(source.class_names)}, without "
            f"{' and '.join(missing)}; a knee is measured on {' and '.join(NEEDED)}, and on those "
            f"it has of {', '.join(name for name in CLASSES if name not in NEEDED)}"
        )
    return source


def _films(names: Sequence[str], cases_file: str) -> list[Film]:
    """Return the films named, those in the folders named, and the cases of dataset folders."""
    if not names:
        raise InputError("no film is given; name films, folders of films, or a dataset folder")
    paths = [Path(name) for name in names]
    folders = [path for path in paths if is_dataset(path)]
    bare = [path for path in paths if path not in folders]
    files = frames_of(bare) if bare else []
    films = [Film(case) for path in files for case in frames_within(path)]
    for path in folders:
        folder = read_cases(path, cases_file)
        films += [Film(case, folder) for case in folder.cases]
    twice = [name for name, count in Counter(film.name for film in films).items() if count > 1]
    if twice:
        raise InputError(
            f"{', '.join(twice)}: two films have this name, and one picture would be written for "
            "both; measure them in two commands, or rename one"
        )
    return films


def _predicted(export: Path, films: Sequence[Film]) -> Source:
    from fluorojax.inference.export import load, read_manifest

    manifest = read_manifest(export)
    about = {"export": str(export), "sha256": manifest["sha256"], "origin": manifest["origin"]}
    return predicted_by(load(export), films, about, recall_of(manifest), doubt=True)


def recall_of(manifest: Mapping[str, Any]) -> dict[str, float]:
    """Return the recall of each class from an export's own scores, where they have one."""
    found: dict[str, float] = {}
    for split in manifest.get("scores", {}).values():
        for name, scores in split.get("classes", {}).items():
            recall = scores["metrics"].get("recall", {}).get("mean")
            if recall is not None and math.isfinite(recall):
                found.setdefault(name, recall)
    return found


def predicted_by(
    model: "Predictor",
    films: Sequence[Film],
    about: Mapping[str, Any],
    recall: Mapping[str, float] | None = None,
    *,
    doubt: bool = False,
) -> Source:
    """Return the masks that a network finds on films.

    Args:
        model: the network.
        films: what is measured.
        about: what is written of the network.
        recall: what is known of it, by class.
        doubt: whether each film is also shown in other ways (see `fluorojax.knee.doubt`), which
            takes three times as long.
    """
    names = [c.name for c in model.classes]

    def find(film: Film) -> Observation:
        frame = load_frame(film.case)
        # On the network's own grid: a finer one would only show how values were interpolated.
        if model.fitting.fit == "shrink":
            frame = shrunk(frame, model.image_size, model.fitting.resampling)
        prediction = model.predict(frame)
        others = tuple(looks(model, frame)) if doubt else ()
        image_labels = agreed_labels(prediction, others, names)
        # Masks of yes and no: edges of probabilities are not coverage, and were no more exact.
        size = frame.spacing_mm, frame.spacing_origin
        return Observation(
            frame.pixels,
            prediction.masks,
            image_labels,
            FOUND_EDGE_PX,
            *size,
            others,
            prediction.size,
        )

    return Source(films, names, find, about, recall or {})


def _annotated(path: Path, names: Sequence[str], cases_file: str) -> Source:
    folder = read_cases(path, cases_file)
    labelled = {case.case: Film(case, folder) for case in folder.cases if case.labelled}
    unknown = [name for name in names if name not in labelled]
    if unknown or not labelled:
        listed = ", ".join(list(labelled)[:LISTED]) + (", ..." if len(labelled) > LISTED else "")
        raise InputError(
            f"{folder.cases_file}: no annotation of {', '.join(unknown) or 'any case'}; annotated "
            f"are {listed or 'none'}"
        )

    def find(film: Film) -> Observation:
        frame, mask, _ = load_case(folder, film.case)
        fields = grid.shrink_masks(mask, (MOST_PX, MOST_PX))
        size = frame.spacing_mm, frame.spacing_origin
        return Observation(frame.pixels, fields, {}, None, *size)

    films = [labelled[name] for name in dict.fromkeys(names or labelled)]
    about = {"folder": str(path), "cases": cases_file, "fingerprint": fingerprint(folder)}
    return Source(films, folder.info.class_names, find, about)
