import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage
from skimage import morphology

from fluorojax.simulation.fluoroscopy.ercp import (
    CLASSES,
    SHAFT_SEGMENTS,
    STRATA,
    Keys,
    simulate,
    simulate_many,
)
from fluorojax.simulation.spec import CARM, Spec

# The default field of view at half the pixels.
SPEC = Spec(height=96, width=96, field_mm=(125.0, 150.0), inverted_rate=0.0)
ENDOSCOPE, GUIDEWIRE = map(CLASSES.index, ("endoscope", "guidewire"))
COUNT = 128
EIGHT = np.ones((3, 3))


def many(patients, frames, spec, time_s=0.0):
    noise = jax.vmap(lambda key: jax.random.fold_in(key, 7))(frames)
    return simulate_many(Keys(patients, frames, noise), spec, jnp.full(len(frames), time_s))


@functools.cache
def frames_of(base=SPEC, time_s=0.0, **fields):
    """The same keys and shapes for all, so that all share one compilation."""
    keys = [jax.random.split(jax.random.key(k), COUNT) for k in (0, 1)]
    return jax.device_get(many(*keys, dataclasses.replace(base, **fields), time_s))


def labels(frames):
    mask = frames["mask"].astype(bool)
    return mask[..., ENDOSCOPE], mask[..., GUIDEWIRE]


def contrast(image, label, other):
    """Mean grey value around a label less that under it, away from the other label."""
    other = ndimage.binary_dilation(other, EIGHT, 3)
    around = ndimage.binary_dilation(label, EIGHT, 4) & ~ndimage.binary_dilation(label, EIGHT, 2)
    # Not the closed shutter, which is darker than anything.
    around &= (image > 0.06) & ~other
    return image[around].mean() - image[label & ~other].mean()


def test_shapes_types_and_ranges():
    frames = frames_of()
    assert frames["image"].shape == (COUNT, 96, 96)
    assert frames["image"].dtype == np.float32
    assert np.isfinite(frames["image"]).all()
    assert frames["image"].min() >= 0.0
    assert frames["image"].max() <= 1.0
    assert frames["mask"].shape == (COUNT, 96, 96, 2)
    assert frames["mask"].dtype == np.uint8
    assert set(np.unique(frames["mask"])) == {0, 1}
    assert frames["attached"].dtype == frames["stratum"].dtype == np.int32
    assert set(frames["stratum"]) == set(range(len(STRATA)))
    assert frames["pixel_mm"].dtype == np.float32
    assert ((frames["pixel_mm"] >= 1.3) & (frames["pixel_mm"] <= 1.563)).all()


def test_same_keys_same_frame_and_other_keys_another():
    frames, again = frames_of(), frames_of.__wrapped__()
    for name, value in frames.items():
        np.testing.assert_array_equal(value, again[name])
    assert not np.allclose(frames["image"][0], frames["image"][1])


def test_maps_over_a_batch():
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 5))
    out = jax.eval_shape(jax.vmap(lambda key: simulate(key, SPEC)), keys)
    assert out["image"].shape == (5, 96, 96)
    assert out["attached"].shape == (5,)


def test_a_patients_frames_share_size_but_not_instruments():
    patients = jnp.broadcast_to(jax.random.key(5), (COUNT,))
    frames = jax.random.split(jax.random.key(6), COUNT)
    out = jax.device_get(many(patients, frames, SPEC))
    assert len(set(out["pixel_mm"])) == 1
    assert not np.array_equal(out["mask"][0], out["mask"][1])


def test_an_attached_wire_touches_the_endoscope():
    frames = frames_of(counter_example_rate=0.0)
    scope, wire = labels(frames)
    attached = frames["attached"] == 1
    assert attached.mean() > 0.9
    for s, w in zip(scope[attached], wire[attached], strict=True):
        assert (ndimage.binary_dilation(s, EIGHT) & w).any()
    # The rest cannot be said: the exit is out of view. Nothing is denied.
    assert set(frames["attached"]) <= {1, -1}


