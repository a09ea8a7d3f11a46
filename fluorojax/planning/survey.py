"""What is in a folder of frames, looked at case by case while it is checked."""

import dataclasses
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from fluorojax.data.folder import Case, Folder, FolderSummary, check_cases, read_folder
from fluorojax.data.leaks import few
from fluorojax.data.problems import said
from fluorojax.data.readers import header_of, holds_dicom
from fluorojax.geometry.skeleton import skeleton
from fluorojax.planning import alike
from fluorojax.planning.classes import width_of
from fluorojax.planning.text_marks import may_have_text
from fluorojax.schema.frame import ORIGINS, Frame, Spacing, SpacingOrigin
from fluorojax.schema.info import SPLITS

BLACK, WHITE, FLAT = 0.05, 0.95, 0.02
"""Of the brightest frame's range: 95 % of a frame below, 95 % above, 90 % within."""
TINY = 0.02
"""Of the median area of a class: less is perhaps a slip."""


@dataclasses.dataclass(frozen=True)
class Seen:
    """What was seen of one case.

    Attributes:
        case: it.
        shape: rows and columns.
        bits: of a stored value.
        spacing_mm, spacing_origin: see `Frame`.
        greys: 5th, 95th and 99.5th percentile.
        areas: px, one a class.
        widths: px, of curves that are there; 0 elsewhere.
        text: whether its header says that text is burnt in, or it may have some at its rim.
    """

    case: Case
    shape: tuple[int, int]
    bits: int
    spacing_mm: Spacing
    spacing_origin: SpacingOrigin
    greys: tuple[float, float, float]
    areas: tuple[int, ...]
    widths: tuple[float, ...]
    text: str


@dataclasses.dataclass(frozen=True)
class Survey:
    """A folder that was checked, and what was seen in it.

    Attributes:
        folder, summary: of the check.
        seen: every case, in the table's order.
        findings: what deserves a look, most serious first.
        cases_file: the table's name, as it was given.
    """

    folder: Folder
    summary: FolderSummary
    seen: tuple[Seen, ...]
    findings: tuple[str, ...]
    cases_file: str = "cases.csv"

    def of(self, split: str) -> list[Seen]:
        """Return the labelled cases of a split."""
        return [s for s in self.seen if s.case.split == split and s.case.labelled]

    @property
    def trains(self) -> bool:
        """Whether there is something to train on; else the folder is for evaluation alone."""
        return bool(self.of("train"))


class _Look:
    """Gathers what is seen while cases are read, one by one."""

    def __init__(self, folder: Folder):
        self.curves = folder.info.curves
        self.seen: list[Seen] = []
        self.hashes: list[int] = []
        self.thumbs: list[np.ndarray] = []
        self._said: dict[Path, str] = {}

    def __call__(self, case: Case, frame: Frame, mask: np.ndarray, ignore: np.ndarray) -> None:
        low, high, top = np.percentile(
            frame.pixels[:: _step(frame), :: _step(frame)], (5, 95, 99.5)
        )
        areas = tuple(int(n) for n in mask.sum((0, 1)))
        self.thumbs.append(alike.thumbnail(frame.pixels))
        self.hashes.append(alike.perceptual_hash(self.thumbs[-1]))
        self.seen.append(
            Seen(
                case=case,
                shape=frame.shape,
                bits=8 * frame.pixels.dtype.itemsize,
                spacing_mm=frame.spacing_mm,
                spacing_origin=frame.spacing_origin,
                greys=(float(low), float(high), float(top)),
                areas=areas,
                widths=tuple(
                    width_of(area, int(skeleton(mask[..., k]).sum()))
                    if area and k in self.curves
                    else 0.0
                    for k, area in enumerate(areas)
                ),
                text=self._text(case, frame),
            )
        )

    def _text(self, case: Case, frame: Frame) -> str:
        if case.image not in self._said:
            self._said[case.image] = "header" if _says_text(case.image) else ""
        return self._said[case.image] or ("rim" if may_have_text(frame.pixels) else "")


