"""Hold simulated C-arm frames against real ones: noise, spectrum, grey; and the wire's contrast.

    python -m benchmarks.studies.fluoroscopy_look real/carm_wire \
        --out benchmarks/results/fluoroscopy_look.json \
        --plot benchmarks/results/fluoroscopy_look.png

A simulated frame is inside when its number lies between the least and the largest of the real
frames. Grey values are compared as whole histograms, over the frame's bright stratum, because
quantiles one by one can be right while the shape is not: the number is the 1-Wasserstein distance
to the real frames' pooled histogram, and its range is that of each real frame to the others.
"""

import argparse
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.studies import appearance
from fluorojax.core.progress import console, progress
from fluorojax.data.folder import read_folder
from fluorojax.data.readers import read_frame

EDGES = np.geomspace(0.05, 3.2, 25)  # of the spectrum's rings, cycles/mm
WHOLE = (0.1, 2.5)  # cycles/mm
COARSE, FINE = (0.1, 0.5), (0.5, 2.5)  # anatomy; fine structure and noise
STATISTICS = {
    "noise": "noise / median grey",
    "autocorrelation": "noise, lag-1 autocorr.",
    "noise_exponent": "noise ~ grey^b, b",
    "slope": f"slope, {WHOLE[0]} to {WHOLE[1]} c/mm",
    "coarse_slope": f"slope, {COARSE[0]} to {COARSE[1]} c/mm",
    "fine_slope": f"slope, {FINE[0]} to {FINE[1]} c/mm",
    "histogram_distance": "grey, distance to real",
}
COLOURS = {"real": "tab:green", "simulated": "tab:blue"}
NOT_NEGATIVE = ("histogram_distance",)  # nearer than the nearest real frame is inside


@dataclasses.dataclass(frozen=True)
class Look:
    """One frame and what was measured on it."""

    name: str
    frame: np.ndarray  # [H, W] in [0, 1]
    numbers: dict[str, float]  # by STATISTICS, all but the histogram's distance
    power: np.ndarray  # by rings of EDGES
    quantiles: np.ndarray  # of grey


def main() -> None:
    """Measure real and simulated frames, print the tables, write numbers and plot."""
    options = parse()
    real = real_looks(options.frames)
    simulated = simulated_looks(options.seed, options.count)
    truth, made = together(real, simulated)
    result = {
        "command": f"python -m benchmarks.studies.fluoroscopy_look FRAMES --count {options.count}"
        f" --seed {options.seed} --wires {options.wires}",
        "statistics": {name: ranges(name, truth[name], made[name]) for name in STATISTICS},
        "grey_quantiles": {
            name: grey_table(looks) for name, looks in (("real", real), ("simulated", simulated))
        },
        "wire_contrast_to_noise": wire_contrast(options.seed, options.wires),
        "real_frames": {
            one.name: {name: rounded(truth[name][place]) for name in STATISTICS}
            for place, one in enumerate(real)
        },
    }
    show(result)
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    if options.plot:
        draw({"real": (real, truth), "simulated": (simulated, made)}, options.plot)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("frames", type=Path, help="folder of the real frames, with cases.csv")
    parser.add_argument("--count", type=int, default=48, help="simulated frames at C-arm settings")
    parser.add_argument("--wires", type=int, default=300, help="simulated frames for the contrast")
    parser.add_argument("--seed", type=int, default=0, help="of the simulated frames")
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    parser.add_argument("--plot", type=Path, help="PNG file for the plot")
    return parser.parse_args()


def real_looks(folder: Path) -> list[Look]:
    """Measure each case of `folder`; its pixel size stands in cases.csv."""
    looks = []
    cases = read_folder(folder).cases
    with progress("real frames", len(cases)) as update:
        for count, case in enumerate(cases, 1):
            frame = read_frame(case.image)
            grey = frame.pixels.astype(np.float32) / frame.value_range[1]
            looks.append(look(case.case, grey, case.spacing_mm[0]))
            update(count)
    return looks


def simulated_looks(seed: int, count: int) -> list[Look]:
    """Measure `count` frames at C-arm settings, on the real frames' 1024 pixels a side."""
    import jax

    from fluorojax.simulation.fluoroscopy.ercp import simulate
    from fluorojax.simulation.spec import CARM

    spec = dataclasses.replace(CARM, height=1024, width=1024)
    draw_frame = jax.jit(lambda key: simulate(key, spec))
    looks = []
    with progress("simulated frames", count) as update:
        for number in range(count):
            made = draw_frame(jax.random.fold_in(jax.random.key(seed), number))
            looks.append(look(f"{number}", np.asarray(made["image"]), float(made["pixel_mm"])))
            update(number + 1)
    return looks


