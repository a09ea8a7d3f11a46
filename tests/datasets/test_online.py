import dataclasses
import itertools

import numpy as np
import pytest

from fluorojax.datasets.online import simulated_batch, simulated_batches
from fluorojax.schema import bitmask
from fluorojax.simulation.spec import ERCP
from tfds_builders.ercp_synthetic.ercp_synthetic_dataset_builder import SIMULATION

pytestmark = pytest.mark.slow  # compiles a simulation for each size of a batch

SPEC = dataclasses.replace(ERCP, height=48, width=64)


@pytest.fixture(scope="module")
def whole():
    """Eight frames: the labels are exact, whatever the batch."""
    return simulated_batch(SIMULATION, SPEC, 3, np.arange(8))


def test_batches_are_laid_out_as_the_pipelines(whole):
    assert whole["image"].shape == (8, 48, 64)
    assert whole["image"].dtype == np.uint16
    assert whole["mask"].shape == whole["skeleton"].shape == whole["ignore"].shape == (8, 48, 64)
    assert not whole["ignore"].any()
    assert whole["attached"].dtype == np.int8
    assert whole["image_labels"].shape == (8, 0)
    assert (whole["low"] < whole["high"]).all()
    np.testing.assert_array_equal(whole["index"], np.arange(8))
    masks = bitmask.unpack(whole["mask"], 2)
    assert masks[..., 0].any()
    assert masks[..., 1].any()


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_frame_is_the_same_in_a_batch_of_any_size(whole, size):
    parts = [
        simulated_batch(SIMULATION, SPEC, 3, np.arange(k, k + size)) for k in range(0, 8, size)
    ]
    for name, expected in whole.items():
        found = np.concatenate([part[name] for part in parts])
        np.testing.assert_array_equal(found, expected)


def test_another_seed_gives_other_frames_and_no_frame_comes_twice(whole):
    other = simulated_batch(SIMULATION, SPEC, 4, np.arange(8))
    frames = [frame.tobytes() for batch in (whole, other) for frame in batch["image"]]
    assert len(set(frames)) == 16


def test_the_centreline_is_five_pixels_wide_around_the_mask(whole):
    wire = bitmask.unpack(whole["mask"], 2)[..., 1].astype(bool)
    band = bitmask.unpack(whole["skeleton"], 2)[..., 1].astype(bool)
    assert not bitmask.unpack(whole["skeleton"], 2)[..., 0].any()
    assert (band & wire).sum() > 0.9 * wire.sum()
    assert 1.3 < band.sum() / wire.sum() < 3.0


def test_the_stream_goes_on_from_any_step_with_the_same_frames(whole):
    def take(start, count, share=(0, 1)):
        stream = simulated_batches(
            SIMULATION, SPEC, batch_size=2, seed=3, start_step=start, share=share
        )
        return list(itertools.islice(stream, count))

    batches = take(0, 3)
    for step, batch in enumerate(batches):
        np.testing.assert_array_equal(batch["position"], [0, 1])
        for name in whole:
            np.testing.assert_array_equal(batch[name], whole[name][2 * step : 2 * step + 2])
    for name, value in take(2, 1)[0].items():
        np.testing.assert_array_equal(value, batches[2][name])
    for name, value in take(1, 1, share=(1, 2))[0].items():
        np.testing.assert_array_equal(value, batches[1][name][1:])
