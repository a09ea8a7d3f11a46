import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.simulation.fluoroscopy import instruments
from fluorojax.simulation.geometry import curve, pixel_centres
from fluorojax.simulation.spec import Spec

PIXEL = jnp.float32(0.7)
GRID = pixel_centres(97, 97, PIXEL)
MIDDLE = 48
NITINOL, STEEL = 0.76, 0.95  # per mm, at 60 keV
DUCT = Spec(duct_diameter_mm=(8.0, 8.0), gallbladder_rate=0.0)


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
    edge = instruments.outline(scope, GRID, jnp.zeros(2), jnp.pi, jnp.float32(radius))
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
            jax.random.key(0), wire, jnp.abs(wire.distance), length, radius, 0.76, PIXEL
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
    integral = np.asarray(instruments.filled_duct(jax.random.key(1), main, GRID, 0.114, DUCT))
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


def test_contrast_medium_stops_where_it_has_not_come_yet():
    main = straight([30.0, 0.0], 0.0, 60.0, 32)
    draw = jax.jit(lambda key: instruments.filled_duct(key, main, GRID, 0.114, DUCT))
    lengths = [(np.asarray(draw(jax.random.key(k)))[:, MIDDLE] > 0).sum() * 0.7 for k in range(24)]
    partly = np.array(lengths) < 57.0
    assert 0.15 < partly.mean() < 0.6
    assert min(lengths) > 15.0


def test_a_gallbladder_lies_beside_the_duct_where_the_spec_asks_for_it():
    main = straight([30.0, 0.0], 0.0, 60.0, 32)
    full = dataclasses.replace(DUCT, gallbladder_rate=1.0)
    wide = pixel_centres(97, 97, 2 * PIXEL)
    for key in map(jax.random.key, range(3)):
        without = np.asarray(instruments.filled_duct(key, main, wide, 0.114, DUCT))
        added = np.asarray(instruments.filled_duct(key, main, wide, 0.114, full)) - without
        area = (added > 0.01).sum() * 1.96
        assert 400.0 < area < 1800.0  # mm2: an ellipse of 20 by 50 mm has 785


def test_a_pin_is_a_steel_cylinder_with_a_thinner_point():
    wire = instruments.track(GRID, straight([28.0, 0.0], 0.0, 56.0))
    integral = np.asarray(
        instruments.pin(wire, jnp.abs(wire.distance), 56.0, jnp.float32(1.25), STEEL, PIXEL)
    )
    # A row's sum is the cross-section: pi r squared, over the pixel's width.
    assert integral[70].sum() == pytest.approx(STEEL * np.pi * 1.25**2 / 0.7, rel=0.02)
    assert integral[9].sum() < 0.7 * integral[70].sum()


def tool_in_the_middle(key):
    shaft = instruments.track(GRID, straight([0.0, 0.0], 0.0, 60.0))
    radius = instruments.tool_radius(key, shaft.along, jnp.float32(10.0))
    edge = instruments.outline(shaft, GRID, jnp.zeros(2), jnp.pi, radius)
    return np.asarray(edge), np.asarray(instruments.tool(key, shaft, edge, radius, STEEL, PIXEL))


def test_a_tool_is_metal_from_its_tip_on_and_not_narrower_behind():
    for key in map(jax.random.key, range(6)):
        edge, integral = tool_in_the_middle(key)
        widths = (edge < 0).sum(1)
        assert not widths[MIDDLE + 1 :].any()
        assert 3.0 <= widths[MIDDLE - 1] * 0.7 <= 24.0
        assert widths[:10].mean() >= 0.75 * widths[MIDDLE - 1]
        assert widths[:10].max() * 0.7 <= 24.0
        assert integral[edge < -0.7].min() >= 0.0
        assert np.median(integral[edge < -0.7]) > 0.25
        assert (integral[edge > 0.7] == 0).all()


def test_a_retractor_comes_in_from_outside():
    for key in map(jax.random.key, range(6)):
        integral, edge = map(np.asarray, instruments.retractor(key, GRID, STEEL, PIXEL))
        inside = edge < 0
        border = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]])
        assert border.any()
        assert integral[edge < -0.7].min() == integral[edge < -0.7].max() > 0.5
        assert (integral[edge > 0.7] == 0).all()


def test_clips_are_a_few_short_bars_together():
    for key in map(jax.random.key, range(6)):
        integral = np.asarray(instruments.clips(key, GRID, STEEL, PIXEL))
        rows, columns = np.nonzero(integral > 0.02)
        assert 3 <= len(rows) < 120
        assert np.ptp(rows) * 0.7 < 40.0
        assert np.ptp(columns) * 0.7 < 40.0


def test_a_table_is_a_step_of_soft_tissue():
    for key in map(jax.random.key, range(6)):
        step = np.asarray(instruments.table(key, GRID, PIXEL, 0.0205))
        assert step.min() == 0.0
        assert 0.04 < step.max() < 0.0205 * 23.0