def test_counter_examples_come_at_their_rate_and_of_every_kind():
    usual = frames_of()["attached"]
    assert 0.02 <= (usual != 1).mean() <= 0.17
    frames = frames_of(counter_example_rate=1.0)
    scope, wire = (label.any((1, 2)) for label in labels(frames))
    assert not (frames["attached"] == 1).any()
    left_behind, free, none = ~scope & wire, scope & wire, scope & ~wire
    for kind in (left_behind, free, none):
        assert kind.mean() == pytest.approx(1 / 3, abs=0.12)
    assert (frames["attached"][left_behind | free] == 0).all()
    assert (frames["attached"][none] == -1).all()


def test_a_free_wire_ends_away_from_the_endoscopes_tip():
    """Its end is a skeleton point that is nobody's neighbour but one, inside the frame."""
    frames = frames_of(counter_example_rate=1.0)
    scope, wire = labels(frames)
    free = scope.any((1, 2)) & wire.any((1, 2))
    touching = [
        (ndimage.binary_dilation(s, EIGHT, 2) & w).any()
        for s, w in zip(scope[free], wire[free], strict=True)
    ]
    assert np.mean(touching) < 0.2  # shadows may cross


def test_the_wires_label_is_as_wide_as_the_rule_says():
    _, wire = labels(frames_of(counter_example_rate=0.0, wire_loop_rate=0.0))
    widths = [w.sum() / morphology.skeletonize(w).sum() for w in wire if w.sum() > 60]
    # Along a slant a skeleton has fewer pixels than the curve has lengths: up to 1.41 times wider.
    assert 2.3 < np.mean(widths) < 3.4


def test_the_endoscope_is_as_thick_as_the_spec_says():
    frames = frames_of(counter_example_rate=0.0)
    scope, _ = labels(frames)
    radii = [ndimage.distance_transform_edt(s).max() for s in scope] * frames["pixel_mm"]
    # The largest disc within: a loop that folds onto itself, or the border, holds a larger one.
    assert np.median(radii) == pytest.approx(6.0, abs=0.8)
    assert radii.min() > 4.5


def test_instruments_are_darker_than_what_is_around_them():
    clear = dict.fromkeys(("lead_rate", "clip_rate", "table_rate", "duct_fill_rate"), 0.0)
    frames = frames_of(counter_example_rate=0.0, **clear)
    scope, wire = labels(frames)
    for label, other in ((scope, wire), (wire, scope)):
        triples = zip(frames["image"], label, other, strict=True)
        values = np.array([contrast(i, m, o) for i, m, o in triples if m.sum() > 60])
        assert np.mean(values > 0.0) > 0.95
        assert np.median(values) > 0.03


def test_inverted_frames_show_them_bright():
    frames = frames_of(counter_example_rate=0.0, inverted_rate=1.0)
    triples = zip(frames["image"], *labels(frames), strict=True)
    values = np.array([contrast(*triple) for triple in triples])
    assert np.mean(values < 0.0) > 0.95


def test_level_says_what_the_wire_lies_over():
    dry, filled = frames_of(duct_fill_rate=0.0), frames_of(duct_fill_rate=1.0)
    assert not (dry["stratum"] == 2).any()
    assert 0.1 < (dry["stratum"] == 1).mean() < 0.8
    attached = filled["attached"] == 1
    assert (filled["stratum"][attached] == 2).mean() > 0.8


def test_labels_end_at_the_shutter():
    frames = frames_of()
    # Behind the closed shutter there is no noise: its pixels have one value, as those of a corner.
    corner = frames["image"][:, :1, :1]
    closed = (frames["image"] == corner) & (corner > 0.019) & (corner < 0.04)
    shut = closed.sum((1, 2)) > 100
    assert shut.mean() > 0.3
    assert not (closed[shut, ..., None] & frames["mask"][shut].astype(bool)).any()


OPEN = {"round_rate": 0.0, "blades_rate": 0.0, "counter_example_rate": 0.0}


