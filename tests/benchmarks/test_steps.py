import re

import jax
import numpy as np
import pytest

from benchmarks import steps
from benchmarks.steps import config_of
from fluorojax.core.errors import InputError

KNOWN = {"cu_threefry2x32_ffi"}
"""Kernels that a lowering for CUDA may name: those of jaxlib's plugin for it."""


def test_every_configuration_is_listed_and_can_be_made():
    listed = steps.configurations()
    assert {"joint", "knee", "own:relation", "vessels"} <= set(listed)
    assert not {"base", "__init__"} & set(listed)
    for name in listed:
        assert config_of(f"configs/{name}").hardware in ("gpu", "cpu")


def test_a_configuration_is_named_as_for_a_run():
    assert config_of("configs/joint.py:quick").training.crop_size == (192, 192)
    assert config_of("configs/joint.py").training.crop_size == (512, 512)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("configs/jiont.py", r"--config configs/jiont.py: No module.*write configs/NAME"),
        ("configs/joint.py:small", r"unknown variant 'small'"),
    ],
)
def test_a_configuration_that_is_not_there_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        config_of(given)


def toy(name):
    config = config_of(name)
    config.update_from_flattened_dict(steps.SMALL)
    return config


@pytest.mark.slow  # compiles a simulator
@pytest.mark.parametrize("name", ["joint", "knee"])
def test_a_drawn_batch_has_the_arrays_of_one_that_training_gets(name):
    config = toy(name)
    config.data.builder = config.data.builder.replace("_synthetic", "_simulated")
    run = steps.run_of(config)
    drawn = steps.drawn_batch(run)
    simulated = steps.batch_of(config)
    assert drawn.keys() == simulated.keys()
    for array, wanted in ((drawn[key], simulated[key]) for key in drawn):
        assert (array.shape, array.dtype) == (wanted.shape, wanted.dtype)
    assert set(np.unique(drawn["mask"])) > {0}


def test_a_run_has_the_classes_that_its_configuration_simulates():
    assert steps.run_of(toy("knee")).dataset.info.name.startswith("knee")
    assert steps.run_of(toy("vessels")).dataset.info.relation is not None


def test_a_drawn_state_has_the_arrays_of_a_first_one_and_its_scales():
    run = steps.run_of(toy("single"))
    drawn, (wanted, _) = steps.drawn_state(run), steps.shapes_of(run)
    assert jax.tree.structure(drawn) == jax.tree.structure(wanted)
    for array, of in zip(jax.tree.leaves(drawn), jax.tree.leaves(wanted), strict=True):
        assert (array.shape, array.dtype) == (of.shape, of.dtype)
    block = drawn.parameters["stage_0"]["bottom"]
    (kernel,) = (of["kernel"] for name, of in block.items() if name == "conv_1")
    assert kernel.std() == pytest.approx(np.sqrt(2 / np.prod(kernel.shape[:-1])), rel=0.1)
    assert drawn.average is not drawn.parameters


def test_less_is_kept_for_the_backward_pass_where_it_is_computed_again():
    plain, again = toy("single"), toy("single")
    again.model.remat = True
    runs = steps.run_of(plain), steps.run_of(again)
    kept = [steps.kept_bytes(run, steps.shapes_of(run)) for run in runs]
    assert 0 < kept[1] < 0.8 * kept[0]


def lowered_for_cuda(config):
    """Return both programs of a configuration as they would go to a GPU's compiler."""
    run = steps.run_of(config)
    shapes = steps.shapes_of(run)
    traced = steps.traced(run, shapes), steps.traced_prediction(run, shapes)
    return [of.lower(lowering_platforms=("cuda",)).as_text() for of in traced]


# These have all kinds of layers and terms; the others differ from them in numbers.
@pytest.mark.parametrize("name", ["joint", "knee", "single"])
def test_training_step_and_prediction_can_be_lowered_for_a_gpu(name):
    for text in lowered_for_cuda(toy(name)):
        assert "stablehlo.convolution" in text
        assert set(re.findall(r"custom_call @(\w+)", text)) <= KNOWN


@pytest.mark.slow
@pytest.mark.parametrize("name", steps.configurations())
def test_every_configuration_at_full_size_can_be_lowered_for_a_gpu(name):
    training, prediction = lowered_for_cuda(config_of(name))
    assert "stablehlo.convolution" in prediction
    assert set(re.findall(r"custom_call @(\w+)", training + prediction)) <= KNOWN
    rows, columns = config_of(name).training.crop_size
    assert f"x{rows}x{columns}x" in training


def test_one_step_after_the_other_each_on_its_own_batch(monkeypatch):
    from fluorojax.core import parallel

    monkeypatch.setattr(parallel, "data_parallel", lambda step, _=None: step)
    job = steps.over(lambda state, batch: (state + batch, {"loss": state}), 1, iter([10, 20]))
    assert [job(), job()] == [1, 11]
    with pytest.raises(StopIteration):
        job()
