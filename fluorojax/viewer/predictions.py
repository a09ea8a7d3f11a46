"""What a network says of the frames: by an export, on demand; of an earlier call; or of a run."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.core.files import read_json
from fluorojax.data.folder import Case
from fluorojax.data.readers import read_mask_image
from fluorojax.drawing import archive
from fluorojax.schema import bitmask
from fluorojax.schema.frame import Frame
from fluorojax.schema.info import ClassInfo
from fluorojax.viewer import shapes
from fluorojax.viewer.shapes import Shape
from fluorojax.viewer.sources import classes_of_run

if TYPE_CHECKING:
    from fluorojax.inference.predictor import Prediction, Predictor

KEPT = 24  # frames whose predictions are kept in memory
LIKELY = 0.02  # probability below which a pixel is no doubt
FAINT = 0.0005  # share of a frame: area that the entropy is divided by where nothing is found


class Planes(NamedTuple):
    """What is painted over a frame.

    Attributes:
        values: [C, H, W] uint8, 255 = surely this class.
        graded: they are probabilities, and a threshold says something; else masks.
    """

    values: np.ndarray
    graded: bool


class Predictions(Protocol):
    """Gives planes and shapes of a frame; None where it knows nothing of it."""

    classes: tuple[ClassInfo, ...]
    thresholds: tuple[float, ...]

    def planes(self, case: Case, frame: Frame) -> Planes | None:
        """Return what is painted over the frame."""

    def shapes(self, case: Case, frame: Frame) -> list[Shape] | None:
        """Return what was found as shapes that can be corrected."""


class OfModel:
    """The predictions of a network, made when they are asked for, one at a time."""

    def __init__(self, model: "Predictor"):
        """Take a network."""
        self._model = model
        self.classes = model.classes
        self.thresholds = tuple(model.rules.thresholds)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Prediction] = OrderedDict()

    def planes(self, case: Case, frame: Frame) -> Planes:
        """Return the probabilities."""
        found = self.predict(case, frame).probabilities
        assert found is not None, "a network gives probabilities"
        return Planes(
            np.ascontiguousarray(np.rint(np.moveaxis(found, -1, 0) * 255), np.uint8), True
        )

    def shapes(self, case: Case, frame: Frame) -> list[Shape]:
        """Return the curves as lines, the other classes by their masks."""
        found = self.predict(case, frame)
        rest = found.masks.copy()
        lines: list[Shape] = []
        for k, info in enumerate(self.classes):
            if info.name in found.curves:
                rest[..., k] = False
                curves = found.curves[info.name]
                lines += shapes.of_curves(
                    ((c.points, float(c.widths.mean())) for c in curves), info.name
                )
        return [*shapes.of_mask(rest, self.classes), *lines]

    def unsureness(self, case: Case, frame: Frame) -> float:
        """Return how unsure the network is of a frame (see `unsureness`)."""
        found = self.predict(case, frame).probabilities
        assert found is not None, "a network gives probabilities"
        return unsureness(found)

    def predict(self, case: Case, frame: Frame) -> "Prediction":
        """Return all that is predicted of a frame; the last KEPT are kept."""
        with self._lock:
            if case.case not in self._kept:
                self._kept[case.case] = self._model.predict(frame)
            self._kept.move_to_end(case.case)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return self._kept[case.case]


def unsureness(probabilities: np.ndarray) -> float:
    """Return how unsure a network is of a frame, a number from 0 up.

    The mean over the classes of

        sum H(p) / (sum p + FAINT H W)

    over the pixels whose probability p is at least LIKELY, with H(p) its entropy in bits. It is
    divided by the area that is found, so that a thin wire counts as much as a large region; a frame
    without the class, where all probabilities are near 0, is sure.

    Args:
        probabilities: [H, W, C] in [0, 1].
    """
    p = np.minimum(probabilities.astype(np.float64), 1 - 1e-9)
    p = np.where(p >= LIKELY, p, 0.0)
    entropy = -(p * np.log2(np.maximum(p, 1e-9)) + (1 - p) * np.log2(1 - p)).sum((0, 1))
    rows, columns = p.shape[:2]
    return float((entropy / (p.sum((0, 1)) + FAINT * rows * columns)).mean())


class OfCall:
    """The masks and curves that `fluorojax predict` wrote into a folder."""

    def __init__(self, folder: Path, known: Sequence[ClassInfo] = ()):
        """Take the folder, and the classes that are known of elsewhere.

        Raises:
            InputError: the folder says of no class which bit of its masks it is.
        """
        from fluorojax.inference import found
        from fluorojax.metrics.tables import read_table

        self._folder = folder
        names = list(
            dict.fromkeys(row["class"] for row in read_table(folder / found.FILE, ("class",)))
        )
        kinds = {info.name: info for info in known}
        curves = self._names_of_curves()
        self.classes = tuple(
            kinds.get(name, ClassInfo(name, "curve" if name in curves else "region"))
            for name in names
        )
        self.thresholds = (0.5,) * len(names)

    def _names_of_curves(self) -> set[str]:
        first = next(iter(sorted(self._folder.glob("*_curves.json"))), None)
        return set(read_json(first).get("classes", {})) if first else set()

    def planes(self, case: Case, frame: Frame) -> Planes | None:
        """Return the masks."""
        masks = self._masks(case, frame)
        return None if masks is None else Planes(_as_planes(masks), False)

    def shapes(self, case: Case, frame: Frame) -> list[Shape] | None:
        """Return the curves as lines, the other classes by their masks."""
        from fluorojax.inference.write import curves_path

        masks = self._masks(case, frame)
        if masks is None:
            return None
        path = curves_path(self._folder, case.case)
        curves = read_json(path, case=case.case) if path.is_file() else {}
        lines: list[Shape] = []
        for k, info in enumerate(self.classes):
            if info.name in curves.get("classes", {}):
                masks[..., k] = False
                lines += shapes.of_curves(_points_of(curves["classes"][info.name]), info.name)
        return [*shapes.of_mask(masks, self.classes), *lines]

    def _masks(self, case: Case, frame: Frame) -> np.ndarray | None:
        from fluorojax.inference.write import mask_path

        path = mask_path(self._folder, case.case)
        if not path.is_file():
            return None
        packed = read_mask_image(path)
        if packed.shape != frame.shape:
            raise InputError(
                f"{path}: case {case.case}: {packed.shape[0]} x {packed.shape[1]} pixels, and the "
                f"frame has {frame.shape[0]} x {frame.shape[1]}; give the frames of these masks"
            )
        return bitmask.unpack(packed, len(self.classes)).astype(bool)


def _points_of(entry: Mapping[str, Any]) -> list[tuple[np.ndarray, float]]:
    return [
        (np.asarray(curve["points"], float), float(np.mean(curve["widths_px"])))
        for curve in entry.get("curves", ())
    ]


class OfRun:
    """The probabilities that a run was scored with."""

    def __init__(self, run: Path):
        """Take the folder of a run."""
        self.classes = classes_of_run(run)
        masks = read_json(run / "export" / "manifest.json")["masks"]["classes"]
        self.thresholds = tuple(float(entry["threshold"]) for entry in masks)

    def planes(self, case: Case, frame: Frame) -> Planes:
        """Return the probabilities of the archive that the case's frame is of."""
        found = archive.load(case.image, len(self.classes)).probabilities
        return Planes(np.ascontiguousarray(np.moveaxis(found, -1, 0)), True)

    def shapes(self, case: Case, frame: Frame) -> list[Shape]:
        """Return what reaches the thresholds."""
        values = self.planes(case, frame).values / 255
        masks = values >= np.array(self.thresholds)[:, None, None]
        return shapes.of_mask(np.moveaxis(masks, 0, -1), self.classes)


def _as_planes(masks: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(masks, -1, 0)).astype(np.uint8) * 255


class Ranking:
    """Which frames the network is least sure of, found out in the background."""

    def __init__(self, count: int, score: Callable[[int], float]):
        """Take the number of frames, and what scores one."""
        self.count, self._score = count, score
        self.scores: dict[int, float] = {}
        self.failed: dict[int, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ranking", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the frame that is being looked at."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        for n in range(self.count):
            if self._stop.is_set():
                return
            try:
                self.scores[n] = self._score(n)
            except (InputError, MemoryError) as error:
                self.failed[n] = str(error)

    @property
    def done(self) -> int:
        """Number of frames that were looked at."""
        return len(self.scores) + len(self.failed)

    def order(self) -> list[tuple[int, float]]:
        """Return (frame, unsureness), the least sure first."""
        return sorted(self.scores.copy().items(), key=lambda found: -found[1])
