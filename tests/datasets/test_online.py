import dataclasses
import itertools

import numpy as np
import pytest

from fluorojax.datasets.online import simulated_batch, simulated_batches
from fluorojax.schema import bitmask
from fluorojax.simulation.spec import ERCP
from tfds_builders.ercp_synthetic.ercp_synthetic_dataset_builder import SIMULATION

SPEC = dataclasses.replace(ERCP, height=48, width=64)
# Eight frames: the labels are exact, whatever the batch.
WHOLE = simulated_batch(SIMULATION, SPEC, 3, np.arange(8))


def test_batches_are_laid_out_as_the_pipelines():
    assert WHOLE["image"].shape == (8, 48, 64)
    assert WHOLE["image"].dtype == np.uint16
    assert WHOLE["mask"].shape == WHOLE["skeleton"].shape == WHOLE["ignore"].shape == (8, 48, 64)
    assert not WHOLE["ignore"].any()
    assert WHOLE["attached"].dtype == np.int8
    assert WHOLE["image_labels"].shape == (8, 0)
    assert (WHOLE["low"] < WHOLE["high"]).all()
    np.testing.assert_array_equal(WHOLE["index"], np.arange(8))
    masks = bitmask.unpack(WHOLE["mask"], 2)
    assert masks[..., 0].any()
    assert masks[..., 1].any()


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_frame_is_the_same_in_a_batch_of_any_size(size):
    parts = [
        simulated_batch(SIMULATION, SPEC, 3, np.arange(k, k + size)) for k in range(0, 8, size)
    ]
    for name, whole in WHOLE.items():
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), whole)


def test_another_seed_gives_other_frames_and_no_frame_comes_twice():
    other = simulated_batch(SIMULATION, SPEC, 4, np.arange(8))
    frames = [frame.tobytes() for batch in (WHOLE, other) for frame in batch["image"]]
    assert len(set(frames)) == 16


def test_the_centreline_is_five_pixels_wide_around_the_mask():
    wire = bitmask.unpack(WHOLE["mask"], 2)[..., 1].astype(bool)
    band = bitmask.unpack(WHOLE["skeleton"], 2)[..., 1].astype(bool)
    assert not bitmask.unpack(WHOLE["skeleton"], 2)[..., 0].any()
    assert (band & wire).sum() > 0.9 * wire.sum()
    assert 1.3 < band.sum() / wire.sum() < 3.0


def test_the_stream_goes_on_from_any_step_with_the_same_frames():
    def take(start, count, share=(0, 1)):
        stream = simulated_batches(
            SIMULATION, SPEC, batch_size=2, seed=3, start_step=start, share=share
        )
        return list(itertools.islice(stream, count))

    batches = take(0, 3)
    for step, batch in enumerate(batches):
        np.testing.assert_array_equal(batch["position"], [0, 1])
        for name in WHOLE:
            np.testing.assert_array_equal(batch[name], WHOLE[name][2 * step : 2 * step + 2])
    for name, value in take(2, 1)[0].items():
        np.testing.assert_array_equal(value, batches[2][name])
    for name, value in take(1, 1, share=(1, 2))[0].items():
        np.testing.assert_array_equal(value, batches[1][name][1:])
