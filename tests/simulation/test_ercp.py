import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage
from skimage import morphology

from fluorojax.simulation import CLASSES, LEVELS, Spec, simulate

# The default field of view at half the pixels.
SPEC = Spec(height=96, width=96, pixel_mm=(1.3, 1.56), inverted_rate=0.0)
ENDOSCOPE, GUIDEWIRE = map(CLASSES.index, ("endoscope", "guidewire"))
COUNT = 128
EIGHT = np.ones((3, 3))


@jax.jit
def many(patients, frames, spec):
    return jax.lax.map(lambda keys: simulate(*keys, spec), (patients, frames))


@functools.cache
def frames_of(**fields):
    keys = [jax.random.split(jax.random.key(k), COUNT) for k in (0, 1)]
    return jax.device_get(many(*keys, dataclasses.replace(SPEC, **fields)))


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
    assert frames["attached"].dtype == frames["level"].dtype == np.int32
    assert set(frames["level"]) == set(range(len(LEVELS)))
    assert frames["pixel_mm"].dtype == np.float32
    assert ((frames["pixel_mm"] >= 1.3) & (frames["pixel_mm"] <= 1.56)).all()


def test_same_keys_same_frame_and_other_keys_another():
    frames, again = frames_of(), frames_of.__wrapped__()
    for name, value in frames.items():
        np.testing.assert_array_equal(value, again[name])
    assert not np.allclose(frames["image"][0], frames["image"][1])


def test_maps_over_a_batch():
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 5))
    out = jax.eval_shape(jax.vmap(lambda p, f: simulate(p, f, SPEC)), keys, keys)
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
    frames = frames_of(counter_example_rate=0.0, duct_fill_rate=0.0)
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
    assert not (dry["level"] == 2).any()
    assert 0.1 < (dry["level"] == 1).mean() < 0.8
    attached = filled["attached"] == 1
    assert (filled["level"][attached] == 2).mean() > 0.8


def test_labels_end_at_the_shutter():
    frames = frames_of()
    # Behind the closed shutter there is no noise: its pixels have one value, as those of a corner.
    closed = (frames["image"] == frames["image"][:, :1, :1]) & (frames["image"] < 0.04)[:, :1, :1]
    shut = closed.sum((1, 2)) > 100
    assert shut.mean() > 0.3
    assert not (closed[shut, ..., None] & frames["mask"][shut].astype(bool)).any()
