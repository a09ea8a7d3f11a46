"""What to start with on a folder of frames, and why: configuration, grid, batch, steps, weights."""

import dataclasses
import math
import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict

from fluorojax.config import flatten, validate
from fluorojax.config_file import read_config
from fluorojax.configs import base
from fluorojax.data.grid import Fit
from fluorojax.data.tiles import windows
from fluorojax.planning.guess import Guess
from fluorojax.planning.machine import GIB, Machine
from fluorojax.planning.survey import Seen, Survey

LEAST_PX = 2.0
"""Width that the thinnest curve keeps on the grid of shrunken frames."""
WINDOWS_PX = 1.5
"""Where it keeps less on the largest usual grid, frames are seen in windows at their own size.

Of 2 px and more shrunken frames were found better, of less windows were, in equal time
(benchmarks/results/crops.json); in between a somewhat larger grid costs less than windows do.
"""
BYTES = 450
"""Of memory a pixel of a batch, a channel of the first level and a network: measured with
:curves-quick and :relation-quick on a CPU (`python -m fluorojax.planning.trial`)."""
SHARE = 0.6
"""Of the memory that a step may take."""
USUAL_GPU_GIB = 24.0
RARE = 0.5
"""A class in less than this share of the training frames is rare."""
FEW = 20
"""Training frames that show a curve, below which its centreline is weighted twice."""


@dataclasses.dataclass(frozen=True)
class Size:
    """What one size of the configurations is made for.

    Attributes:
        suffix: of the variant.
        usual_side: of the grid where nothing thin asks for more, px.
        aimed_px: width that the thinnest curve has on it, if `most_side` allows.
        most_side: beyond it the grid only grows so that a curve keeps LEAST_PX.
        most_crop: side up to which frames are trained on whole, px.
        passes, fewest, most: how often each frame is seen, and the limits of the steps.
    """

    suffix: str
    usual_side: int
    aimed_px: float
    most_side: int
    most_crop: int
    passes: int
    fewest: int
    most: int


SIZES = {
    "cpu": Size("-quick", 192, 3.0, 320, 256, 300, 1200, 3000),
    "gpu": Size("", 512, 4.0, 1024, 512, 1000, 5000, 20_000),
}
CROP = {"cpu": 192, "gpu": 512}
"""Side of crops of frames that are not trained on whole, px."""
ROOM = 64
"""So much larger than crops are windows, px, so that a turned crop hardly looks beyond its own."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """A configuration for a folder: its name, the fields that are set, and why.

    Attributes:
        config: as `fluorojax train` takes it, such as 'own:curves-quick'.
        fields: name -> value as text, in order.
        guesses: what is recommended, each with its reason.
        remarks: what stands against it.
        steps: number of updates.
    """

    config: str
    fields: dict[str, str]
    guesses: tuple[Guess, ...]
    remarks: tuple[str, ...]
    steps: int

    @property
    def overrides(self) -> list[str]:
        """The fields as arguments of a command."""
        return [f"--config.{name}={value}" for name, value in self.fields.items()]

    @property
    def command(self) -> str:
        """What to type."""
        return " ".join(["fluorojax train", self.config, *map(shlex.quote, self.overrides)])


def plan(found: Survey, machine: Machine, hardware: str) -> Plan:
    """Recommend a configuration for the training frames of a folder.

    Args:
        found: what is in it; it must have training frames.
        machine: whose memory and cores count.
        hardware: 'cpu' or 'gpu', a key of SIZES.
    """
    size = SIZES[hardware]
    kind, why = kind_of(found)
    config = f"own:{kind}{size.suffix}"
    usual = read_config(config)
    stride = usual.model.patch * 2**usual.model.depth
    # A relation is learned only where a crop shows both of its classes.
    side = size.most_crop if kind == "relation" else CROP[hardware]
    fit, of_fit = fit_of(found, size)
    work = (in_windows if fit == "native" else shrunken)(found, size, side, stride)
    batch, width, of_memory = fitting(
        usual.training.batch_size,
        usual.model.width,
        work.crop,
        networks=2 if kind == "relation" else 1,
        memory_gib=_memory(machine, hardware),
    )
    steps, of_steps = steps_of(found, batch, size)
    fields = {
        "data.dir": str(found.folder.root),
        "data.cases": found.cases_file,
        "data.fit": fit,
        "data.image_size": _pair(work.grid),
        "training.crop_size": _pair(work.crop),
        "training.batch_size": str(batch),
        "model.width": str(float(width)),
        "training.steps": str(steps),
        "training.eval_every": str(steps // 4),
        "training.checkpoint_every": str(steps // 4),
    }
    if hardware == "cpu":
        fields["training.cpu_devices"] = str(_devices(batch, machine.cores))
    special = [*_deformation(work.crop, usual), *weights_of(found)]
    fields |= {guess.what: guess.value for guess in special}
    guesses = (
        Guess("configuration", config, why),
        Guess("data.fit", fit, of_fit),
        Guess("data.image_size", _pair(work.grid), work.of_grid),
        Guess("training.crop_size", _pair(work.crop), work.of_crop),
        Guess("training.batch_size, model.width", f"{batch}, {width:g}", of_memory),
        Guess("training.steps", str(steps), of_steps),
        *special,
    )
    made = Plan(config, _changed(fields, flatten(usual)), guesses, work.remarks, steps)
    validate(read_config(config, made.overrides), base.get_config())
    return made


def _memory(machine: Machine, hardware: str) -> float:
    """Return the memory (GiB) that counts; where there is no GPU to ask, a usual one's."""
    return (machine.gpu_gib or USUAL_GPU_GIB) if hardware == "gpu" else machine.memory_gib


