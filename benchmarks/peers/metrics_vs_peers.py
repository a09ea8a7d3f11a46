"""Compare the metrics with MONAI's and with DeepMind's surface-distance, in value and in time.

    pip install -c constraints.txt -e '.[peers]'
    python -m benchmarks.peers.metrics_vs_peers --out benchmarks/results/metrics_vs_peers.json

200 pairs of masks, random and pathological. Where a peer defines a metric as we do, the two must
agree; where it does not, its number is made again out of our own pieces put together its way, which
is the proof of the reason given. Exit status 1 if any pair is left over.
"""

import argparse
import dataclasses
import importlib.metadata
import json
import math
import os
import statistics
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai import metrics as monai

from benchmarks.peers.metric_pairs import TOLERANCE_MM, Pair, all_pairs
from benchmarks.peers.metric_peers import COMPARISONS, Comparison, as_tensor
from benchmarks.timing import in_turns, machine
from fluorojax.core import environment
from fluorojax.geometry import surface
from fluorojax.metrics import overlap, score_case
from fluorojax.schema.info import ClassInfo, Relation

AGREE = 1e-6
"""Largest disagreement that counts as none, relative where values exceed 1: MONAI is float32."""

SHARED = ("dice", "iou", "precision", "recall", "nsd", "hd95", "assd")


def main() -> None:
    """Compare, time, print tables and write the numbers; status 1 where something is left over."""
    options = parse()
    warnings.filterwarnings("ignore")  # the peers' own, on empty masks and old names of SciPy
    torch.set_num_threads(options.cores)
    pairs = all_pairs(options.seed)
    compared = [compare(comparison, pairs) for comparison in COMPARISONS]
    result = {
        "command": "python -m benchmarks.peers.metrics_vs_peers",
        "options": vars(options) | {"out": str(options.out)},
        "machine": machine(),
        "versions": versions(),
        "pairs": len(pairs),
        "agreement": AGREE,
        "tolerance_mm": TOLERANCE_MM,
        "compared": compared,
        "load_average_before": os.getloadavg()[0],
        "time": time_one_case(options.rounds),
        "load_average_after": os.getloadavg()[0],
    }
    show(result)
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    if any(of["left_over"] for of in compared):
        sys.exit("some pairs disagree for no reason that is known: see 'left over'")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1, help="of the pairs")
    parser.add_argument("--rounds", type=int, default=25, help="measurements of each")
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--cores", type=int, default=cores, help="threads of PyTorch")
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    return parser.parse_args()


def versions() -> dict[str, str]:
    """Return the versions that values and times depend on."""
    names = ("scikit-image", "torch", "monai", "surface-distance")
    return environment.versions() | {name: importlib.metadata.version(name) for name in names}


def compare(comparison: Comparison, pairs: list[Pair]) -> dict[str, Any]:
    """Return how often a peer agrees, and each kind of disagreement with its count and reason."""
    agreeing, differing, left_over = [0.0], {}, []
    count = 0
    for pair in pairs:
        row = pair.ours()
        ours, theirs = row[comparison.metric], outcome(comparison.theirs, pair)
        if apart(ours, theirs) <= AGREE:
            agreeing.append(apart(ours, theirs))
            count += 1
            continue
        case = {"kind": pair.kind, "ours": ours, "theirs": named(theirs)}
        reason = explain(comparison, pair, row, theirs)
        if reason is None:
            left_over.append(case)
        else:
            differing.setdefault((row["status"], reason), []).append(case)
    return {
        "metric": comparison.metric,
        "peer": comparison.peer,
        "call": comparison.call,
        "agree": count,
        "largest_disagreement_of_these": max(agreeing),
        "differ": [
            {"status": status, "reason": reason, "pairs": len(cases), "example": widest(cases)}
            for (status, reason), cases in differing.items()
        ],
        "left_over": left_over,
    }


