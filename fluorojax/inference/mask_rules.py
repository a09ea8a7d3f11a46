"""What a network finds, and how masks come of its probabilities: one record for both."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.inference.postprocess import GapClosing, without_small_components
from fluorojax.inference.tta import TtaSpec
from fluorojax.schema.frame import UNKNOWN_SPACING, Spacing
from fluorojax.schema.info import ClassInfo, Relation
from fluorojax.schema.limits import Number


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

    Raises:
        InputError: not one number a class, or one that cannot be; a relation of other classes.
    """

    classes: tuple[ClassInfo, ...]
    thresholds: tuple[float, ...] = ()
    min_component_px: tuple[float, ...] = ()
    relation: Relation | None = None
    gap_closing: GapClosing = dataclasses.field(default_factory=GapClosing)
    tta: TtaSpec = dataclasses.field(default_factory=TtaSpec)

    def __post_init__(self) -> None:
        for name, default in (("thresholds", 0.5), ("min_component_px", 0.0)):
            values = tuple(getattr(self, name)) or (default,) * len(self.classes)
            object.__setattr__(self, name, values)
        self._check("thresholds", 1.0, "from 0 to 1")
        self._check("min_component_px", math.inf, "from 0 up")
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
    def bridges(self) -> bool:
        """Whether gaps are closed, and a frame's spacing therefore matters."""
        lengths = (self.gap_closing.bridge_mm, self.gap_closing.bridge_px)
        return self.relation is not None and max(lengths) > 0

    def masks(
        self, probabilities: np.ndarray, spacing: Spacing = UNKNOWN_SPACING, scale: float = 1.0
    ) -> np.ndarray:
        """Return [H, W, C] bool: probabilities from their thresholds on, mended.

        Small components go first, then gaps are closed.

        Args:
            probabilities: [H, W, C] in [0, 1], on the frame's own grid.
            spacing: (row_mm, col_mm); NaN where unknown: gaps are then measured in pixels.
            scale: pixels of the network's grid a pixel of the frame (`grid.Placement.scale`).
        """
        masks = probabilities >= np.array(self.thresholds, np.float32)
        for k, least in enumerate(self.min_component_px):
            if least:
                masks[..., k] = without_small_components(masks[..., k], least / scale**2)
        if self.relation is None:
            return masks
        child, parent = map(self.names.index, (self.relation.child, self.relation.parent))
        return self.gap_closing(masks, probabilities, child=child, parent=parent, spacing=spacing)

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts, lists, strings and numbers."""
        return {
            "classes": [
                {"name": c.name, "kind": c.kind, "threshold": threshold, "min_component_px": least}
                for c, threshold, least in zip(
                    self.classes, self.thresholds, self.min_component_px, strict=True
                )
            ],
            "relation": dataclasses.asdict(self.relation) if self.relation else None,
            "gap_closing": dataclasses.asdict(self.gap_closing),
            "tta": dataclasses.asdict(self.tta),
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
        )

    def __str__(self) -> str:
        found = ", ".join(
            f"{name} >= {threshold:g}"
            for name, threshold in zip(self.names, self.thresholds, strict=True)
        )
        if self.relation is None:
            return found
        return f"{found}; {self.relation.child} out of {self.relation.parent}"