def _deformation(crop: tuple[int, int], usual: ConfigDict) -> Iterator[Guess]:
    """Yield a smaller elastic deformation, where the usual one could fold the crop."""
    most = math.floor(10 * min(crop) / usual.augment.elastic_cells / 3) / 10
    if usual.augment.elastic_px > most:
        yield Guess("augment.elastic_px", str(most), "a larger one could fold such small frames")


def _changed(fields: dict[str, str], usual: dict[str, object]) -> dict[str, str]:
    """Return the fields that are not as the configuration has them anyway."""

    def text(value: object) -> str:
        return _pair(value) if isinstance(value, tuple) else str(value)

    return {name: value for name, value in fields.items() if value != text(usual[name])}


def _pair(size: Sequence[int]) -> str:
    return f"{size[0]},{size[1]}"


def kind_of(found: Survey) -> tuple[str, str]:
    """Return which kind of `configs/own.py` fits the classes, and why."""
    info = found.folder.info
    if info.relation:
        child, parent = info.relation.child, info.relation.parent
        k, parent_k = info.index(child), info.index(parent)
        train = found.of("train")
        if any(s.areas[k] for s in train) and any(s.areas[parent_k] for s in train):
            return "relation", f"{child} comes out of {parent}, as dataset.json says"
        return "curves" if info.curves else "regions", (
            f"the training frames do not show both {child} and {parent}"
        )
    if info.curves:
        names = ", ".join(info.class_names[k] for k in info.curves)
        return "curves", f"{names}: thin; no relation in dataset.json"
    return "regions", "no class is thin"


def thinnest(found: Survey) -> tuple[float, str]:
    """Return the width (px) that 95 % of the frames of the thinnest curve exceed, and its name."""
    best = math.inf, ""
    for k in found.folder.info.curves:
        widths = [s.widths[k] for s in found.seen if s.widths[k] > 0]
        if widths:
            best = min(best, (float(np.quantile(widths, 0.05)), found.folder.info.class_names[k]))
    return best


class Working(NamedTuple):
    """What the network works on: its grid, what of it is trained on at once, and why."""

    grid: tuple[int, int]
    of_grid: str
    crop: tuple[int, int]
    of_crop: str
    remarks: tuple[str, ...]


