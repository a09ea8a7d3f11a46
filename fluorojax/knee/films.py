"""From films and masks to measurements, one film at a time."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar, get_args

import numpy as np

from fluorojax import __version__
from fluorojax.core.errors import InputError
from fluorojax.core.outputs import refuse_clashes, results
from fluorojax.core.progress import progress
from fluorojax.data.intensity import shown
from fluorojax.knee.doubt import CANNOT_SAY, doubted
from fluorojax.knee.measure import (
    UNCERTAINTY,
    CalibrationObject,
    KneeFilm,
    KneeSettings,
    KnownWidth,
    Tolerances,
    compare_knees,
    measure_knee,
)
from fluorojax.knee.measure.film import LEAST_PX, Implant, Side, View
from fluorojax.knee.measure.result import DETECTOR_PLANE
from fluorojax.knee.source import Film, Observation, Source
from fluorojax.knee.structured_report import check_reports, report_name, write_report
from fluorojax.knee.write import (
    PROGRESSION,
    Measured,
    Row,
    bands,
    picture_name,
    rows_of,
    write_pair,
    write_picture,
    write_tables,
)
from fluorojax.schema.frame import ORIGINS

BALL = "calibration_ball"
"""The class of a ball or coin of known diameter; only masks drawn by hand have it."""

IMPLANTS: dict[str, Implant] = {
    **{implant: implant for implant in get_args(Implant)},
    **{"tka_cr": "total", "tka_ps": "total", "uka": "unicompartmental"},
}
"""An implant's type, as folders and exports name it -> what measuring needs to know of it."""

VIEWS: dict[str, View] = {view: view for view in get_args(View)}
SIDES: dict[str, Side] = {side: side for side in get_args(Side)}

Word = TypeVar("Word", bound=str)


@dataclasses.dataclass(frozen=True)
class Overrides:
    """What the user gives for all films, before what the files say; None: not given.

    Attributes:
        view, side, implant: as in `KneeFilm`.
        spacing_mm: of a pixel (rows, columns), instead of the folder's own.
        magnification: of the film's spacing at the knee. 1: the spacing is that of the knee's
            plane. None: it is the detector's, and the magnification is unknown.
        known_width: of a component.
        ball_mm: diameter of what the class `calibration_ball` shows.
    """

    view: View | None = None
    side: Side | None = None
    implant: Implant | None = None
    spacing_mm: tuple[float, float] | None = None
    magnification: float | None = None
    known_width: KnownWidth | None = None
    ball_mm: float | None = None


def measure(
    source: Source,
    given: Overrides,
    out: Path,
    *,
    tolerances: Tolerances | None = None,
    settings: KneeSettings | None = None,
    compare: bool = False,
    dicom_sr: bool = False,
) -> Row:
    """Measure every film; write `measurements.csv`, `measurements.json` and `FILM.png` into `out`.

    A film that cannot be measured is noted with its reason, and the others are measured. The folder
    takes its place when it is whole.

    Args:
        source: of films and masks.
        given: what is known of all films.
        out: new, or of earlier measurements, which it replaces.
        tolerances, settings: None: the defaults.
        compare: the films are two of one knee, the earlier first: what changed is written too, as
            `progression.csv` and `progression.png`.
        dicom_sr: write `FILM_sr.dcm` of films that are DICOM files (see `structured_report`).

    Returns:
        What stands in `measurements.json`.

    Raises:
        InputError: `out` cannot be written, something else stands in it, two films would be written
            to one picture, what is to be compared is not two films, or reports cannot be written.
    """
    tolerances, settings = tolerances or Tolerances(), settings or KneeSettings()
    if compare and len(source.films) != 2:
        raise InputError(f"{len(source.films)} films are given; a comparison is of two")
    if dicom_sr:
        check_reports(source.films)
    _refuse_clashes(source.films, out, compare=compare)
    with results(out, "measurements", [film.case.image for film in source.films]) as draft:
        return _measure(source, given, draft, tolerances, settings, compare, dicom_sr)


def _measure(
    source: Source,
    given: Overrides,
    out: Path,
    tolerances: Tolerances,
    settings: KneeSettings,
    compare: bool,
    dicom_sr: bool,
) -> Row:
    record: Row = {
        "fluorojax": __version__,
        "masks": dict(source.about),
        "settings": dataclasses.asdict(settings),
        "tolerances": bands(tolerances),
        "uncertainty": UNCERTAINTY,
        "films": [],
        "failed": [],
    }
    kept: list[tuple[Measured, np.ndarray]] = []
    with progress("measure", len(source.films)) as update:
        for n, film in enumerate(source.films):
            try:
                measured = measure_film(source, film, given, settings)
            except InputError as error:
                record["failed"].append({"film": film.name, "reason": str(error)})
            else:
                picture = write_picture(measured, tolerances, out)
                if dicom_sr:
                    write_report(film, measured, source.about, out)
                record["films"].append(_entry(film, measured, tolerances))
                kept += [(measured, picture)] * compare  # only a comparison needs them again
            update(n + 1)
    if len(kept) == 2:
        record[PROGRESSION] = _compare(kept, settings, out)
    write_tables(record, out)
    return record


def _compare(
    pair: list[tuple[Measured, np.ndarray]], settings: KneeSettings, out: Path
) -> list[Row]:
    """Measure what changed from the earlier film to the later, and draw both side by side."""
    (earlier, _), (later, _) = pair
    change = compare_knees(earlier.report.film, later.report.film, settings)
    title = f"{earlier.name} to {later.name}, later less earlier:"
    write_pair([picture for _, picture in pair], title, change, out)
    return change.rows()


