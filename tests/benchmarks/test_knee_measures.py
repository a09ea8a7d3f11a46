import numpy as np
import pytest

from benchmarks.studies import knee_measures as km


def row(quantity: str, truth: float, value: float | None, said: float = 0.5, refused: str = ""):
    return km.Row(0, "tka_cr", "ap", quantity, truth, value, said if value else None, refused)


def test_errors_are_those_of_what_was_read():
    found = km.errors(
        [
            row("alpha", 95.0, 95.4),
            row("alpha", 95.0, 94.2),
            row("alpha", 95.0, None, refused="visible shaft of the femur too short: 3.1 mm; take"),
        ]
    )
    assert (found["films"], found["read"]) == (3, 2)
    assert found["refused"] == {"visible shaft of the femur too short": 1}
    assert found["bias"] == pytest.approx(-0.2)
    assert found["mae"] == pytest.approx(0.6)
    assert (found["within_1"], found["within_2"]) == (0.5, 1.0)


def test_lucencies_are_counted_by_zone():
    name = "lucency_tibia_ap_zone_1"
    rows = [row(name, t, v) for t, v in ((2.0, 1.8), (1.5, 0.6), (0.0, 1.2), (0.8, 1.1), (0, 0.0))]
    found = km.lucency(rows)
    assert found["sensitivity"] == 0.5
    assert found["precision"] == pytest.approx(1 / 3, abs=1e-3)
    assert found["precision_any_line"] == pytest.approx(2 / 3, abs=1e-3)
    assert found["width_mae"] == pytest.approx(0.2)


def test_ragged_masks_differ_at_their_edges_and_by_small_spots():
    mask = np.zeros((64, 64, 2), bool)
    mask[16:48, 16:48, 0] = True
    found = km.ragged(mask, np.random.default_rng(0))
    changed = found ^ mask
    assert not changed[..., 1].any()
    assert 10 < changed[..., 0].sum() < 120
    core = np.zeros((64, 64), bool)
    core[19:45, 19:45] = True
    assert changed[core, 0].sum() <= 6 * 5
