"""A folder with everything that the commands read, small, and a call of each command."""

from pathlib import Path

import jax
import numpy as np

from fluorojax.inference import export
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.predictor import Predictor
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.schema.info import ClassInfo
from tests.compare.constructed import two_methods
from tests.folders import write_folder
from tests.knee.folders import write_knees
from tests.knee.measure.scenes import Ap, Pose, film

SPEC = NetworkSpec(((0, 1),), "none", None, 4, 1, "group", False, False, False, "float32")
CLASSES = (ClassInfo("scope", "region"), ClassInfo("wire", "curve"))


def write_export(folder: Path, seed: int = 0, classes=CLASSES) -> Path:
    """Write the export of an untrained network of two classes for frames of 32 x 32."""
    image = np.zeros((1, 32, 32, 1))
    parameters = jax.jit(build(SPEC).init)(jax.random.key(seed, impl="rbg"), image)["params"]
    origin = {"labels": "classes", "operating_points": {}}
    export.export(Predictor(SPEC, parameters, (32, 32), MaskRules(classes)), folder, origin)
    return folder


def write_place(place: Path) -> Path:
    """Write `frames`, `export`, `runs` and `knees` into a new folder; return it."""
    write_folder(place / "frames", cases=5, size=64)
    write_knees(place / "knees", {"first": film(Ap().shapes(), Pose(), "ap")})
    write_export(place / "export")
    two_methods(place / "runs")
    return place


def write_run(place: Path) -> Path:
    """Train a network for six steps in `run`, which takes a minute; return its folder."""
    from tests.integration.runs import run, small_config

    return run(small_config("single", place / "frames", place / "built"), place / "run")


def calls(place: Path, out: Path) -> dict[str, list[str]]:
    """Return command -> its arguments, all it writes below `out`."""
    frames, built = str(place / "frames"), ["--built-dir", str(place / "built")]
    target = ["--out", str(out / "results")]
    runs = sorted(map(str, (place / "runs").iterdir()))
    return {
        "predict": ["predict", str(place / "export"), frames, *target],
        "evaluate": ["evaluate", str(place / "export"), frames, *target, *built],
        "compare": ["compare", *runs, *target],
        "prepare": ["prepare", frames, "--built-dir", str(out / "results")],
        "simulate": ["simulate", "--n", "1", "--frames", "2", "--side", "48", *target],
        "measure": ["measure", str(place / "knees"), "--view", "ap", *target],
        "export": ["export", str(place / "run"), *target],
        "report": ["report", runs[0], "--out", str(out / "results.html")],
    }


def state(folder: Path) -> dict[str, bytes]:
    """Return name -> content of all files below a folder."""
    files = (p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}