def fit_of(found: Survey, size: Size) -> tuple[Fit, str]:
    """Return whether frames are shrunk or seen in windows at their own size, and why."""
    width, name = thinnest(found)
    longest = max(largest(found))
    if not name:
        return "shrink", "no class is thin, so the network sees the frames whole"
    if longest <= size.most_side:
        return "shrink", "the frames are small"
    kept = width * size.most_side / longest
    told = f"{name} is {width:.3g} px wide, and {kept:.2g} px after shrinking to {size.most_side}"
    if kept >= LEAST_PX:
        return "shrink", f"{told}: thick enough"
    if kept >= WINDOWS_PX:
        return "shrink", f"{told}, but keeps {LEAST_PX:g} px on a grid that is not much larger"
    if found.folder.info.image_labels:
        return "shrink", f"{told}: too thin, but windows cannot tell image labels of whole frames"
    return "native", (
        f"{told}, the largest usual grid here: where less than {WINDOWS_PX:g} px is left, it is "
        "found better in windows of the frames at their own size"
    )


def largest(found: Survey) -> tuple[int, int]:
    """Return the most rows and the most columns of the frames."""
    return max(s.shape[0] for s in found.seen), max(s.shape[1] for s in found.seen)


def shrunken(found: Survey, size: Size, side: int, stride: int) -> Working:
    """Return the grid that frames are shrunk to, and crops of at most `side` px."""
    grid, of_grid, remarks = grid_of(found, size, stride)
    crop, of_crop = crop_of(found, grid, size, side)
    return Working(grid, of_grid, crop, of_crop, tuple(remarks))


def in_windows(found: Survey, size: Size, side: int, stride: int) -> Working:
    """Return windows of the frames at their own size, and crops of at most `side` px of them."""
    rows, columns = largest(found)
    whole = _grid(rows, columns, 1.0, stride)
    grid = min(side + ROOM, whole[0]), min(side + ROOM, whole[1])
    crop = min(side, grid[0]), min(side, grid[1])
    tiles = sum(1 for _ in windows((max(rows, grid[0]), max(columns, grid[1])), grid))
    return Working(
        grid,
        f"windows; a frame of {rows} x {columns} is predicted in {tiles} of them",
        crop,
        "a part of each window, so that a turned one hardly looks beyond it",
        tuple(_about_windows(found)),
    )


def _about_windows(found: Survey) -> Iterator[str]:
    """Yield what stands against windows."""
    info, (width, name) = found.folder.info, thinnest(found)
    if regions := [c.name for c in info.classes if c.kind == "region"]:
        yield (
            f"what no window shows whole, as perhaps {', '.join(regions)}, is found worse in "
            "windows than in shrunken frames: if that matters more, say --config.data.fit=shrink"
        )
    if info.relation:
        yield "that one class comes out of another is learned only in windows that show both"
    if width < LEAST_PX:
        yield _too_thin(width, name)


def _too_thin(width: float, name: str) -> str:
    return (
        f"{name} is {width:.3g} px wide in the frames themselves, so it cannot have {LEAST_PX:g} "
        "px on any grid"
    )


def grid_of(found: Survey, size: Size, stride: int) -> tuple[tuple[int, int], str, list[str]]:
    """Return the grid that frames are shrunk to, why, and what stands against it."""
    rows, columns = largest(found)
    longest = max(rows, columns)
    width, name = thinnest(found)
    if longest <= (size.most_side if name else size.most_crop):
        return _grid(rows, columns, 1.0, stride), "the frames are small: none is shrunk", []
    usual = size.usual_side / longest
    if not name:
        grid = _grid(rows, columns, usual, stride)
        return grid, f"nothing thin; {usual:.2g} of the frames' size", []
    most = max(usual, size.most_side / longest)
    scale = min(1.0, max(usual, LEAST_PX / width, min(size.aimed_px / width, most)))
    grid = _grid(rows, columns, scale, stride)
    kept = width * min(1.0, grid[0] / rows, grid[1] / columns)
    remarks = []
    if max(grid) > size.most_side:
        remarks.append(
            f"a grid of {grid[0]} x {grid[1]} takes long; {name} is too thin for a smaller one"
        )
    if kept < LEAST_PX:
        remarks.append(_too_thin(width, name))
    reason = f"{name}, {width:.3g} px wide or more in 95 % of the frames, keeps {kept:.2g} px"
    return grid, reason, remarks


