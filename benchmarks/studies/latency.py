"""Time a frame from its grey values to masks and curves, and the network beside ONNX Runtime.

    python -m benchmarks.studies.latency runs/joint/export frame.png --cores 1 --out FILE

The network alone takes a frame that lies on its grid, in turns with the same network as `fluorojax
export --format onnx` writes it, under ONNX Runtime on as many threads. Rounds go in pairs, and the
ratio is that of a pair: both meet the same machine. Seconds are on the wall.
"""

import argparse
import functools
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

import fluorojax
from fluorojax.core import environment
from fluorojax.core.progress import console
from fluorojax.data import grid
from fluorojax.data.intensity import intensity_range
from fluorojax.inference import latency
from fluorojax.inference.predictor import Predictor, probabilities
from fluorojax.schema.frame import Frame

OURS, THEIRS = "jax", "onnxruntime"
ALIKE = 1e-4


def networks(
    model: Predictor, frame: Frame, cores: int, runtimes: Sequence[str] = (THEIRS,)
) -> dict[str, Callable[[], np.ndarray]]:
    """Return ways from a frame on the grid to probabilities, [H, W, C]: ours, and each runtime's.

    Args:
        model: the network.
        frame: is laid on the network's grid first.
        cores: threads of the runtimes.
        runtimes: of RUNTIMES.
    """
    low, high = map(np.float32, intensity_range(frame.pixels))
    place = grid.place(frame.shape, model.image_size)
    shown = grid.image_to_grid(frame.pixels, place, model.fitting.resampling).astype(np.float32)

    def ours() -> np.ndarray:
        maps, _ = probabilities(model._network, model.parameters, shown, low, high)
        return np.asarray(maps)[..., : len(model.classes)]

    def theirs(run: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        image = np.clip((shown - low) / (high - low), 0, 1)[None, None]
        return np.moveaxis(run(image)[0], 0, -1)

    jobs: dict[str, Callable[[], np.ndarray]] = {OURS: ours}
    if runtimes:
        from fluorojax.runtimes.onnx_graph import model_of

        names = [label.name for label in model.image_labels]
        written = model_of(model.spec, model.parameters, names).SerializeToString()
        ready = {name: RUNTIMES[name](written, cores) for name in runtimes}
        jobs |= {name: functools.partial(theirs, run) for name, run in ready.items()}
    return jobs


def onnxruntime(written: bytes, cores: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return the probabilities that ONNX Runtime computes, [1, C, H, W] of [1, 1, H, W]."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores
    session = onnxruntime.InferenceSession(written, options, providers=["CPUExecutionProvider"])
    return lambda image: session.run(["probabilities"], {"image": image})[0]


def openvino(written: bytes, cores: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return the probabilities that OpenVINO computes, [1, C, H, W] of [1, 1, H, W]."""
    import openvino

    asked = {"INFERENCE_NUM_THREADS": cores, "PERFORMANCE_HINT": "LATENCY"}
    # Where the processor could, OpenVINO would compute in bfloat16; all compute in float32 here.
    asked["INFERENCE_PRECISION_HINT"] = "f32"
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(written), "CPU", asked)
    return lambda image: compiled({"image": image})["probabilities"]


RUNTIMES = {THEIRS: onnxruntime, "openvino": openvino}


def compared(model: Predictor, frame: Frame, cores: int, rounds: int) -> dict[str, Any]:
    """Return the latency of both networks and the ratio of pairs, ours over theirs.

    Raises:
        RuntimeError: they differ by more than ALIKE.
    """
    jobs = networks(model, frame, cores)
    apart = float(np.abs(jobs[OURS]() - jobs[THEIRS]()).max())
    if apart > ALIKE:
        raise RuntimeError(f"the two networks are {apart:.1e} apart, more than {ALIKE}")
    times = latency.seconds(jobs, rounds)
    quarters = map(float, np.percentile(times[OURS] / times[THEIRS], (25, 50, 75)).round(3))
    return {
        **{name: rounded(latency.latency_of(of)) for name, of in times.items()},
        "ratio": dict(zip(("p25", "p50", "p75"), quarters, strict=True)),
        "largest_difference": apart,
    }


def rounded(of: latency.Latency) -> dict[str, float]:
    """Return a latency as JSON."""
    return {
        **{f"{name}_ms": round(ms, 2) for name, ms in of._asdict().items()},
        "frames_a_second": round(of.rate, 2),
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("export", type=Path)
    parser.add_argument("frame", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--cores", type=int, default=1, help="of which the first ones are used")
    parser.add_argument("--out", type=Path, help="where the times are written as JSON")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    model = fluorojax.load(options.export)
    table = Table("frame", "from a frame to", "p50 ms", "p95 ms", "p99 ms", "frames a second")
    rows = []
    for path in options.frame:
        frame = fluorojax.read_frame(path)
        measured = latency.measure(model, frame, options.rounds)
        found: dict[str, Any] = {name: rounded(of) for name, of in measured.items()}
        network = compared(model, frame, options.cores, options.rounds)
        size = "{} x {}".format(*frame.shape)
        for name, of in (found | {n: network[n] for n in (OURS, THEIRS)}).items():
            table.add_row(size, name, *map(str, of.values()))
        console.print(f"{size}: ratio of pairs, ours over ONNX Runtime's: {network['ratio']}")
        rows.append({"size": list(frame.shape), "ways": found, "network": network})
    console.print(table)
    if options.out:
        written = {
            "machine": environment.machine() | {"cores_used": options.cores},
            "versions": environment.versions(),
            "network": str(model),
            "spec": model.spec.to_json(),
            "rounds": options.rounds,
            "frames": rows,
        }
        options.out.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
