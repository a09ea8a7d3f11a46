"""The wheel alone, in an empty folder: what it holds, and that every way in works from it."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.folders import write_folder

pytestmark = pytest.mark.slow  # four trainings in processes of their own

ROOT = Path(__file__).parents[2]
FILES = ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
SOURCES = ("fluorojax", "configs", "tfds_builders", *FILES)
SDIST = "from setuptools import build_meta; build_meta.build_sdist('dist')"
SMALL = {
    "data.builder": "xray_folder",
    "data.dir": "frames",
    "data.image_size": "64,64",
    "model.width": 4,
    "model.depth": 2,
    "training.crop_size": "48,48",
    "training.cpu_devices": 1,
    "training.steps": 10,
    "training.batch_size": 2,
    "training.warmup_steps": 2,
    "training.eval_every": 10,
    "training.checkpoint_every": 10,
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    if int(importlib.metadata.version("setuptools").partition(".")[0]) < 77:
        pytest.skip("setuptools is too old to build a wheel; pip install -e '.[test]'")
    # From a copy: setuptools leaves folders where it builds, and takes what an earlier one left.
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    # By way of the source distribution, as a release is made: what that lacks, the wheel lacks.
    subprocess.run([sys.executable, "-c", SDIST], cwd=source, check=True, capture_output=True)
    (packed,) = (source / "dist").glob("*.tar.gz")
    pip(["wheel", "--no-build-isolation", "--wheel-dir", source / "dist", packed])
    (found,) = (source / "dist").glob("*.whl")
    return found


@pytest.fixture(scope="module")
def place(wheel, tmp_path_factory):
    """Return a folder with frames in it, beside which the wheel is installed."""
    root = tmp_path_factory.mktemp("empty")
    pip(["install", "--target", root.with_name("site"), wheel])
    write_folder(root / "frames")
    return root


def pip(arguments):
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *arguments, "--no-deps"], check=True)


def python(place, *arguments):
    """Run Python in the folder, where only the wheel's packages are found first."""
    environment = os.environ | {"PYTHONPATH": str(place.with_name("site"))}
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def fluorojax(place, *arguments):
    return python(place, "-m", "fluorojax", *arguments)


def test_the_wheel_has_configurations_pages_and_models_and_no_package_of_a_common_name(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"fluorojax", "tfds_builders"}
    assert {f"fluorojax/configs/{p.name}" for p in (ROOT / "configs").glob("*.py")} <= names
    ready_made = ("manifest.json", ".safetensors", "MODEL_CARD.md")
    kinds = (".py", ".css", ".js", ".html", ".j2", "py.typed", *ready_made)
    for path in (ROOT / "fluorojax").rglob("*"):
        if path.name.endswith(kinds) and path.is_file():
            assert path.relative_to(ROOT).as_posix() in names


def test_what_is_imported_is_the_wheels(place):
    code = "import fluorojax, fluorojax.configs.joint as joint"
    site = place.with_name("site")
    printed = python(place, "-c", f"{code}; print(fluorojax.__file__, joint.__file__)")
    assert [Path(path) for path in printed.split()] == [
        site / "fluorojax/__init__.py",
        site / "fluorojax/configs/joint.py",
    ]


def test_train_simulate_predict_and_reproduce(place):
    fields = [f"--config.{name}={value}" for name, value in SMALL.items()]
    fluorojax(place, "train", "joint:quick", *fields, "--workdir=run")
    record = json.loads((place / "run/config.json").read_text())
    assert record["config"]["method"] == "joint"
    assert record["git_revision"] is None
    assert "<style>" in (place / "run/report.html").read_text("utf-8")
    fluorojax(place, "simulate", "--n", 2, "--side", 64, "--out", "simulated")
    fluorojax(place, "predict", "run/export", "simulated/images", "--out", "predicted")
    assert len(list((place / "predicted").glob("*_overlay.png"))) == 2
    assert "are equal" in fluorojax(place, "reproduce", "run")
    fluorojax(place, "predict", "joint", "simulated/images", "--out", "ready_made")
    assert len(list((place / "ready_made").glob("*_overlay.png"))) == 2


def test_benchmark(place):
    sets = [f"--set={name}={value}" for name, value in SMALL.items()]
    fluorojax(
        place,
        "benchmark",
        "--configs=single:quick,multi:quick",
        "--seeds=0",
        *sets,
        "--workdir=grid",
    )
    assert "single · multi" in (place / "grid/comparison/report.html").read_text("utf-8")
