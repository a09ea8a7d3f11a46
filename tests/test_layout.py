"""The floors of the house hold: see benchmarks/pages/architecture.py and HOUSE in the docs."""

import subprocess
import sys
from collections import Counter

import pytest

from benchmarks.pages import architecture


def test_every_module_stands_in_a_room():
    assert {architecture.room_of(module) for module in architecture.modules()}


def test_no_room_imports_from_its_own_floor_or_above():
    assert architecture.wrong(architecture.arrows()) == []


def test_no_circle_of_rooms():
    assert architecture.circle(architecture.arrows()) == []


def test_an_import_that_goes_up_is_named():
    up = Counter({("fluorojax.data", "fluorojax.datasets"): 1})
    (line,) = architecture.wrong(up)
    assert line == "fluorojax.data (floor 3) imports fluorojax.datasets (floor 5)"
    across = Counter({("fluorojax.metrics", "fluorojax.losses"): 1})
    assert len(architecture.wrong(across)) == 1
    inner = Counter({("fluorojax.knee", "fluorojax.knee.measure"): 1})
    assert architecture.wrong(inner) == []


def test_a_circle_is_found():
    both = Counter({("a", "b"): 1, ("b", "c"): 2, ("c", "a"): 1})
    assert set(architecture.circle(both)) == {"a", "b", "c"}


def test_a_module_in_no_room_is_named():
    with pytest.raises(KeyError, match=r"fluorojax\.lost stands in no room"):
        architecture.room_of("fluorojax.lost")


@pytest.mark.parametrize(
    "module", ["fluorojax.data", "fluorojax.data.readers", "fluorojax.data.folder", "fluorojax"]
)
def test_reading_frames_needs_neither_jax_nor_tfds_nor_the_simulator(module):
    heavy = "jax", "tensorflow_datasets", "fluorojax.simulation", "flax"
    code = f"import sys, {module}; sys.exit(' '.join(set({heavy!r}) & set(sys.modules)) or 0)"
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