def look(name: str, frame: np.ndarray, pixel_mm: float) -> Look:
    """Measure all of a frame that does not need the other frames."""
    where = appearance.measurable(frame)
    noise = appearance.noise(frame, where)
    power = appearance.spectrum(frame, where, pixel_mm, EDGES)
    numbers = {
        "noise": noise.relative,
        "autocorrelation": noise.autocorrelation,
        "noise_exponent": noise.exponent,
        "slope": appearance.log_slope(EDGES, power, WHOLE),
        "coarse_slope": appearance.log_slope(EDGES, power, COARSE),
        "fine_slope": appearance.log_slope(EDGES, power, FINE),
    }
    return Look(name, frame, numbers, power, appearance.grey_quantiles(frame, where))


def together(
    real: Sequence[Look], simulated: Sequence[Look]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return all numbers by statistic, of real and simulated frames; the histograms' are new."""
    histograms = np.stack([one.quantiles for one in real])
    pool = appearance.pooled(histograms)
    others = [appearance.pooled(np.delete(histograms, place, 0)) for place in range(len(real))]
    truth = {name: np.array([one.numbers[name] for one in real]) for name in real[0].numbers}
    made = {name: np.array([one.numbers[name] for one in simulated]) for name in truth}
    truth["histogram_distance"] = np.array(
        [appearance.wasserstein(one, rest) for one, rest in zip(histograms, others, strict=True)]
    )
    made["histogram_distance"] = np.array(
        [appearance.wasserstein(one.quantiles, pool) for one in simulated]
    )
    return truth, made


def bounds(name: str, truth: np.ndarray) -> tuple[float, float]:
    """Return the range that counts as real."""
    return 0.0 if name in NOT_NEGATIVE else float(truth.min()), float(truth.max())


def ranges(name: str, truth: np.ndarray, made: np.ndarray) -> dict[str, Any]:
    """Return the real and the simulated range of one statistic, and the share inside."""
    low, high = bounds(name, truth)
    return {
        "real": [rounded(q) for q in (truth.min(), np.median(truth), truth.max())],
        "simulated": [rounded(q) for q in np.nanquantile(made, (0.0, 0.05, 0.5, 0.95, 1.0))],
        "not_measurable": int(np.isnan(made).sum()),
        "inside": rounded(((made >= low) & (made <= high)).mean()),
    }


def rounded(value: float) -> float:
    """Return four digits behind the point: more is noise."""
    return round(float(value), 4)


def grey_table(looks: Sequence[Look]) -> dict[str, float]:
    """Return the 5, 25, 50, 75 and 95 % quantiles of grey over the bright stratum, all frames."""
    pool = appearance.pooled(np.stack([look.quantiles for look in looks]))
    at = (5, 25, 50, 75, 95)
    return {f"{q} %": rounded(value) for q, value in zip(at, np.percentile(pool, at), strict=True)}


def wire_contrast(seed: int, count: int) -> dict[str, dict[str, Any]]:
    """Return by stratum the quartiles of the wire's contrast-to-noise ratio; ERCP, 512 px."""
    import jax

    from fluorojax.simulation.fluoroscopy.ercp import STRATA, simulate
    from fluorojax.simulation.spec import ERCP

    # Dense is dark: the collimated field is found by its brightness.
    spec = dataclasses.replace(ERCP, height=512, width=512, inverted_rate=0.0)
    draw_frame = jax.jit(lambda key: simulate(key, spec))
    ratios: dict[int, list[float]] = {stratum: [] for stratum in range(len(STRATA))}
    with progress("wires", count) as update:
        for number in range(count):
            made = draw_frame(jax.random.fold_in(jax.random.key(seed), number))
            ratios[int(made["stratum"])].append(wire_ratio(made))
            update(number + 1)
    return {STRATA[stratum]: quartiles(values) for stratum, values in ratios.items()}


def wire_ratio(made: Mapping[str, Any]) -> float:
    """Return the contrast-to-noise ratio of a simulated frame's wire, clear of the instrument."""
    frame, mask = np.asarray(made["image"]), np.asarray(made["mask"]).astype(bool)
    # Where the window clips the ground there is no noise, and no ratio.
    clipped = ((frame < 0.005) | (frame > 0.995)) & ~mask[..., 1]
    free = appearance.smooth(clipped.astype(np.float32)) < 0.1
    usable = appearance.open_field(frame, 8) & free & ~mask[..., 0]
    return appearance.contrast_to_noise(frame, mask[..., 1], usable)


def quartiles(values: Sequence[float]) -> dict[str, Any]:
    """Return count, quartiles, and the share of wires below 2, over those that can be measured."""
    known = np.array([value for value in values if np.isfinite(value)])
    if not known.size:
        return {"frames": 0}
    return {
        "frames": int(known.size),
        "quartiles": [round(float(q), 2) for q in np.quantile(known, (0.25, 0.5, 0.75))],
        "below_2": rounded((known < 2).mean()),
    }


def show(result: dict[str, Any]) -> None:
    """Print both tables, and say what lies outside."""
    table = Table("statistic", "real", "simulated", "median", "inside")
    table.caption = "real: least to largest; simulated: 5 to 95 %"
    for name, of in result["statistics"].items():
        low, _, high = of["real"]
        _, least, median, most, _ = of["simulated"]
        table.add_row(
            STATISTICS[name],
            f"{low:.3g} to {high:.3g}",
            f"{least:.3g} to {most:.3g}",
            f"{median:.3g}",
            f"{of['inside']:.0%}",
        )
    console.print(table)
    contrast = Table("wire's contrast / noise", "frames", "quartiles", "below 2")
    for stratum, of in result["wire_contrast_to_noise"].items():
        if of["frames"]:
            low, median, high = of["quartiles"]
            row = (f"{low:.1f}, {median:.1f}, {high:.1f}", f"{of['below_2']:.0%}")
            contrast.add_row(stratum, str(of["frames"]), *row)
    console.print(contrast)
    for line in outside(result["statistics"]):
        console.print(line)


def outside(statistics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say in a line each where the simulated frames leave the real range."""
    lines = []
    for name, of in statistics.items():
        low, _, high = of["real"]
        median, share = of["simulated"][2], of["inside"]
        side = "above" if median > high else "below" if median < low else None
        if name in NOT_NEGATIVE and side == "below":
            side = None
        if side:
            lines.append(f"OUTSIDE {STATISTICS[name]}: the median {median:.3f} is {side} the range")
        elif share < 0.9:
            lines.append(f"{STATISTICS[name]}: {1 - share:.0%} of the simulated frames lie outside")
    return lines or ["at least nine in ten simulated frames lie inside each range"]


def draw(kinds: Mapping[str, tuple[Sequence[Look], Mapping[str, np.ndarray]]], path: Path) -> None:
    """Draw points of all statistics, spectra, histograms, and four frames of each kind."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(16, 15), layout="constrained")
    above, frames = figure.subfigures(2, 1, squeeze=False, height_ratios=(7, 8))[:, 0]
    axes = above.subplots(3, 3).ravel()
    for axis, name in zip(axes, STATISTICS, strict=False):
        axis.axhspan(*bounds(name, kinds["real"][1][name]), color=COLOURS["real"], alpha=0.15)
        for place, (kind, (_, numbers)) in enumerate(kinds.items()):
            across = place + np.linspace(-0.25, 0.25, len(numbers[name]))
            axis.plot(across, numbers[name], "o", ms=3, color=COLOURS[kind])
        axis.set_title(STATISTICS[name], fontsize=10)
        axis.set_xticks(range(len(kinds)), list(kinds))
    for depth, (kind, (looks, _)) in enumerate(kinds.items()):
        draw_curves(axes[7], axes[8], looks, COLOURS[kind], -depth)
    for row, (kind, (looks, _)) in zip(frames.subplots(2, 4), kinds.items(), strict=True):
        for axis, one in zip(row, spaced(looks, len(row)), strict=False):
            axis.imshow(one.frame, cmap="gray", vmin=0, vmax=1)
            axis.set_title(f"{kind} {one.name}", fontsize=10)
        for axis in row:
            axis.set_axis_off()
    figure.savefig(path, dpi=80)
    plt.close(figure)


def draw_curves(
    spectra: Any, histograms: Any, looks: Sequence[Look], colour: str, depth: int
) -> None:
    """Draw each frame's radial spectrum and its cumulative histogram of grey."""
    centre = np.sqrt(EDGES[1:] * EDGES[:-1])
    share = (np.arange(appearance.QUANTILES) + 0.5) / appearance.QUANTILES
    for one in looks:
        spectra.loglog(centre, one.power, color=colour, lw=0.6, alpha=0.6, zorder=3 + depth)
        histograms.plot(one.quantiles, share, color=colour, lw=0.6, alpha=0.6, zorder=3 + depth)
    spectra.set_title("power over median² (mm²) against cycles/mm", fontsize=10)
    histograms.set_title("share of pixels below grey / bright stratum", fontsize=10)


def spaced(looks: Sequence[Look], count: int) -> list[Look]:
    """Return up to `count` of `looks`, from first to last."""
    at = np.linspace(0, len(looks) - 1, min(count, len(looks))).round().astype(int)
    return [looks[i] for i in at]


if __name__ == "__main__":
    main()
