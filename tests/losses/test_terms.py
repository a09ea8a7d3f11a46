import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.config import validate
from fluorojax.configs import joint
from fluorojax.core.errors import InputError
from fluorojax.losses.joint import OneClass, Related, joint_loss
from fluorojax.losses.terms import TERMS, Parameter, Term, weight
from fluorojax.schema.info import ClassInfo, DatasetInfo, Relation
from fluorojax.schema.limits import number
from fluorojax.training import setup
from tests.losses.test_joint import scene

INFO = DatasetInfo(
    "toy",
    (ClassInfo("scope", "region"), ClassInfo("wire", "curve")),
    relation=Relation(child="wire", parent="scope"),
)


@pytest.mark.parametrize("name", TERMS)
def test_each_term_names_a_function_that_takes_what_it_is_given(name):
    term = TERMS[name]
    arguments = inspect.signature(term.resolved()).parameters
    assert list(arguments)[len(term.inputs)] == "weight"
    assert {parameter.argument for parameter in term.parameters.values()} <= set(arguments)
    assert set(term.inputs) <= set((Related if term.kind == "relation" else OneClass)._fields)


def test_the_usual_numbers_of_the_terms_are_those_of_their_sources():
    # Dice smoothed by 1; the focal loss's gamma of Lin et al. (2017); Tversky's 0.7 on what is
    # missed, of Salehi et al. (2017).
    usual = {n: p.field.default for term in TERMS.values() for n, p in term.parameters.items()}
    assert usual["dice_smooth"] == 1.0
    assert usual["focal_gamma"] == 2.0
    assert usual["tversky_miss"] == 0.7


def test_the_parameters_of_the_terms_have_these_defaults_and_limits():
    found = {
        name: (p.field.default, p.field.metadata["limits"].low, p.field.metadata["limits"].high)
        for term in TERMS.values()
        for name, p in term.parameters.items()
    }
    assert found == {
        "dice_smooth": (1.0, 0.0, 1_000_000),
        "focal_gamma": (2.0, 0.0, 10.0),
        "tversky_miss": (0.7, 0.0, 1.0),
        "boundary_px": (8, 1, 256),
        "cldice_iterations": (5, 0, 100),
        "attachment_px": (4, 1, 64),
        "path_px": (4, 1, 64),
    }


def brier(probabilities, target, weight, power):
    """Return the mean distance between probability and truth, raised to a power."""
    return (weight * jnp.abs(probabilities - target) ** power).sum((1, 2)) / weight.sum((1, 2))


BRIER = Term(
    "area",
    brier,
    ("probabilities", "mask"),
    weight(0.0),
    {"brier_power": Parameter("power", number(2.0, 1.0, 4.0))},
)


def test_a_new_term_is_an_entry_and_is_configured_checked_and_trained_with(monkeypatch):
    monkeypatch.setitem(TERMS, "brier", BRIER)
    usual = joint.get_config("quick")
    assert (usual.loss.brier, usual.loss.brier_power) == (0.0, 2.0)
    config = joint.get_config("quick")
    config.loss.update({"brier": 0.5, "brier_power": 9.0})
    with pytest.raises(InputError, match=r"loss\.brier_power is 9\.0; it must lie in 1 to 4"):
        validate(config, usual)
    config.loss.brier_power = 3.0
    validate(config, usual)

    logits, targets = scene()
    spec = setup.loss_spec(config, INFO)
    plain, _ = joint_loss(logits, targets, setup.loss_spec(usual, INFO))
    loss, terms = joint_loss(logits, targets, spec)
    wrong = np.abs(jax.nn.sigmoid(logits) - targets.mask) ** 3
    for k, name in enumerate(INFO.class_names):
        np.testing.assert_allclose(terms[f"{name}/brier"], wrong[..., k].mean((1, 2)), rtol=1e-5)
    added = 0.5 * wrong.mean((1, 2)).sum(-1)
    np.testing.assert_allclose(loss - plain, added, atol=1e-5)

    descent = jax.jit(jax.value_and_grad(lambda z: joint_loss(z, targets, spec)[0].sum()))
    cost, slope = descent(logits)
    assert descent(logits - 0.1 * slope)[0] < cost


def test_a_term_of_the_relation_is_an_entry_too(monkeypatch):
    def missed(child, reference, weight):
        return (weight * reference * (1.0 - child)).sum((1, 2))

    term = Term("relation", missed, ("child", "reference"), weight(2.0))
    monkeypatch.setitem(TERMS, "missed", term)
    config = joint.get_config("quick")
    logits, targets = scene(2)
    targets = targets._replace(attached=np.array([1, 0], np.int8))
    _, terms = joint_loss(logits, targets, setup.loss_spec(config, INFO))
    wire = targets.mask[..., 1] * (1.0 - np.asarray(jax.nn.sigmoid(logits[..., 1])))
    np.testing.assert_allclose(terms["missed"], [wire[0].sum(), 0.0], rtol=1e-5)