def supersampled(points, radius, shape, factor=16):
    """Share of each pixel within `radius` of a polyline (all in pixels), by factor² samples."""
    start, end = points[:-1], points[1:]
    span = end - start
    length = np.maximum((span**2).sum(1), 1e-12)
    reach = np.ceil(radius) + 1
    near = np.zeros(shape, bool)
    for row, column in points:
        rows = slice(max(int(row - reach), 0), max(int(row + reach) + 2, 0))
        columns = slice(max(int(column - reach), 0), max(int(column + reach) + 2, 0))
        near[rows, columns] = True
    share = np.zeros(shape)
    offsets = (np.arange(factor) + 0.5) / factor - 0.5
    samples = np.stack(np.meshgrid(offsets, offsets, indexing="ij"), -1).reshape(-1, 2)
    for row, column in np.argwhere(near):
        p = samples + np.array([row, column])
        t = np.clip(((p[:, None] - start) * span).sum(-1) / length, 0, 1)
        distance = np.linalg.norm(p[:, None] - start - t[..., None] * span, axis=-1).min(1)
        share[row, column] = (distance <= radius).mean()
    return share


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field_mm", "diameter_mm"),
    [((62.5, 75.0), 0.9), ((130.0, 130.0), 6.0)],
    ids=["narrow", "thick"],
)
def test_the_wires_mask_is_that_of_a_supersampled_raster(field_mm, diameter_mm):
    """16 x 16 samples a pixel; the narrow wire's label is 2.5 pixels wide, the thick one's 6 mm.

    The narrow one at the quick frames' 0.65 to 0.78 mm a pixel.
    """
    view = dict(OPEN, field_mm=field_mm, duct_fill_rate=0.0, wire_loop_rate=1.0)
    frames = frames_of(wire_diameter_mm=(diameter_mm, diameter_mm), **view)
    _, wire = labels(frames)
    common = total = 0
    for k in range(10):
        radius = max(diameter_mm / frames["pixel_mm"][k], SPEC.wire_label_px) / 2
        points = frames["centreline"][k][SHAFT_SEGMENTS + 1 :]
        raster = supersampled(points, radius, wire[k].shape) >= 0.5
        both, sizes = 2 * (raster & wire[k]).sum(), raster.sum() + wire[k].sum()
        assert both / sizes >= 0.985  # of a short wire of 200 pixels, three
        common, total = common + both, total + sizes
    assert common / total >= 0.99


def test_the_centreline_lies_in_the_mask_and_runs_through_all_of_it():
    frames = frames_of(**OPEN)
    _, wire = labels(frames)
    assert not frames["skeleton"][..., ENDOSCOPE].any()
    for k in range(COUNT):
        axis = frames["skeleton"][k, ..., GUIDEWIRE].astype(bool)
        assert not (axis & ~wire[k]).any()
        # Nothing of the mask is farther from the axis than half the label and a pixel.
        inner = np.pad(wire[k][4:-4, 4:-4], 4)
        if inner.any():
            assert (ndimage.distance_transform_edt(~axis)[inner] <= 1.25 + 1.0).all()
        points = np.rint(frames["centreline"][k][frames["labelled"][k]]).astype(int)
        assert wire[k][tuple(points.T)].all()
    assert frames["labelled"].any(1).mean() > 0.9


def test_exit_and_tip_are_the_ends_of_the_centreline():
    frames = frames_of(**OPEN)
    np.testing.assert_allclose(frames["tip"], frames["centreline"][:, -1])
    np.testing.assert_allclose(
        frames["exit"], frames["centreline"][:, SHAFT_SEGMENTS + 1], atol=1e-3
    )
    scope, _ = labels(frames)
    for k in np.flatnonzero(frames["attached"] == 1):
        distance = ndimage.distance_transform_edt(~scope[k])
        row, column = np.clip(np.rint(frames["exit"][k]).astype(int), 0, 95)
        assert distance[row, column] <= 2.0


