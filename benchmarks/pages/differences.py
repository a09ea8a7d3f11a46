"""Draw on which frames two methods differ most, and where both fail.

    python -m benchmarks.pages.differences runs/ercp --ours joint --theirs separate \
        --out docs/images/benchmark_differences.png

Of all test frames with a wire, by the wire's clDice, mean over the seeds that both methods have:
those on which ours is ahead by most, behind by most, and on which the better of the two is worst;
in each group one frame a patient. A row a frame: the frame, the reference, and what the run with
the first seed found, as evaluation drew it; cut out around the wires.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from benchmarks.pages.kept import read, seeds_of_method
from benchmarks.pages.tables import WIRE, WIRE_SCORE
from fluorojax.compare.runs import Run, check, shared_scores
from fluorojax.core.errors import InputError
from fluorojax.core.progress import console
from fluorojax.drawing import archive
from fluorojax.drawing.overlay import file_name, grey, legend, overlay
from fluorojax.metrics.case import METRICS

SIDE = 236  # of a panel, px
GAP = 4
MARGIN = 8  # around the wires that are cut out, px of the frame
LEAST = 0.4  # of the frame's shorter side is shown at least
COLOURS = 192  # of the palette: greys, and the tints of two classes over them
LABEL = METRICS[WIRE_SCORE[1]].label


class Shown(NamedTuple):
    """A frame of the picture: its row of scores, and both methods' means over seeds."""

    case: str
    patient: str
    stratum: str
    ours: float
    theirs: float


Key = Callable[[Shown], float]


