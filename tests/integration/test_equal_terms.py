"""The five methods differ in what they are compared for, and in nothing else."""

import dataclasses
import importlib

import pytest

from benchmarks.studies.network_size import METHODS, sizes
from fluorojax.config import flatten
from fluorojax.inference.postprocess import GapClosing

# What makes a method: its labels, its stages, the link between them.
ITS_OWN = {"method", "model.labels", "model.stages", "model.link", "model.width"}
# What is asked about: the relation, in the network, in the loss and after it.
RELATION = {
    *(f"model.{name}" for name in ("gradient_scale", "spatial_prior", "context_corruption")),
    *(f"evaluation.{field.name}" for field in dataclasses.fields(GapClosing)),
    *("loss.attachment", "evaluation.curve"),
}


@pytest.mark.parametrize("variant", ["", "quick"])
def test_networks_have_the_same_size_within_5_percent(variant):
    found = sizes(variant)
    for method, size in found.items():
        for ours, joint in zip(size, found["joint"], strict=True):
            assert abs(ours / joint - 1) < 0.05, method


@pytest.mark.parametrize("variant", ["", "quick"])
def test_data_augmentation_schedule_and_losses_are_the_same(variant):
    configs = {
        method: flatten(importlib.import_module(f"fluorojax.configs.{method}").get_config(variant))
        for method in METHODS
    }
    for method, config in configs.items():
        differing = {name for name, value in config.items() if value != configs["multi"][name]}
        allowed = ITS_OWN | RELATION if method == "joint" else ITS_OWN
        assert differing <= allowed, method
