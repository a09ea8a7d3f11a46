"""What a network finds, and how masks come of its probabilities: one record for both."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from skimage.transform import downscale_local_mean

from fluorojax.core.errors import InputError
from fluorojax.geometry.surface import scale_and_unit
from fluorojax.inference.curve import Curve, CurveRules, drawn_curves, find_curves
from fluorojax.inference.postprocess import GapClosing, log_odds, without_small_components
from fluorojax.inference.tta import TtaSpec
from fluorojax.schema.frame import UNKNOWN_SPACING, Spacing
from fluorojax.schema.info import ClassInfo, Relation
from fluorojax.schema.limits import Number


class Finding(NamedTuple):
    """What is made of a frame's probabilities.

    Attributes:
        masks: [H, W, C] bool.
        curves: by class, those that are looked for as curves; the surest first.
        presence: by class, how much speaks for its being in the frame: the evidence of its best
            curve, or of its surest component (`postprocess.log_odds`).
    """

    masks: np.ndarray
    curves: Mapping[str, tuple[Curve, ...]]
    presence: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class MaskRules:
    """How masks are made; the same in training, evaluation, `fluorojax predict` and a notebook.

    Attributes:
        classes: what is found, in order.
        thresholds: probability from which a pixel belongs, one a class; none given: 0.5 each.
        min_component_px: area (px of the network's grid) below which a connected component is
            dropped, one a class; none given: all are kept.
        relation: of two of the classes, or None.
        gap_closing: what is done to the relation's child afterwards.
        tta: the views whose mean the probabilities are.
        curve: how the relation's child, or every thin class where there is no relation, is followed
            as a curve; its mask is then drawn along it, and no gaps are closed.
        least_presence: how much must speak for a class for it to be in a frame at all (see
            `Finding.presence`), one a class; 0, and none given: nothing is asked for.

    Raises:
        InputError: not one number a class, or one that cannot be; a relation of other classes.
    """

    classes: tuple[ClassInfo, ...]
    thresholds: tuple[float, ...] = ()
    min_component_px: tuple[float, ...] = ()
    relation: Relation | None = None
    gap_closing: GapClosing = dataclasses.field(default_factory=GapClosing)
    tta: TtaSpec = dataclasses.field(default_factory=TtaSpec)
    curve: CurveRules = dataclasses.field(default_factory=CurveRules)
    least_presence: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        usual = {"thresholds": 0.5, "min_component_px": 0.0, "least_presence": 0.0}
        for name, default in usual.items():
            values = tuple(getattr(self, name)) or (default,) * len(self.classes)
            object.__setattr__(self, name, values)
        self._check("thresholds", 1.0, "from 0 to 1")
        self._check("min_component_px", math.inf, "from 0 up")
        self._check("least_presence", math.inf, "from 0 up")
        if self.relation and not {self.relation.child, self.relation.parent} <= set(self.names):
            raise InputError(
                f"relation of {self.relation.child} and {self.relation.parent}: the classes are "
                f"{', '.join(self.names)}"
            )
        if self.relation and self.relation.child == self.relation.parent:
            raise InputError(f"relation: {self.relation.child} cannot come out of itself; name two")

    def _check(self, name: str, most: float, in_words: str) -> None:
        values, limits = getattr(self, name), Number(0.0, most)
        if len(values) != len(self.classes):
            raise InputError(
                f"{name} {values}: give {len(self.classes)} numbers, one a class "
                f"({', '.join(self.names)})"
            )
        for class_name, value in zip(self.names, values, strict=True):
            if not limits.is_one(value) or not limits.holds(value) or math.isinf(value):
                raise InputError(f"{name} of {class_name}: {value} is no number {in_words}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes, in order."""
        return tuple(c.name for c in self.classes)

    @property
    def reaches(self) -> bool:
        """Whether gaps are closed or passed, and a frame's spacing therefore matters."""
        lengths = (self.gap_closing.bridge_mm, self.gap_closing.bridge_px)
        return bool(self.followed) or (self.relation is not None and max(lengths) > 0)

    @property
    def longest_gap_px(self) -> float:
        """The longest gap that is closed or passed where the spacing is not known."""
        return self.curve.reach_px if self.followed else self.gap_closing.bridge_px

    @property
    def followed(self) -> tuple[str, ...]:
        """The classes that are looked for as curves."""
        if self.curve.curve == "none":
            return ()
        if self.relation:
            return (self.relation.child,)
        return tuple(c.name for c in self.classes if c.kind == "curve")

    def masks(
        self, probabilities: np.ndarray, spacing: Spacing = UNKNOWN_SPACING, scale: float = 1.0
    ) -> np.ndarray:
        """Return the masks alone of `find`, [H, W, C] bool."""
        return self.find(probabilities, spacing, scale).masks

    def find(
        self, probabilities: np.ndarray, spacing: Spacing = UNKNOWN_SPACING, scale: float = 1.0
    ) -> Finding:
        """Return masks, curves and presence: probabilities from their thresholds on, mended.

        Small components go first, and classes for which too little speaks; then curves are
        followed, or gaps are closed.

        Args:
            probabilities: [H, W, C] in [0, 1], on the frame's own grid.
            spacing: (row_mm, col_mm); NaN where unknown: gaps are then measured in pixels.
            scale: pixels of the network's grid a pixel of the frame (`grid.Placement.scale`).
        """
        masks = probabilities >= np.array(self.thresholds, np.float32)
        for k, least in enumerate(self.min_component_px):
            if least:
                masks[..., k] = without_small_components(masks[..., k], least / scale**2)
        presence = {}
        for k, name in enumerate(self.names):
            if name not in self.followed:
                presence[name] = log_odds(masks[..., k], probabilities[..., k]) * scale**2
                masks[..., k] &= self._is_there(k, presence[name])
        curves = {}
        for k, name in enumerate(self.names):
            if name in self.followed:
                curves[name], presence[name] = self._curves(k, masks, probabilities, spacing, scale)
                masks[..., k] = drawn_curves(
                    curves[name], probabilities[..., k], self.thresholds[k]
                )
        if self.relation and not curves:
            child, parent = map(self.names.index, (self.relation.child, self.relation.parent))
            masks = self.gap_closing(
                masks, probabilities, child=child, parent=parent, spacing=spacing
            )
        return Finding(masks, curves, {name: presence[name] for name in self.names})

    def _curves(
        self,
        k: int,
        masks: np.ndarray,
        probabilities: np.ndarray,
        spacing: Spacing,
        scale: float,
    ) -> tuple[tuple[Curve, ...], float]:
        """Return the curves of class k, and how much speaks for it.

        They are looked for about where the network did: where the frame's grid is finer, on means
        of its blocks.
        """
        factor = max(round(1 / scale), 1)
        probability = _blocks(probabilities[..., k], factor)
        parent = self._sure_parent(masks, probabilities)
        if parent is not None:
            parent = _blocks(parent.astype(np.float32), factor) >= 0.5
        size, unit = scale_and_unit(spacing)
        in_mm = self.curve.reach_mm / (np.sqrt(size[0] * size[1]) * factor)
        reach = in_mm if unit == "mm" else self.curve.reach_px
        found = find_curves(probability, parent, self.curve, reach)
        presence = found.evidence
        if not np.isfinite(presence):  # the surest pixel says how near a curve is
            presence = min(log_odds(np.zeros(probability.shape, bool), probability), 0.0)
        kept = found.curves if self._is_there(k, presence) else ()
        return tuple(curve.enlarged(factor) for curve in kept), presence

    def _is_there(self, k: int, presence: float) -> bool:
        """Say whether enough speaks for class k; where nothing is asked for, always."""
        return self.least_presence[k] == 0 or presence >= self.least_presence[k]

    def _sure_parent(self, masks: np.ndarray, probabilities: np.ndarray) -> np.ndarray | None:
        """Return the mask of the relation's parent, or None where none is found for sure."""
        if self.relation is None:
            return None
        k = self.names.index(self.relation.parent)
        parent = masks[..., k]
        sure = parent.any() and probabilities[..., k][parent].mean() >= self.curve.certainty
        return parent if sure else None

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts, lists, strings and numbers."""
        return {
            "classes": [
                {
                    "name": c.name,
                    "kind": c.kind,
                    "threshold": self.thresholds[k],
                    "min_component_px": self.min_component_px[k],
                    "least_presence": self.least_presence[k],
                }
                for k, c in enumerate(self.classes)
            ],
            "relation": dataclasses.asdict(self.relation) if self.relation else None,
            "gap_closing": dataclasses.asdict(self.gap_closing),
            "tta": dataclasses.asdict(self.tta),
            "curve": dataclasses.asdict(self.curve),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "MaskRules":
        """Build from what `to_json` returned, perhaps read back from a file."""
        classes, relation = fields["classes"], fields["relation"]
        return cls(
            classes=tuple(ClassInfo(c["name"], c["kind"]) for c in classes),
            thresholds=tuple(c["threshold"] for c in classes),
            min_component_px=tuple(c["min_component_px"] for c in classes),
            relation=Relation(**relation) if relation else None,
            gap_closing=GapClosing(**fields["gap_closing"]),
            tta=TtaSpec(**fields["tta"]),
            curve=CurveRules(**fields["curve"]),
            least_presence=tuple(c["least_presence"] for c in classes),
        )

    def __str__(self) -> str:
        found = ", ".join(
            f"{name} >= {threshold:g}"
            for name, threshold in zip(self.names, self.thresholds, strict=True)
        )
        if self.relation:
            found += f"; {self.relation.child} out of {self.relation.parent}"
        if self.followed:
            found += f"; {' and '.join(self.followed)} as {self.curve.curve} curve"
        return found


def _blocks(values: np.ndarray, factor: int) -> np.ndarray:
    """Return the means of blocks of `factor` x `factor` pixels; what is missing at the rim is 0."""
    return values if factor == 1 else downscale_local_mean(values, (factor, factor))