def outcome(function: Callable[[Pair], float], pair: Pair) -> float | str:
    """Return the function's number, or what it raises."""
    try:
        return function(pair)
    except AttributeError as error:
        return f"raises {type(error).__name__}"


def apart(ours: float | None, theirs: float | str) -> float:
    """Return the disagreement: absolute below 1, relative above; inf where one is no number."""
    if ours is None or isinstance(theirs, str) or not math.isfinite(theirs):
        return math.inf
    return abs(ours - theirs) / max(1.0, abs(ours))


def named(theirs: float | str) -> float | str:
    """Return an outcome in words that JSON and a reader know."""
    if isinstance(theirs, str) or math.isfinite(theirs):
        return theirs
    return "NaN" if math.isnan(theirs) else "inf"


def explain(
    comparison: Comparison, pair: Pair, row: dict[str, Any], theirs: float | str
) -> str | None:
    """Return the reason of a disagreement if it holds for this very pair, else None."""
    if row["status"] != "scored":
        expected, reason = comparison.empty.get(row["status"], ("", ""))
        found = named(theirs)
        words = found if isinstance(found, str) else f"{found:g}"
        return reason if words == expected else None
    if comparison.as_theirs is None or apart(row[comparison.metric], theirs) > comparison.limit:
        return None
    return comparison.reason if apart(comparison.as_theirs(pair), theirs) <= AGREE else None


