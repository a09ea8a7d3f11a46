import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.simulation import instruments
from fluorojax.simulation.geometry import curve, pixel_centres

PIXEL = jnp.float32(0.7)
GRID = pixel_centres(97, 97, PIXEL)
MIDDLE = 48


def straight(start, heading, length, segments=24):
    return curve(jnp.array(start), jnp.full(segments, heading), jnp.float32(length / segments))


def test_track_counts_millimetres_from_the_start():
    wire = instruments.track(GRID, straight([14.0, 0.0], 0.0, 28.0))  # straight up
    assert float(wire.along[MIDDLE, MIDDLE]) == pytest.approx(14.0, abs=1e-3)
    assert float(wire.distance[MIDDLE, MIDDLE + 10]) == pytest.approx(7.0, abs=1e-3)
    assert float(wire.along[-1, MIDDLE]) == 0.0


def endoscope_in_the_middle(key=0, radius=6.0):
    """Its tip at the origin, pointing down; the tube goes up."""
    scope = instruments.track(GRID, straight([0.0, 0.0], 0.0, 60.0))
    edge = instruments.endoscope_edge(scope, GRID, jnp.zeros(2), jnp.pi, jnp.float32(radius))
    return scope, edge, instruments.endoscope(jax.random.key(key), scope, edge, radius, PIXEL)


def test_endoscope_is_as_wide_as_it_says_and_cut_flat_at_the_tip():
    _, edge, integral = endoscope_in_the_middle()
    inside = np.asarray(edge) < 0
    assert inside[20].sum() * 0.7 == pytest.approx(12.0, abs=0.8)
    assert not inside[MIDDLE + 1 :].any()
    assert inside[MIDDLE - 1].sum() == inside[20].sum()
    assert (np.asarray(integral)[~inside & (np.asarray(edge) > 0.5)] == 0).all()


def test_endoscope_is_opaque_at_the_tip_and_has_a_coil():
    _, _, integral = endoscope_in_the_middle()
    axis = np.asarray(integral)[:, MIDDLE]
    assert axis[MIDDLE - 10] > axis[10:25].max() + 1.0
    shaft = axis[2:25]
    assert shaft.min() > 0.3
    turns = (np.diff(np.sign(np.diff(shaft))) != 0).sum()
    assert turns >= 3


def test_guidewire_takes_what_its_thickness_says():
    points = straight([28.0, 0.0], 0.0, 56.0)
    wire = instruments.track(GRID, points)
    radius, length = jnp.float32(0.445), jnp.float32(56.0)
    integral = np.asarray(
        instruments.guidewire(
            jax.random.key(0), wire, jnp.abs(wire.distance), length, radius, PIXEL
        )
    )
    # Over a row the sum is density times the cross-section; 0.76 /mm times 0.75 to 1.05.
    section = np.pi * 0.445**2 / 0.7
    shaft, tip = integral[70].sum(), integral[12].sum()
    assert 0.75 <= tip / (1.5 * section * 0.76) <= 1.06
    assert shaft >= 0.75 * section * 0.76
    assert integral[:, :40].sum() == 0.0


def test_a_filled_duct_is_wider_than_the_wire_and_tapers():
    main = straight([30.0, 0.0], 0.0, 60.0, 32)
    integral = np.asarray(instruments.filled_duct(jax.random.key(1), main, GRID, (8.0, 8.0)))
    widths = (integral[:, MIDDLE - 12 : MIDDLE + 13] > 0).sum(1) * 0.7
    assert widths[86] == pytest.approx(8.0, abs=1.2)
    assert widths[10] < 0.75 * widths[86]
    # 1.14 /cm times 8 mm, times how well it is filled.
    assert 0.55 < integral.max() / 0.91 < 1.11
    assert (integral[:, MIDDLE + 15 :] > 0).any()  # a branch to the right
    assert (integral[:, : MIDDLE - 15] > 0).any()  # and one to the left


def test_a_lead_crosses_the_frame():
    leads = [np.asarray(instruments.lead(jax.random.key(k), GRID, PIXEL)) for k in range(5)]
    for lead in leads:
        border = np.concatenate([lead[0], lead[-1], lead[:, 0], lead[:, -1]])
        assert (border > 0).any()
        assert 0.05 < lead.max() < 0.5
