import dataclasses

import numpy as np

from fluorojax.training.steps import augmented, sample_of
from tests.integration.spread import batch, toy_run


def first(examples):
    return {name: array[0] for name, array in examples.items()}


def test_a_sample_has_grey_values_from_low_to_high_and_masks_by_class():
    spec, example = toy_run().step, first(batch())
    sample = sample_of(example, spec)
    grey = np.clip((example["image"].astype(np.float32) - 800) / 1600, 0, 1)
    np.testing.assert_allclose(sample.image, grey, atol=1e-6)
    np.testing.assert_array_equal(sample.mask[..., 0], example["mask"] & 1)
    np.testing.assert_array_equal(sample.mask[..., 1], example["mask"] >> 1)


def test_one_label_is_the_union_of_the_stored_classes():
    spec = dataclasses.replace(toy_run().step, learned_classes=1)
    sample = sample_of(first(batch()), spec)
    np.testing.assert_array_equal(sample.mask[..., 0], batch()["mask"][0] > 0)


def test_augmentation_depends_on_seed_step_and_place_alone():
    spec = toy_run().step
    whole = augmented(batch(), 5, spec)
    second = {name: array[1:2] for name, array in batch().items()}
    np.testing.assert_array_equal(augmented(second, 5, spec).mask[0], whole.mask[1])
    for other in (
        augmented(batch(), 6, spec),
        augmented(batch(), 5, dataclasses.replace(spec, seed=1)),
    ):
        assert (np.asarray(other.mask) != np.asarray(whole.mask)).any()
