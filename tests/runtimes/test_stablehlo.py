import subprocess
import sys

import jax
import numpy as np
import pytest

from fluorojax.runtimes.stablehlo import program_of
from tests.runtimes.networks import NETWORKS, SIDE, images, ours, parameters_of

ALONE = """
import sys
import jax.export
import numpy as np

program = jax.export.deserialize(bytearray(open(sys.argv[1], "rb").read()))
for path in sys.argv[2:]:
    found = program.call(np.load(path))
    np.savez(path + ".npz", **{name: np.asarray(values) for name, values in found.items()})
assert not any(name.startswith(("fluorojax", "flax")) for name in sys.modules)
"""


def program(kind):
    spec = NETWORKS[kind]
    names = ("view", "side")[: len(spec.image_labels)]
    return program_of(spec, parameters_of(spec), (SIDE, SIDE), names)


def assert_equal_to_ours(found, kind, image):
    expected = ours(NETWORKS[kind], parameters_of(NETWORKS[kind]), image)
    assert set(found) == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-4, err_msg=name)


@pytest.mark.parametrize(
    "kind",
    [
        "cascade around",
        pytest.param("cascade in front, child first", marks=pytest.mark.slow),
        pytest.param("cascade of patches", marks=pytest.mark.slow),
    ],
)
def test_the_program_gives_the_same_probabilities(kind):
    found = jax.export.deserialize(bytearray(program(kind)))
    assert found.platforms == ("cpu", "cuda")
    assert_equal_to_ours(found.call(images()), kind, images())


def test_jax_alone_loads_it_for_any_batch(tmp_path):
    kind = "multi, with image labels, as of knees"
    (tmp_path / "p").write_bytes(program(kind))
    for batch in (1, 2):
        np.save(tmp_path / f"{batch}.npy", images(batch))
    command = [sys.executable, "-c", ALONE, "p", "1.npy", "2.npy"]
    subprocess.run(command, check=True, cwd=tmp_path)
    for batch in (1, 2):
        assert_equal_to_ours(np.load(tmp_path / f"{batch}.npy.npz"), kind, images(batch))