def _step(frame: Frame) -> int:
    return max(1, min(frame.shape) // 256)


def _says_text(path: Path) -> bool:
    return holds_dicom(path) and header_of(path).burned_in is True


def survey(directory: Path, cases_file: str = "cases.csv") -> Survey:
    """Check a folder as `check_folder` does, and look at what is in it.

    Raises:
        InputError: everything that is wrong, with its remedy.
    """
    folder = read_folder(directory, cases_file)
    look = _Look(folder)
    summary = check_cases(folder, look)
    findings = tuple(_findings(folder, look))
    return Survey(folder, summary, tuple(look.seen), findings, cases_file)


def _findings(folder: Folder, look: _Look) -> Iterator[str]:
    if folder.info.caution:
        yield folder.info.caution
    yield from few(_alike(folder, look))
    yield from _text_marks(look.seen)
    yield from few(_dark(look.seen))
    yield from few(_empty(look.seen))
    yield from few(_tiny(folder, look.seen))


def _alike(folder: Folder, look: _Look) -> Iterator[str]:
    """Name pairs of nearly the same picture, of two patients.

    Where patients are shared between the splits: in two splits.
    """
    cases = [seen.case for seen in look.seen]
    by_patient = folder.info.split_unit == "patient"
    ids: dict[str, int] = {}
    by = [ids.setdefault(c.patient if by_patient else c.split, len(ids)) for c in cases]
    if not cases:
        return
    found = alike.pairs(np.array(look.hashes, np.uint64), np.stack(look.thumbs), by)
    pairs = sorted(found, key=lambda ij: cases[ij[0]].split == cases[ij[1]].split)
    for i, j in pairs:
        a, b = cases[i], cases[j]
        apart = a.split != b.split
        yield (
            f"cases {said(a.case)} ({a.split}) and {said(b.case)} ({b.split}) are nearly the same "
            f"picture{', on both sides of a split' if apart else ''}"
        )


def _text_marks(seen: Sequence[Seen]) -> Iterator[str]:
    for where, words in (
        ("header", "have text as part of the picture (BurnedInAnnotation YES)"),
        ("rim", "may have text at the rim"),
    ):
        if marked := [s.case.case for s in seen if s.text == where]:
            yield (
                f"{len(marked)} frames {words}, such as case {said(marked[0])}: look before you "
                "give any away"
            )


def _dark(seen: Sequence[Seen]) -> Iterator[str]:
    top: dict[int, float] = defaultdict(float)
    for s in seen:
        top[s.bits] = max(top[s.bits], s.greys[2])
    for s in seen:
        low, high, _ = s.greys
        whole = top[s.bits] or 1.0
        what = "black" if high < BLACK * whole else "white" if low > WHITE * whole else ""
        what = what or ("of one grey" if high - low < FLAT * whole else "")
        if what:
            yield f"case {said(s.case.case)}: the frame is almost {what}"


def _empty(seen: Sequence[Seen]) -> Iterator[str]:
    for s in seen:
        if s.case.labelled and not any(s.areas):
            yield (
                f"case {said(s.case.case)}: the annotation is empty; right where nothing is to be "
                "seen"
            )


def _tiny(folder: Folder, seen: Sequence[Seen]) -> Iterator[str]:
    for k, name in enumerate(folder.info.class_names):
        areas = [s.areas[k] for s in seen if s.areas[k]]
        if len(areas) < 3:
            continue
        usual = float(np.median(areas))
        for s in seen:
            if 0 < s.areas[k] < TINY * usual:
                yield (
                    f"case {said(s.case.case)}: {name} has {s.areas[k]} px, and {usual:g} in "
                    "the median; a slip of the pen?"
                )


def counts(found: Survey) -> list[tuple[str, ...]]:
    """Return a row a split: frames, labelled, patients, and frames that show each class."""
    rows = []
    for split in SPLITS:
        members = [s for s in found.seen if s.case.split == split]
        shown = (
            str(sum(s.areas[k] > 0 for s in members)) for k in range(len(found.folder.info.classes))
        )
        labelled = sum(s.case.labelled for s in members)
        patients = len({s.case.patient for s in members})
        rows.append((split, str(len(members)), str(labelled), str(patients), *shown))
    return rows


def facts(found: Survey) -> list[tuple[str, str]]:
    """Return sizes, bit depths and spacings with where they come from."""
    sizes = Counter(f"{s.shape[0]} x {s.shape[1]}" for s in found.seen)
    bits = Counter(str(s.bits) for s in found.seen)
    spacings = Counter(map(_spacing, found.seen))
    return [
        ("sizes (rows x columns)", _listed(sizes)),
        ("bits", _listed(bits)),
        ("spacing", _listed(spacings)),
    ]


def _spacing(seen: Seen) -> str:
    if seen.spacing_origin == "unknown":
        return "unknown"
    rows, columns = seen.spacing_mm
    size = f"{rows:.3g}" if rows == columns else f"{rows:.3g} x {columns:.3g}"
    return f"{size} mm ({ORIGINS[seen.spacing_origin]})"


def _listed(counted: Mapping[str, int]) -> str:
    shown = itertools.islice(Counter(counted).most_common(), 6)
    more = "; ..." * (len(counted) > 6)
    return "; ".join(f"{name}: {n} frames" for name, n in shown) + more
