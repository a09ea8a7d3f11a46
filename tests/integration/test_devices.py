"""The same steps on one device and on several virtual ones."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.integration.curve import DEVICES, STEPS

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow  # each process compiles a whole step and a simulation


def spread(devices, folder):
    path = folder / f"{devices}.npz"
    flags = f"--xla_force_host_platform_device_count={devices}"
    subprocess.run(
        [sys.executable, "-m", "tests.integration.spread", str(path)],
        check=True,
        cwd=ROOT,
        env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
    )
    return dict(np.load(path))


@pytest.fixture(scope="module")
def one_and_four(tmp_path_factory):
    folder = tmp_path_factory.mktemp("devices")
    one, four = spread(1, folder), spread(4, folder)
    assert (one["devices"], four["devices"]) == (1, 4)
    return one, four


def test_augmentation_is_the_same_example_by_example(one_and_four):
    one, four = one_and_four
    for name in ("mask", "skeleton", "ignore"):
        np.testing.assert_array_equal(four[f"sample/{name}"], one[f"sample/{name}"], err_msg=name)
    # Grey values are sums of floats, which a compiler may order otherwise.
    np.testing.assert_allclose(four["sample/image"], one["sample/image"], atol=2e-4)


def test_a_simulated_frame_is_the_same_bit_for_bit(one_and_four):
    one, four = one_and_four
    names = [name for name in one if name.startswith("simulated/")]
    assert "simulated/image" in names
    for name in names:
        np.testing.assert_array_equal(four[name], one[name], err_msg=name)


def test_loss_and_gradient_agree_within_float_error(one_and_four):
    one, four = one_and_four
    np.testing.assert_allclose(four["loss"], one["loss"], rtol=1e-5)
    gradients = [n for n in one if n.startswith("gradient")]
    assert len(gradients) > 10
    for name in gradients:
        scale = np.abs(one[name]).max()
        np.testing.assert_allclose(four[name], one[name], atol=1e-4 * scale + 1e-7, err_msg=name)


def computed_by(module: str, path: Path) -> dict[str, np.ndarray]:
    """Return the arrays that a module writes, in a process that may have devices of its own."""
    command = [sys.executable, "-m", module, str(path)]
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"JAX_PLATFORMS": "cpu"})
    return dict(np.load(path))


def test_fifty_steps_are_the_same_on_1_2_4_and_8_devices(tmp_path):
    found = computed_by("tests.integration.curve", tmp_path / "curve.npz")
    loss = found["loss/1"]
    assert loss.shape == (STEPS,)
    assert loss[-5:].mean() < loss[:5].mean() - 0.05, "nothing was learned, so nothing is shown"
    for count in DEVICES[1:]:
        np.testing.assert_array_equal(found[f"pixels/{count}"], found["pixels/1"])
        np.testing.assert_allclose(found[f"grey/{count}"], found["grey/1"], atol=1e-4)
        np.testing.assert_allclose(found[f"loss/{count}"], loss, rtol=1e-2)


def test_both_ways_over_the_devices_give_the_same_bits(tmp_path):
    found = computed_by("tests.integration.ways", tmp_path / "ways.npz")
    names = [name.partition("/")[2] for name in found if name.startswith("pmap/")]
    assert len(names) > 100
    for name in names:
        np.testing.assert_array_equal(
            found[f"shard_map/{name}"], found[f"pmap/{name}"], err_msg=name
        )
