import json
import os
import sys

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.studies import curve_time
from fluorojax.geometry.centreline import EIGHT_NEIGHBOURS


@pytest.mark.parametrize("seed", range(3))
def test_a_frame_holds_a_parent_a_wire_with_three_gaps_and_specks(seed):
    made = curve_time.frame(256, seed)
    assert made.parent[128, 0]
    rows, columns = np.rint(made.axis).astype(int).T
    seen = made.probability[rows, columns]
    gaps = ndimage.label(seen[columns > 60] < 0.5)[1]
    assert gaps in (1, 2, 3)  # two may fall together, and a speck into one
    pieces = ndimage.label(made.probability >= 0.5, EIGHT_NEIGHBOURS)[1]
    assert gaps + 1 < pieces <= 4 + curve_time.SPECKS
    np.testing.assert_array_equal(curve_time.frame(256, seed).probability, made.probability)


def test_both_follow_the_wire_from_end_to_end():
    made = curve_time.frame(256, 0)
    (curve,), mask = curve_time.ours(made)
    assert curve.attached
    path = curve_time.peers(made)
    for points in (curve.points, path):
        assert np.abs(points[-1] - made.axis[-1]).max() < 5
        far = np.hypot(*(points[:, None] - made.axis[None]).T).min(0)
        assert far.max() < 5
    assert mask.sum() > 3 * 180


def test_the_times_are_written_with_their_ratio(tmp_path, monkeypatch):
    out = tmp_path / "times.json"
    arguments = ["curve_time", "--sides", "96", "--frames", "1", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None)
    curve_time.main()
    written = json.loads(out.read_text())
    (row,) = written["sizes"]
    assert (row["side"], row["frames"]) == (96, 1)
    assert row["ratio"] > 0
    for way in (curve_time.OURS, curve_time.PEER):
        assert 0 < row[way]["p50_ms"] <= row[way]["p95_ms"]
    assert written["machine"]
