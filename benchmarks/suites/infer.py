"""One frame: the plain U-Net beside PyTorch's, the network of `joint`, and up to its curves."""

import argparse
import dataclasses
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.suites import unets
from benchmarks.timing import OURS, compared, quartiles
from fluorojax.inference import latency
from fluorojax.inference.predictor import Predictor
from fluorojax.schema.frame import Frame

FRAMES = 40
"""Rounds of a frame, at least: percentiles need more than medians do."""
NEEDS = {"onnxruntime": ("onnx", "onnxruntime"), "openvino": ("onnx", "openvino")}
APART = 1e-3
"""Largest difference of probabilities between runtimes of one network."""


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Time a frame in each framework, in each runtime, and up to its curves."""
    size = dataclasses.replace(unets.TINY if asked.tiny else unets.USUAL, batch=1)
    peers, begun, missing = unets.peers_of(size, asked.cores)
    first = {name: of.infer_s for name, of in begun.items()}
    jobs = {name: peer.infer for name, peer in peers.items()}
    rounds = asked.rounds if asked.tiny else max(asked.rounds, FRAMES)
    frame_of_each = compared(jobs, rounds, first)
    found = {unets.described(size): unets.result_of(peers, missing, frame_of_each)}
    export = Path(asked.export) if asked.export else None
    model = loaded(export, 32 if asked.tiny else 512)
    frame = drawn_frame(model.image_size)
    title = "the network of joint on one frame, {} x {}".format(*model.image_size)
    found[title] = one_frame(model, frame, asked.cores, rounds)
    found["from a frame to"] = to_curves(model, frame, rounds, trained=export is not None)
    return found


def loaded(export: Path | None, side: int) -> Predictor:
    """Return an export, or the network of `joint` with drawn parameters."""
    if export:
        import fluorojax

        return fluorojax.load(export)
    from benchmarks import steps

    config = steps.config_of("configs/joint.py:quick" if side < 512 else "configs/joint.py")
    config.data.image_size = config.training.crop_size = (side, side)
    config.model.depth = min(config.model.depth, side.bit_length() - 2)
    run = steps.run_of(config)
    return run.predictor(steps.drawn_state(run).parameters)


def drawn_frame(size: tuple[int, int]) -> Frame:
    """Return a frame of 12 bits: a wide band, and a thin line that goes on from its end."""
    rng = np.random.default_rng(0)
    band, line = drawn_masks(size)
    image = 2400 - 800 * band - 400 * line + rng.normal(0, 60, size)
    return Frame(np.clip(image, 0, 4095).astype(np.uint16))


def drawn_masks(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return what is where on `drawn_frame`: the band and the line, [H, W] float32 each."""
    rows, columns = np.ogrid[: size[0], : size[1]]
    middle = size[0] / 2 + size[0] / 6 * np.sin(columns / size[1] * 5)
    half = size[1] // 2
    band = (np.abs(rows - middle) < max(size[0] // 24, 2)) & (columns < half)
    line = (np.abs(rows - middle) < 1.5) & (columns >= half)
    return band.astype(np.float32), line.astype(np.float32)


def one_frame(model: Predictor, frame: Frame, cores: int, rounds: int) -> dict[str, Any]:
    """Time the network alone on a frame, here and in each runtime of other files."""
    jobs, missing = runtimes(model, frame, cores)
    here = jobs[OURS]()
    for name, job in jobs.items():
        apart = float(np.abs(job() - here).max())
        if apart > APART:
            raise RuntimeError(f"{name} is {apart:.1e} apart from {OURS}, more than {APART}")
    return compared(jobs, rounds) | {"missing": missing}


def runtimes(
    model: Predictor, frame: Frame, cores: int
) -> tuple[dict[str, Callable[[], np.ndarray]], dict[str, str]]:
    """Return ways from a frame on the grid to probabilities, [H, W, C], and what is missing."""
    from benchmarks.studies import latency as onnx

    there = {name: all(map(importlib.util.find_spec, of)) for name, of in NEEDS.items()}
    jobs = onnx.networks(model, frame, cores, [name for name, can in there.items() if can])
    ours = {OURS: jobs.pop(onnx.OURS)}
    return ours | jobs, {name: "not installed" for name, can in there.items() if not can}


def to_curves(model: Predictor, frame: Frame, rounds: int, trained: bool) -> dict[str, Any]:
    """Time a frame up to probabilities, masks and curves: percentiles of milliseconds.

    A network that was not trained finds nothing, or everything. It is computed all the same, and
    masks and curves are then looked for in what stands on the drawn frame.
    """
    if not trained:
        model = Told(model, np.stack(drawn_masks(model.image_size), -1))
    ways = latency.ways(model, frame)
    measured = latency.seconds(ways, rounds)
    return {
        "trained": trained,
        "milliseconds": {
            name: {key: round(ms, 3) for key, ms in latency.latency_of(of)._asdict().items()}
            for name, of in measured.items()
        },
        "seconds": {name: quartiles(of) for name, of in measured.items()},
    }


class Told(Predictor):
    """A network whose probabilities are replaced, once computed, by given ones."""

    def __init__(self, model: Predictor, masks: np.ndarray):
        self.__dict__.update(model.__dict__)
        self._masks = np.clip(masks, 0.02, 0.98).astype(np.float32)

    def maps(self, frame: Frame) -> Any:
        """Compute the network's maps, and return the given ones."""
        computed = super().maps(frame)
        maps = computed.maps.copy()
        maps[..., : self._masks.shape[-1]] = self._masks
        return computed._replace(maps=maps)