def _refuse_clashes(films: Sequence[Film], out: Path, *, compare: bool) -> None:
    files = [(f"the picture of {film.name}", out / picture_name(film.name)) for film in films]
    files += [(f"the report of {film.name}", out / report_name(film.name)) for film in films]
    files += [("that of the progression", out / f"{PROGRESSION}.png")] * compare
    refuse_clashes(files)


def _entry(film: Film, measured: Measured, tolerances: Tolerances) -> Row:
    return {
        "film": film.name,
        "file": str(film.case.image),
        "assumptions": dict(measured.assumptions),
        "measurements": rows_of(measured, tolerances),
    }


def measure_film(source: Source, film: Film, given: Overrides, settings: KneeSettings) -> Measured:
    """Read a film, find its masks and measure them.

    Raises:
        InputError: the film cannot be read, or its view is unknown.
    """
    seen = source.find(with_spacing(film, given))
    knee, assumptions = knee_film(source, film, seen, given)
    others = {
        look.name: measure_knee(dataclasses.replace(knee, masks=look.fields), settings)
        for look in seen.looks
    }
    report = doubted(measure_knee(knee, settings), others, settings)
    return Measured(film.name, shown(seen.image), report, assumptions)


def with_spacing(film: Film, given: Overrides) -> Film:
    """Return the film with the spacing that the user gives, if any: masks are made with it."""
    if given.spacing_mm is None:
        return film
    return film._replace(case=dataclasses.replace(film.case, spacing_mm=given.spacing_mm))


def knee_film(
    source: Source, film: Film, seen: Observation, given: Overrides
) -> tuple[KneeFilm, dict[str, str]]:
    """Return a film as `measure_knee` takes it, and what was assumed of it, with the source."""
    known = dict(seen.image_labels)
    known |= {name: (value, "table of cases") for name, value in film.known_labels.items()}
    view, view_from = _word(given.view, known.get("view"), VIEWS)
    side, side_from = _word(given.side, known.get("side"), SIDES)
    implant, implant_from = _word(given.implant, known.get("type"), IMPLANTS)
    if view is None:
        raise InputError(
            f"view {view_from}; give --view ap or lateral, or a column view in the table of cases"
        )
    if min(seen.fields.shape[:2]) < LEAST_PX:
        rows, columns = seen.image.shape
        raise InputError(
            f"{film.case.image}: {rows} x {columns} pixels; a film has at least {LEAST_PX} rows "
            "and columns where it is measured"
        )
    magnification = _magnification(seen, given)
    spacing, spacing_from = _spacing(seen, given, magnification)
    finer = [n / m for n, m in zip(seen.image.shape, seen.fields.shape, strict=False)]
    knee = KneeFilm(
        seen.fields,
        source.class_names,
        view,
        (spacing[0] * finer[0], spacing[1] * finer[1]),
        side,
        implant,
        magnification,
        given.known_width,
        _ball(seen, source.class_names, given.ball_mm),
        source.recall.get("radiolucency"),
        seen.edge_error_px,
    )
    assumptions = {
        "view": f"{view}, {view_from}",
        "side": f"{side}, {side_from}" if side else side_from,
        "implant": f"{implant}, {implant_from}" if implant else _from_masks(implant_from),
        "spacing": spacing_from,
    }
    if seen.size != 1.0:
        assumptions["size"] = f"shown {seen.size:.2f} times as large as usual: steadier so"
    return knee, assumptions


def _from_masks(why: str) -> str:
    """Say that the implant is recognised from the masks, and why nobody's word was taken."""
    return "recognised from the masks" + (f" ({why})" if why != "unknown" else "")


def _word(
    given: Word | None, found: tuple[str, str] | None, words: Mapping[str, Word]
) -> tuple[Word | None, str]:
    """Return a view, side or implant and its source; None and the reason where it is unknown.

    Args:
        given: by the user, whose word counts most.
        found: (value, its source) in the table of cases or by the network, or None.
        words: the values that can stand there -> what they mean here.
    """
    if given is not None:
        return given, "as given"
    if found is None:
        return None, "unknown"
    value, where = found
    if value == CANNOT_SAY:
        return None, where
    if value not in words:
        return None, f"'{value}' ({where}) is none of {', '.join(words)}"
    return words[value], where


def _magnification(seen: Observation, given: Overrides) -> float | None:
    """Return how much larger the spacing's plane shows the knee; None: nobody knows.

    What a file was calibrated for, or has divided by its estimated magnification, is the knee's.
    """
    if given.magnification is not None:
        return given.magnification
    return 1.0 if seen.spacing_origin in ("calibrated", "magnification") else None


def _spacing(
    seen: Observation, given: Overrides, magnification: float | None
) -> tuple[tuple[float, float], str]:
    """Return a pixel's size, and in words in which plane it is measured and where it comes from."""
    spacing, where = seen.spacing_mm, ORIGINS[seen.spacing_origin]
    if seen.spacing_origin == "stated":
        where = "table of cases" if given.spacing_mm is None else "as given"
    if math.isnan(spacing[0]):
        return spacing, "unknown"
    size = f"{spacing[0]:g} x {spacing[1]:g} mm ({where})"
    if magnification is None:
        return (
            spacing,
            f"{size}, at the detector; magnification unknown: lengths are {DETECTOR_PLANE}",
        )
    if magnification == 1:
        return spacing, f"{size}, in the plane of the knee"
    return spacing, f"{size}, at the detector; magnification {magnification:g} as given"


def _ball(
    seen: Observation, class_names: Sequence[str], ball_mm: float | None
) -> CalibrationObject | None:
    if ball_mm is None:
        return None
    if BALL not in class_names:
        raise InputError(
            f"--ball-mm {ball_mm:g}: no mask of the ball; annotate it as a class {BALL}"
        )
    return CalibrationObject(ball_mm, seen.fields[..., list(class_names).index(BALL)])
