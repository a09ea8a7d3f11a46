import json
import os
import sys

import numpy as np
import pytest
from PIL import Image

from fluorojax.inference.export import export
from fluorojax.schema.frame import Frame
from tests.runtimes.networks import PLAIN, predictor_of

pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from benchmarks.studies import latency

PIXELS = np.random.default_rng(0).integers(0, 255, (40, 48)).astype(np.uint8)


def test_the_times_of_both_are_written_with_the_ratio_of_pairs(tmp_path, monkeypatch):
    export(predictor_of(PLAIN), tmp_path / "export", {"method": "multi"})
    Image.fromarray(PIXELS).save(tmp_path / "frame.png")
    paths = [str(tmp_path / name) for name in ("export", "frame.png")]
    out = tmp_path / "times.json"
    monkeypatch.setattr(sys, "argv", ["latency", *paths, "--rounds", "3", "--out", str(out)])
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None)
    latency.main()
    written = json.loads(out.read_text())
    (row,) = written["frames"]
    assert row["size"] == [40, 48]
    assert set(row["ways"]) == {"probabilities", "masks"}
    assert row["network"]["largest_difference"] < 1e-4
    ratio = row["network"]["ratio"]
    assert 0 < ratio["p25"] <= ratio["p50"] <= ratio["p75"]
    for of in (*row["ways"].values(), row["network"]["jax"], row["network"]["onnxruntime"]):
        assert 0 < of["p50_ms"] <= of["p99_ms"]


def test_networks_that_differ_are_not_timed(monkeypatch):
    made = latency.networks(predictor_of(PLAIN), Frame(PIXELS), 1)
    other = {latency.OURS: made[latency.OURS], latency.THEIRS: lambda: made[latency.THEIRS]() + 1}
    monkeypatch.setattr(latency, "networks", lambda *_: other)
    with pytest.raises(RuntimeError, match=r"the two networks are 1\.0e\+00 apart"):
        latency.compared(predictor_of(PLAIN), Frame(PIXELS), 1, 1)