def _grid(rows: int, columns: int, scale: float, stride: int) -> tuple[int, int]:
    height, width = (
        max(stride, math.ceil(n * scale / stride - 1e-9) * stride) for n in (rows, columns)
    )
    return height, width


def crop_of(
    found: Survey, grid: tuple[int, int], size: Size, side: int
) -> tuple[tuple[int, int], str]:
    """Return what of a shrunken frame is trained on at once, and why."""
    if max(grid) <= size.most_crop:
        return grid, "whole frames"
    if found.folder.info.image_labels:
        return grid, "whole frames, as a part may not tell the image labels"
    crop = min(side, grid[0]), min(side, grid[1])
    return crop, "a part of each frame, so that a step is as fast as with small ones"


def fitting(
    batch: int, width: float, crop: tuple[int, int], networks: int, memory_gib: float
) -> tuple[int, float, str]:
    """Return batch size and width, halved in turn until a step fits into the memory, and why."""
    wanted = needed_gib(batch, width, crop, networks)
    while needed_gib(batch, width, crop, networks) > SHARE * memory_gib:
        if batch > 2:
            batch //= 2
        elif width > 8:
            width /= 2
        else:
            break
    needs = needed_gib(batch, width, crop, networks)
    told = f"about {needs:.2g} GiB a step, of {memory_gib:.0f} GiB"
    return batch, width, told if needs == wanted else f"{told}; the usual size takes {wanted:.2g}"


def needed_gib(batch: int, width: float, crop: tuple[int, int], networks: int) -> float:
    """Return the memory that a step takes, GiB: BYTES x batch x pixels x width x networks."""
    return BYTES * batch * crop[0] * crop[1] * width * networks / GIB


def steps_of(found: Survey, batch: int, size: Size) -> tuple[int, str]:
    """Return the number of updates, and why."""
    frames = len(found.of("train"))
    wanted = size.passes * frames / batch
    steps = int(min(max(wanted, size.fewest), size.most) / 100) * 100
    seen = steps * batch / frames
    return steps, f"{frames} training frames, each seen {seen:.0f} times"


def _devices(batch: int, cores: int) -> int:
    return max(n for n in range(1, min(batch, cores) + 1) if batch % n == 0)


def weights_of(found: Survey) -> Iterator[Guess]:
    """Yield fields that what is rare, thin or chiral asks for."""
    info, train = found.folder.info, found.of("train")
    shown = {name: _showing(train, k) for k, name in enumerate(info.class_names)}
    rare = [name for name, n in shown.items() if 0 < n < RARE * len(train)]
    if rare:
        value = ",".join(f"{name}=0" for name in rare)
        told = ", ".join(f"{name} in {shown[name]}" for name in rare)
        yield Guess(
            "loss.dice_absent_classes",
            value,
            f"{told} of {len(train)} training frames: where it is not there, Dice would only teach "
            "never to predict it",
        )
    curves = [shown[info.class_names[k]] for k in info.curves]
    if curves and min(curves) < FEW:
        yield Guess(
            "loss.skeleton_recall",
            "2.0",
            f"a thin class in {min(curves)} training frames only: twice the weight on its "
            "centreline, or it may never be found",
        )
    if any(label.chiral for label in info.image_labels):
        for name in ("augment.flip_horizontal_rate", "augment.flip_vertical_rate"):
            yield Guess(name, "0.0", "a mirrored frame has another value of a chiral image label")


def _showing(seen: Sequence[Seen], k: int) -> int:
    return sum(s.areas[k] > 0 for s in seen)