def main() -> None:
    """Choose the frames and draw them."""
    options = parse()
    try:
        ours, theirs = runs_of_both(options.grid, options.split, options.ours, options.theirs)
        drawn = picture(ours, theirs)
    except InputError as error:
        sys.exit(f"error: {error}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    small = Image.fromarray(drawn).quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(options.out, optimize=True)
    console.print(f"{options.out}: {options.out.stat().st_size / 1e3:.0f} kB")


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("grid", type=Path, help="folder of the runs, as of `fluorojax benchmark`")
    parser.add_argument("--ours", default="joint", help="method; default: %(default)s")
    parser.add_argument("--theirs", default="separate", help="method; default: %(default)s")
    parser.add_argument("--split", default="test", help="default: %(default)s")
    parser.add_argument("--out", type=Path, required=True, help="PNG file")
    return parser.parse_args()


def runs_of_both(grid: Path, split: str, ours: str, theirs: str) -> tuple[list[Run], list[Run]]:
    """Return the runs of two methods, of the seeds that both have, in their order.

    Raises:
        InputError: one has none, or none with the class of the wire.
    """
    runs = [run for run in read(grid, split) if WIRE in run.classes]
    shared = seeds_of_method(runs, ours) & seeds_of_method(runs, theirs)
    if not shared:
        raise InputError(
            f"{grid} has no seed of which {ours} and {theirs} are both scored on {split}, with a "
            f"class {WIRE}; finish the grid, or name other methods"
        )
    chosen = [run for run in runs if run.method in (ours, theirs) and run.seed in shared]
    check(chosen)
    chosen.sort(key=lambda run: run.seed)
    return [r for r in chosen if r.method == ours], [r for r in chosen if r.method == theirs]


def groups(ours: Sequence[Run], theirs: Sequence[Run]) -> dict[str, list[Shown]]:
    """Return the frames shown, by what they are shown for."""
    cases = with_a_wire(ours, theirs)
    us, them = ours[0].method, theirs[0].method
    ahead = first((c for c in cases if c.ours > c.theirs), lambda c: c.theirs - c.ours, 3)
    behind = first((c for c in cases if c.ours < c.theirs), lambda c: c.ours - c.theirs, 3)
    rest = (case for case in cases if case not in (*ahead, *behind))
    both = first(rest, lambda c: max(c.ours, c.theirs), 2)
    return {
        f"{us} is ahead of {them} by most": ahead,
        f"{us} is behind {them} by most": behind,
        "Both do badly": both,
    }


def with_a_wire(ours: Sequence[Run], theirs: Sequence[Run]) -> list[Shown]:
    """Return the frames that hold a wire, with both means over seeds."""
    runs = [*ours, *theirs]
    shared = shared_scores(runs, *WIRE_SCORE)
    means = (shared.by_case[of[0].method].mean(0) for of in (ours, theirs))
    return [
        Shown(row["case"], row["patient"], row["stratum"], float(our), float(their))
        for row, our, their in zip(shared.cases, *means, strict=True)
        if row["status"] in ("scored", "missed")
    ]


def first(cases: Iterable[Shown], key: Key, count: int) -> list[Shown]:
    """Return the cases with the least keys, at most one a patient."""
    found: dict[str, Shown] = {}
    for case in sorted(cases, key=key):
        found.setdefault(case.patient, case)
    return list(found.values())[:count]


def picture(ours: Sequence[Run], theirs: Sequence[Run]) -> np.ndarray:
    """Return all rows with their captions, [h, w, 3] uint8."""
    methods = (theirs[0].method, ours[0].method)
    classes = [c["name"] for c in ours[0].dataset["classes"]]
    width = 4 * SIDE + 3 * GAP
    parts = [legend(width, classes, "tint: found, outline: reference")]
    for title, cases in groups(ours, theirs).items():
        if cases:
            parts += [legend(width, (), title), captions(("frame", "reference", *methods))]
        for case in cases:
            parts.append(panels(case, theirs[0], ours[0], classes))
            of_both = (score(case.case, theirs), score(case.case, ours))
            parts.append(captions((case.case, case.stratum, *of_both)))
    return np.concatenate(parts)


def captions(texts: Sequence[str]) -> np.ndarray:
    """Return a strip with a text for each panel."""
    return beside([legend(SIDE, (), text) for text in texts], (24, 26, 30))


def beside(panels: Sequence[np.ndarray], colour: tuple[int, int, int]) -> np.ndarray:
    """Return panels of one height beside each other, with gaps of a colour."""
    gap = np.full((len(panels[0]), GAP, 3), colour, np.uint8)
    return np.concatenate([p for panel in panels for p in (panel, gap)][:-1], axis=1)


def score(case: str, runs: Sequence[Run]) -> str:
    """Return a method's score of a case with the seed drawn, and the mean over its seeds."""
    shared = shared_scores(runs, *WIRE_SCORE)
    scores = shared.by_case[runs[0].method]
    of_seeds = scores[:, [row["case"] for row in shared.cases].index(case)]
    mean = f", mean of {len(runs)} {of_seeds.mean():.2f}" if len(runs) > 1 else ""
    return f"{LABEL} seed {runs[0].seed}: {of_seeds[0]:.2f}{mean}"


def panels(case: Shown, theirs: Run, ours: Run, classes: Sequence[str]) -> np.ndarray:
    """Return frame, reference, theirs and ours beside each other, cut out around the wires."""
    name = f"{file_name(case.case)}.png"
    maps = [archive.load(run.scored / "maps" / name, len(classes)) for run in (theirs, ours)]
    frame, reference = maps[0].frame / 255, maps[0].reference
    box = around([found_by(m, classes.index(WIRE)) for m in maps], frame.shape)
    rows, cols = (slice(start, start + box[2]) for start in box[:2])
    drawn = [evaluated(run.scored / "overlays" / name, frame.shape) for run in (theirs, ours)]
    factor = drawn[0].shape[1] // frame.shape[1]
    # Painted whole, as evaluation does: what counts as thin depends on the size of the picture.
    large, mask = (a.repeat(factor, 0).repeat(factor, 1) for a in (frame, reference))
    inside = tuple(slice(factor * s.start, factor * s.stop) for s in (rows, cols))
    shown = [grey(large), overlay(large, mask), *drawn]
    return beside([scaled(one[inside]) for one in shown], (255, 255, 255))


def found_by(case: archive.PredictionArchive, wire: int) -> np.ndarray:
    """Return where the wire is, or is probable, [H, W] bool."""
    return case.reference[..., wire] | (case.probabilities[..., wire] > 127)


def evaluated(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Return the picture that evaluation drew, without the legend below it.

    Raises:
        InputError: it is not there.
    """
    try:
        with Image.open(path) as opened:
            drawn = np.asarray(opened.convert("RGB"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error}); name the runs themselves") from error
    return drawn[: shape[0] * (drawn.shape[1] // shape[1])]


def around(masks: Sequence[np.ndarray], shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return first row, first column and side of a square in the frame around all masks."""
    places = np.argwhere(np.any(masks, axis=0))
    low, high = places.min(0) - MARGIN, places.max(0) + 1 + MARGIN
    shortest = min(shape[:2])
    side = int(min(max(*(high - low), LEAST * shortest), shortest))
    middle = (low + high) // 2
    row, column = np.clip(middle - side // 2, 0, np.array(shape[:2]) - side)
    return int(row), int(column), side


def scaled(panel: np.ndarray) -> np.ndarray:
    """Return a panel at the size of all."""
    return np.asarray(Image.fromarray(panel).resize((SIDE, SIDE), Image.Resampling.LANCZOS))


if __name__ == "__main__":
    main()
