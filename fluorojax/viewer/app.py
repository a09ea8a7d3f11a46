"""What the page asks for, without the network: frames, shapes, paths, the order, and saving."""

import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.core.outputs import refuse_part_of_a_run, written_aside
from fluorojax.data.folder import Case
from fluorojax.data.intensity import intensity_range, shown
from fluorojax.data.label_rules import PLAIN, Subject
from fluorojax.data.labelme import read_labelme
from fluorojax.data.nnunet import is_raw
from fluorojax.data.problems import said
from fluorojax.data.readers import PICTURE_SUFFIXES
from fluorojax.data.shapes import FARTHEST
from fluorojax.data.write_labelme import as_data, document
from fluorojax.metrics.tables import write_table
from fluorojax.report.page import css_colour
from fluorojax.schema.frame import Frame
from fluorojax.schema.info import ClassInfo, DatasetInfo
from fluorojax.viewer import shapes
from fluorojax.viewer.predictions import OfModel, Predictions, Ranking
from fluorojax.viewer.shapes import Shape
from fluorojax.viewer.sources import Source, kinds_drawn, table_with
from fluorojax.viewer.store import Store
from fluorojax.viewer.trace import trace

FRAMES = 12  # that are kept in memory
TABLE = "cases_viewer.csv"
WIDTH = 3.0  # px, of a line of which nothing says how wide it is
WIDEST = 200.0  # px, of a line that is followed

Answer = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Asked:
    """What the command was told.

    Attributes:
        source: the frames.
        out: folder of the corrected annotations; None: `labelme` in the source's.
        predictions: of the frames, if there are any.
        classes: besides those of source and predictions.
    """

    source: Source
    out: Path | None = None
    predictions: Predictions | None = None
    classes: tuple[ClassInfo, ...] = ()


