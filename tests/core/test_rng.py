import itertools

import jax
import numpy as np

from fluorojax.core.rng import stream


def bits(*args):
    return tuple(np.asarray(jax.random.key_data(stream(*args))).tolist())


def test_the_same_arguments_give_the_same_key():
    assert bits(3, "augment", 7, 1) == bits(3, "augment", 7, 1)


def test_every_argument_matters():
    arguments = itertools.product((0, 1), ("augment", "parameters"), (0, 1), (0, 1))
    keys = [bits(*a) for a in arguments]
    assert len(set(keys)) == len(keys)


def test_traced_steps_and_examples_give_the_same_keys():
    mapped = jax.jit(jax.vmap(lambda i: jax.random.key_data(stream(5, "augment", 2, i))))
    expected = [bits(5, "augment", 2, i) for i in range(4)]
    assert [tuple(k) for k in np.asarray(mapped(np.arange(4))).tolist()] == expected
