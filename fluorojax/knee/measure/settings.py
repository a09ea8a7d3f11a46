"""What a reader may set about measuring knees."""

import dataclasses

from fluorojax.knee.measure.axes import ShaftRules


@dataclasses.dataclass(frozen=True)
class KneeSettings:
    """How the lines are found; lengths are shares of something on the film, so no scale is needed.

    Attributes:
        shaft: which part of a bone is shaft.
        second_knee: a second component of a bone, of this share of the largest, means two knees.
        condyle_window: half width of the parabola at a condyle, as a share of both's extent.
        plateau_depth: how far below its top a native plateau may reach, in shaft widths.
        least_flat: shortest straight face of a component, as a share of its extent.
        partial_width: a tray narrower than this share of the tibia is unicompartmental.
        tray_wedge_deg: a component's parallel faces may differ by this (degrees).
        lower_flat: share of a box's points that the flat beside it has at least.
        flat_height: the distal flat is not higher than this share of its component's extent.
        most_error_deg: largest standard error of a femoral flat in an angle (degrees).
        peg_height: a femoral peg is no higher than this share of its component's extent.
        zone_depth: depth of a zone from the interface, as a share of the component's extent.
        stem_width: a stem is narrower than this share of its component, and so far from the joint
            at least.
        stem_depth: what reaches this share of the tray's width below it is a stem or keel.
        least_recall: where the maker of the masks finds a smaller share of what is lucent, a zone
            without any is refused: it may as well have been missed.
        stray_component: a component smaller than this share of its bone is a stray piece of mask:
            it does not contradict that the knee is native.
        most_disagreement_deg, most_disagreement_mm: a network's value is refused where it changes
            by more when the film is shown in another way (see `fluorojax.knee.doubt`).
    """

    shaft: ShaftRules = dataclasses.field(default_factory=ShaftRules)
    second_knee: float = 0.3
    condyle_window: float = 0.18
    plateau_depth: float = 0.5
    least_flat: float = 0.12
    partial_width: float = 0.6
    tray_wedge_deg: float = 8.0
    lower_flat: float = 0.4
    flat_height: float = 0.6
    most_error_deg: float = 1.2
    peg_height: float = 0.35
    zone_depth: float = 0.09
    stem_width: float = 0.4
    stem_depth: float = 0.08
    least_recall: float = 0.5
    stray_component: float = 0.02
    most_disagreement_deg: float = 4.0
    most_disagreement_mm: float = 3.0
