import json

import numpy as np
import pytest

from benchmarks.studies import inference_ways
from fluorojax.compare.runs import read_run, runs_in
from fluorojax.inference.mask_rules import Finding
from tests.benchmarks.test_gap_closing import grid  # noqa: F401, a fixture


def test_each_way_is_scored_like_a_run_and_once(grid, tmp_path, monkeypatch, capsys):  # noqa: F811
    (run,) = runs_in(grid)
    inference_ways.score_ways(run, tmp_path, grid / "stress")
    for way in ("pixels", "mended", "free", "attached"):
        folder = tmp_path / f"joint_{way}-seed3"
        scored = read_run(folder, "test")
        assert (scored.method, scored.seed) == (f"joint_{way}", 3)
        assert {row["class"] for row in scored.rows} == {"scope", "wire"}
        least = json.loads((folder / "config.json").read_text())["least_presence"]
        assert len(least) == 2
        assert min(least) >= 0
    monkeypatch.setattr(inference_ways, "write_evaluation", lambda *_, **__: pytest.fail("again"))
    inference_ways.score_ways(run, tmp_path, grid / "stress")
    assert capsys.readouterr().out.count("scored before") == 4


def test_a_network_is_asked_once_for_each_frame(grid):  # noqa: F811
    asked = []

    class Model:
        def with_rules(self, **fields):
            return self

        def __call__(self, frame):
            asked.append(frame)
            return np.zeros((*frame.shape, 2), np.float32)

        def find(self, probabilities, spacing):
            return Finding(probabilities > 0, {}, {})

    one, other = (
        {
            "image": np.full((8, 8), value, np.uint8),
            "spacing_mm": np.full(2, np.nan, np.float32),
            "frame": -1,
            "case": "same",
        }
        for value in (3, 4)
    )
    of_network = inference_ways.Asked(Model())
    for rules in ({"thresholds": ()}, {}):
        for example in (one, other):
            of_network.by(rules)(example)
    assert len(asked) == 2