def test_every_attached_wire_is_connected_from_the_exit_on():
    """In one piece up to where it leaves the frame; what comes back in touches the border."""
    frames = frames_of(**OPEN)
    scope, wire = labels(frames)
    attached = np.flatnonzero(frames["attached"] == 1)
    assert len(attached) > 0.85 * COUNT
    for k in attached:
        pieces, count = ndimage.label(wire[k], EIGHT)
        row, column = np.clip(np.rint(frames["exit"][k]).astype(int), 0, 95)
        at_exit = pieces[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].max()
        assert at_exit > 0
        assert (ndimage.binary_dilation(scope[k], EIGHT) & (pieces == at_exit)).any()
        for piece in set(range(1, count + 1)) - {at_exit}:
            body = np.pad(pieces[1:-1, 1:-1] == piece, 1)
            assert body.sum() < (pieces == piece).sum() or not body.any()


def test_a_sequence_shows_one_patient_who_breathes_and_a_wire_that_advances():
    fields = dict(
        OPEN,
        wire_loop_rate=0.0,
        duct_fill_rate=0.0,
        wire_advance_mm_s=(6.0, 6.0),
        wire_length_mm=(40.0, 40.0),
        breathing_mm=(10.0, 10.0),
    )
    first, later = (frames_of(time_s=t, **fields) for t in (0.0, 1.0))
    moved = (later["exit"] - first["exit"]) * first["pixel_mm"][:, None]
    assert (np.abs(moved[:, 0]) <= 10.0).all()
    assert np.abs(moved[:, 0]).max() > 2.0
    np.testing.assert_allclose(moved[:, 1], 0.0, atol=1e-3)

    def length(frames):
        steps = np.diff(frames["centreline"][:, SHAFT_SEGMENTS + 1 :], axis=1)
        return np.linalg.norm(steps, axis=-1).sum(1) * frames["pixel_mm"]

    np.testing.assert_allclose(length(first), 40.0, rtol=1e-3)
    np.testing.assert_allclose(length(later), 46.0, rtol=1e-3)
    # The view and the spine behind stay: the pictures are alike.
    alike = [
        np.corrcoef(a.ravel(), b.ravel())[0, 1]
        for a, b in zip(first["image"], later["image"], strict=True)
    ]
    other = np.corrcoef(first["image"][0].ravel(), first["image"][1].ravel())[0, 1]
    assert min(alike) > 0.6
    assert np.median(alike) > 0.8 > other


def test_at_c_arm_settings_a_straight_pin_leaves_a_metal_tool():
    frames = frames_of(dataclasses.replace(CARM, height=96, width=96), **OPEN)
    tool, pin = labels(frames)
    assert (frames["attached"] == 1).mean() > 0.8
    points = frames["centreline"][:, SHAFT_SEGMENTS + 1 :]
    ends = np.linalg.norm(points[:, -1] - points[:, 0], axis=-1)
    along = np.linalg.norm(np.diff(points, axis=1), axis=-1).sum(1)
    assert (ends / along > 0.995).all()
    # Uniform in the logarithm from 3 to 110 mm: half are shorter than the geometric mean, 18 mm.
    lengths = along * frames["pixel_mm"]
    assert 3.0 <= lengths.min() < lengths.max() <= 110.0
    assert np.mean(lengths < 18.2) == pytest.approx(0.5, abs=0.13)
    triples = zip(frames["image"], tool, pin, strict=True)
    darker = [contrast(i, t, p) for i, t, p in triples if 60 < t.sum() < 5000]
    assert np.mean(np.array(darker) > 0.0) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("spec", [Spec(), CARM], ids=["ercp", "carm"])
def test_no_frame_of_ten_thousand_holds_a_number_that_is_none(spec):
    small = dataclasses.replace(spec, height=48, width=48)
    for batch in range(10):
        keys = jax.random.split(jax.random.key(batch), 3000).reshape(3, 1000)
        frames = jax.device_get(simulate_many(Keys(*keys), small, jnp.zeros(1000)))
        for name, value in frames.items():
            assert np.isfinite(value).all(), name
        assert frames["image"].min() >= 0.0
        assert frames["image"].max() <= 1.0