def widest(cases: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the case in which the two numbers are farthest apart, or the first."""
    return max(cases, key=lambda c: -1.0 if (d := apart(c["ours"], c["theirs"])) == math.inf else d)


# Time


def one_case() -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Return prediction and reference [512, 512, 2] and the spacing of a simulated frame.

    The prediction is the reference moved by 2 rows and 1 column, with a gap in the wire and a
    false piece at the side.
    """
    import jax

    from fluorojax.simulation import ERCP
    from fluorojax.simulation.fluoroscopy.ercp import simulate

    spec = dataclasses.replace(ERCP, height=512, width=512)
    frames = (jax.device_get(jax.jit(simulate)(jax.random.key(k), spec)) for k in range(100))
    frame = next(f for f in frames if f["attached"] == 1 and f["mask"].sum((0, 1)).min() > 1000)
    reference = np.asarray(frame["mask"]).astype(bool)
    prediction = np.roll(reference, (2, 1), (0, 1))
    rows = np.flatnonzero(prediction[..., 1].any(axis=1))
    prediction[rows[len(rows) // 2] : rows[len(rows) // 2] + 8, :, 1] = False
    prediction[500:503, 400:440, 1] = True
    return prediction, reference, (float(frame["pixel_mm"]),) * 2


def jobs_of(
    prediction: np.ndarray, reference: np.ndarray, spacing: tuple[float, float]
) -> dict[str, Callable[[], Any]]:
    """Return what scores a case: all our metrics, our share of the common ones, and MONAI's."""
    tensors = as_tensor(prediction), as_tensor(reference)
    classes = (ClassInfo("endoscope", "region"), ClassInfo("guidewire", "curve"))
    about = {"classes": classes, "spacing": spacing, "attached": 1}
    about["relation"] = Relation("guidewire", "endoscope")
    jobs = {
        "fluorojax/all": lambda: score_case(prediction, reference, **about),
        "fluorojax/shared": lambda: our_shared(prediction, reference, spacing),
        "monai/shared": lambda: monai_shared(*tensors, spacing),
    }
    np.testing.assert_allclose(jobs["fluorojax/shared"](), jobs["monai/shared"](), rtol=1e-5)
    return jobs


def time_one_case(rounds: int) -> dict[str, Any]:
    """Time all three ways to score a case, in turns."""
    prediction, reference, spacing = one_case()
    jobs = jobs_of(prediction, reference, spacing)
    seconds = {name: of.wall for name, of in in_turns(jobs, rounds).items()}
    theirs = seconds["monai/shared"]
    return {
        "case": "512 x 512, endoscope and guidewire of a simulated frame",
        "pixels": reference.sum((0, 1)).tolist(),
        "shared": SHARED,
        "seconds": {
            name: {"median": statistics.median(of), "all": of} for name, of in seconds.items()
        },
        "ratio_to_monai": {
            name: ratio_of_medians(seconds[name], theirs)
            for name in ("fluorojax/shared", "fluorojax/all")
        },
    }


def ratio_of_medians(ours: list[float], theirs: list[float]) -> float:
    """Return our median over theirs."""
    return round(statistics.median(ours) / statistics.median(theirs), 3)


def our_shared(
    prediction: np.ndarray, reference: np.ndarray, scale: tuple[float, float]
) -> np.ndarray:
    """Return the metrics that MONAI has too, [C, 7] in the order of SHARED."""
    rows = []
    for k in range(prediction.shape[-1]):
        p, r = (mask[..., k].astype(bool) for mask in (prediction, reference))
        between = surface.distances(surface.contour(p), surface.contour(r), scale)
        area = (f(p, r) for f in (overlap.dice, overlap.iou, overlap.precision, overlap.recall))
        nsd = surface.nsd(between, TOLERANCE_MM)
        rows.append([*area, nsd, surface.hd95(between), surface.assd(between)])
    return np.array(rows)


def monai_shared(p: torch.Tensor, r: torch.Tensor, spacing: tuple[float, float]) -> np.ndarray:
    """Return the same by MONAI, [C, 7]; the confusion matrix is made once for both its metrics."""
    counts = monai.get_confusion_matrix(p, r)
    given = {"include_background": True, "spacing": spacing}
    columns = (
        monai.compute_dice(p, r),
        monai.compute_iou(p, r),
        monai.compute_confusion_matrix_metric("precision", counts),
        monai.compute_confusion_matrix_metric("recall", counts),
        monai.compute_surface_dice(p, r, [TOLERANCE_MM] * p.shape[1], **given),
        monai.compute_hausdorff_distance(p, r, percentile=95, **given),
        monai.compute_average_surface_distance(p, r, symmetric=True, **given),
    )
    return torch.cat(columns).T.numpy()


# Tables


def show(result: dict[str, Any]) -> None:
    """Print both tables in Markdown, as they stand in docs/metrics.md, and the times."""
    print("| metric | peer | pairs that agree | at most apart |\n|---|---|---|---|")
    for of in result["compared"]:
        at_most = f"{of['largest_disagreement_of_these']:.1e}"
        print(f"| {of['metric']} | {of['peer']} | {of['agree']} of {result['pairs']} | {at_most} |")
    print("\n| metric | peer | masks | pairs | e.g. | ours | theirs | why |\n" + "|---" * 8 + "|")
    for cells, names in merged(result["compared"]).items():
        print("| " + " | ".join((", ".join(names), *cells)) + " |")
    for of in result["compared"]:
        if of["left_over"]:
            print("left over:", of["metric"], of["peer"], of["left_over"][:3])
    for name, of in result["time"]["seconds"].items():
        print(f"{name:17} median {1e3 * of['median']:.1f} ms")
    for name, ratio in result["time"]["ratio_to_monai"].items():
        print(f"{name}: {ratio:.2f} of MONAI's time")


def merged(compared: list[dict[str, Any]]) -> dict[tuple[str, ...], list[str]]:
    """Return the rows of disagreements, each with the metrics that it holds for."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for of in compared:
        for kind in of["differ"]:
            example = kind["example"]
            about = (of["peer"], kind["status"], str(kind["pairs"]), example["kind"])
            values = (short(example["ours"]), short(example["theirs"]), kind["reason"])
            rows.setdefault(about + values, []).append(of["metric"])
    return rows


def short(value: float | str | None) -> str:
    """Return a value for a table."""
    if value is None:
        return "left out"
    return value if isinstance(value, str) else f"{value:.7g}"


if __name__ == "__main__":
    main()
