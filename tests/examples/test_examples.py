"""What stands in examples/ runs as it is written, without this project's package."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fluorojax.inference.export import export
from fluorojax.runtimes.write import write_network
from tests.runtimes.networks import PLAIN, predictor_of

EXAMPLES = Path(__file__).parents[2] / "examples"
# Larger than the grid of 32 x 32 px, smaller, and of another type.
FRAMES = {"large": ((45, 70), np.uint16), "small": ((20, 31), np.uint8)}


@pytest.mark.parametrize(
    ("kind", "size"), [("onnx", "large"), ("onnx", "small"), ("stablehlo", "large")]
)
def test_an_example_finds_what_the_package_finds(kind, size, tmp_path):
    if kind == "onnx":
        pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")
        pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    model = predictor_of(PLAIN)
    export(model, tmp_path / "export", {"method": "multi"})
    write_network(tmp_path / "export", kind, tmp_path / f"network.{kind}")
    shape, dtype = FRAMES[size]
    top = np.iinfo(dtype).max
    frame = np.random.default_rng(0).choice([0, top // 3, top], shape).astype(dtype)
    Image.fromarray(frame).save(tmp_path / "frame.png")
    code = "import runpy, sys; sys.modules['fluorojax'] = None; del sys.argv[0]; "
    code += "runpy.run_path(sys.argv[0])"
    arguments = [str(EXAMPLES / f"{kind}_predict.py"), f"network.{kind}", "frame.png", "out.npy"]
    surroundings = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, cwd=tmp_path, env=surroundings
    )
    found = np.load(tmp_path / "out.npy")
    assert found.shape == (*shape, 2)
    np.testing.assert_allclose(found, model(tmp_path / "frame.png"), atol=1e-4)