class App:
    """The frames of a folder, and all that can be done with them."""

    def __init__(self, asked: Asked):
        """Take what the command was told.

        Raises:
            InputError: annotations would be written into a part of a run.
        """
        self.source, self.predictions = asked.source, asked.predictions
        self.cases = asked.source.cases
        self.store = Store(asked.out or asked.source.path / "labelme")
        refuse_part_of_a_run(self.store.folder)
        self.classes = self._classes(asked.classes)
        self.frame = functools.lru_cache(maxsize=FRAMES)(self._frame)
        self.ranking = None
        if isinstance(self.predictions, OfModel):
            self.ranking = Ranking(len(self.cases), self._unsureness)

    def _classes(self, given: Sequence[ClassInfo]) -> tuple[ClassInfo, ...]:
        """Return all classes: a dataset folder's own, elsewhere those of any who knows some."""
        if self.source.folder:
            return self.source.classes
        saved = [
            self.store.load(case.case) for case in self.cases if self.store.is_corrected(case.case)
        ]
        predicted = self.predictions.classes if self.predictions else ()
        known = (*given, *predicted, *self.source.classes, *kinds_drawn(saved))
        by_name = {info.name: info for info in reversed(known)}
        return tuple(by_name[name] for name in dict.fromkeys(info.name for info in known))

    def _frame(self, n: int) -> Frame:
        return self.source.frame(self.case(n))

    def _unsureness(self, n: int) -> float:
        assert isinstance(self.predictions, OfModel)
        # Not by the cache of frames, which is for those that are looked at.
        return self.predictions.unsureness(self.case(n), self._frame(n))

    def case(self, n: int) -> Case:
        """Return case n.

        Raises:
            InputError: there is none.
        """
        if not 0 <= n < len(self.cases):
            raise InputError(f"frame {n}: there are {len(self.cases)}, from 0; reload the page")
        return self.cases[n]

    def overview(self) -> Answer:
        """Return what the page is built of: classes with their colours, and the list of frames."""
        thresholds = self._by_name(self.predictions.thresholds) if self.predictions else {}
        return {
            "title": self.source.path.resolve().name,
            "out": str(self.store.folder),
            "model": self.ranking is not None,
            "classes": [
                {
                    "name": info.name,
                    "kind": info.kind,
                    "colour": css_colour(k),
                    "threshold": thresholds.get(info.name, 0.5),
                    "width": self.source.widths.get(info.name, WIDTH),
                }
                for k, info in enumerate(self.classes)
            ],
            "frames": [
                {
                    "case": case.case,
                    "group": case.sequence or case.patient or case.split,
                    "split": case.split,
                    "saved": self.store.is_corrected(case.case),
                }
                for case in self.cases
            ],
        }

    def _by_name(self, values: Sequence[Any]) -> dict[str, Any]:
        assert self.predictions is not None
        names = (info.name for info in self.predictions.classes)
        return dict(zip(names, values, strict=True))

    def opened(self, n: int) -> Answer:
        """Return what is known of a frame, but for its pixels."""
        case, frame = self.case(n), self.frame(n)
        low, high = intensity_range(frame.pixels)
        found, origin = self._shapes(case, frame)
        return {
            "case": case.case,
            "height": frame.shape[0],
            "width": frame.shape[1],
            "bytes": frame.pixels.dtype.itemsize,
            "window": [low, high],
            "shapes": found,
            "origin": origin,
            "revision": self.store.revision(case.case),
            "spacing_mm": list(frame.spacing_mm) if frame.spacing_known else None,
            "predicted": self.predictions is not None,
        }

    def _shapes(self, case: Case, frame: Frame) -> tuple[list[Shape], str]:
        """Return the shapes that a frame begins with, and whose they are.

        What was corrected here comes first; then the folder's annotation, another file among the
        corrections, and what is predicted.
        """
        saved = self.store.load(case.case)
        if saved is not None and self.store.is_corrected(case.case):
            return shapes.read(saved, self.source.widths), "corrected"
        if (drawn := self.source.annotation(case, frame)) is not None:
            return drawn, "annotation"
        if saved is not None:
            return shapes.read(saved, self.source.widths), "annotation"
        found = self.predictions.shapes(case, frame) if self.predictions else None
        return (found, "prediction") if found is not None else ([], "nothing")

    def pixels(self, n: int) -> bytes:
        """Return the grey values, row by row, 1 or 2 bytes each, the lower first."""
        values = self.frame(n).pixels
        return np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()

    def planes(self, n: int) -> tuple[bytes, bool]:
        """Return what is predicted, [C, H, W] of 1 byte, and whether it is graded.

        Raises:
            InputError: nothing is known of this frame.
        """
        case, frame = self.case(n), self.frame(n)
        found = self.predictions.planes(case, frame) if self.predictions else None
        if found is None:
            raise InputError(f"case {case.case}: nothing is predicted of it")
        by_name = self._by_name(list(found.values))
        empty = np.zeros(frame.shape, np.uint8)
        planes = [by_name.get(info.name, empty) for info in self.classes]
        return b"".join(np.ascontiguousarray(plane).tobytes() for plane in planes), found.graded

    def predicted(self, n: int) -> Answer:
        """Return what is predicted as shapes."""
        case, frame = self.case(n), self.frame(n)
        found = self.predictions.shapes(case, frame) if self.predictions else None
        if found is None:
            raise InputError(f"case {case.case}: nothing is predicted of it")
        return {"shapes": found}

    def traced(self, n: int, asked: Mapping[str, Any]) -> Answer:
        """Return the dark line between two places.

        Args:
            n: the frame.
            asked: `from` and `to`, [x, y] each; `width` (px); `joined`: the first is a point
                already.
        """
        start, end = _place(asked.get("from")), _place(asked.get("to"))
        width: Any = asked.get("width")
        if type(width) not in (int, float) or not 0 < width <= WIDEST:
            raise InputError(f"width {said(width)}: give one above 0 and up to {WIDEST:g} px")
        joined = asked.get("joined") is True
        points = trace(self.frame(n).pixels, start, end, width, keep_start=joined)
        return {"points": np.round(points, 2).tolist()}

    def save(self, n: int, asked: Mapping[str, Any]) -> Answer:
        """Save the shapes of a frame, and return the file's new revision.

        Args:
            n: the frame.
            asked: `shapes`, and the `revision` that they were made of.

        Raises:
            InputError: the reader of annotations would not take them, they cannot be written, or
                somebody else has changed the file meanwhile.
        """
        case, frame = self.case(n), self.frame(n)
        written = shapes.to_write(asked.get("shapes"), case.case)
        path = self.store.path(case.case)
        new = document(written, frame.shape, *self._picture(case, frame))
        before = self.store.load(case.case)
        if before is not None:
            new = {**before, **new, "flags": before.get("flags", {})}
        labels = {str(item.get("label")) for item in written}
        read_labelme(path, new, self._subject(case, frame, labels))
        first = not self.store.is_corrected(case.case)
        revision = self.store.save(case.case, new, str(asked.get("revision", "")))
        if first:
            self._write_table()
        return {"revision": revision}

    def _subject(self, case: Case, frame: Frame, labels: set[str]) -> Subject:
        """Return who reads the shapes: a dataset folder's rules, or none."""
        if self.source.folder:
            folder = self.source.folder
            return Subject(folder.info, frame.shape, case.case, rules=folder.rules)
        if unknown := sorted(labels - {info.name for info in self.classes}):
            raise InputError(f"case {case.case}: no class {said(unknown[0])}; reload the page")
        classes = self.classes or (ClassInfo("none", "region"),)
        return Subject(DatasetInfo("viewed", classes), frame.shape, case.case, rules=PLAIN)

    def _picture(self, case: Case, frame: Frame) -> tuple[str, str | None]:
        """Return the frame's name in a document, and itself where LabelMe cannot open it."""
        plain = case.image.suffix.lower() in PICTURE_SUFFIXES and self.source.opens
        if plain and frame.pixels.dtype == np.uint8:
            name = os.path.relpath(case.image.resolve(), self.store.folder.resolve())
            return Path(name).as_posix(), None
        return case.image.name, as_data(shown(frame.pixels))

    def _write_table(self) -> None:
        """Write the folder's table with the corrected annotations, for the next training."""
        folder = self.source.folder
        if folder is None or is_raw(folder.root):
            return
        corrected = {
            case.case: self.store.path(case.case)
            for case in self.cases
            if self.store.is_corrected(case.case)
        }
        rows = table_with(folder, corrected)
        with written_aside(self.store.folder / TABLE) as draft:
            write_table(draft, list(rows[0]), rows)

    def order(self) -> Answer:
        """Return how far the ranking is, and the frames, the least sure first."""
        if self.ranking is None:
            return {"done": 0, "total": 0, "order": []}
        order = [{"frame": n, "unsure": round(score, 4)} for n, score in self.ranking.order()]
        return {"done": self.ranking.done, "total": self.ranking.count, "order": order}


def _place(given: Any) -> tuple[float, float]:
    """Return [x, y] as two numbers.

    Raises:
        InputError: it is something else.
    """
    good = isinstance(given, list) and len(given) == 2
    if not good or not all(type(v) in (int, float) and abs(v) <= FARTHEST for v in given):
        raise InputError(f"place {said(given)}: write it as [x, y], in pixels")
    return float(given[0]), float(given[1])
