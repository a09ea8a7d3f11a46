import numpy as np
import pytest

from benchmarks.studies.shrinking import SIDE, measured, ringing, shrunk, wire


def test_a_wire_is_as_wide_as_asked_and_its_line_lies_on_it():
    depth, points = wire(3.0, np.random.default_rng(0))
    across = depth.sum() / SIDE
    assert 3.0 <= across <= 3.0 * np.sqrt(2) + 0.1  # the longer, the steeper it lies
    rows, columns = np.rint(points).astype(int).T
    assert (depth[rows, columns] == 1).all()


def test_lanczos_keeps_more_of_a_thin_wire_and_of_the_noise_and_rings(monkeypatch):
    monkeypatch.setattr("benchmarks.studies.shrinking.WIRES", 3)
    triangle, lanczos = (measured(name, 4.0, 3.0, 0) for name in ("triangle", "lanczos"))
    assert lanczos["contrast"] > 1.15 * triangle["contrast"]
    assert lanczos["lowest"] > triangle["lowest"]
    assert lanczos["noise"] > triangle["noise"]
    assert triangle["ringing"] == pytest.approx(0, abs=1e-6)
    assert 0.01 < lanczos["ringing"] < 0.1
    assert ringing("area", 300) == pytest.approx(0, abs=1e-6)


def test_the_mean_is_kept():
    image = np.full((60, 60), 0.25, np.float32)
    for name in ("triangle", "area", "cubic", "lanczos"):
        np.testing.assert_allclose(shrunk(image, 13, name), 0.25, atol=1e-5)
